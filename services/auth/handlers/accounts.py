"""Connected accounts: listing them, and disconnecting one."""

from libs.common import outbox
from libs.common.errors import not_found
from libs.common.events import AccountDisconnected
from libs.common.log import get_logger
from libs.common.requests import Accounts, Disconnect, Done, ListAccounts
from services.auth.context import Context
from services.auth.revocation import revoke_grant
from services.auth.store import accounts


async def list_accounts(context: Context, query: ListAccounts) -> Accounts:
    async with context.db.acquire() as connection:
        return Accounts(items=await accounts.list_accounts(connection, query.user_id, query.account_id))


async def disconnect(context: Context, command: Disconnect) -> Done:
    """Revoke, then forget. Purging an account that was disconnected before is possible; disconnecting it again publishes nothing."""
    async with context.db.acquire() as connection, connection.transaction():
        stored = await accounts.get_account_for_update(connection, command.user_id, command.account_id)
    if stored is None:
        raise not_found("account")
    # Revoked before the tokens are gone: a crash in between repeats the revocation instead of leaving a grant alive.
    await revoke_grant(context, command.account_id, stored.refresh_token)
    async with context.db.acquire() as connection, connection.transaction():
        stored = await accounts.get_account_for_update(connection, command.user_id, command.account_id)
        if stored is None or (stored.account.status == "disconnected" and not command.purge):
            return Done()
        if command.purge:
            await accounts.delete_account(connection, command.account_id)
        else:
            await accounts.disconnect_account(connection, command.account_id)
        await outbox.add(
            connection,
            AccountDisconnected(
                user_id=command.user_id, account_id=command.account_id, purge=command.purge, at=context.now()
            ),
        )
    await context.relay_outbox()
    get_logger().info("account_disconnected", user=command.user_id, account=command.account_id, purge=command.purge)
    return Done()
