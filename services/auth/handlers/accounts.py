"""Connected accounts: listing them, disconnecting one, deleting a user with all of them."""

import asyncio

from libs.common import outbox
from libs.common.errors import Outage, not_found
from libs.common.events import AccountDisconnected, UserDeleted
from libs.common.google.oauth import InvalidGrant, Misconfigured
from libs.common.ids import AccountId
from libs.common.log import get_logger
from libs.common.requests import Accounts, DeleteUser, Disconnect, Done, ListAccounts
from services.auth.context import Context
from services.auth.keyring import Undecryptable
from services.auth.store import accounts, users


async def list_accounts(context: Context, query: ListAccounts) -> Accounts:
    async with context.db.acquire() as db:
        return Accounts(items=await accounts.list_accounts(db, query.user_id, query.account_id))


async def disconnect(context: Context, command: Disconnect) -> Done:
    """Revoke, then forget. Purging an account that was disconnected before is possible; disconnecting it again says nothing."""
    async with context.db.acquire() as db, db.transaction():
        stored = await accounts.get_stored(db, command.user_id, command.account_id)
    if stored is None:
        raise not_found("account")
    # Revoked before the tokens are gone: a crash in between repeats the revocation instead of leaving a grant alive.
    await _revoke(context, command.account_id, stored.refresh_token)
    async with context.db.acquire() as db, db.transaction():
        stored = await accounts.get_stored(db, command.user_id, command.account_id)
        if stored is None or (stored.account.status == "disconnected" and not command.purge):
            return Done()
        if command.purge:
            await accounts.delete_account(db, command.account_id)
        else:
            await accounts.forget_tokens(db, command.account_id)
        await outbox.add(
            db,
            AccountDisconnected(
                user_id=command.user_id, account_id=command.account_id, purge=command.purge, at=context.now()
            ),
        )
    await context.relay_outbox()
    get_logger().info("account_disconnected", user=command.user_id, account=command.account_id, purge=command.purge)
    return Done()


async def delete_user(context: Context, command: DeleteUser) -> Done:
    """Revoke every account, then delete everything here; the other services delete theirs when they hear of it."""
    async with context.db.acquire() as db:
        held = await accounts.list_refresh_tokens(db, command.user_id)
    await asyncio.gather(*(_revoke(context, account_id, sealed) for account_id, sealed in held))
    async with context.db.acquire() as db, db.transaction():
        if not await users.lock_user(db, command.user_id):
            raise not_found("user")
        account_ids = tuple(account_id for account_id, _ in await accounts.list_refresh_tokens(db, command.user_id))
        await users.delete_user(db, command.user_id)
        await outbox.add(db, UserDeleted(user_id=command.user_id, account_ids=account_ids))
    await context.relay_outbox()
    get_logger().info("user_deleted", user=command.user_id, accounts=len(account_ids))
    return Done()


async def _revoke(context: Context, account_id: AccountId, sealed: bytes | None) -> None:
    """End the grant at Google if that can be done now. What fails is logged and stops nobody from leaving."""
    if sealed is None:
        return
    try:
        await context.oauth.revoke(context.keyring.open(sealed, account_id, "refresh"))
    except (Outage, InvalidGrant, Misconfigured, Undecryptable) as error:
        get_logger().warning("revoke_failed", account=account_id, error=f"{type(error).__name__}: {error}")
