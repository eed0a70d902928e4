"""Connected accounts: listing them, and disconnecting one."""

from libs.common import outbox
from libs.common.errors import not_found
from libs.common.events import AccountDisconnected
from libs.common.fault_points import reached
from libs.common.log import get_logger
from libs.common.requests import Accounts, AccountStates, Disconnect, Done, ListAccounts, ListAccountStates
from services.auth.context import Context
from services.auth.revocation import revoke_grant
from services.auth.store import accounts


async def list_accounts(context: Context, query: ListAccounts) -> Accounts:
    async with context.db.acquire() as connection:
        return Accounts(items=await accounts.list_accounts(connection, query.user_id, query.account_id))


async def list_account_states(context: Context, query: ListAccountStates) -> AccountStates:
    """One page; the next one is behind its last id."""
    async with context.db.acquire() as connection:
        items = await accounts.list_states(connection, query.account_id, query.after, query.limit)
    is_full = len(items) == query.limit and query.account_id is None
    return AccountStates(items=items, next_after=items[-1].id if is_full else None)


async def disconnect(context: Context, command: Disconnect) -> Done:
    """Revoke, then forget. Purging an account that was disconnected before is possible; disconnecting it again publishes nothing."""
    async with context.db.acquire() as connection, connection.transaction():
        stored = await accounts.get_account_for_update(connection, command.user_id, command.account_id)
    if stored is None:
        raise not_found("account")
    # Revoked before the tokens are gone: a crash in between repeats the revocation instead of leaving a grant alive.
    await revoke_grant(context, command.account_id, stored.refresh_token)
    await reached("auth.grant.revoked")
    async with context.db.acquire() as connection, connection.transaction():
        stored = await accounts.get_account_for_update(connection, command.user_id, command.account_id)
        if stored is None or (stored.account.status == "disconnected" and not command.purge):
            return Done()
        remove = accounts.purge_account if command.purge else accounts.disconnect_account
        sequence = await remove(connection, command.account_id)
        await outbox.add(
            connection,
            AccountDisconnected(
                user_id=command.user_id,
                account_id=command.account_id,
                purge=command.purge,
                sequence=sequence,
                at=context.now(),
            ),
        )
    await context.relay_outbox()
    get_logger().info("account_disconnected", user=command.user_id, account=command.account_id, purge=command.purge)
    return Done()
