"""Fetching what is pending in the ledger, newest first, and publishing what is eligible."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from libs.common.errors import Outage, Throttled
from libs.common.google.batch_get import FetchResult
from libs.common.google.errors import Gone
from libs.common.log import get_logger
from libs.common.resources.gmail import FetchItem
from services.sync.domain import mail as rules
from services.sync.domain.fetching import Fetch, Fetched, Wanted, failed, fetches, groups_ahead, single_fetches
from services.sync.domain.ledger import PutOff
from services.sync.mail.backlog import Backlog, ListingFrontier
from services.sync.mail.briefs import recognize_briefs
from services.sync.mail.reading import read_group
from services.sync.mail.recording import record_group
from services.sync.runs.run import Run
from services.sync.store import ledger


async def fetch_pending(run: Run, frontier: ListingFrontier | None = None) -> None:
    """Fetch, publish and settle what is pending, newest first, until there is no more; with a frontier, until that is closed.

    Raises the first failure, once all that was fetched before and beside it is recorded. LeaseLost: at once.
    """
    frontier = frontier or ListingFrontier()
    backlog = Backlog(run, frontier)
    first = await backlog.next_group()
    if not first:
        return
    pipeline = _Pipeline(run, frontier, backlog)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pipeline.fetch(tasks, first))
            tasks.create_task(pipeline.record())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


@dataclass
class _Results:
    """What Gmail gave for a group. again: to be fetched singly, because their thread did not hold them. failure: why others are missing.

    failed: what an outage kept from us, until it is known whether it is Gmail's, or theirs alone. put_off: theirs alone. unfinished: why
    the run is to pause once it has done all the rest: some of those are tried again soon.
    """

    fetched: list[Fetched] = field(default_factory=list)
    again: list[Wanted] = field(default_factory=list)
    failed: list[tuple[Fetch, Outage]] = field(default_factory=list)
    put_off: list[PutOff] = field(default_factory=list)
    failure: Exception | None = None
    unfinished: Exception | None = None


class _Pipeline:
    """Two tasks over a bounded queue: while one group is recorded, the next ones are fetched."""

    def __init__(self, run: Run, frontier: ListingFrontier, backlog: Backlog) -> None:
        self._run = run
        self._frontier = frontier
        self._backlog = backlog
        self._me = rules.Me(run.lease.user_id, run.lease.account_id, run.account.own_addresses)
        self._earliest = rules.since(run.now, run.account.gmail.mail_lookback_days)
        self._slots = asyncio.Semaphore(0)  # for groups that may be fetched beside the first one
        self._queue: asyncio.Queue[tuple[list[Wanted], asyncio.Task[_Results]] | None] = asyncio.Queue()

    async def fetch(self, tasks: asyncio.TaskGroup, group: list[Wanted]) -> None:
        """Fetch one group after the other, at most `groups_ahead` at a time, the first one by itself: it is to be seen soon."""
        while group:
            self._queue.put_nowait((group, tasks.create_task(self._fetch_group(group))))
            await self._slots.acquire()
            group = await self._backlog.next_group()
        self._queue.put_nowait(None)

    async def record(self) -> None:
        """Record the groups in the order in which they were taken. Raises the first failure, when there are no more."""
        failure: Exception | None = None
        unfinished: Exception | None = None
        slots = groups_ahead(self._run.engine.share.runs)
        while item := await self._queue.get():
            group, fetching = item
            results = await fetching
            failure = failure or results.failure
            unfinished = unfinished or results.unfinished
            for _ in range(slots):
                self._slots.release()
            slots = 1
            if self._frontier.is_open:
                self._frontier.priority = "backfill"  # there is something to see now; the rest may take its time
            if results.put_off:
                await self._put_off(results.put_off)
            left = results.fetched
            while left:
                size = self._run.group_size
                undecided = await self._record_group(left[:size])
                failure, left = failure or undecided, left[size:]
            self._backlog.release(group)
        if failure := failure or unfinished:
            raise failure

    # --- one group ---------------------------------------------------------------------------------------------------------

    async def _fetch_group(self, group: Sequence[Wanted]) -> _Results:
        """Fetch messages the cheapest way. What can't be had now is missing, and the failure is the reason: then no more is fetched."""
        prices = self._run.engine.prices
        results = _Results()
        try:
            results = await self._get(fetches(group, prices))
            await self._judge(results, results.fetched)
            if results.again:  # each by itself says more exactly what is wrong
                singly = await self._get(single_fetches(results.again, prices))
                await self._judge(singly, [*results.fetched, *singly.fetched])
                results.fetched += singly.fetched
                results.put_off += singly.put_off
                results.unfinished = results.unfinished or singly.unfinished
                results.failure = results.failure or singly.failure
        except Exception as error:
            results = _Results(failure=results.failure or error)
        if results.failure:
            self._backlog.stop()
        return results

    async def _get(self, plan: Sequence[Fetch]) -> _Results:
        gmail = self._run.gmail(self._frontier.priority)
        return _sorted(
            plan, await gmail.batch_get([FetchItem(fetch.resource_id, fetch.whole_thread) for fetch in plan])
        )

    async def _judge(self, results: _Results, fetched: Sequence[Fetched]) -> None:
        """Whose outage it is. Where Gmail has `fetched` others for us at the same time, or still gives out one that we know, it is that
        of the messages for which it gave an error: threads are tried message by message, messages another day.
        """
        if not results.failed or results.failure:
            return
        if not any(found.message for found in fetched) and not await is_giving_out(self._run):
            results.failure = results.failed[0][1]
            return
        for fetch, error in results.failed:
            if fetch.whole_thread:
                results.again += fetch.wanted
                continue
            match failed(fetch.wanted[0], str(error)):
                case PutOff() as put_off:
                    results.put_off.append(put_off)
                    results.unfinished = results.unfinished or (None if put_off.delay else error)
                case Fetched() as given_up:
                    results.fetched.append(given_up)

    async def _put_off(self, failing: Sequence[PutOff]) -> None:
        """They are not done, and not left to do in this run either."""
        async with self._run.writing() as connection:
            await ledger.put_off(connection, self._run.lease.account_id, failing)
        self._frontier.total -= len(failing)
        for message in failing:
            delay_s = message.delay.total_seconds()
            get_logger().warning("message_put_off", gmail_id=message.gmail_id, delay_s=delay_s, error=message.reason)

    async def _record_group(self, fetched: Sequence[Fetched]) -> Exception | None:
        """What may be a brief stays pending while nobody can say whether it is: then this is why."""
        run = self._run
        recognized = await recognize_briefs(run.engine.bus, self._me, fetched)
        group = recognized.decidable
        async with run.engine.semaphore.slot(run.lease.run_id, run.done, len(group)):
            outcomes = await read_group(group, self._me, self._earliest, recognized.brief_tokens)
            await record_group(run, outcomes, self._left_after(len(group)))
        await run.publish_progress(self._left_after(0))
        return recognized.failure

    def _left_after(self, number: int) -> int:
        """How many messages are to do once `number` more are done. As long as the listing is open, what the mailbox holds is the bound."""
        frontier, run = self._frontier, self._run
        total = max(frontier.total, run.estimate.messages) if frontier.is_open else frontier.total
        return max(total - run.done - number, 0)


async def is_giving_out(run: Run, besides: Sequence[str] = ()) -> bool:
    """Whether Gmail gives out a message that it gave before, another one than these; False also where there is none."""
    async with run.db.acquire() as connection:
        known = await ledger.get_recorded(connection, run.lease.account_id, besides)
    if known is None:
        return False
    [found] = await run.gmail().batch_get([FetchItem(known, whole_thread=False)])
    return isinstance(found, tuple | Gone)


def _sorted(plan: Sequence[Fetch], results: Sequence[FetchResult]) -> _Results:
    """What came of each wanted message."""
    found = _Results()
    for fetch, result in zip(plan, results, strict=True):
        match result:
            case Throttled():
                found.failure = found.failure or result
            case Outage():
                found.failed.append((fetch, result))
            case Exception() if fetch.whole_thread:
                found.again += fetch.wanted
            case Gone():
                found.fetched += [Fetched(wanted, None) for wanted in fetch.wanted]
            case Exception():
                refusal = f"Gmail does not give this message out: {result}"
                found.fetched += [Fetched(wanted, None, refusal) for wanted in fetch.wanted]
            case messages if fetch.whole_thread:
                by_id = {message.gmail_id: message for message in messages}
                found.fetched += [
                    Fetched(wanted, by_id[wanted.gmail_id]) for wanted in fetch.wanted if wanted.gmail_id in by_id
                ]
                found.again += [wanted for wanted in fetch.wanted if wanted.gmail_id not in by_id]
            case messages:
                found.fetched += [
                    Fetched(wanted, message) for wanted, message in zip(fetch.wanted, messages, strict=True)
                ]
    return found
