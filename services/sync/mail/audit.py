"""Auditing a mailbox: what Gmail lists, what the ledger has and what contacts hold are made the same.

list       every id that Gmail has, page by page; the history is followed meanwhile
compare    listed and unknown, or hidden without a reason: fetched. Recorded and not listed: fetched too, and removed if it is gone
request    what contacts do not hold as it was published, once nothing is on its way to them any more: published again
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from libs.common.errors import Outage, Throttled
from libs.common.events import MessageIngested
from libs.common.fault_points import reached
from libs.common.google.errors import Gone, HistoryExpired, PageExpired
from libs.common.google.session import Usage
from libs.common.log import get_logger
from libs.common.requests import AuditResult, CompareMessages, Comparison, HeldMessage, PublishedMessage
from libs.common.resources.gmail import FetchItem
from libs.common.time_slice import TimeSlice
from services.sync.domain import mail as rules
from services.sync.domain.cursors import MailCursor
from services.sync.domain.ledger import Removal, Suspect
from services.sync.domain.listing import EDGE, query, since_s
from services.sync.domain.runs import UNATTENDED, UNHEALED, Tally
from services.sync.mail.backlog import ListingFrontier
from services.sync.mail.fetching import fetch_pending, is_giving_out
from services.sync.mail.history import follow, publish_removals
from services.sync.mail.reading import read_again
from services.sync.runs.run import Run
from services.sync.store import audits, cursors, ledger, losses
from services.sync.store.audits import Audit

T = TypeVar("T")

FOLLOW_EVERY_SECONDS = 5.0  # new mail does not wait for the end of a long list
READ_AT_ONCE = 20_000  # from the ledger with one statement: each message has to find its place among all of them
COMPARED_AT_ONCE = 500
FETCHED_AT_ONCE = 100
QUIET_PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)


async def audit_if_due(run: Run) -> None:
    """Carry out the audit that this account's mail is due for, from where it stands. The history was followed to its end.

    Not in unattended runs: these are to be over in no time, and whoever wants an audit requests another run.
    """
    account_id = run.lease.account_id
    if run.lease.reason in UNATTENDED:
        return
    async with run.db.acquire() as connection:
        audit = await audits.get_due(connection, account_id)
        last = await audits.get_last(connection, account_id)
    if audit is None:
        return
    meter = _Meter(run.google.usage)
    if audit.began_at is None:
        audit = await _begin(run, audit)
    if audit.listed_at is None:
        await reached("sync.audit.began")  # here, so that whoever goes on with it passes it too
        audit = await _list(run, audit, meter)
    await _catch_up(run)
    earliest = rules.since(run.now, run.account.gmail.mail_lookback_days)
    async with run.writing() as connection:
        await audits.add_missing(connection, account_id, audit, earliest)
        await audits.retry_refused(connection, account_id)
    await reached("sync.audit.compared")
    await _fetch_pending(run)
    await _check_unlisted(run, audit)
    unhealed, left_out = await _check_contacts(run, audit, earliest)
    await reached("sync.audit.ending")
    async with run.step() as step:
        await audits.add_cost(step.connection, audit, *meter.since_last())
        if unhealed > (last.unhealed if last else 0):
            step.count(Tally(skipped={UNHEALED: unhealed}))  # it is reported once
        count = (await audits.count_listed(step.connection, account_id, unhealed)).with_left_out(left_out)
        result = await audits.end(step.connection, account_id, audit, count)
    _log(result)


def _log(result: AuditResult) -> None:
    log = get_logger().warning if result.complete < 1 else get_logger().info
    log(
        "audit_ended", listed=result.listed, healed_added=result.healed_added, healed_removed=result.healed_removed,
        unhealed=result.unhealed, complete=result.complete, requests=result.requests, units=result.units,
        seconds=(result.finished_at - result.began_at).total_seconds(),
    )  # fmt: skip


async def _fetch_pending(run: Run) -> None:
    """What the audit has fetched may take its time."""
    await fetch_pending(run, ListingFrontier(priority="backfill"))


class _Meter:
    """What the audit costs from now on: requests and units since it was last read."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage
        self._read = usage.requests, usage.units

    def since_last(self) -> tuple[int, int]:
        before, self._read = self._read, (self._usage.requests, self._usage.units)
        return self._read[0] - before[0], self._read[1] - before[1]


async def _begin(run: Run, audit: Audit) -> Audit:
    """What happens after the history id at which the cursor stands is followed by history, and no finding."""
    cursor = await _cursor(run)
    from_s = since_s(rules.since(run.now, cursor.lookback_days))
    async with run.writing() as connection:
        await audits.begin(connection, audit, run.lease.account_id, from_s, cursor.history_id)
    return replace(audit, began_at=run.now, since_s=from_s, history_id=cursor.history_id)


async def _cursor(run: Run) -> MailCursor:
    async with run.db.acquire() as connection:
        token = await cursors.get_cursor(connection, run.lease.account_id, "mail")
    assert token is not None, "the mailbox was read to its end before it is audited"
    return MailCursor.from_json(token)


async def _catch_up(run: Run) -> None:
    try:
        await follow(run, await _cursor(run))
    except HistoryExpired as error:
        raise Outage("Gmail forgot its history during the audit. It goes on after a reconciliation.") from error


async def _list(run: Run, audit: Audit, meter: _Meter) -> Audit:
    """List the mailbox; each page and the place where it ends are stored together, so a crash repeats one page."""
    account_id, loop = run.lease.account_id, asyncio.get_running_loop()
    followed_at = loop.time()
    while True:
        try:
            page = await run.gmail("backfill").list_messages(query(audit.since_s), audit.page)
        except PageExpired as expired:
            run.begin_again(expired)
            async with run.writing() as connection:
                await audits.list_again(connection, account_id, audit)
            audit = replace(audit, page=None, pages=0)
            continue
        async with run.writing() as connection:
            await audits.add_page(connection, account_id, audit, page)
            await reached("sync.audit.page_added")
            await audits.add_cost(connection, audit, *meter.since_last())
        await reached("sync.audit.page_stored")
        audit = replace(audit, page=page.next_page, pages=audit.pages + 1)
        if page.next_page is None:
            return replace(audit, listed_at=run.now)
        if loop.time() - followed_at > FOLLOW_EVERY_SECONDS:
            await _catch_up(run)
            followed_at = loop.time()


async def _check_unlisted(run: Run, audit: Audit) -> None:
    """Fetch what is recorded and was not listed. A list may lag behind the mailbox: only the message itself shows that it is gone."""
    since = datetime.fromtimestamp(audit.since_s, UTC) + EDGE if audit.since_s else None
    after = ""
    while True:
        async with run.db.acquire() as connection:
            suspects = await audits.list_unlisted(
                connection, run.lease.account_id, audit, since, after, FETCHED_AT_ONCE
            )
        if not suspects:
            return
        after = suspects[-1].gmail_id
        await _settle(run, audit, suspects)


async def _settle(run: Run, audit: Audit, suspects: Sequence[Suspect], *, publish_again: bool = False) -> None:
    """Remove what Gmail does not have any more or hides. `publish_again`: and publish once more what it has."""
    items = [FetchItem(suspect.gmail_id, whole_thread=False) for suspect in suspects]
    results = await run.gmail("backfill").batch_get(items)
    me = rules.Me(run.lease.user_id, run.lease.account_id, run.account.own_addresses)
    removals: list[Removal] = []
    events: list[MessageIngested] = []
    outages: list[Outage] = []
    reading = TimeSlice()
    for suspect, found in zip(suspects, results, strict=True):
        if isinstance(found, Gone):
            removals.append(Removal(suspect.gmail_id, max(suspect.revision + 1, audit.history_id)))
        elif isinstance(found, Outage):
            outages.append(found)
        elif not isinstance(found, Exception):
            [message] = found
            revision = max(suspect.revision + 1, message.history_id or 1)
            if rule := rules.label_rule(message.labels):
                removals.append(Removal(suspect.gmail_id, revision, rule))
            elif publish_again and isinstance(outcome := read_again(message, me, revision), rules.Recorded):
                events.append(outcome.event)
        await reading.pause_if_over()
    await _pass_over(run, suspects, outages)
    if removals:
        await _remove(run, audit, removals)
    if events:
        # The revisions first: what is published under one that the ledger has not, a later removal might not outdo. Where a crash comes
        # in between, contacts still lack the messages, and they are published under the next ones.
        published = [Suspect(event.gmail_id, event.revision) for event in events]
        async with run.step() as step:
            await losses.raise_revisions(step.connection, run.lease.account_id, published)
            step.count(Tally(updated=len(published)))
        await reached("sync.audit.raised")
        await run.engine.bus.publish(*events)


async def _pass_over(run: Run, suspects: Sequence[Suspect], outages: Sequence[Outage]) -> None:
    """Messages for which alone Gmail gives an error stay as they are until the next audit. Raises the outage where it is Gmail's."""
    if not outages:
        return
    throttled = next((outage for outage in outages if isinstance(outage, Throttled)), None)
    if throttled or not await is_giving_out(run, besides=[suspect.gmail_id for suspect in suspects]):
        raise throttled or outages[0]
    get_logger().warning("suspects_unavailable", count=len(outages), error=str(outages[0]))


async def _remove(run: Run, audit: Audit, removals: Sequence[Removal], *, again: bool = False) -> None:
    """Publish removals, and count them where they are written down. `again`: contacts have missed removals that the ledger knows."""
    await publish_removals(run, removals)
    async with run.step() as step:
        await audits.count_removed(step.connection, audit, len(removals))
        await reached("sync.audit.counted")
        removed = await ledger.remove(step.connection, run.lease.account_id, removals)
        step.count(Tally(removed=len(removals) if again else removed))


# --- what contacts hold -------------------------------------------------------------------------------------------------


async def _check_contacts(run: Run, audit: Audit, earliest: datetime | None) -> tuple[int, int]:
    """Compare with contacts all that was ever published, and mend what differs. How many were mended too often, and are given up; and
    how many contacts left out because the user asked for that.
    """
    suspects: list[PublishedMessage] = []
    after, left_out = "", 0
    while True:
        async with run.db.acquire() as connection:
            published = await losses.list_published(connection, run.lease.account_id, after, READ_AT_ONCE)
        if not published:
            break
        after = published[-1].gmail_id
        for chunk in _chunks(published, COMPARED_AT_ONCE):
            comparison = await _compare(run, chunk)
            differing = {held.gmail_id for held in comparison.differing}
            left_out += comparison.left_out
            suspects += [message for message in chunk if message.gmail_id in differing]
    unhealed = 0
    for chunk in _chunks(suspects, COMPARED_AT_ONCE):
        unhealed += await _mend(run, audit, chunk, earliest)
    await _fetch_pending(run)
    return unhealed, left_out


async def _compare(run: Run, published: Sequence[PublishedMessage]) -> Comparison:
    """What contacts do not hold as it was published, and how many events are on their way to them."""
    query = CompareMessages(user_id=run.lease.user_id, account_id=run.lease.account_id, published=tuple(published))
    return await run.engine.bus.request(query)


async def _mend(run: Run, audit: Audit, published: Sequence[PublishedMessage], earliest: datetime | None) -> int:
    """Publish again what contacts have lost. How many of it was published too often."""
    removed = {message.gmail_id for message in published if message.removed}
    differing = await _lost(run, published)
    live = [Suspect(held.gmail_id, held.revision) for held in differing if held.gmail_id not in removed]
    ended = [Suspect(held.gmail_id, held.revision) for held in differing if held.gmail_id in removed]
    async with run.writing() as connection:
        removals = await losses.list_removals(connection, run.lease.account_id, ended)
        old, given_up = await losses.add_lost(connection, run.lease.account_id, live, earliest)
    if removals:
        await _remove(run, audit, removals, again=True)
    for chunk in _chunks(old, FETCHED_AT_ONCE):
        await _settle(run, audit, chunk, publish_again=True)
    return given_up


async def _lost(run: Run, published: Sequence[PublishedMessage]) -> tuple[HeldMessage, ...]:
    """What still differs when no event is on its way any more. Nothing, where the bus does not come to rest: another audit will see."""
    for pause in (0.0, *QUIET_PAUSES_SECONDS):
        await asyncio.sleep(pause)
        comparison = await _compare(run, published)
        if not comparison.differing or not comparison.waiting:
            return comparison.differing
    get_logger().info("audit_bus_busy", suspects=len(comparison.differing), waiting=comparison.waiting)
    return ()


def _chunks(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    return (items[begin : begin + size] for begin in range(0, len(items), size))
