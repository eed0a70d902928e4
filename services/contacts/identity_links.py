"""Parts an identity from a contact that it is not: what linked it is undone, or it becomes a contact of its own."""

from datetime import datetime

from libs.common.db import Connection
from libs.common.errors import Refused
from libs.common.ids import ContactId, UserId
from services.contacts import merges
from services.contacts.identity_resolution import resolve_identities
from services.contacts.store import contacts, duplicates, identities, scores
from services.contacts.store.contact_edits import Belongings, list_belongings
from services.contacts.store.identities import StoredIdentity
from services.contacts.store.identity_resolution import Seeds
from services.contacts.store.merges import Merge, list_standing


async def unlink(
    connection: Connection, user_id: UserId, identity: StoredIdentity, parted_id: ContactId, now: datetime
) -> ContactId:
    """The contact that has it from now on: the one that a merge took it from, else a new one, `parted_id`. Refused: `only_identity`.

    The two are stated not to be the same, so that nothing but the user makes one of them again.
    """
    contact_id = identity.contact_id
    if linked_by := await _merge_of(connection, identity):
        await merges.undo(connection, linked_by, now)
        await duplicates.insert_distinct(connection, user_id, contact_id, linked_by.other_id)
        return linked_by.other_id
    if await _is_just(connection, await list_belongings(connection, contact_id), identity):
        raise Refused(
            409, "only_identity", f"Nothing but {identity.shown} is known of this contact: it is its own already."
        )
    await contacts.insert_contacts(connection, [(parted_id, user_id)])
    await identities.update_owner(connection, identity.id, parted_id)
    both = [contact_id, parted_id]
    await duplicates.insert_distinct(connection, user_id, contact_id, parted_id)
    await resolve_identities(connection, user_id, Seeds(contacts=both))
    await scores.mark_due(connection, both)
    await duplicates.mark_due(connection, both)
    return parted_id


async def _merge_of(connection: Connection, identity: StoredIdentity) -> Merge | None:
    """The merge that stands by which this identity came, and nothing else that identifies anybody."""
    for merge in await list_standing(connection, [identity.contact_id]):
        if merge.survivor_id == identity.contact_id and await _is_just(connection, merge.belongings, identity):
            return merge
    return None


async def _is_just(connection: Connection, belongings: Belongings, identity: StoredIdentity) -> bool:
    """Whether by these belongings nobody could be recognised but by the identity."""
    return not belongings.cards and await identities.list_recognisable(connection, belongings.address_ids) == [
        identity.id
    ]
