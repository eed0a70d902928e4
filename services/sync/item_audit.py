"""Auditing meetings and cards: does contacts hold what was published of them? What it does not hold is published again.

Runs of calendars and of Google Contacts carry it out once they have read, where it is due, so that nothing new waits for it: what is to
be published again is marked as not published yet.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from libs.common.db import Connection
from libs.common.events import Kind
from libs.common.fault_points import reached
from libs.common.ids import AccountId
from libs.common.log import get_logger
from libs.common.requests import CompareCards, CompareMeetings, HeldItem, PublishedItem
from services.sync.domain.item_audit import ItemCount
from services.sync.domain.runs import UNATTENDED, UNHEALED, Tally
from services.sync.runs.run import Run
from services.sync.store import item_audits, meetings, people

READ_AT_ONCE = 5_000
COMPARED_AT_ONCE = 250
QUIET_PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)


@dataclass(frozen=True)
class Audited:
    """What is audited: the query that compares it, and the SQL of what was published.

    list_published: after the last item of the page before, in one order. mark_lost: these are to be published again; how many are,
    and how many were too often. counts_when_marked: whether they are counted as updated then, or when they are published again.
    """

    kind: Kind
    query: type[CompareMeetings] | type[CompareCards]
    list_published: Callable[[Connection, AccountId, PublishedItem | None, int], Awaitable[list[PublishedItem]]]
    mark_lost: Callable[[Connection, AccountId, Sequence[tuple[PublishedItem, HeldItem]]], Awaitable[tuple[int, int]]]
    counts_when_marked: bool


MEETINGS = Audited("calendar", CompareMeetings, meetings.list_published, meetings.mark_lost, counts_when_marked=True)
CARDS = Audited("contacts", CompareCards, people.list_published, people.mark_lost, counts_when_marked=False)


async def audit_if_due(run: Run, audited: Audited) -> int:
    """Compare all that was published, where that is due; how many items are to be published again.

    Not in unattended runs: these are to be over in no time.
    """
    account_id = run.lease.account_id
    if run.lease.reason in UNATTENDED:
        return 0
    async with run.db.acquire() as connection:
        if not await item_audits.is_due(connection, account_id, audited.kind):
            return 0
    count = await _audit(run, audited)
    await reached("sync.item_audit.ending")
    async with run.step() as step:
        before = await item_audits.end(step.connection, account_id, audited.kind, count)
        if count.unhealed > before:
            step.count(Tally(skipped={UNHEALED: count.unhealed}))  # it is reported once
    log = get_logger().warning if count.unhealed else get_logger().info
    log("item_audit_ended", compared=count.compared, healed=count.healed, unhealed=count.unhealed)
    return count.healed


async def _audit(run: Run, audited: Audited) -> ItemCount:
    compared = healed = unhealed = 0
    last: PublishedItem | None = None
    while True:
        async with run.db.acquire() as connection:
            published = await audited.list_published(connection, run.lease.account_id, last, READ_AT_ONCE)
        if not published:
            return ItemCount(compared, healed, unhealed)
        last = published[-1]
        compared += len(published)
        for chunk in _chunks(published):
            if lost := await _lost(run, audited, chunk):
                await reached("sync.item_audit.compared")
                async with run.step() as step:
                    again, given_up = await audited.mark_lost(step.connection, run.lease.account_id, lost)
                    if audited.counts_when_marked:
                        step.count(Tally(updated=again))
                healed, unhealed = healed + again, unhealed + given_up


async def _lost(run: Run, audited: Audited, published: Sequence[PublishedItem]) -> list[tuple[PublishedItem, HeldItem]]:
    """What differs when no event is on its way any more. Nothing, where the bus does not come to rest: another audit will see."""
    by_id = {item.id: item for item in published}
    for pause in (0.0, *QUIET_PAUSES_SECONDS):
        await asyncio.sleep(pause)
        comparison = await run.engine.bus.request(
            audited.query(user_id=run.lease.user_id, account_id=run.lease.account_id, published=tuple(by_id.values()))
        )
        differing = [(by_id[held.id], held) for held in comparison.differing]
        if not differing or not comparison.waiting:
            return differing
    get_logger().info("audit_bus_busy", suspects=len(differing), waiting=comparison.waiting)
    return []


def _chunks(published: Sequence[PublishedItem]) -> Iterator[Sequence[PublishedItem]]:
    return (published[begin : begin + COMPARED_AT_ONCE] for begin in range(0, len(published), COMPARED_AT_ONCE))
