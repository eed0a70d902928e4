"""Fetching what is pending in the ledger, newest first, and saying what is eligible."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from libs.common.errors import Outage
from libs.common.events import MessageIngested
from libs.common.google.batch_get import FetchResult
from libs.common.google.errors import Gone
from libs.common.log import get_logger
from libs.common.resources.gmail import FetchItem, GmailMessage
from services.sync.domain import mail as rules
from services.sync.domain.plan import LARGEST_GROUP, Fetch, Wanted, fetches
from services.sync.runs.fair_semaphore import Outcome
from services.sync.runs.run import Run
from services.sync.store import ledger
from services.sync.store.ledger import LAST, Final, Settled
from services.sync.store.runs import Tally

# So much of a mailbox that is read for the first time comes first: soon there is something to see, and who comes a moment later
# is not far behind.
FIRST_GROUP = 50
LOOKS_AT_ONCE = 2  # groups that are asked for while another is said: so a slow line to Google costs no time


@dataclass
class ListingFrontier:
    """How far a listing has come: messages up to the position `reach` may be fetched, and `left` are pending, about.

    `is_open`: there may be more to come.
    """

    is_open: bool = False
    reach: int = LAST
    left: int = 0
    begun_again: bool = False
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def move(self, reach: int, more: int) -> None:
        self.reach = reach
        self.left += more
        self._moved.set()

    def rewind(self) -> None:
        """The listing begins again: before what was fetched there may be something new."""
        self.begun_again = True

    def close(self) -> None:
        self.is_open, self.reach = False, LAST
        self._moved.set()

    async def moved(self) -> None:
        await self._moved.wait()
        self._moved.clear()


@dataclass(frozen=True, slots=True)
class _Read:
    """A wanted message and what Gmail gave for it; None: it is gone. `refusal`: why Gmail will never give it."""

    wanted: Wanted
    message: GmailMessage | None
    refusal: str = ""


async def fetch_pending(run: Run, frontier: ListingFrontier | None = None) -> None:
    """Fetch, say and settle what is pending, newest first, until there is no more; with a front, until that is closed."""
    fetcher = _Fetcher(run, frontier or ListingFrontier())
    try:
        await fetcher.run()
    finally:
        await fetcher.stop()


class _Fetcher:
    """A pipeline: while one group of messages is said, the next ones are asked for. Threads are in one group at a time."""

    def __init__(self, run: Run, frontier: ListingFrontier) -> None:
        self._job = run
        self._frontier = frontier
        self._me = rules.Me(run.lease.user_id, run.lease.account_id, run.account.own_addresses)
        self._earliest = rules.since(run.now, run.account.gmail.mail_lookback_days)
        self._after: int | None = None
        self._looking: deque[tuple[frozenset[str], asyncio.Task[list[_Read]]]] = deque()
        self._recording: tuple[frozenset[str], asyncio.Task[None]] | None = None
        self._failure: Exception | None = None
        self._looks_at_once = 1
        self._exhausted = False  # nothing is pending behind the stretch
        self._stretch: deque[list[Wanted]] = deque()  # threads that are next

    async def run(self) -> None:
        """Raises the first failure, once all that came before and after it is recorded."""
        while True:
            was_open = self._frontier.is_open
            while not self._failure and len(self._looking) < self._looks_at_once and (wanted := await self._next()):
                threads = frozenset(one.thread_id for one in wanted)
                self._looking.append((threads, asyncio.create_task(self._look(wanted))))
            if self._looking:
                await self._hand_over()
            elif self._recording:
                await self._recorded()
            elif self._failure:
                raise self._failure
            elif was_open:
                await self._frontier.moved()
            elif self._frontier.begun_again:
                self._frontier.begun_again, self._after, self._exhausted = False, None, False
            else:
                return

    async def stop(self) -> None:
        tasks = [task for _, task in self._looking] + ([self._recording[1]] if self._recording else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _next(self) -> list[Wanted]:
        """The next group: whole threads, in the order in which their newest messages come."""
        if not self._stretch and not self._exhausted:
            await self._load()
        wanted: list[Wanted] = []
        size = self._job.group_size
        if self._job.lease.first and not self._job.done and not self._looking and not self._recording:
            size = min(size, FIRST_GROUP)
        while self._stretch and len(wanted) < size:
            wanted += self._stretch.popleft()
        return wanted

    async def _load(self) -> None:
        """Read some groups from the ledger. What is pending already is counted with the first ones."""
        run, frontier = self._job, self._frontier
        was_open = frontier.is_open
        in_hand = set().union(*(threads for threads, _ in self._looking), self._recording[0] if self._recording else ())
        async with run.db.acquire() as connection:
            wanted, last = await ledger.list_pending(
                connection, run.lease.account_id, self._after, LARGEST_GROUP, in_hand, frontier.reach
            )
        self._exhausted = len(wanted) < LARGEST_GROUP and not was_open
        if wanted and self._after is None and not in_hand and not was_open:
            await self._foresee(len(wanted))
        self._after = self._after if last is None else last
        threads: dict[str, list[Wanted]] = {}
        for one in wanted:
            threads.setdefault(one.thread_id, []).append(one)
        self._stretch.extend(threads.values())

    async def _foresee(self, next_ones: int) -> None:
        """How much there is to do: of a few messages nobody wants to know what they cost."""
        run, frontier = self._job, self._frontier
        if next_ones < LARGEST_GROUP:
            frontier.left = max(frontier.left, next_ones)
            return
        run.google.priority = "backfill"
        async with run.writing() as connection:
            estimate = await ledger.get_estimate(connection, run.lease.account_id, run.sync.prices)
            await run.set_estimate(connection, estimate)
        frontier.left = estimate.messages

    async def _look(self, wanted: Sequence[Wanted]) -> list[_Read]:
        """Fetch messages the cheapest way. What can't be had now is missing, and the reason noted as failure."""
        plan = fetches(wanted, self._job.sync.prices)
        read, again = self._sorted(plan, await self._asked(plan))
        if again:  # each by itself says more exactly what is wrong
            singly = [Fetch((one,), False, self._job.sync.prices.message) for one in again]
            more, _ = self._sorted(singly, await self._asked(singly))
            read += more
        return read

    async def _asked(self, plan: Sequence[Fetch]) -> Sequence[FetchResult]:
        run = self._job
        items = [
            FetchItem(fetch.wanted[0].thread_id if fetch.whole_thread else fetch.wanted[0].gmail_id, fetch.whole_thread)
            for fetch in plan
        ]
        return await run.google.gmail.batch_get(items)

    def _sorted(self, plan: Sequence[Fetch], results: Sequence[FetchResult]) -> tuple[list[_Read], list[Wanted]]:
        """What came of each wanted message; and those that are to be asked for one by one, because their thread did not hold them."""
        read: list[_Read] = []
        again: list[Wanted] = []
        for fetch, found in zip(plan, results, strict=True):
            match found:
                case Outage():
                    self._failure = self._failure or found
                case Exception() if fetch.whole_thread:
                    again += fetch.wanted
                case Gone():
                    read += [_Read(one, None) for one in fetch.wanted]
                case Exception():
                    read += [_Read(one, None, f"Gmail does not give this message out: {found}") for one in fetch.wanted]
                case messages if fetch.whole_thread:
                    by_id = {message.gmail_id: message for message in messages}
                    read += [_Read(one, by_id[one.gmail_id]) for one in fetch.wanted if one.gmail_id in by_id]
                    again += [one for one in fetch.wanted if one.gmail_id not in by_id]
                case messages:
                    read += [_Read(one, message) for one, message in zip(fetch.wanted, messages, strict=True)]
        return read, again

    async def _hand_over(self) -> None:
        """The oldest group that is asked for goes on to be recorded."""
        threads, looking = self._looking[0]
        try:
            read = await looking
        except Exception as error:
            read, self._failure = [], self._failure or error
        if self._recording:
            await self._recorded()
        self._looking.popleft()
        self._looks_at_once = LOOKS_AT_ONCE
        if self._frontier.is_open:
            self._job.google.priority = "backfill"  # there is something to see now; the rest may take its time
        if read:
            self._recording = threads, asyncio.create_task(self._record(read, self._left_after(len(read))))

    def _left_after(self, number: int) -> int:
        frontier, run = self._frontier, self._job
        frontier.left = max(frontier.left - number, 0)
        return max(frontier.left, run.estimate.messages - run.done - number) if frontier.is_open else frontier.left

    async def _recorded(self) -> None:
        if self._recording:
            _, recording = self._recording
            await recording
            self._recording = None

    async def _record(self, read: Sequence[_Read], left: int) -> None:
        """Say what is eligible, then settle all of it. A crash in between says the same again, with the same revision."""
        run = self._job
        tally = Tally(done=len(read))
        events: list[MessageIngested] = []
        async with run.sync.turns.turn(run.lease.run_id, run.done, len(read)):
            settled = [_outcome(one, self._me, self._earliest, events, tally) for one in read]
            await run.sync.bus.publish(*events)
            await run.sync.writer.write(Outcome(run.lease, run.counted(tally, left), settled))
        await run.show(run.done, run.done + left)


def _outcome(
    read: _Read, me: rules.Me, earliest: datetime | None, events: list[MessageIngested], tally: Tally
) -> Settled:
    """What becomes of one message; its fact, if there is one, joins `facts`."""
    wanted, message = read.wanted, read.message
    if message is None:
        state: Final = "set_aside" if read.refusal else "gone"
        tally.skip(state)
        reason = read.refusal or "deleted in Gmail before it was read"
        return Settled(wanted.gmail_id, state, wanted.revision, "refused" if read.refusal else "", reason)
    # Gmail's history id grows with whatever happens to a message: the same content is said with the same revision.
    revision = max(message.history_id or 1, wanted.revision + 1)
    outcome = rules.read(message, me, earliest, revision)
    match outcome:
        case rules.Recorded(event):
            events.append(event)
            if wanted.revision:
                tally.updated += 1
            else:
                tally.new += 1
            return Settled(
                wanted.gmail_id,
                "recorded",
                revision,
                rfc_message_id=event.rfc_message_id,
                occurred_at=event.occurred_at,
            )
        case rules.Filtered(rule, rfc_message_id, occurred_at):
            tally.skip(rule)
            return Settled(
                wanted.gmail_id,
                "filtered",
                wanted.revision,
                rule,
                rfc_message_id=rfc_message_id,
                occurred_at=occurred_at,
            )
        case rules.SetAside(reason):
            tally.skip("set_aside")
            get_logger().warning("message_set_aside", gmail_id=wanted.gmail_id, reason=reason)
            return Settled(wanted.gmail_id, "set_aside", wanted.revision, reason=reason)
        case _:
            assert_never(outcome)
