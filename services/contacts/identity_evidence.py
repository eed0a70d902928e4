"""Keeps what is shown with an identity on another platform, by which it may be known for a contact that is there (duplicates.py)."""

from collections.abc import Collection
from dataclasses import dataclass

from libs.common.db import Connection
from libs.common.ids import UserId
from services.contacts.domain.identity_evidence import Evidence
from services.contacts.store import addresses, exclusions, identities


@dataclass(frozen=True)
class Shown:
    """What a source (profile or bio, platform) shows with an address (kind, value) now."""

    address: tuple[str, str]
    source: tuple[str, str]
    evidence: Collection[Evidence]


async def record_evidence(connection: Connection, user_id: UserId, shown: Shown) -> None:
    """Nothing of an address that is not here, and nothing that names whom the user asked not to record. Whom it concerns is due.

    The caller holds the user's lock.
    """
    key = (user_id, *shown.address)
    address_id = (await addresses.list_known_addresses(connection, [key])).get(key)
    if address_id is None:
        return
    found = {evidence.address for evidence in shown.evidence}
    rules = (await exclusions.list_in_force(connection, [user_id])).get(user_id) if found else None
    if rules is not None:
        found = {address for address in found if not rules.matching(*address)}
    place = identities.Place(user_id, address_id, *shown.source)
    if found == await identities.list_shown(connection, place):
        return
    # Before and after: who is named no longer is as much concerned as who is named now.
    await identities.mark_concerned_due(connection, place)
    await identities.replace_evidence(connection, place, found)
    await identities.mark_concerned_due(connection, place)
