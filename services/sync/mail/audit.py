"""Auditing a mailbox: what Gmail lists, what the ledger says and what contacts hold are made the same.

list       every id that Gmail has, page by page; news is followed meanwhile
compare    listed and unknown, or hidden without a reason: fetched. Recorded and not listed: looked at, and removed if it is gone
ask        what contacts do not hold as it was said, once nothing is on its way to them any more: said again
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from libs.common.errors import Outage
from libs.common.events import MessageIngested
from libs.common.google.errors import Gone, HistoryExpired, PageExpired
from libs.common.google.session import Usage
from libs.common.log import get_logger
from libs.common.requests import CompareMessages, Held, Told
from libs.common.resources.gmail import FetchItem
from services.sync.domain import mail as rules
from services.sync.domain.cursors import MailCursor
from services.sync.domain.listing import EDGE, query, since_s
from services.sync.domain.runs import UNATTENDED
from services.sync.mail.fetching import fetch_pending
from services.sync.mail.history import follow, remove
from services.sync.runs.run import Run
from services.sync.store import audits, cursors, losses
from services.sync.store.audits import Audit
from services.sync.store.ledger import Removal
from services.sync.store.losses import Suspect
from services.sync.store.runs import Tally

T = TypeVar("T")

FOLLOW_EVERY_SECONDS = 5.0  # news does not wait for the end of a long list
TOLD_AT_ONCE = 20_000  # read from the ledger with one statement: each has to find its place among all messages
ASKED_AT_ONCE = 500
LOOKED_AT_AT_ONCE = 100
QUIET_PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)


async def audit_if_due(run: Run) -> None:
    """Carry out the audit that this account's mail is due for, from where it stands. The history was followed to its end.

    Not in polls and pushes: these are to be over in no time, and whoever wants an audit asks for another run.
    """
    account_id = run.lease.account_id
    if run.lease.reason in UNATTENDED:
        return
    async with run.db.acquire() as connection:
        audit = await audits.get_due(connection, account_id)
        last = await audits.get_last(connection, account_id)
    if audit is None:
        return
    run.google.priority = "backfill"
    meter = _Meter(run.google.usage)
    if audit.began_at is None:
        audit = await _begin(run, audit)
    if audit.listed_at is None:
        audit = await _list(run, audit, meter)
    await _catch_up(run)
    earliest = rules.since(run.now, run.account.gmail.mail_lookback_days)
    async with run.writing() as connection:
        await audits.add_missing(connection, account_id, audit, earliest)
        await audits.retry_refused(connection, account_id)
    await fetch_pending(run)
    await _check_unlisted(run, audit)
    unhealed = await _check_contacts(run, audit, earliest)
    async with run.writing() as connection:
        await audits.spend(connection, audit, *meter.since_last())
        if unhealed > (last.unhealed if last else 0):
            await run.count(connection, Tally(skipped={"unhealed": unhealed}))  # it is news, once
        count = await audits.count_listed(connection, account_id, unhealed)
        row = await audits.end(connection, account_id, audit, count)
    names = ("listed", "healed_added", "healed_removed", "unhealed", "complete", "requests", "units", "seconds")
    log = get_logger().warning if count.complete < 1 else get_logger().info
    log("audit_ended", **{name: row[name] for name in names})


class _Meter:
    """What is spent from now on: requests and units since it was last read."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage
        self._read = usage.requests, usage.units

    def since_last(self) -> tuple[int, int]:
        before, self._read = self._read, (self._usage.requests, self._usage.units)
        return self._read[0] - before[0], self._read[1] - before[1]


async def _begin(run: Run, audit: Audit) -> Audit:
    """What happens after the history id at which the cursor stands is history's business, and no finding."""
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
    run.google.priority = "backfill"


async def _list(run: Run, audit: Audit, meter: _Meter) -> Audit:
    """List the mailbox; each page and the place where it ends are stored together, so a crash repeats one page."""
    account_id, loop = run.lease.account_id, asyncio.get_running_loop()
    followed_at = loop.time()
    while True:
        try:
            page = await run.google.gmail.list_messages(query(audit.since_s), audit.page)
        except PageExpired as expired:
            run.begin_again(expired)
            async with run.writing() as connection:
                await audits.list_again(connection, account_id, audit)
            audit = replace(audit, page=None, pages=0)
            continue
        async with run.writing() as connection:
            await audits.add_page(connection, account_id, audit, page)
            await audits.spend(connection, audit, *meter.since_last())
        audit = replace(audit, page=page.next_page, pages=audit.pages + 1)
        if page.next_page is None:
            return replace(audit, listed_at=run.now)
        if loop.time() - followed_at > FOLLOW_EVERY_SECONDS:
            await _catch_up(run)
            followed_at = loop.time()


async def _check_unlisted(run: Run, audit: Audit) -> None:
    """Look at what is recorded and was not listed. A list may lag behind the mailbox: only the message itself says that it is gone."""
    since = datetime.fromtimestamp(audit.since_s, UTC) + EDGE if audit.since_s else None
    after = ""
    while True:
        async with run.db.acquire() as connection:
            suspects = await audits.list_unlisted(
                connection, run.lease.account_id, audit, since, after, LOOKED_AT_AT_ONCE
            )
        if not suspects:
            return
        after = suspects[-1].gmail_id
        await _settle(run, audit, suspects)


async def _settle(run: Run, audit: Audit, suspects: Sequence[Suspect], *, say: bool = False) -> None:
    """Remove what Gmail does not have any more or hides. `say`: and say again what it has."""
    results = await run.google.gmail.batch_get([FetchItem(one.gmail_id, whole_thread=False) for one in suspects])
    me = rules.Me(run.lease.user_id, run.lease.account_id, run.account.own_addresses)
    removals: list[Removal] = []
    events: list[MessageIngested] = []
    for suspect, found in zip(suspects, results, strict=True):
        if isinstance(found, Gone):
            removals.append(Removal(suspect.gmail_id, max(suspect.revision + 1, audit.history_id)))
        elif isinstance(found, Outage):
            raise found
        elif not isinstance(found, Exception):
            [message] = found
            revision = max(suspect.revision + 1, message.history_id or 1)
            if rule := rules.label_rule(message.labels):
                removals.append(Removal(suspect.gmail_id, revision, rule))
            elif say and isinstance(outcome := rules.read(message, me, None, revision), rules.Recorded):
                events.append(outcome.event)
    if removals:
        await _remove(run, audit, removals)
    if events:
        await run.sync.bus.publish(*events)
        said = [Suspect(event.gmail_id, event.revision) for event in events]
        async with run.writing() as connection:
            await losses.raise_revisions(connection, run.lease.account_id, said)
            await run.count(connection, Tally(updated=len(said)))


async def _remove(run: Run, audit: Audit, removals: Sequence[Removal]) -> None:
    await remove(run, removals, ())
    async with run.writing() as connection:
        await audits.count_removed(connection, audit, len(removals))


async def _check_contacts(run: Run, audit: Audit, earliest: datetime | None) -> int:
    """Ask contacts about all that was ever said, and mend what differs. How many were mended too often, and are given up."""
    suspects: list[Told] = []
    after = ""
    while True:
        async with run.db.acquire() as connection:
            told = await losses.list_told(connection, run.lease.account_id, after, TOLD_AT_ONCE)
        if not told:
            break
        after = told[-1].gmail_id
        for some in _chunks(told, ASKED_AT_ONCE):
            differing = {one.gmail_id for one in (await _compare(run, some))[0]}
            suspects += [one for one in some if one.gmail_id in differing]
    unhealed = 0
    for some in _chunks(suspects, ASKED_AT_ONCE):
        unhealed += await _mend(run, audit, some, earliest)
    await fetch_pending(run)
    return unhealed


async def _compare(run: Run, told: Sequence[Told]) -> tuple[tuple[Held, ...], int]:
    """What contacts do not hold as it was told, and how many facts are on their way to them."""
    answer = await run.sync.bus.request(
        CompareMessages(user_id=run.lease.user_id, account_id=run.lease.account_id, told=tuple(told))
    )
    return answer.differing, answer.waiting


async def _mend(run: Run, audit: Audit, told: Sequence[Told], earliest: datetime | None) -> int:
    """Say again what contacts have lost. How many of it was said again too often."""
    removed = {one.gmail_id for one in told if one.removed}
    differing = await _lost(run, told)
    live = [Suspect(one.gmail_id, one.revision) for one in differing if one.gmail_id not in removed]
    ended = [Suspect(one.gmail_id, one.revision) for one in differing if one.gmail_id in removed]
    async with run.writing() as connection:
        removals = await losses.list_removals(connection, run.lease.account_id, ended)
        old, given_up = await losses.add_lost(connection, run.lease.account_id, live, earliest)
    if removals:
        await _remove(run, audit, removals)
        async with run.writing() as connection:
            await run.count(connection, Tally(removed=len(removals)))
    for some in _chunks(old, LOOKED_AT_AT_ONCE):
        await _settle(run, audit, some, say=True)
    return given_up


async def _lost(run: Run, told: Sequence[Told]) -> tuple[Held, ...]:
    """What still differs when no fact is on its way any more. Nothing, where the bus does not come to rest: another audit will see."""
    for pause in (0.0, *QUIET_PAUSES_SECONDS):
        await asyncio.sleep(pause)
        differing, waiting = await _compare(run, told)
        if not differing or not waiting:
            return differing
    get_logger().info("audit_bus_busy", suspects=len(differing), waiting=waiting)
    return ()


def _chunks(several: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    return (several[begin : begin + size] for begin in range(0, len(several), size))
