"""Contacts: added, merged into one another, archived, removed."""

from collections.abc import Collection, Mapping, Sequence

from libs.common.db import Connection
from libs.common.ids import ContactId, UserId
from services.contacts.domain.changes import ChangedContacts
from services.contacts.store.bcc import insert_hashes, new_hash


async def insert_contacts(connection: Connection, contacts: Sequence[tuple[ContactId, UserId]]) -> None:
    """New, empty contacts with a BCC hash each; `refresh_fields` fills them."""
    hashed = [(contact_id, user_id, new_hash()) for contact_id, user_id in contacts]
    await connection.execute(
        "INSERT INTO contacts (id, user_id, bcc_hash) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])",
        *map(list, zip(*hashed, strict=True)),
    )
    await insert_hashes(connection, hashed)


async def get_living_id(connection: Connection, user_id: UserId, contact_id: ContactId) -> ContactId | None:
    """The contact's own id, or that of the one it was merged into; None where the user has no such contact."""
    found: ContactId | None = await connection.fetchval(
        "SELECT coalesce(merged_into, id) FROM contacts WHERE id = $1 AND user_id = $2", contact_id, user_id
    )
    return found


async def get_name(connection: Connection, contact_id: ContactId) -> str:
    """What the contact is called."""
    return await connection.fetchval("SELECT name FROM contacts WHERE id = $1", contact_id) or ""


async def update_merged(connection: Connection, merged: Mapping[ContactId, ContactId]) -> None:
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


async def update_archived(connection: Connection, archived: Mapping[ContactId, bool]) -> None:
    """Archive these contacts or bring them back, but for those of which the user decided it."""
    await connection.execute(
        """UPDATE contacts c SET archived = a.archived FROM unnest($1::uuid[], $2::bool[]) AS a(id, archived)
           WHERE c.id = a.id AND c.archived <> a.archived AND NOT 'archived' = ANY(c.edited)""",
        list(archived.keys()),
        list(archived.values()),
    )


async def mark_imported(connection: Connection, contact_ids: Collection[ContactId]) -> None:
    await connection.execute(
        "UPDATE contacts SET imported = true WHERE id = ANY($1::uuid[]) AND NOT imported", list(contact_ids)
    )


async def clear_imported(connection: Connection, contact_ids: Collection[ContactId]) -> None:
    """Their cards were purged: where none is left, they go on as if there never had been one."""
    await connection.execute(
        """UPDATE contacts SET imported = false WHERE id = ANY($1::uuid[])
           AND NOT EXISTS (SELECT FROM cards k WHERE k.contact_id = contacts.id)""",
        list(contact_ids),
    )


async def delete_contacts(connection: Connection, contact_ids: Collection[ContactId]) -> None:
    """Contacts that are no more; their hashes stop logging, their addresses are nobody's."""
    await connection.execute(
        """DELETE FROM addresses WHERE kind = 'bcc' AND contact_id = ANY($1::uuid[])
           AND NOT EXISTS (SELECT FROM participants p WHERE p.address_id = addresses.id)""",
        list(contact_ids),
    )
    await connection.execute("DELETE FROM contacts WHERE id = ANY($1::uuid[])", list(contact_ids))


async def list_by_user(connection: Connection, contact_ids: Collection[ContactId]) -> ChangedContacts:
    """These contacts by user."""
    by_user: ChangedContacts = {}
    rows = await connection.fetch("SELECT id, user_id FROM contacts WHERE id = ANY($1::uuid[])", list(contact_ids))
    for row in rows:
        by_user.setdefault(row["user_id"], set()).add(row["id"])
    return by_user
