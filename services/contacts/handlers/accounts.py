"""Accounts and users: whose addresses are the user's own, and what is to be forgotten."""

from datetime import UTC, datetime

from libs.common.addresses import canonical
from libs.common.events import (
    AccountConnected,
    AccountDisconnected,
    AccountIdentified,
    AccountReauthRequired,
    UserDeleted,
)
from libs.common.fault_points import reached
from libs.common.log import get_logger
from services.contacts.account_purge import purge_account
from services.contacts.context import Context
from services.contacts.own_addresses import change_own_addresses
from services.contacts.rechecks import work_off_rechecks
from services.contacts.store import accounts, users
from services.contacts.store.own_addresses import insert_own_addresses, replace_own_addresses
from services.contacts.user_deletion import delete_everything


async def connect_account(context: Context, event: AccountConnected | AccountReauthRequired) -> None:
    """Its address is the user's own; what follows is done in chunks. A purge is final: the account's id never comes back."""
    own = {address for address in [canonical(event.address)] if address}
    async with context.locked(event.user_id) as connection:
        if await users.list_purged(connection, [event.user_id, event.account_id]):
            return
        await accounts.upsert_account(connection, event)
        changed = await change_own_addresses(
            connection,
            event.user_id,
            lambda: insert_own_addresses(connection, event.user_id, str(event.account_id), own),
        )
    await context.publish_changed(changed)
    await work_off_rechecks(context, event.user_id)


async def identify_account(context: Context, event: AccountIdentified) -> None:
    """All addresses of an account, as Gmail knows them now."""
    own = {address for written in event.addresses if (address := canonical(written))}
    async with context.locked(event.user_id) as connection:
        if await users.list_purged(connection, [event.user_id, event.account_id]):
            return
        account_address = await accounts.get_account_address(connection, event.account_id)
        own |= {address for address in [canonical(account_address)] if address}
        changed = await change_own_addresses(
            connection,
            event.user_id,
            lambda: replace_own_addresses(
                connection, event.user_id, str(event.account_id), own, (event.revision, event.at)
            ),
        )
    await context.publish_changed(changed)
    await work_off_rechecks(context, event.user_id)


async def disconnect_account(context: Context, event: AccountDisconnected) -> None:
    """Its addresses remain the user's. With `purge`, what only it saw goes, behind a tombstone that stands from the first moment."""
    async with context.locked(event.user_id) as connection:
        if await users.list_purged(connection, [event.user_id]):
            return
        await accounts.upsert_disconnected_account(connection, event)
        if event.purge:
            await users.upsert_purged(connection, [event.account_id], event.at)
    if event.purge:
        await reached("contacts.purge.marked")
        await purge_account(context, event.user_id, event.account_id)
        await reached("contacts.purge.done")
        await context.purge_dead_letters(event.user_id, event.account_id)
        get_logger().info("account_purged", user=str(event.user_id), account=str(event.account_id))


async def delete_user(context: Context, event: UserDeleted) -> None:
    """Everything about the user goes, and what comes late does nothing: their tombstone stands from the first moment."""
    async with context.locked(event.user_id) as connection:
        await users.upsert_purged(connection, [event.user_id, *event.account_ids], datetime.now(UTC))
    await reached("contacts.deletion.marked")
    await delete_everything(context, event.user_id)
    await reached("contacts.deletion.done")
    await context.purge_dead_letters(event.user_id)
    get_logger().info("user_deleted", user=str(event.user_id))
