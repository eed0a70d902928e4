"""What goes when an account or a user goes."""

from libs.common.events import AccountDisconnected, UserDeleted
from services.prep import store
from services.prep.context import Context


async def purge_account(context: Context, fact: AccountDisconnected) -> None:
    """With `purge`, the account's briefs go; else they stay on record, as what was imported does."""
    if fact.purge:
        async with context.db.acquire() as connection:
            await store.delete_of_account(connection, fact.account_id)


async def purge_user(context: Context, fact: UserDeleted) -> None:
    async with context.db.acquire() as connection:
        await store.delete_of_user(connection, fact.user_id)
