"""What the user does to a contact by hand."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from libs.common.db import Connection
from libs.common.ids import ContactId, UserId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.contact_fields import EditableFields
from services.contacts.domain.identity_resolution import CardKey
from services.contacts.domain.observations import Participant
from services.contacts.store.addresses import get_or_insert_addresses
from services.contacts.store.contact_fields import editable_fields


@dataclass(frozen=True)
class EditableContact:
    """A contact as an edit finds it. `phones` are those that it shows, `phone_keys` the same, comparable."""

    id: ContactId
    user_id: UserId
    fields: EditableFields
    phones: tuple[str, ...]
    phone_keys: tuple[str, ...]
    bcc_hash: str
    merged_into: ContactId | None


async def get_editable_contact(connection: Connection, contact_id: ContactId) -> EditableContact:
    """The contact, which has to be there: the caller has found its id under the user's lock."""
    row = await connection.fetchrow("SELECT * FROM contacts WHERE id = $1", contact_id)
    assert row is not None
    return EditableContact(
        row["id"],
        row["user_id"],
        editable_fields(row),
        tuple(row["phones"]),
        tuple(row["phone_keys"]),
        row["bcc_hash"],
        row["merged_into"],
    )


async def update_edited_fields(connection: Connection, contact_id: ContactId, fields: EditableFields) -> None:
    """Set what the user typed; from now on the contact is theirs."""
    values = vars(fields)
    assignments = "".join(f", {column} = ${number}" for number, column in enumerate(values, start=2))
    await connection.execute(
        f"UPDATE contacts SET pinned = true{assignments} WHERE id = $1",  # noqa: S608  (names of fields)
        contact_id,
        *values.values(),
    )


async def replace_emails(
    connection: Connection, user_id: UserId, contact_id: ContactId, emails: Sequence[Participant]
) -> None:
    """The contact has these emails, in this order. Those taken off are marked, so that mail doesn't put them back."""
    ids = await get_or_insert_addresses(connection, {(user_id, email.kind, email.value): email for email in emails})
    kept = [ids[user_id, email.kind, email.value] for email in emails]
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
        [email.shown for email in emails],
    )


async def delete_contact(connection: Connection, user_id: UserId, contact_id: ContactId) -> None:
    """The contact goes, with its notes, the bios typed for it and the evidence with its identities.

    Its addresses and cards stay marked, so that neither brings it back.
    """
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
        "DELETE FROM identity_evidence e USING addresses a WHERE a.id = e.address_id AND a.contact_id = $1", contact_id
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
        "DELETE FROM profiles p USING addresses a WHERE p.address_id = a.id AND a.contact_id = $1 AND a.kind = 'bcc'",
        contact_id,
    )
    await connection.execute(
        """DELETE FROM addresses a WHERE a.contact_id = $1
           AND NOT EXISTS (SELECT FROM participants p WHERE p.address_id = a.id)""",
        contact_id,
    )
    await connection.execute("DELETE FROM contacts WHERE id = $1", contact_id)


@dataclass(frozen=True)
class Belongings:
    """The addresses and cards of a contact."""

    address_ids: Collection[AddressId]
    cards: Collection[CardKey]


async def list_belongings(connection: Connection, contact_id: ContactId) -> Belongings:
    addresses = await connection.fetch("SELECT id FROM addresses WHERE contact_id = $1 ORDER BY id", contact_id)
    cards = await connection.fetch(
        "SELECT account_id, resource_name FROM cards WHERE contact_id = $1 ORDER BY 1, 2", contact_id
    )
    return Belongings([row["id"] for row in addresses], [(row["account_id"], row["resource_name"]) for row in cards])


async def move_belongings(connection: Connection, belongings: Belongings, origin: ContactId, target: ContactId) -> None:
    """Move addresses and cards from one contact to another, as far as they are still the first one's."""
    await connection.execute(
        "UPDATE addresses SET contact_id = $3 WHERE id = ANY($1::bigint[]) AND contact_id = $2",
        list(belongings.address_ids),
        origin,
        target,
    )
    await connection.execute(
        """UPDATE cards k SET contact_id = $4 FROM unnest($1::uuid[], $2::text[]) AS m(account_id, resource_name)
           WHERE (k.account_id, k.resource_name) = (m.account_id, m.resource_name) AND k.contact_id = $3""",
        [account_id for account_id, _ in belongings.cards],
        [name for _, name in belongings.cards],
        origin,
        target,
    )
