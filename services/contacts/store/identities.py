"""What identifies contacts on other platforms, and the evidence that came with it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from libs.common.db import Connection
from libs.common.ids import ContactId, UserId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.identity_evidence import Evidence
from services.contacts.domain.observations import Participant
from services.contacts.store.addresses import get_or_insert_addresses


@dataclass(frozen=True)
class StoredIdentity:
    """An address of a contact that is neither an email nor one of its phones. `emails`, `phones`: what a connector reported with it."""

    id: AddressId
    contact_id: ContactId
    kind: str
    value: str
    shown: str
    emails: Sequence[str] = ()
    phones: Sequence[str] = ()

    @property
    def address(self) -> tuple[str, str]:
        return self.kind, self.value


async def list_identities(connection: Connection, contact_ids: Collection[ContactId]) -> list[StoredIdentity]:
    """Those of these contacts, by platform. A phone that is among the contact's phones is not listed a second time."""
    rows = await connection.fetch(
        """SELECT a.id, a.contact_id, a.kind, a.value, a.shown,
               array_agg(e.value ORDER BY e.value) FILTER (WHERE e.kind = 'email') AS emails,
               array_agg(e.value ORDER BY e.value) FILTER (WHERE e.kind = 'phone') AS phones
           FROM addresses a JOIN contacts c ON c.id = a.contact_id
           LEFT JOIN identity_evidence e ON e.address_id = a.id AND e.source = 'profile'
           WHERE a.contact_id = ANY($1::uuid[]) AND a.kind NOT IN ('email', 'bcc')
             AND NOT (a.kind = 'phone' AND a.value = ANY(c.phone_keys))
           GROUP BY a.id ORDER BY a.kind, a.id""",
        list(contact_ids),
    )
    return [
        StoredIdentity(
            row["id"], row["contact_id"], row["kind"], row["value"], row["shown"], row["emails"] or (), row["phones"] or ()
        )
        for row in rows
    ]  # fmt: skip


async def replace_identities(
    connection: Connection, user_id: UserId, contact_id: ContactId, identities: Sequence[Participant]
) -> None:
    """The contact has these identities. Those taken off are marked, so that what is reported later doesn't put them back."""
    keys = {(user_id, identity.kind, identity.value): identity for identity in identities}
    ids = await get_or_insert_addresses(connection, keys)
    before = [identity.id for identity in await list_identities(connection, [contact_id])]
    await _take_off(connection, [address_id for address_id in before if address_id not in ids.values()])
    await connection.execute(
        """UPDATE addresses a SET contact_id = $1, barred = false, shown = k.shown
           FROM unnest($2::bigint[], $3::text[]) AS k(id, shown) WHERE a.id = k.id""",
        contact_id,
        [ids[key] for key in keys],
        [identity.shown for identity in keys.values()],
    )


async def _take_off(connection: Connection, address_ids: Collection[AddressId]) -> None:
    await connection.execute(
        "UPDATE addresses SET contact_id = NULL, position = NULL, barred = true WHERE id = ANY($1::bigint[])",
        list(address_ids),
    )


async def take_off_dropped_phones(connection: Connection, contact_id: ContactId, before: Collection[str]) -> None:
    """What is reported under those of these phones (comparable) that the contact has no longer is its no longer."""
    rows = await connection.fetch(
        """SELECT a.id FROM contacts c JOIN addresses a ON a.contact_id = c.id AND a.kind = 'phone'
           WHERE c.id = $1 AND a.value = ANY($2::text[]) AND a.value <> ALL(c.phone_keys)""",
        contact_id,
        list(before),
    )
    await _take_off(connection, [row["id"] for row in rows])


async def list_free_phones(connection: Connection, contact_id: ContactId) -> list[AddressId]:
    """Phones of the contact under which something was reported that is nobody's yet."""
    rows = await connection.fetch(
        """SELECT a.id FROM contacts c JOIN addresses a ON a.user_id = c.user_id AND a.kind = 'phone' AND a.value = ANY(c.phone_keys)
           WHERE c.id = $1 AND a.contact_id IS NULL""",
        contact_id,
    )
    return [row["id"] for row in rows]


async def list_recognisable(connection: Connection, address_ids: Collection[AddressId]) -> list[AddressId]:
    """Those of these addresses by which somebody is recognised: all but BCC hashes."""
    rows = await connection.fetch(
        "SELECT id FROM addresses WHERE id = ANY($1::bigint[]) AND kind <> 'bcc' ORDER BY id", list(address_ids)
    )
    return [row["id"] for row in rows]


async def update_owner(connection: Connection, address_id: AddressId, contact_id: ContactId) -> None:
    await connection.execute("UPDATE addresses SET contact_id = $2 WHERE id = $1", address_id, contact_id)


@dataclass(frozen=True)
class Place:
    """Where evidence was seen: with this address of the user, in the profile or bio on this platform."""

    user_id: UserId
    address_id: AddressId
    source: str
    platform: str


async def list_shown(connection: Connection, place: Place) -> set[tuple[str, str]]:
    """What was seen there last, by kind and value."""
    rows = await connection.fetch(
        "SELECT kind, value FROM identity_evidence WHERE address_id = $1 AND source = $2 AND platform = $3",
        place.address_id,
        place.source,
        place.platform,
    )
    return {(row["kind"], row["value"]) for row in rows}


async def replace_evidence(connection: Connection, place: Place, found: Collection[tuple[str, str]]) -> None:
    """This is seen there now, and nothing else."""
    await connection.execute(
        "DELETE FROM identity_evidence WHERE address_id = $1 AND source = $2 AND platform = $3",
        place.address_id,
        place.source,
        place.platform,
    )
    await connection.execute(
        """INSERT INTO identity_evidence (address_id, user_id, source, platform, kind, value)
           SELECT $1, $2, $3, $4, kind, value FROM unnest($5::text[], $6::text[]) AS k(kind, value)""",
        place.address_id,
        place.user_id,
        place.source,
        place.platform,
        [kind for kind, _ in found],
        [value for _, value in found],
    )


async def mark_concerned_due(connection: Connection, place: Place) -> None:
    """Compare anew the contact of this address, and whoever has what the evidence with it names."""
    await connection.execute(
        """UPDATE contacts SET duplicates_due = true WHERE id IN (
               SELECT contact_id FROM addresses WHERE id = $2
               UNION SELECT a.contact_id FROM identity_evidence e
               JOIN addresses a ON a.user_id = $1 AND (a.kind, a.value) = (e.kind, e.value)
               WHERE e.address_id = $2)""",
        place.user_id,
        place.address_id,
    )


async def list_evidence(connection: Connection, contact_ids: Collection[ContactId]) -> list[tuple[ContactId, Evidence]]:
    """What speaks for somebody else with the identities of these contacts."""
    rows = await connection.fetch(
        """SELECT a.contact_id, e.source, e.platform, e.kind, e.value FROM identity_evidence e JOIN addresses a ON a.id = e.address_id
           WHERE a.contact_id = ANY($1::uuid[]) ORDER BY 1, 2, 3, 4, 5""",
        list(contact_ids),
    )
    return [(row["contact_id"], Evidence(row["source"], row["platform"], row["kind"], row["value"])) for row in rows]


async def list_named(
    connection: Connection, contact_ids: Collection[ContactId]
) -> list[tuple[ContactId, tuple[str, str]]]:
    """Of what these contacts have, what evidence with an identity names, by kind and value."""
    rows = await connection.fetch(
        """SELECT a.contact_id, a.kind, a.value FROM addresses a
           WHERE a.contact_id = ANY($1::uuid[]) AND a.kind <> 'bcc' AND EXISTS (
               SELECT FROM identity_evidence e WHERE (e.user_id, e.kind, e.value) = (a.user_id, a.kind, a.value))
           ORDER BY 1, 2, 3""",
        list(contact_ids),
    )
    return [(row["contact_id"], (row["kind"], row["value"])) for row in rows]
