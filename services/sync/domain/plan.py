"""The cheapest way to fetch wanted messages: threads.get costs two messages.get and is one request."""

from collections.abc import Iterable
from dataclasses import dataclass

from libs.common.resources.gmail import MESSAGE_UNITS, THREAD_UNITS


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message of the ledger that is to be fetched. `revision`: that of the newest fact said about it, 0 for none."""

    gmail_id: str
    thread_id: str
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Fetch:
    """One request: the thread as a whole, or the one message."""

    wanted: tuple[Wanted, ...]
    whole_thread: bool

    @property
    def units(self) -> int:
        return THREAD_UNITS if self.whole_thread else MESSAGE_UNITS


def fetches(wanted: Iterable[Wanted]) -> list[Fetch]:
    """One fetch per thread, in the order in which the threads first appear. At a tie in units, fewer requests win."""
    threads: dict[str, list[Wanted]] = {}
    for one in wanted:
        threads.setdefault(one.thread_id, []).append(one)
    return [Fetch(tuple(ones), len(ones) * MESSAGE_UNITS >= THREAD_UNITS) for ones in threads.values()]
