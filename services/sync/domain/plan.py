"""The cheapest way to fetch wanted messages, and how many at a time."""

from collections.abc import Iterable
from dataclasses import dataclass

# Messages that all runs of a process take at a time together, about; and the bounds of what one of them takes.
TOGETHER, SMALLEST_GROUP, LARGEST_GROUP = 3_000, 15, 300
HELD_BACK_GROUP = 50


@dataclass(frozen=True, slots=True)
class Prices:
    """What Gmail takes for a message and for a thread, in quota units."""

    message: int
    thread: int

    def of(self, messages: int) -> int:
        """For that many messages of one thread, the cheaper way."""
        return min(messages * self.message, self.thread)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message of the ledger that is to be fetched. `revision`: that of the newest fact said about it, 0 for none."""

    gmail_id: str
    thread_id: str
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Fetch:
    """One call: the thread as a whole, or the one message."""

    wanted: tuple[Wanted, ...]
    whole_thread: bool
    units: int


def fetches(wanted: Iterable[Wanted], prices: Prices) -> list[Fetch]:
    """The calls that bring these messages, in the order in which their threads first appear. At a tie in units, fewer calls win."""
    threads: dict[str, list[Wanted]] = {}
    for one in wanted:
        threads.setdefault(one.thread_id, []).append(one)
    plan: list[Fetch] = []
    for ones in threads.values():
        if len(ones) > 1 and len(ones) * prices.message >= prices.thread:
            plan.append(Fetch(tuple(ones), True, prices.thread))
        else:
            plan += [Fetch((one,), False, prices.message) for one in ones]
    return plan


def group_size(runs: int, *, held_back: bool) -> int:
    """How many messages a run takes at a time, where `runs` share the process: all the same, so that none gets ahead.

    `held_back`: the quota is what sets the pace, so small groups come to light sooner and cost nothing.
    """
    return min(max(TOGETHER // max(runs, 1), SMALLEST_GROUP), HELD_BACK_GROUP if held_back else LARGEST_GROUP)
