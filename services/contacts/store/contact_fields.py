"""What the fields of contacts are derived from, and the derived fields."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

from libs.common.db import Connection, Record
from libs.common.ids import ContactId
from services.contacts.domain.contact_fields import CardFields, DerivedFields, EditableFields, NamedAddress
from services.contacts.store.addresses import list_contact_addresses


@dataclass(frozen=True)
class FieldSources:
    """What one contact shows its fields from: what is stored, its cards in a fixed order, its addresses as they are shown.

    The cards are the live ones. `former_name`: what a card called it that is gone, so that nobody is left without any name.
    """

    stored: EditableFields
    cards: list[CardFields]
    addresses: list[NamedAddress]
    former_name: str


async def list_field_sources(
    connection: Connection, contact_ids: Collection[ContactId]
) -> dict[ContactId, FieldSources]:
    """Of those of these contacts that were not merged into others."""
    contacts = await connection.fetch(
        "SELECT * FROM contacts WHERE id = ANY($1::uuid[]) AND merged_into IS NULL", list(contact_ids)
    )
    if not contacts:
        return {}
    cards: dict[ContactId, list[CardFields]] = defaultdict(list)
    former: dict[ContactId, str] = {}
    for row in await connection.fetch(
        """SELECT contact_id, live, name, company, title, photo_url, birthday, urls, phones, canonical_phones FROM cards
           WHERE contact_id = ANY($1::uuid[]) ORDER BY contact_id, account_id, resource_name""",
        list(contact_ids),
    ):
        card = _card_fields(row)
        if row["live"]:
            cards[row["contact_id"]].append(card)
        elif name := card.name or card.company or "".join(card.phones[:1]):
            former.setdefault(row["contact_id"], name)
    named: dict[ContactId, list[NamedAddress]] = defaultdict(list)
    for address in await list_contact_addresses(connection, contact_ids):
        if address.kind != "bcc":
            named[address.contact_id].append(
                NamedAddress(address.shown, address.name, address.name_rank, address.name_at)
            )
    return {
        row["id"]: FieldSources(editable_fields(row), cards[row["id"]], named[row["id"]], former.get(row["id"], ""))
        for row in contacts
    }


def editable_fields(row: Record) -> EditableFields:
    """Those of a row of `contacts`."""
    return EditableFields(
        name=row["name"],
        company=row["company"],
        title=row["title"],
        photo_url=row["photo_url"],
        birthday=row["birthday"],
        urls=tuple(row["urls"]),
        notes=row["notes"],
        tags=tuple(row["tags"]),
        typed_phones=tuple(row["typed_phones"]),
        dropped_phones=tuple(row["dropped_phones"]),
        edited=tuple(row["edited"]),
        archived=row["archived"],
    )


def _card_fields(row: Record) -> CardFields:
    return CardFields(
        row["name"],
        row["company"],
        row["title"],
        row["photo_url"],
        row["birthday"],
        tuple(row["urls"]),
        tuple(row["phones"]),
        tuple(row["canonical_phones"]),
    )


async def update_derived_fields(connection: Connection, derived: Mapping[ContactId, DerivedFields]) -> None:
    """Store what is other than before."""
    await connection.execute(
        """UPDATE contacts c SET name = p.name, company = p.company, title = p.title, photo_url = p.photo_url,
               birthday = p.birthday, urls = p.urls, phones = p.phones, phone_keys = p.phone_keys, name_key = p.name_key,
               company_key = p.company_key, words_name = p.words_name, words_near = p.words_near, words_rest = p.words_rest,
               derive_due = false,
               duplicates_due = c.duplicates_due OR (c.name_key, c.phone_keys, c.urls, c.words_near)
                   IS DISTINCT FROM (p.name_key, p.phone_keys, p.urls, p.words_near)
           FROM jsonb_to_recordset($1::jsonb) AS p(id uuid, name text, company text, title text, photo_url text, birthday text,
               urls text[], phones text[], phone_keys text[], name_key text, company_key text,
               words_name text, words_near text, words_rest text)
           WHERE c.id = p.id AND (c.derive_due OR ROW(c.name, c.company, c.title, c.photo_url, c.birthday, c.urls, c.phones, c.phone_keys,
               c.name_key, c.company_key, c.words_name, c.words_near, c.words_rest)
               IS DISTINCT FROM ROW(p.name, p.company, p.title, p.photo_url,
               p.birthday, p.urls, p.phones, p.phone_keys, p.name_key, p.company_key, p.words_name, p.words_near, p.words_rest))""",
        [{"id": str(contact_id), **asdict(fields)} for contact_id, fields in derived.items()],
    )
