"""The settings that contacts follow: which addresses are the user's own, too, and whom mail may turn into a contact."""

from datetime import UTC, datetime

from libs.common.addresses import canonical
from libs.common.events import SettingsChanged
from services.contacts.context import Context
from services.contacts.domain.changes import ChangedContacts
from services.contacts.own_addresses import change_own_addresses
from services.contacts.rechecks import work_off_rechecks
from services.contacts.store import users
from services.contacts.store.own_addresses import replace_own_addresses
from services.contacts.store.rechecks import insert_rechecks_of_user

SOURCE = "settings"


async def change_settings(context: Context, event: SettingsChanged) -> None:
    """`own_addresses` and `contact_creation` are kept here and apply to everything that is recorded already."""
    own = {address for written in event.after.gmail.own_addresses if (address := canonical(written))}
    creation = event.after.gmail.contact_creation
    async with context.locked(event.user_id) as connection:
        if await users.list_purged(connection, [event.user_id]):
            return
        newer, before = await users.upsert_contact_creation(connection, event.user_id, event.version, creation)
        changed: ChangedContacts = {}
        if newer:
            version = event.version, datetime.now(UTC)
            changed = await change_own_addresses(
                connection,
                event.user_id,
                lambda: replace_own_addresses(connection, event.user_id, SOURCE, own, version),
            )
        if newer and before != creation:
            await insert_rechecks_of_user(connection, event.user_id)
    await context.publish_changed(changed)
    await work_off_rechecks(context, event.user_id)  # also what an earlier try left
