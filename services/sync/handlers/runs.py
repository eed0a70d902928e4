"""What is shown of runs."""

from uuid import UUID

from libs.common.pagination import decode_page_token, encode_page_token
from libs.common.requests import GetSyncStatus, ListRuns, Runs
from services.sync.context import Context
from services.sync.store import runs

MAX_PAGE = 500


async def show_runs(context: Context, query: ListRuns) -> Runs:
    position = decode_page_token(query.cursor, UUID)
    limit = min(max(query.limit, 1), MAX_PAGE)
    async with context.db.acquire() as connection:
        found = await runs.list_runs(
            connection, query.user_id, query.account_id, position[0] if position else None, limit + 1
        )
    items = tuple(found[:limit])
    return Runs(items=items, next_cursor=encode_page_token(items[-1].id) if len(found) > limit else None)


async def show_status(context: Context, query: GetSyncStatus) -> Runs:
    async with context.db.acquire() as connection:
        return Runs(items=tuple(await runs.list_latest(connection, query.user_id)))
