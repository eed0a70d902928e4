"""What a contact shows in full, beside its addresses and scores."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import ContactId, UserId
from services.contacts.domain.relationships import DetailedRelationship


@dataclass(frozen=True)
class ContactDetails:
    """The stored columns of a contact. `linked`: a live card of Google stands behind it. `relationship`: where it has very many lines."""

    id: ContactId
    name: str
    company: str
    title: str
    photo_url: str
    phones: tuple[str, ...]
    birthday: str
    urls: tuple[str, ...]
    notes: str
    tags: tuple[str, ...]
    bcc_hash: str
    linked: bool
    archived: bool
    created_at: datetime
    relationship: DetailedRelationship | None


async def list_details(
    connection: Connection, user_id: UserId, contact_ids: Sequence[ContactId]
) -> list[ContactDetails]:
    """Those of these contacts that are the user's, in the given order."""
    rows = await connection.fetch(
        """SELECT c.*, EXISTS (SELECT FROM cards k WHERE k.contact_id = c.id AND k.live) AS linked
           FROM contacts c WHERE c.id = ANY($1::uuid[]) AND c.user_id = $2""",
        list(contact_ids),
        user_id,
    )
    found = {
        row["id"]: ContactDetails(
            id=row["id"],
            name=row["name"],
            company=row["company"],
            title=row["title"],
            photo_url=row["photo_url"],
            phones=tuple(row["phones"]),
            birthday=row["birthday"],
            urls=tuple(row["urls"]),
            notes=row["notes"],
            tags=tuple(row["tags"]),
            bcc_hash=row["bcc_hash"],
            linked=row["linked"],
            archived=row["archived"],
            created_at=row["created_at"],
            relationship=row["relationship"] and DetailedRelationship.model_validate(row["relationship"]),
        )
        for row in rows
    }
    return [found[contact_id] for contact_id in contact_ids if contact_id in found]


async def get_photo_url(connection: Connection, contact_id: ContactId) -> str:
    """Empty where the contact has no photo."""
    return await connection.fetchval("SELECT photo_url FROM contacts WHERE id = $1", contact_id) or ""


async def list_on_file(connection: Connection, contact_ids: Collection[ContactId]) -> set[ContactId]:
    """Of these contacts, those with a card of Google Contacts, and those that the user made, edited or merged."""
    rows = await connection.fetch(
        """SELECT id FROM contacts WHERE id = ANY($1::uuid[])
           AND (pinned OR EXISTS (SELECT FROM cards k WHERE k.contact_id = contacts.id AND k.live))""",
        list(contact_ids),
    )
    return {row["id"] for row in rows}
