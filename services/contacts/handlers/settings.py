"""The settings that contacts follow: which addresses are the user's own, too, and whom mail may turn into a contact."""

from datetime import UTC, datetime

from libs.common.addresses import canonical
from libs.common.events import SettingsChanged
from services.contacts.contact_reasons import reapply_contact_creation
from services.contacts.context import Context
from services.contacts.domain.changes import joined
from services.contacts.own_addresses import change_own_addresses
from services.contacts.store import users
from services.contacts.store.own_addresses import replace_own_addresses

SOURCE = "settings"


async def change_settings(context: Context, event: SettingsChanged) -> None:
    """`own_addresses` and `contact_creation` are kept here and apply to everything that is recorded already."""
    own = {address for written in event.after.gmail.own_addresses if (address := canonical(written))}
    creation = event.after.gmail.contact_creation
    async with context.locked(event.user_id) as connection:
        if await users.list_purged(connection, [event.user_id]):
            return
        newer, before = await users.upsert_contact_creation(connection, event.user_id, event.version, creation)
        if not newer:
            return
        version = event.version, datetime.now(UTC)
        changed = await change_own_addresses(
            connection, event.user_id, lambda: replace_own_addresses(connection, event.user_id, SOURCE, own, version)
        )
        if before != creation:
            changed = joined(changed, await reapply_contact_creation(connection, event.user_id))
    await context.publish_changed(changed)
