"""Who becomes a contact, and who ceases to be one: the reasons are rows of views/contact_reasons.sql."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from libs.common.db import Connection
from libs.common.ids import ContactId, InteractionId, UserId, new_id
from services.contacts.contact_fields import refresh_fields
from services.contacts.domain.addresses import AddressId
from services.contacts.identity_resolution import resolve_identities
from services.contacts.store import addresses, contacts
from services.contacts.store.contact_reasons import (
    UserAddress,
    WithReason,
    list_addresses_with_reason,
    list_with_reason,
    list_without_reason,
)
from services.contacts.store.identity_resolution import Seeds


async def make_contacts(connection: Connection, interaction_ids: Collection[InteractionId]) -> set[ContactId]:
    """Contacts for everybody for whom these interactions are a reason and who has none; an archived one comes back."""
    return await _make(connection, await list_with_reason(connection, interaction_ids))


async def make_contacts_of(connection: Connection, address_ids: Collection[AddressId]) -> set[ContactId]:
    """As `make_contacts`, for those of these addresses for which anything at all is a reason."""
    return await _make(connection, await list_addresses_with_reason(connection, address_ids))


async def _make(connection: Connection, found: WithReason) -> set[ContactId]:
    made = {address.id: ContactId(new_id()) for address in found.without_contact}
    if made:
        created = [(made[address.id], address.user_id) for address in found.without_contact]
        await contacts.insert_contacts(connection, created)
        await addresses.update_owners(connection, made)
        await refresh_fields(connection, made.values())
    return set(made.values()) | await _resolve_by_user(connection, found.archived)


async def drop_contacts(connection: Connection, address_ids: Collection[AddressId]) -> set[ContactId]:
    """A reason of these addresses may be gone: contacts that nothing supports go. Those that were looked at and are still there."""
    return await _resolve_by_user(connection, await list_without_reason(connection, address_ids))


async def _resolve_by_user(connection: Connection, found: Iterable[UserAddress]) -> set[ContactId]:
    by_user: dict[UserId, list[AddressId]] = defaultdict(list)
    for address in found:
        by_user[address.user_id].append(address.id)
    left: set[ContactId] = set()
    for user_id, address_ids in by_user.items():
        left |= await resolve_identities(connection, user_id, Seeds(addresses=address_ids))
    return left
