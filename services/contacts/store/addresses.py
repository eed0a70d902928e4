"""Addresses: found or added, and whose they are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.addresses import is_bouncer, is_me, is_robot
from libs.common.db import Connection
from libs.common.ids import ContactId, UserId
from services.contacts.domain.addresses import AddressId, AddressKey
from services.contacts.domain.observations import Participant
from services.contacts.store.own_addresses import list_own_addresses_by_user


@dataclass(frozen=True)
class OwnedAddress:
    """An address, the contact that it belongs to, and the best name learned for it."""

    id: AddressId
    contact_id: ContactId | None
    name: str


@dataclass(frozen=True)
class ContactAddress:
    """An address of a contact. `name_at` is None where no name was learned for it."""

    contact_id: ContactId
    kind: str
    shown: str
    name: str
    name_rank: int
    name_at: datetime | None


async def list_known_addresses(connection: Connection, keys: Collection[AddressKey]) -> dict[AddressKey, AddressId]:
    """Those of these addresses that were seen before, with their ids."""
    columns = [list(column) for column in zip(*keys, strict=True)] if keys else [[], [], []]
    known = await connection.fetch(
        """SELECT a.id, a.user_id, a.kind, a.value
           FROM unnest($1::uuid[], $2::text[], $3::text[]) AS w(user_id, kind, value) JOIN addresses a USING (user_id, kind, value)""",
        *columns,
    )
    return {(row["user_id"], row["kind"], row["value"]): row["id"] for row in known}


async def get_or_insert_addresses(
    connection: Connection, participants: Mapping[AddressKey, Participant]
) -> dict[AddressKey, AddressId]:
    """The ids of these addresses; those that are new are added, as me where they are the user's own."""
    keys = list(participants)
    ids = await list_known_addresses(connection, keys)
    if missing := sorted((key for key in keys if key not in ids), key=str):
        ids |= await _insert_addresses(connection, missing, participants)
    return ids


async def _insert_addresses(
    connection: Connection, keys: Sequence[AddressKey], participants: Mapping[AddressKey, Participant]
) -> dict[AddressKey, AddressId]:
    own = await list_own_addresses_by_user(connection, {user_id for user_id, _, _ in keys})
    rows = await connection.fetch(
        """INSERT INTO addresses (user_id, kind, value, shown, is_me, robot)
           SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::bool[])
           RETURNING id, user_id, kind, value""",
        [user_id for user_id, _, _ in keys],
        [kind for _, kind, _ in keys],
        [value for _, _, value in keys],
        [participants[key].shown for key in keys],
        [kind == "email" and is_me(value, own[user_id]) for user_id, kind, value in keys],
        [kind == "email" and (is_robot(value) or is_bouncer(value)) for _, kind, value in keys],
    )
    return {(row["user_id"], row["kind"], row["value"]): row["id"] for row in rows}


async def list_contact_addresses(connection: Connection, contact_ids: Collection[ContactId]) -> list[ContactAddress]:
    """Every address of these contacts, the ones typed by the user first, then oldest first."""
    rows = await connection.fetch(
        """SELECT contact_id, kind, shown, name, name_rank, name_at
           FROM addresses WHERE contact_id = ANY($1::uuid[]) ORDER BY contact_id, position NULLS LAST, id""",
        list(contact_ids),
    )
    return [
        ContactAddress(
            row["contact_id"],
            row["kind"],
            row["shown"],
            row["name"],
            row["name_rank"],
            row["name_at"] if row["name_rank"] >= 0 else None,
        )
        for row in rows
    ]


async def list_owned_emails(connection: Connection, user_id: UserId, values: Sequence[str]) -> dict[str, OwnedAddress]:
    """Those of these email addresses that are known, by canonical value."""
    rows = await connection.fetch(
        "SELECT value, id, contact_id, name FROM addresses WHERE user_id = $1 AND kind = 'email' AND value = ANY($2::text[])",
        user_id,
        list(values),
    )
    return {row["value"]: OwnedAddress(row["id"], row["contact_id"], row["name"]) for row in rows}


async def list_owners(
    connection: Connection, user_id: UserId, addresses: Collection[tuple[str, str]]
) -> dict[tuple[str, str], ContactId]:
    """Whose these addresses are (by kind and canonical value), of those that are anybody's."""
    rows = await connection.fetch(
        """SELECT a.kind, a.value, a.contact_id FROM unnest($2::text[], $3::text[]) AS w(kind, value)
           JOIN addresses a ON a.user_id = $1 AND (a.kind, a.value) = (w.kind, w.value) WHERE a.contact_id IS NOT NULL""",
        user_id,
        [kind for kind, _ in addresses],
        [value for _, value in addresses],
    )
    return {(row["kind"], row["value"]): row["contact_id"] for row in rows}


async def update_owners(connection: Connection, owners: Mapping[AddressId, ContactId | None]) -> None:
    """Give addresses to contacts, or to nobody."""
    await connection.execute(
        """UPDATE addresses a SET contact_id = o.contact_id FROM unnest($1::bigint[], $2::uuid[]) AS o(id, contact_id)
           WHERE a.id = o.id AND a.contact_id IS DISTINCT FROM o.contact_id""",
        list(owners.keys()),
        list(owners.values()),
    )


async def update_owners_of_phones(connection: Connection, address_ids: Collection[AddressId]) -> None:
    """A phone number that exactly one contact has identifies that contact, also where another one had it before."""
    await connection.execute(
        """UPDATE addresses a SET contact_id = owner.id, barred = false
           FROM (SELECT a.id AS address_id, (array_agg(c.id))[1] AS id
                 FROM addresses a JOIN contacts c ON c.user_id = a.user_id AND c.phone_keys @> ARRAY[a.value] AND c.merged_into IS NULL
                 WHERE a.id = ANY($1::bigint[]) AND a.contact_id IS NULL
                 GROUP BY a.id HAVING count(*) = 1) owner
           WHERE a.id = owner.address_id""",
        list(address_ids),
    )


async def delete_unused_addresses(
    connection: Connection, user_id: UserId, after: tuple[str, str], limit: int
) -> tuple[str, str] | None:
    """Of the next addresses after this kind and value, those that belong to nobody and are on nothing: what is left of a purged account.

    How far it came; None at the end.
    """
    looked_at = await connection.fetch(
        """SELECT id, kind, value FROM addresses WHERE user_id = $1 AND (kind, value) > ($2, $3)
           ORDER BY kind, value LIMIT $4""",
        user_id,
        *after,
        limit,
    )
    await connection.execute(
        """DELETE FROM addresses a WHERE a.id = ANY($2::bigint[]) AND a.contact_id IS NULL AND NOT a.barred
             AND NOT EXISTS (SELECT FROM participants p WHERE p.address_id = a.id)
             AND NOT EXISTS (SELECT FROM cards k WHERE k.user_id = $1 AND k.emails @> ARRAY[a.value])""",
        user_id,
        [row["id"] for row in looked_at],
    )
    return (looked_at[-1]["kind"], looked_at[-1]["value"]) if looked_at else None
