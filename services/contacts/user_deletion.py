"""Deletes everything about a user, in committed chunks: an event that comes again goes on with what is left."""

from libs.common.fault_points import reached
from libs.common.ids import InteractionId, UserId
from services.contacts.context import Context, pause_between_chunks
from services.contacts.store.deletions import (
    BEFORE_ALL,
    DELETIONS,
    DeleteSome,
    delete_interactions_after,
    delete_user_row,
)

ROWS_AT_ONCE = 5_000


async def delete_everything(context: Context, user_id: UserId) -> None:
    """All but the mark that the user is gone, which is committed before: nothing about them is recorded any more."""
    await _delete_interactions(context, user_id)
    for delete_some in DELETIONS:
        await _delete_from(context, user_id, delete_some)
    async with context.locked(user_id) as connection:
        await delete_user_row(connection, user_id)


async def _delete_interactions(context: Context, user_id: UserId) -> None:
    after: InteractionId | None = BEFORE_ALL
    while after:
        async with context.locked(user_id) as connection:
            after = await delete_interactions_after(connection, user_id, after, ROWS_AT_ONCE)
        await pause_between_chunks()


async def _delete_from(context: Context, user_id: UserId, delete_some: DeleteSome) -> None:
    deleted = ROWS_AT_ONCE
    while deleted == ROWS_AT_ONCE:
        async with context.locked(user_id) as connection:
            deleted = await delete_some(connection, user_id, ROWS_AT_ONCE)
        await reached("contacts.deletion.chunk")
        await pause_between_chunks()
