"""Keeps contacts true to addresses and cards: loads what hangs together, decides (domain.grouping), stores."""

from collections.abc import Collection
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import new_id
from services.contacts.domain.identity_resolution import CardKey, group
from services.contacts.store import cards as card_store
from services.contacts.store import contacts as contact_store
from services.contacts.store import owners


async def regroup(
    connection: Connection,
    user_id: UUID,
    *,
    addresses: Collection[int] = (),
    cards: Collection[CardKey] = (),
    contacts: Collection[UUID] = (),
) -> set[UUID]:
    """Decide anew who is who around these addresses, cards and contacts. The contacts that are there after it.

    The caller holds the user's lock.
    """
    closure = await card_store.close(connection, user_id, addresses, cards, contacts)
    groups = group(closure.people, closure.members, closure.cards, new_id)
    mine = await owners.list_mine(
        connection, addresses, [one.id for one in closure.people], [one.id for one in closure.people if one.pinned]
    )
    if groups.created:
        await contact_store.insert_contacts(connection, [(id_, user_id) for id_ in groups.created])
    if groups.merged:
        await contact_store.merge_into(connection, groups.merged)
    await contact_store.own_addresses(connection, groups.addresses | dict.fromkeys(mine))
    await card_store.link_cards(connection, {**groups.cards, **dict.fromkeys(closure.mine)})
    await contact_store.mark_imported(connection, {id_ for key, id_ in groups.cards.items() if id_ is not None})
    await contact_store.set_archived(connection, groups.archived)
    if groups.vanished:
        await contact_store.delete_contacts(connection, groups.vanished)
    left = ({person.id for person in closure.people} | set(groups.created)) - groups.vanished - set(groups.merged)
    await contact_store.refresh(connection, left)
    return left


async def make_contacts(connection: Connection, interaction_ids: Collection[UUID]) -> set[UUID]:
    """Contacts for everybody whom these interactions make one and who has none; an archived one comes back."""
    unowned, archived = await contact_store.list_unowned(connection, interaction_ids)
    made = {row["id"]: (new_id(), row["user_id"]) for row in unowned}
    if made:
        await contact_store.insert_contacts(connection, list(made.values()))
        await contact_store.own_addresses(connection, {address: id_ for address, (id_, _) in made.items()})
        await contact_store.refresh(connection, [id_ for id_, _ in made.values()])
    contacts = {id_ for id_, _ in made.values()}
    for user_id, ids in (await owners.by_user(connection, archived) if archived else {}).items():
        contacts |= await regroup(connection, user_id, addresses=ids)
    return contacts


async def drop_unwanted(connection: Connection, address_ids: Collection[int]) -> set[UUID]:
    """Something that supported these addresses is gone: contacts that nothing supports go. The ones that were looked at."""
    by_user: dict[UUID, list[int]] = {}
    for row in await contact_store.list_unwanted(connection, address_ids):
        by_user.setdefault(row["user_id"], []).append(row["id"])
    left: set[UUID] = set()
    for user_id, ids in by_user.items():
        left |= await regroup(connection, user_id, addresses=ids)
    return left
