"""Keeps contacts true to addresses and cards: loads what hangs together, resolves it (domain), stores who is who."""

from libs.common.db import Connection
from libs.common.ids import ContactId, UserId, new_id
from services.contacts.contact_fields import refresh_fields
from services.contacts.domain.identity_resolution import Resolution, resolved_identities
from services.contacts.store import addresses, cards, contacts, own_addresses
from services.contacts.store.identity_resolution import Closure, Seeds, list_closure


async def resolve_identities(connection: Connection, user_id: UserId, seeds: Seeds) -> set[ContactId]:
    """Decide anew who is who around these addresses, cards and contacts. The contacts that are there after it.

    The caller holds the user's lock.
    """
    closure = await list_closure(connection, user_id, seeds)
    resolution = resolved_identities(closure.people, closure.members, closure.cards, lambda: ContactId(new_id()))
    await _store(connection, user_id, seeds, closure, resolution)
    known = {person.id for person in closure.people} | set(resolution.created)
    left = known - resolution.vanished - set(resolution.merged)
    await refresh_fields(connection, left)
    return left


async def _store(
    connection: Connection, user_id: UserId, seeds: Seeds, closure: Closure, resolution: Resolution
) -> None:
    own = await own_addresses.list_own_among(
        connection,
        seeds.addresses,
        [person.id for person in closure.people],
        [person.id for person in closure.people if person.pinned],
    )
    if resolution.created:
        await contacts.insert_contacts(connection, [(contact_id, user_id) for contact_id in resolution.created])
    if resolution.merged:
        await contacts.update_merged(connection, resolution.merged)
    await addresses.update_owners(connection, resolution.addresses | dict.fromkeys(own))
    await cards.update_card_owners(connection, {**resolution.cards, **dict.fromkeys(closure.ownerless)})
    await contacts.mark_imported(
        connection, {contact_id for contact_id in resolution.cards.values() if contact_id is not None}
    )
    await contacts.update_archived(connection, resolution.archived)
    if resolution.vanished:
        await contacts.delete_contacts(connection, resolution.vanished)
