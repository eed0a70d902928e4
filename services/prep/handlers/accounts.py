"""What goes when an account is disconnected."""

from libs.common.events import AccountDisconnected
from services.prep.context import Context
from services.prep.leasing import forget_dedup_keys
from services.prep.store import model_calls, preps


async def purge_account(context: Context, event: AccountDisconnected) -> None:
    """With `purge`, the account's briefs go; else they stay on record, as what was imported does."""
    if event.purge:
        await forget_dedup_keys(context, event.user_id, event.account_id)
        async with context.db.acquire() as connection:
            await preps.delete_of_account(connection, event.account_id)
            await model_calls.delete_of_account(connection, event.account_id)
