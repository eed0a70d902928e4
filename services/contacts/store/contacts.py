"""Contacts: made, derived anew, merged into one another, removed."""

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from libs.common.db import Connection, Record
from services.contacts.domain.bcc import ALPHABET, HASH_LENGTH
from services.contacts.domain.contact_fields import CardFields, Details, Named, Profile, profile
from services.contacts.store.addresses import list_addresses


def fresh_hash() -> str:
    """50 bits of chance in lower-case base32."""
    return "".join(secrets.choice(ALPHABET) for _ in range(HASH_LENGTH))


async def insert_contacts(connection: Connection, contacts: Sequence[tuple[UUID, UUID]]) -> None:
    """New, empty contacts (id, user) with a BCC hash each; `refresh` fills them."""
    hashes = [fresh_hash() for _ in contacts]
    ids, users = [one for one, _ in contacts], [user for _, user in contacts]
    await connection.execute(
        "INSERT INTO contacts (id, user_id, bcc_hash) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])",
        ids,
        users,
        hashes,
    )
    await add_hashes(connection, list(zip(ids, users, hashes, strict=True)))


async def add_hashes(connection: Connection, hashes: Sequence[tuple[UUID, UUID, str]]) -> None:
    """BCC addresses: contact, user, hash."""
    await connection.execute(
        """INSERT INTO addresses (contact_id, user_id, kind, value, shown)
           SELECT contact_id, user_id, 'bcc', value, value
           FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS h(contact_id, user_id, value)""",
        *map(list, zip(*hashes, strict=True)),
    )


async def own_addresses(connection: Connection, owners: Mapping[int, UUID | None]) -> None:
    """Give addresses to contacts, or to nobody."""
    await connection.execute(
        """UPDATE addresses a SET contact_id = o.contact_id FROM unnest($1::bigint[], $2::uuid[]) AS o(id, contact_id)
           WHERE a.id = o.id AND a.contact_id IS DISTINCT FROM o.contact_id""",
        list(owners.keys()),
        list(owners.values()),
    )


async def list_unowned(connection: Connection, interaction_ids: Collection[UUID]) -> tuple[list[Record], list[int]]:
    """Addresses that these interactions make contacts and that have none (id, user_id); and those whose contact is archived."""
    rows = await connection.fetch(
        """SELECT DISTINCT a.id, a.user_id, a.contact_id FROM contact_reasons w JOIN addresses a ON a.id = w.address_id
           LEFT JOIN contacts k ON k.id = a.contact_id
           WHERE w.interaction_id = ANY($1::uuid[]) AND NOT a.barred AND (a.contact_id IS NULL OR k.archived AND NOT k.pinned)
           ORDER BY a.id""",
        list(interaction_ids),
    )
    return [row for row in rows if row["contact_id"] is None], [
        row["id"] for row in rows if row["contact_id"] is not None
    ]


async def list_unwanted(connection: Connection, address_ids: Collection[int]) -> list[Record]:
    """Of these addresses, those that belong to a contact and that nothing makes one any more (id, user_id)."""
    return await connection.fetch(
        """SELECT a.id, a.user_id FROM addresses a
           WHERE a.id = ANY($1::bigint[]) AND a.contact_id IS NOT NULL
             AND NOT EXISTS (SELECT FROM contact_reasons w WHERE w.address_id = a.id)""",
        list(address_ids),
    )


async def merge_into(connection: Connection, merged: Mapping[UUID, UUID]) -> None:
    """Contacts that go on in others: their hashes and handles move, their ids lead there."""
    losers, survivors = list(merged.keys()), list(merged.values())
    await connection.execute(
        """UPDATE addresses a SET contact_id = m.survivor FROM unnest($1::uuid[], $2::uuid[]) AS m(loser, survivor)
           WHERE a.contact_id = m.loser""",
        losers,
        survivors,
    )
    await connection.execute(
        """UPDATE contacts c SET merged_into = m.survivor FROM unnest($1::uuid[], $2::uuid[]) AS m(loser, survivor)
           WHERE c.id = m.loser OR c.merged_into = m.loser""",
        losers,
        survivors,
    )


async def set_archived(connection: Connection, archived: Mapping[UUID, bool]) -> None:
    await connection.execute(
        """UPDATE contacts c SET archived = a.archived FROM unnest($1::uuid[], $2::bool[]) AS a(id, archived)
           WHERE c.id = a.id AND c.archived <> a.archived AND NOT 'archived' = ANY(c.edited)""",
        list(archived.keys()),
        list(archived.values()),
    )


async def mark_imported(connection: Connection, ids: Collection[UUID]) -> None:
    await connection.execute(
        "UPDATE contacts SET imported = true WHERE id = ANY($1::uuid[]) AND NOT imported", list(ids)
    )


async def forget_imports(connection: Connection, ids: Collection[UUID]) -> None:
    """Their cards were purged: where none is left, they go on as if there never had been one."""
    await connection.execute(
        """UPDATE contacts SET imported = false WHERE id = ANY($1::uuid[])
           AND NOT EXISTS (SELECT FROM cards k WHERE k.contact_id = contacts.id)""",
        list(ids),
    )


async def delete_contacts(connection: Connection, ids: Collection[UUID]) -> None:
    """Contacts that are no more; their hashes stop logging, their addresses are nobody's."""
    await connection.execute(
        """DELETE FROM addresses WHERE kind = 'bcc' AND contact_id = ANY($1::uuid[])
           AND NOT EXISTS (SELECT FROM participants p WHERE p.address_id = addresses.id)""",
        list(ids),
    )
    await connection.execute("DELETE FROM contacts WHERE id = ANY($1::uuid[])", list(ids))


async def resolve(connection: Connection, user_id: UUID, contact_id: UUID) -> UUID | None:
    """The contact's own id, or that of the one it was merged into; None where the user has no such contact."""
    found: UUID | None = await connection.fetchval(
        "SELECT coalesce(merged_into, id) FROM contacts WHERE id = $1 AND user_id = $2", contact_id, user_id
    )
    return found


async def refresh(connection: Connection, ids: Collection[UUID]) -> None:
    """Derive names, phones, search words and the rest anew from cards and addresses."""
    contacts = await connection.fetch(
        "SELECT * FROM contacts WHERE id = ANY($1::uuid[]) AND merged_into IS NULL", list(ids)
    )
    if not contacts:
        return
    cards: dict[UUID, list[CardFields]] = defaultdict(list)
    for row in await connection.fetch(
        """SELECT contact_id, name, company, title, photo_url, birthday, urls, phones FROM cards
           WHERE contact_id = ANY($1::uuid[]) AND live ORDER BY contact_id, account_id, resource_name""",
        list(ids),
    ):
        cards[row["contact_id"]].append(
            CardFields(
                row["name"],
                row["company"],
                row["title"],
                row["photo_url"],
                row["birthday"],
                tuple(row["urls"]),
                tuple(row["phones"]),
            )
        )
    named: dict[UUID, list[Named]] = defaultdict(list)
    for row in await list_addresses(connection, ids):
        if row["kind"] != "bcc":
            at = row["name_at"] if row["name_rank"] >= 0 else None
            named[row["contact_id"]].append(Named(row["shown"], row["name"], row["name_rank"], at))
    await _write(
        connection, {row["id"]: profile(details_of(row), cards[row["id"]], named[row["id"]]) for row in contacts}
    )


def details_of(row: Record | Mapping[str, Any]) -> Details:
    return Details(
        **{field: row[field] for field in ("name", "company", "title", "photo_url", "birthday", "notes")},
        urls=tuple(row["urls"]),
        tags=tuple(row["tags"]),
        typed_phones=tuple(row["typed_phones"]),
        dropped_phones=frozenset(row["dropped_phones"]),
        edited=frozenset(row["edited"]),
    )


async def _write(connection: Connection, profiles: Mapping[UUID, Profile]) -> None:
    await connection.execute(
        """UPDATE contacts c SET name = p.name, company = p.company, title = p.title, photo_url = p.photo_url,
               birthday = p.birthday, urls = p.urls, phones = p.phones, phone_keys = p.phone_keys, name_key = p.name_key,
               words_name = p.words_name, words_near = p.words_near, words_rest = p.words_rest
           FROM jsonb_to_recordset($1::jsonb) AS p(id uuid, name text, company text, title text, photo_url text, birthday text,
               urls text[], phones text[], phone_keys text[], name_key text, words_name text, words_near text, words_rest text)
           WHERE c.id = p.id""",
        [{"id": str(id_), **asdict(one)} for id_, one in profiles.items()],
    )


async def users_of(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Contact ids by user."""
    by_user: dict[UUID, set[UUID]] = {}
    for row in await connection.fetch("SELECT id, user_id FROM contacts WHERE id = ANY($1::uuid[])", list(ids)):
        by_user.setdefault(row["user_id"], set()).add(row["id"])
    return by_user


async def mark_due(connection: Connection, ids: Collection[UUID]) -> None:
    """The scores of these contacts are to be computed anew."""
    await connection.execute("UPDATE contacts SET due_at = '-infinity' WHERE id = ANY($1::uuid[])", list(ids))
