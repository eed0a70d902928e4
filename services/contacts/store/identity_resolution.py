"""The closed sets of contacts, addresses and cards whose identities are resolved together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from libs.common.db import Connection, Record
from libs.common.ids import ContactId, UserId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.identity_resolution import Card, CardKey, Member, Person

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Seeds:
    """What a closed set grows from."""

    addresses: Collection[AddressId] = ()
    cards: Collection[CardKey] = ()
    contacts: Collection[ContactId] = ()


@dataclass(frozen=True)
class Closure:
    """Contacts with all their email addresses and cards, and all that those name. `ownerless`: cards that are the user, or dismissed."""

    people: list[Person]
    members: list[Member]
    cards: list[Card]
    ownerless: list[CardKey]


@dataclass
class _Growing:
    """A set on its way to being closed."""

    contacts: set[ContactId]
    addresses: dict[AddressId, Record] = field(default_factory=dict)
    cards: dict[CardKey, Record] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int, int]:
        return len(self.contacts), len(self.addresses), len(self.cards)

    @property
    def emails(self) -> set[str]:
        on_cards = {email for card in self.cards.values() for email in card["emails"]}
        return on_cards | {address["value"] for address in self.addresses.values()}

    @property
    def marks(self) -> list[tuple[str, str]]:
        """Folded name and phone of each card that has both."""
        return [
            (card["folded"], phone) for card in self.cards.values() if card["folded"] for phone in card["phone_keys"]
        ]


async def list_closure(connection: Connection, user_id: UserId, seeds: Seeds) -> Closure:
    """Everything that hangs together with these addresses, cards and contacts."""
    found = _Growing(set(seeds.contacts))
    while True:
        size = found.size
        await _add_addresses(connection, user_id, seeds, found)
        await _add_cards(connection, user_id, seeds, found)
        found.contacts |= await _list_pinned_like(connection, user_id, found.marks)
        if found.size == size:
            return await _closure(connection, found)


async def _add_addresses(connection: Connection, user_id: UserId, seeds: Seeds, found: _Growing) -> None:
    """Those of the contacts, and those that the cards name; and whose they are."""
    rows = await connection.fetch(
        """SELECT id, value, contact_id, is_me, barred FROM addresses WHERE id = ANY($2::bigint[]) AND kind = 'email'
           UNION SELECT id, value, contact_id, is_me, barred FROM addresses WHERE contact_id = ANY($3::uuid[]) AND kind = 'email'
           UNION SELECT id, value, contact_id, is_me, barred FROM addresses
           WHERE user_id = $1 AND kind = 'email' AND value = ANY($4::text[])""",
        user_id,
        list(seeds.addresses),
        list(found.contacts),
        list(found.emails),
    )
    found.addresses |= {row["id"]: row for row in rows}
    found.contacts |= {row["contact_id"] for row in rows if row["contact_id"]}


async def _add_cards(connection: Connection, user_id: UserId, seeds: Seeds, found: _Growing) -> None:
    """Those of the contacts, those that name an address, those that are or were a card of ours under another name, and those that share a
    phone and the name with one; and whose they are.
    """
    columns = (
        "k.account_id, k.resource_name, k.contact_id, k.live, k.dismissed, k.emails, k.phone_keys, k.folded, k.former"
    )
    rows = await connection.fetch(
        f"""SELECT {columns} FROM cards k JOIN unnest($2::uuid[], $3::text[]) AS s(account_id, resource_name)
                USING (account_id, resource_name)
            UNION SELECT {columns} FROM cards k WHERE k.contact_id = ANY($4::uuid[])
            UNION SELECT {columns} FROM cards k WHERE k.emails && $5::text[] AND k.user_id = $1
            UNION SELECT {columns} FROM unnest($6::text[], $7::text[]) AS m(folded, phone)
                JOIN cards k ON k.user_id = $1 AND k.folded = m.folded AND k.phone_keys @> ARRAY[m.phone]
            UNION SELECT {columns} FROM unnest($8::uuid[], $9::text[]) AS f(account_id, former) JOIN cards k
                ON k.account_id = f.account_id AND k.resource_name = f.former
            UNION SELECT {columns} FROM unnest($10::uuid[], $11::text[]) AS c(account_id, resource_name) JOIN cards k
                ON k.former <> '{{}}' AND k.former @> ARRAY[c.resource_name] AND k.account_id = c.account_id""",  # noqa: S608  (columns above)
        user_id,
        *_columns(list(seeds.cards)),
        list(found.contacts),
        list(found.emails),
        *_columns(found.marks),
        *_columns([(key[0], former) for key, card in found.cards.items() for former in card["former"]]),
        *_columns(list(found.cards)),
    )
    found.cards |= {(row["account_id"], row["resource_name"]): row for row in rows}
    found.contacts |= {row["contact_id"] for row in rows if row["contact_id"]}


async def _list_pinned_like(
    connection: Connection, user_id: UserId, marks: Sequence[tuple[str, str]]
) -> set[ContactId]:
    """Pinned contacts with one of these folded names and its phone."""
    if not marks:
        return set()
    rows = await connection.fetch(
        """SELECT DISTINCT c.id FROM unnest($2::text[], $3::text[]) AS m(folded, phone)
           JOIN contacts c ON c.user_id = $1 AND c.name_key = m.folded AND c.phone_keys @> ARRAY[m.phone]
           WHERE c.pinned AND c.merged_into IS NULL""",
        user_id,
        *_columns(marks),
    )
    return {row["id"] for row in rows}


def _columns(pairs: Sequence[tuple[A, B]]) -> tuple[list[A], list[B]]:
    return [first for first, _ in pairs], [second for _, second in pairs]


async def _closure(connection: Connection, found: _Growing) -> Closure:
    people = await _list_people(connection, found.contacts)
    with_reason = await _list_with_reason(connection, found.addresses)
    own = {row["value"] for row in found.addresses.values() if row["is_me"]}
    pinned = {person.id for person in people if person.pinned}
    ids: dict[str, AddressId] = {row["value"]: row["id"] for row in found.addresses.values()}

    def is_ownerless(row: Record) -> bool:
        return bool(row["dismissed"]) or not own.isdisjoint(row["emails"])

    return Closure(
        people=people,
        members=[
            Member(address_id, row["contact_id"], address_id in with_reason, row["barred"])
            for address_id, row in sorted(found.addresses.items())
            # What became the user's own leaves automatic contacts; where the user typed it, it stays.
            if not row["is_me"] or row["contact_id"] in pinned
        ],
        cards=[_card(key, row, ids) for key, row in sorted(found.cards.items(), key=str) if not is_ownerless(row)],
        ownerless=[key for key, row in found.cards.items() if is_ownerless(row)],
    )


async def _list_people(connection: Connection, contact_ids: Collection[ContactId]) -> list[Person]:
    rows = await connection.fetch(
        """SELECT c.id, c.pinned, c.imported, c.phone_keys, c.name_key,
               EXISTS (SELECT FROM addresses a JOIN participants p ON p.address_id = a.id
                       WHERE a.contact_id = c.id AND a.kind = 'bcc') OR
               EXISTS (SELECT FROM addresses a JOIN contact_reasons r ON r.address_id = a.id
                       WHERE a.contact_id = c.id AND a.kind NOT IN ('bcc', 'email')) AS anchored,
               c.imported AND EXISTS (SELECT FROM addresses a JOIN participants p ON p.address_id = a.id
                                      WHERE a.contact_id = c.id) AS met
           FROM contacts c WHERE c.id = ANY($1::uuid[]) AND c.merged_into IS NULL""",
        list(contact_ids),
    )
    return [
        Person(
            id=row["id"],
            pinned=row["pinned"],
            anchored=row["anchored"],
            imported=row["imported"],
            met=row["met"],
            phones=frozenset(row["phone_keys"]),
            folded_name=row["name_key"],
        )
        for row in rows
    ]


async def _list_with_reason(connection: Connection, address_ids: Collection[AddressId]) -> set[AddressId]:
    rows = await connection.fetch(
        """SELECT id FROM unnest($1::bigint[]) AS id WHERE EXISTS (SELECT FROM contact_reasons r WHERE r.address_id = id)""",
        list(address_ids),
    )
    return {row["id"] for row in rows}


def _card(key: CardKey, row: Record, ids: Mapping[str, AddressId]) -> Card:
    emails = tuple(ids[email] for email in row["emails"] if email in ids)
    former = tuple((key[0], name) for name in row["former"])
    return Card(key, emails, frozenset(row["phone_keys"]), row["folded"], row["contact_id"], row["live"], former)
