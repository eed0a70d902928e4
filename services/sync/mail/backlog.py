"""What is pending in the ledger of one mailbox, group by group, while a listing may still add to it."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from libs.common.google.quota import Priority
from services.sync.domain.fetching import LARGEST_GROUP, Wanted, by_thread
from services.sync.runs.run import Run
from services.sync.store import ledger
from services.sync.store.ledger import LAST

# So much of a mailbox that is read for the first time comes first: soon there is something to see, and a mailbox that is connected
# a moment later is not far behind.
FIRST_GROUP = 50


@dataclass
class ListingFrontier:
    """How far a listing has come: messages up to the position `reach` may be fetched; `total` are done by the run or pending, about.

    is_open: there may be more to come. priority: that of what is listed and fetched from now on; once there is something to see, the
    rest may take its time.
    """

    is_open: bool = False
    reach: int = LAST
    total: int = 0
    priority: Priority = "live"
    begun_again: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def move(self, reach: int, more: int) -> None:
        self.reach = reach
        self.total += more
        self.notify()

    def rewind(self) -> None:
        """The listing begins again: before what was fetched there may be something new."""
        self.begun_again = True

    def close(self) -> None:
        self.is_open, self.reach = False, LAST
        self.notify()

    def notify(self) -> None:
        """There may be more to fetch now, or no more at all."""
        self._changed.set()

    async def changed(self) -> None:
        """Wait until it has moved, was closed, or something in hand was released."""
        await self._changed.wait()
        self._changed.clear()


class Backlog:
    """Groups of pending messages, newest first. Threads are kept whole, and a thread is in one group at a time."""

    def __init__(self, run: Run, frontier: ListingFrontier) -> None:
        self._run = run
        self._frontier = frontier
        self._in_hand: set[str] = set()  # the threads that are fetched or recorded just now: they are still pending
        self._threads: deque[list[Wanted]] = deque()  # the next ones
        self._after: int | None = None  # the position up to which threads were loaded
        self._exhausted = False  # nothing is pending behind them
        self._stopped = False

    async def next_group(self) -> list[Wanted]:
        """The next group, once there is one. Empty: nothing is pending any more, in hand either, or `stop` was called."""
        frontier = self._frontier
        while not self._stopped:
            was_open = frontier.is_open
            if group := await self._take():
                self._in_hand |= {message.thread_id for message in group}
                return group
            if self._in_hand or was_open:
                await frontier.changed()
            elif frontier.begun_again:
                frontier.begun_again, self._after, self._exhausted = False, None, False
            else:
                break
        return []

    def release(self, group: Sequence[Wanted]) -> None:
        """A group is done with: its messages are settled, or stay pending."""
        self._in_hand -= {message.thread_id for message in group}
        self._frontier.notify()

    def stop(self) -> None:
        """No further groups."""
        self._stopped = True
        self._frontier.notify()

    async def _take(self) -> list[Wanted]:
        """Whole threads, in the order in which their newest messages come."""
        run, size = self._run, self._run.fetch_size
        if run.lease.first and not run.done and not self._in_hand:
            size = min(run.group_size, FIRST_GROUP)
        if sum(map(len, self._threads)) < size and not self._exhausted:  # what is left of the last ones is no group
            await self._load()
        group: list[Wanted] = []
        while self._threads and len(group) < size:
            group += self._threads.popleft()
        return group

    async def _load(self) -> None:
        """Read some groups from the ledger. What is pending already is counted with the first ones."""
        run, frontier = self._run, self._frontier
        was_open = frontier.is_open
        known = self._in_hand | {thread[0].thread_id for thread in self._threads}
        async with run.db.acquire() as connection:
            wanted, last = await ledger.list_pending(
                connection, run.lease.account_id, self._after, LARGEST_GROUP, known, frontier.reach
            )
        self._exhausted = len(wanted) < LARGEST_GROUP and not was_open
        if wanted and self._after is None and not self._in_hand and not was_open:
            await self._estimate(len(wanted))
        self._after = self._after if last is None else last
        self._threads.extend(by_thread(wanted))

    async def _estimate(self, loaded: int) -> None:
        """How much there is to do: of a few messages nobody wants to know what they cost."""
        run, frontier = self._run, self._frontier
        if loaded < LARGEST_GROUP:
            frontier.total = max(frontier.total, run.done + loaded)
            return
        frontier.priority = "backfill"
        async with run.writing() as connection:
            estimate = await ledger.get_estimate(connection, run.lease.account_id, run.engine.prices)
            frontier.total = await run.set_estimate(connection, estimate)
