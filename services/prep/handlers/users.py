"""What goes when a user goes."""

from libs.common.events import UserDeleted
from services.prep.context import Context
from services.prep.leasing import forget_dedup_keys
from services.prep.store import model_calls, preps


async def purge_user(context: Context, event: UserDeleted) -> None:
    """All briefs of the user are deleted, with the keys that they have set and what is on record of calls of the model."""
    await forget_dedup_keys(context, event.user_id)
    async with context.db.acquire() as connection:
        await preps.delete_of_user(connection, event.user_id)
        await model_calls.delete_of_user(connection, event.user_id)
