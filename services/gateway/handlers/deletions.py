"""Accounts and users that are gone, and what goes with them."""

from libs.common.events import AccountDisconnected, UserDeleted
from libs.common.log import get_logger
from services.gateway import preferences
from services.gateway.context import Context
from services.gateway.limits.briefs import forget_counts
from services.gateway.photos import photos_key
from services.gateway.store import accounts, notifications, users


async def purge_account(context: Context, event: AccountDisconnected) -> None:
    """Without `purge`, what was notified about the account stays readable. With it, nothing comes after."""
    async with context.db.acquire() as connection, connection.transaction():
        if event.purge:
            await accounts.mark_purged(connection, event)
            await notifications.delete_account_notifications(connection, event.user_id, event.account_id)
        else:
            await accounts.note_event(connection, event)
    if event.purge:
        await context.cache.release(photos_key(event.user_id))


async def delete_user(context: Context, event: UserDeleted) -> None:
    """Everything of the user's, and the browsers that are still connected."""
    async with context.db.acquire() as connection, connection.transaction():
        await users.delete_user(connection, event.user_id)
    await context.cache.release(photos_key(event.user_id))
    await preferences.forget(context.cache, event.user_id)
    context.hub.close_user(event.user_id)
    await forget_counts(context, event.user_id)
    get_logger().info("user_forgotten", user=str(event.user_id))
