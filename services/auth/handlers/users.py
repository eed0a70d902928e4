"""Users: deleting one with everything that is theirs."""

import asyncio

from libs.common import outbox
from libs.common.errors import not_found
from libs.common.events import UserDeleted
from libs.common.fault_points import reached
from libs.common.log import get_logger
from libs.common.requests import DeleteUser, Done
from services.auth.context import Context
from services.auth.revocation import revoke_grant
from services.auth.store import accounts, users


async def delete_user(context: Context, command: DeleteUser) -> Done:
    """Revoke every account, then delete everything here; the other services delete theirs when they consume `user.deleted`."""
    async with context.db.acquire() as connection:
        held = await accounts.list_refresh_tokens(connection, command.user_id)
    await asyncio.gather(*(revoke_grant(context, account_id, sealed) for account_id, sealed in held))
    await reached("auth.grant.revoked")
    async with context.db.acquire() as connection, connection.transaction():
        if not await users.lock_user(connection, command.user_id):
            raise not_found("user")
        remaining = await accounts.list_refresh_tokens(connection, command.user_id)
        account_ids = tuple(account_id for account_id, _ in remaining)
        await users.delete_user(connection, command.user_id)
        await outbox.add(connection, UserDeleted(user_id=command.user_id, account_ids=account_ids))
    await context.relay_outbox()
    get_logger().info("user_deleted", user=command.user_id, accounts=len(account_ids))
    return Done()
