"""When meetings and cards are audited: with the mailboxes, but for every account that has them."""

from collections.abc import Sequence
from datetime import timedelta

from libs.common.events import Kind
from libs.common.fault_points import reached
from libs.common.ids import AccountId
from services.sync.context import Context
from services.sync.domain.runs import RunRequest
from services.sync.store import item_audits, runs

AUDITED: tuple[Kind, ...] = ("contacts", "calendar")


async def schedule_all(context: Context, spread_seconds: int) -> None:
    """An audit of every account, each at a moment of its own within the spread."""
    for kind in AUDITED:
        async with context.db.acquire() as connection:
            delays = await runs.list_requestable(connection, kind, spread_seconds)
        await _schedule(context, kind, delays)


async def schedule_now(context: Context, account_id: AccountId) -> None:
    """An audit of this account, as soon as its runs get to it."""
    for kind in AUDITED:
        await _schedule(context, kind, [(account_id, timedelta(0))])


async def _schedule(context: Context, kind: Kind, delays: Sequence[tuple[AccountId, timedelta]]) -> None:
    """First that it is due, by itself: a run holds its own row when it writes about its audit. The next run carries it out in any case."""
    async with context.db.acquire() as connection:
        await item_audits.schedule(connection, kind, delays)
    await reached("sync.item_audits.made_due")
    async with context.queue.transaction(context.db) as connection:
        wanted = [RunRequest(account_id, kind, "repair", delay) for account_id, delay in delays]
        await context.queue.enqueue(connection, wanted)
