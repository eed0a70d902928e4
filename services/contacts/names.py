"""Learns what people are called: keeps the names that interactions show, and chooses one of them (domain) for each address."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from libs.common.db import Connection
from libs.common.ids import ContactId, InteractionId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.names import NameRank, SeenName, chosen_name, plain_name
from services.contacts.store import names


async def learn_names(connection: Connection, interaction_ids: Collection[InteractionId]) -> set[ContactId]:
    """Learn the display names on interactions; the contacts whose addresses are known by another one, or by one that is newer."""
    return await _choose(connection, await names.upsert_names(connection, interaction_ids))


async def relearn_names(connection: Connection, address_ids: Collection[AddressId]) -> set[ContactId]:
    """Learn the names of these addresses from the beginning; the contacts that this changed."""
    return await _choose(connection, await names.replace_names(connection, address_ids))


async def _choose(connection: Connection, address_ids: Collection[AddressId]) -> set[ContactId]:
    if not address_ids:
        return set()
    seen = await names.list_names(connection, address_ids)
    chosen = {address_id: chosen_name(_plain(seen.get(address_id, ()))) for address_id in sorted(address_ids)}
    return await names.update_names(connection, chosen)


def _plain(seen: Iterable[SeenName]) -> Iterable[SeenName]:
    """Names of mail and meetings without what is no part of them. Of an address book they are as somebody keeps them there."""
    for name in seen:
        plain = name.name if name.rank == NameRank.PLATFORM else plain_name(name.name)
        if plain:
            yield replace(name, name=plain)
