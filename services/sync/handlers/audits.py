"""When mailboxes are audited: once a day each, and when a user wants it; and what came of it. Runs of mail carry audits out."""

import asyncio
from collections import Counter
from datetime import timedelta

from libs.common.db import retry_conflicts
from libs.common.events import AuditDue
from libs.common.fault_points import reached
from libs.common.requests import Audit, AuditAccount, Done, StartAudit
from services.sync.context import Context
from services.sync.domain.audit import progress_summary
from services.sync.domain.runs import RunRequest
from services.sync.handlers import item_audits
from services.sync.store import audits, ledger, runs
from services.sync.store.item_audits import get_last

# Wide, because an audit of a large mailbox takes a while and nobody waits for it.
SPREAD_SECONDS = 3600
LOOK_EVERY_SECONDS = 15.0


@retry_conflicts
async def audit_all(context: Context, _: AuditDue) -> None:
    """An audit of every account, each at a moment of its own within the hour."""
    async with context.db.acquire() as connection, connection.transaction():
        await audits.schedule(connection, await runs.list_requestable(connection, "mail", SPREAD_SECONDS))
    await reached("sync.audits.scheduled")
    await item_audits.schedule_all(context, SPREAD_SECONDS)


@retry_conflicts
async def start_audit(context: Context, command: StartAudit) -> Done:
    account_id = (await context.get_account(command.user_id, command.account_id)).account_id
    async with context.queue.transaction(context.db) as connection:
        await context.queue.enqueue(connection, [RunRequest(account_id, "mail", "user")])
        await audits.schedule(connection, [(account_id, timedelta(0))])
    await reached("sync.audits.scheduled")
    await item_audits.schedule_now(context, account_id)
    return Done()


async def keep_auditing(context: Context) -> None:
    """Request runs to carry out the audits that have come due. Runs until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        await context.bus.run_guarded(lambda: request_due_audits(context))


@retry_conflicts
async def request_due_audits(context: Context) -> None:
    async with context.queue.transaction(context.db) as connection:
        due = await audits.list_due(connection)
        await context.queue.enqueue(connection, [RunRequest(account_id, "mail", "repair") for account_id in due])
        await audits.note_requested(connection, due)


async def show_audit(context: Context, query: AuditAccount) -> Audit:
    await context.get_account(query.user_id, query.account_id)
    async with context.db.acquire() as connection:
        counted = await ledger.count_by_state(connection, query.account_id)
        last = await audits.get_last(connection, query.account_id)
        under_way = await audits.is_under_way(connection, query.account_id)
        meetings = await get_last(connection, query.account_id, "calendar")
        cards = await get_last(connection, query.account_id, "contacts")
    by_state: Counter[str] = Counter()
    by_rule: Counter[str] = Counter()
    for state, rule, number in counted:
        by_state[state] += number
        if state in ("filtered", "set_aside"):
            by_rule[rule or state] += number
    listed = by_state.total()
    return Audit(
        account_id=query.account_id,
        summary=progress_summary(last, under_way=under_way),
        last=last,
        under_way=under_way,
        listed=listed,
        by_state=dict(by_state),
        by_rule=dict(by_rule),
        complete=1 - by_state["pending"] / listed if listed else 1.0,
        meetings=meetings,
        cards=cards,
    )
