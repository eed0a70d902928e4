"""When mailboxes are audited: once a day each, and when somebody wants it. Runs of mail carry the audits out (mail/audit.py)."""

import asyncio
from datetime import timedelta

from libs.common.events import AuditDue
from libs.common.ids import AccountId
from services.sync.runs.run import Sync
from services.sync.store import audits, runs
from services.sync.store.runs import RunRequest

# Wide, because an audit of a large mailbox takes a while and nobody waits for it.
SPREAD_SECONDS = 3600
LOOK_EVERY_SECONDS = 15.0


async def audit_all(sync: Sync, _: AuditDue) -> None:
    """An audit of every account, each at a moment of its own within the hour."""
    async with sync.db.acquire() as connection, connection.transaction():
        await audits.wish(connection, await runs.list_requestable(connection, "mail", SPREAD_SECONDS))


async def audit_now(sync: Sync, account_id: AccountId) -> None:
    async with sync.db.acquire() as connection, connection.transaction():
        await audits.wish(connection, [(account_id, timedelta(0))])
        await runs.insert_requests(connection, [RunRequest(account_id, "mail", "user")])
    sync.wake.set()


async def keep_auditing(sync: Sync) -> None:
    """Ask for runs to carry out the audits that have come due. Runs until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        await sync.bus.survive(lambda: ask_for_runs(sync))


async def ask_for_runs(sync: Sync) -> None:
    async with sync.db.acquire() as connection, connection.transaction():
        due = await audits.take_due(connection)
        await runs.insert_requests(connection, [RunRequest(account_id, "mail", "repair") for account_id in due])
    if due:
        sync.wake.set()
