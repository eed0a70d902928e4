"""The audits of `sync`: has what it published arrived here?

Each counts the events on their way first: what was published before that, and is not waiting, has to be in the database by now.
"""

from collections.abc import Awaitable, Callable

from libs.common.requests import CompareCards, CompareMeetings, CompareMessages, Comparison, ItemComparison
from services.contacts.context import Context
from services.contacts.store import audits
from services.contacts.store.users import list_purged

CountWaiting = Callable[[], Awaitable[int]]


async def compare_messages(context: Context, count_waiting: CountWaiting, query: CompareMessages) -> Comparison:
    waiting = await count_waiting()
    async with context.db.acquire() as connection:
        if await list_purged(connection, [query.user_id, query.account_id]):
            return Comparison(differing=(), waiting=waiting)
        differing = await audits.list_differing(connection, query.user_id, query.account_id, query.published)
        left_out = await audits.count_left_out(connection, query.user_id, query.account_id, query.published)
    return Comparison(differing=tuple(differing), waiting=waiting, left_out=left_out)


async def compare_meetings(context: Context, count_waiting: CountWaiting, query: CompareMeetings) -> ItemComparison:
    waiting = await count_waiting()
    async with context.db.acquire() as connection:
        if await list_purged(connection, [query.user_id, query.account_id]):
            return ItemComparison(differing=(), waiting=waiting)
        differing = await audits.list_differing_meetings(connection, query.user_id, query.account_id, query.published)
    return ItemComparison(differing=tuple(differing), waiting=waiting)


async def compare_cards(context: Context, count_waiting: CountWaiting, query: CompareCards) -> ItemComparison:
    waiting = await count_waiting()
    async with context.db.acquire() as connection:
        if await list_purged(connection, [query.user_id, query.account_id]):
            return ItemComparison(differing=(), waiting=waiting)
        differing = await audits.list_differing_cards(connection, query.user_id, query.account_id, query.published)
    return ItemComparison(differing=tuple(differing), waiting=waiting)
