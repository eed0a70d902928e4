"""Accounts and settings: who is me, whom mail may turn into a contact, what is to be forgotten."""

from datetime import UTC, datetime

from libs.common.addresses import canonical
from libs.common.events import AccountConnected, AccountDisconnected, AccountIdentified, SettingsChanged, UserDeleted
from libs.common.log import get_logger
from services.contacts import identity
from services.contacts.context import Context
from services.contacts.recording import Changed, joined
from services.contacts.store import users

SETTINGS = "settings"


async def connect_account(context: Context, event: AccountConnected) -> None:
    own = {address for address in [canonical(event.address)] if address}
    async with context.transaction() as c:
        await users.lock_users(c, [event.user_id])
        await users.welcome_back(c, event.account_id, event.at)
        if await users.list_purged(c, [event.user_id, event.account_id]):
            return
        await users.upsert_account(c, event.account_id, event.user_id, event.address.strip().lower(), event.at)
        changed = await identity.change_me(
            c, event.user_id, lambda: users.add_own(c, event.user_id, str(event.account_id), own)
        )
    await context.tell(changed)


async def identify_account(context: Context, event: AccountIdentified) -> None:
    """All addresses of an account, as Gmail knows them now."""
    own = {address for one in event.addresses if (address := canonical(one))}
    async with context.transaction() as c:
        await users.lock_users(c, [event.user_id])
        if await users.list_purged(c, [event.user_id, event.account_id]):
            return
        account = await users.get_address(c, event.account_id)
        own |= {address for address in [canonical(account)] if address}
        changed = await identity.change_me(
            c, event.user_id, lambda: users.replace_own(c, event.user_id, str(event.account_id), own, event.at)
        )
    await context.tell(changed)


async def disconnect_account(context: Context, event: AccountDisconnected) -> None:
    """Its addresses remain the user's. With `purge`, what only it saw goes."""
    changed: Changed = {}
    async with context.transaction() as c:
        await users.lock_users(c, [event.user_id])
        await users.disconnect_account(c, event.account_id, event.user_id, event.at)
        if event.purge:
            changed = await identity.purge_account(c, event.user_id, event.account_id, event.at)
            get_logger().info("account_purged", user=str(event.user_id), account=str(event.account_id))
    await context.tell(changed)
    if event.purge:
        await context.purge_dead_letters(event.user_id, event.account_id)


async def delete_user(context: Context, event: UserDeleted) -> None:
    async with context.transaction() as c:
        await users.lock_users(c, [event.user_id])
        await users.mark_purged(c, [event.user_id, *event.account_ids], datetime.now(UTC))
        await users.delete_user(c, event.user_id)
    await context.purge_dead_letters(event.user_id)
    get_logger().info("user_deleted", user=str(event.user_id))


async def change_settings(context: Context, event: SettingsChanged) -> None:
    """`own_addresses` and `contact_creation` are kept here and apply to everything that is recorded already."""
    own = {address for one in event.after.gmail.own_addresses if (address := canonical(one))}
    creation = event.after.gmail.contact_creation
    changed: Changed = {}
    async with context.transaction() as c:
        await users.lock_users(c, [event.user_id])
        if await users.list_purged(c, [event.user_id]):
            return
        news, before = await users.put_creation(c, event.user_id, event.version, creation)
        if not news:
            return
        now = datetime.now(UTC)  # versions tell the settings' order, see put_creation
        changed = await identity.change_me(
            c, event.user_id, lambda: users.replace_own(c, event.user_id, SETTINGS, own, now)
        )
        if before != creation:
            changed = joined(changed, await identity.change_creation(c, event.user_id))
    await context.tell(changed)
