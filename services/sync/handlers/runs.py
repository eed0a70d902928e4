"""What is shown of runs, and how long they are kept."""

import asyncio
from datetime import timedelta
from uuid import UUID

from libs.common.pagination import cut_page, decode_page_token
from libs.common.requests import GetSyncStatus, ListRuns, Runs, SyncStatus
from services.sync.context import Context
from services.sync.store import accounts, runs

MAX_PAGE = 500
KEPT = timedelta(days=90)
DELETED_AT_ONCE = 1_000
DELETE_EVERY_SECONDS = 3600.0


async def show_runs(context: Context, query: ListRuns) -> Runs:
    position = decode_page_token(query.cursor, UUID)
    limit = min(max(query.limit, 1), MAX_PAGE)
    async with context.db.acquire() as connection:
        found = await runs.list_runs(
            connection, query.user_id, query.account_id, position[0] if position else None, limit + 1
        )
    items, next_cursor = cut_page(found, limit, lambda run: (run.id,))
    return Runs(items=items, next_cursor=next_cursor)


async def show_status(context: Context, query: GetSyncStatus) -> SyncStatus:
    async with context.db.acquire() as connection:
        latest = await runs.list_latest(connection, query.user_id)
        time_zones = await accounts.list_time_zones(connection, query.user_id)
    return SyncStatus(items=tuple(latest), time_zones=time_zones)


async def keep_deleting_old(context: Context) -> None:
    """Delete runs that ended long ago. Runs until cancelled."""
    while True:
        await context.bus.run_guarded(lambda: delete_old(context))
        await asyncio.sleep(DELETE_EVERY_SECONDS)


async def delete_old(context: Context) -> None:
    """In committed chunks: nobody waits for them."""
    deleted = DELETED_AT_ONCE
    while deleted == DELETED_AT_ONCE:
        async with context.db.acquire() as connection:
            deleted = await runs.delete_old(connection, KEPT, DELETED_AT_ONCE)
