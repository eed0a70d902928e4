"""Messages to very many people are recorded with those of them who are known already: nobody's contacts are thousands of strangers."""

from collections import defaultdict
from collections.abc import Collection

from libs.common.addresses import is_me
from libs.common.db import Connection
from libs.common.ids import UserId
from services.contacts.domain.addresses import AddressKey
from services.contacts.domain.kept_participants import Address, kept_with, participants_beyond
from services.contacts.domain.observations import Observation
from services.contacts.store.addresses import list_known_addresses
from services.contacts.store.own_addresses import list_own_addresses_by_user


async def leave_out_strangers(connection: Connection, seen: Collection[Observation]) -> list[Observation]:
    """Of participants beyond the first hundred only those that were seen before, are a contact's, or are the user."""
    beyond: set[AddressKey] = {
        (observation.user_id, participant.kind, participant.value)
        for observation in seen
        for participant in participants_beyond(observation)
    }
    if not beyond:
        return list(seen)
    own = await list_own_addresses_by_user(connection, {user_id for user_id, _, _ in beyond})
    known: dict[UserId, set[Address]] = defaultdict(set)
    for user_id, kind, value in await list_known_addresses(connection, beyond):
        known[user_id].add((kind, value))
    for user_id, kind, value in beyond:
        if kind == "email" and is_me(value, own[user_id]):
            known[user_id].add((kind, value))
    return [kept_with(observation, known[observation.user_id]) for observation in seen]
