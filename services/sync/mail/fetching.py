"""Fetching what is pending in the ledger, newest first, and publishing what is eligible."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from libs.common.errors import Outage
from libs.common.google.batch_get import FetchResult
from libs.common.google.errors import Gone
from libs.common.log import get_logger
from libs.common.resources.gmail import FetchItem
from services.sync.domain import mail as rules
from services.sync.domain.fetching import (
    REFUSED,
    Fetch,
    Fetched,
    FetchOutcome,
    Wanted,
    fetch_outcome,
    fetches,
    single_fetches,
)
from services.sync.domain.runs import total
from services.sync.mail.backlog import Backlog, ListingFrontier
from services.sync.mail.briefs import recognize_briefs
from services.sync.runs.run import Run

GROUPS_AT_ONCE = 2  # that are fetched while another one is recorded: so a slow line to Google costs no time


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
    """What Gmail gave for a group. again: to be fetched singly, because their thread did not hold them. failure: why others are missing."""

    fetched: list[Fetched] = field(default_factory=list)
    again: list[Wanted] = field(default_factory=list)
    failure: Exception | None = None


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
        """Fetch one group after the other, at most `GROUPS_AT_ONCE` at a time, the first one by itself: it is to be seen soon."""
        while group:
            self._queue.put_nowait((group, tasks.create_task(self._fetch_group(group))))
            await self._slots.acquire()
            group = await self._backlog.next_group()
        self._queue.put_nowait(None)

    async def record(self) -> None:
        """Record the groups in the order in which they were taken. Raises the first failure, when there are no more."""
        failure: Exception | None = None
        slots = GROUPS_AT_ONCE
        while item := await self._queue.get():
            group, fetching = item
            results = await fetching
            failure = failure or results.failure
            for _ in range(slots):
                self._slots.release()
            slots = 1
            if self._frontier.is_open:
                self._frontier.priority = "backfill"  # there is something to see now; the rest may take its time
            if results.fetched:
                undecided = await self._record_group(results.fetched)
                failure = failure or undecided
            self._backlog.release(group)
        if failure:
            raise failure

    # --- one group ---------------------------------------------------------------------------------------------------------

    async def _fetch_group(self, group: Sequence[Wanted]) -> _Results:
        """Fetch messages the cheapest way. What can't be had now is missing, and the failure is the reason: then no more is fetched."""
        prices = self._run.engine.prices
        results = _Results()
        try:
            results = await self._get(fetches(group, prices))
            if results.again:  # each by itself says more exactly what is wrong
                singly = await self._get(single_fetches(results.again, prices))
                results.fetched += singly.fetched
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

    async def _record_group(self, fetched: Sequence[Fetched]) -> Exception | None:
        """Publish what is eligible, then settle all of it. A crash in between publishes the same again, with the same revision.

        What may be a brief stays pending while `prep` does not reply whether it is: then this is why.
        """
        recognized = await recognize_briefs(self._run.engine.bus, self._me, fetched)
        group = recognized.decidable
        run, left = self._run, self._left_after(len(group))
        async with run.engine.semaphore.slot(run.lease.run_id, run.done, len(group)):
            outcomes = [fetch_outcome(message, self._me, self._earliest, recognized.brief_tokens) for message in group]
            _log_set_aside(outcomes)
            await run.engine.bus.publish(*(outcome.event for outcome in outcomes if outcome.event))
            tally = total(outcome.tally for outcome in outcomes)
            await run.settle([outcome.settled for outcome in outcomes], tally, left)
        await run.publish_progress(left)
        return recognized.failure

    def _left_after(self, number: int) -> int:
        frontier, run = self._frontier, self._run
        frontier.left = max(frontier.left - number, 0)
        return max(frontier.left, run.estimate.messages - run.done - number) if frontier.is_open else frontier.left


def _sorted(plan: Sequence[Fetch], results: Sequence[FetchResult]) -> _Results:
    """What came of each wanted message."""
    found = _Results()
    for fetch, result in zip(plan, results, strict=True):
        match result:
            case Outage():
                found.failure = found.failure or result
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


def _log_set_aside(outcomes: Sequence[FetchOutcome]) -> None:
    for settled in (outcome.settled for outcome in outcomes):
        if settled.state == "set_aside" and settled.rule != REFUSED:
            get_logger().warning("message_set_aside", gmail_id=settled.gmail_id, reason=settled.reason)
