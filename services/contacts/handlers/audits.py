"""The audit of `sync`: has what it published arrived here?"""

from collections.abc import Awaitable, Callable

from libs.common.requests import CompareMessages, Comparison
from services.contacts.context import Context
from services.contacts.store.audits import list_differing
from services.contacts.store.users import list_purged


async def compare_messages(
    context: Context, count_waiting: Callable[[], Awaitable[int]], query: CompareMessages
) -> Comparison:
    """`count_waiting` comes first: what was published before that, and is not waiting, has to be in the database by now."""
    waiting = await count_waiting()
    async with context.db.acquire() as connection:
        if await list_purged(connection, [query.user_id, query.account_id]):
            return Comparison(differing=(), waiting=waiting)
        differing = await list_differing(connection, query.account_id, query.published)
    return Comparison(differing=tuple(differing), waiting=waiting)
