"""Identities of other platforms that are parted from a contact."""

from datetime import UTC, datetime

from libs.common.errors import not_found
from libs.common.idempotency import creation_id
from libs.common.ids import ContactId
from libs.common.requests import Contact, UnlinkIdentity
from services.contacts.contact_views import get_contact_id, get_contact_view
from services.contacts.context import Context
from services.contacts.domain.identities import read_identity
from services.contacts.identity_links import unlink
from services.contacts.store.contacts import get_living_id
from services.contacts.store.identities import list_identities


async def unlink_identity(context: Context, command: UnlinkIdentity) -> Contact:
    """The contact that the identity is from now on. Where it is there already, whoever sent the command got no reply and tries again.

    Refused: `not_found`, `only_identity` (409).
    """
    user_id, parted_id, now = command.user_id, ContactId(creation_id()), datetime.now(UTC)
    written = read_identity(command.kind, command.value)
    addresses = {(command.kind, command.value), *([(written.kind, written.value)] if written else [])}
    async with context.locked_for_request(user_id) as connection:
        contact_id = await get_contact_id(connection, user_id, command.contact_id)
        found = await get_living_id(connection, user_id, parted_id)
        if found is None:
            held = await list_identities(connection, [contact_id])
            wanted = [identity for identity in held if identity.address in addresses]
            if not wanted:
                raise not_found("identity")
            found = await unlink(connection, user_id, wanted[0], parted_id, now)
        contact = await get_contact_view(connection, user_id, found, now)
    await context.publish_changed({user_id: {contact_id, found}})
    return contact
