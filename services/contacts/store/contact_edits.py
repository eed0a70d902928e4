"""What the user does to a contact by hand."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.db import Connection, Record
from services.contacts.domain.projection import Participant
from services.contacts.store.addresses import ensure_addresses
from services.contacts.store.contacts import add_hashes, fresh_hash

COLUMNS = (
    "name", "company", "title", "photo_url", "birthday", "urls", "notes", "tags", "typed_phones", "dropped_phones", "edited", "archived",
)  # fmt: skip


async def get_contact(connection: Connection, contact_id: UUID) -> Record:
    row = await connection.fetchrow("SELECT * FROM contacts WHERE id = $1", contact_id)
    assert row is not None, "the caller has resolved the id under the user's lock"
    return row


async def put_columns(connection: Connection, contact_id: UUID, values: Mapping[str, Any]) -> None:
    """Set what the user typed; from now on the contact is theirs."""
    assert set(values) <= set(COLUMNS)
    assignments = "".join(f", {column} = ${number}" for number, column in enumerate(values, start=2))
    await connection.execute(
        f"UPDATE contacts SET pinned = true{assignments} WHERE id = $1",  # noqa: S608  (columns above)
        contact_id,
        *values.values(),
    )


async def put_emails(connection: Connection, user_id: UUID, contact_id: UUID, emails: Sequence[Participant]) -> None:
    """The contact has these emails, in this order. Those taken off are marked, so that mail doesn't put them back."""
    ids = await ensure_addresses(connection, {(user_id, who.kind, who.value): who for who in emails})
    kept = [ids[user_id, who.kind, who.value] for who in emails]
    await connection.execute(
        """UPDATE addresses SET contact_id = NULL, position = NULL, barred = true
           WHERE contact_id = $1 AND kind = 'email' AND id <> ALL($2::bigint[])""",
        contact_id,
        kept,
    )
    await connection.execute(
        """UPDATE addresses a SET contact_id = $1, barred = false, position = k.position, shown = k.shown
           FROM unnest($2::bigint[], $3::int[], $4::text[]) AS k(id, position, shown) WHERE a.id = k.id""",
        contact_id,
        kept,
        list(range(len(kept))),
        [who.shown for who in emails],
    )


async def rotate_hash(connection: Connection, user_id: UUID, contact_id: UUID, now: datetime) -> None:
    """A new hash; every earlier one logs no mail that is sent from now on."""
    hash_ = fresh_hash()
    await connection.execute(
        "UPDATE addresses SET retired_at = $2 WHERE contact_id = $1 AND kind = 'bcc' AND retired_at IS NULL",
        contact_id,
        now,
    )
    await connection.execute("UPDATE contacts SET bcc_hash = $2 WHERE id = $1", contact_id, hash_)
    await add_hashes(connection, [(contact_id, user_id, hash_)])


async def is_retired(connection: Connection, contact_id: UUID) -> bool:
    """Whether the hash that the contact shows logs nothing any more."""
    return bool(
        await connection.fetchval(
            """SELECT EXISTS (SELECT FROM contacts k JOIN addresses a ON (a.user_id, a.kind, a.value) = (k.user_id, 'bcc', k.bcc_hash)
               WHERE k.id = $1 AND a.retired_at IS NOT NULL)""",
            contact_id,
        )
    )


async def delete_contact(connection: Connection, user_id: UUID, contact_id: UUID) -> None:
    """The contact and its notes go. Its addresses and cards stay marked, so that neither brings it back."""
    await connection.execute(
        """WITH notes AS (
               DELETE FROM interactions i USING participants p, addresses a
               WHERE p.interaction_id = i.id AND a.id = p.address_id AND a.kind = 'bcc' AND a.contact_id = $1 AND p.role = 'other'
               RETURNING i.id
           ), parted AS (
               DELETE FROM participants p USING notes WHERE p.interaction_id = notes.id
           ) DELETE FROM sightings s USING notes WHERE s.interaction_id = notes.id""",
        contact_id,
    )
    await connection.execute(
        "UPDATE addresses SET contact_id = NULL, position = NULL, barred = true WHERE contact_id = $1 AND kind <> 'bcc'",
        contact_id,
    )
    await connection.execute(
        "UPDATE cards SET contact_id = NULL, dismissed = true WHERE contact_id = $1 AND user_id = $2",
        contact_id,
        user_id,
    )
    await connection.execute(
        """DELETE FROM addresses a WHERE a.contact_id = $1
           AND NOT EXISTS (SELECT FROM participants p WHERE p.address_id = a.id)""",
        contact_id,
    )
    await connection.execute("DELETE FROM contacts WHERE id = $1", contact_id)


async def move(
    connection: Connection,
    address_ids: Collection[int],
    cards: Collection[tuple[UUID, str]],
    origin: UUID,
    target: UUID,
) -> None:
    """Move addresses and cards from one contact to another, as far as they are still the first one's."""
    await connection.execute(
        "UPDATE addresses SET contact_id = $3 WHERE id = ANY($1::bigint[]) AND contact_id = $2",
        list(address_ids),
        origin,
        target,
    )
    await connection.execute(
        """UPDATE cards k SET contact_id = $4 FROM unnest($1::uuid[], $2::text[]) AS m(account_id, resource_name)
           WHERE (k.account_id, k.resource_name) = (m.account_id, m.resource_name) AND k.contact_id = $3""",
        [account for account, _ in cards],
        [name for _, name in cards],
        origin,
        target,
    )
