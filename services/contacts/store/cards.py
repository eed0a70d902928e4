"""Google's cards, and the closed sets of contacts, addresses and cards that are grouped together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs.common.db import Connection, Record
from services.contacts.domain.identity_resolution import Card, CardKey, Member, Person


@dataclass(frozen=True)
class CardRow:
    """A card as it is stored. `emails` canonical, `phones` as written, `phone_keys` comparable. Not live: it is gone."""

    user_id: UUID
    account_id: UUID
    resource_name: str
    revision: int
    live: bool
    name: str = ""
    folded: str = ""
    company: str = ""
    title: str = ""
    photo_url: str = ""
    birthday: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    phone_keys: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    @property
    def key(self) -> CardKey:
        return self.account_id, self.resource_name


async def upsert_cards(connection: Connection, cards: Sequence[CardRow]) -> list[CardKey]:
    """Store cards where they are newer than what is known; the keys of those."""
    rows = await connection.fetch(
        """INSERT INTO cards (user_id, account_id, resource_name, revision, live, name, folded, company, title, photo_url, birthday,
                              emails, phones, phone_keys, urls)
           SELECT * FROM jsonb_to_recordset($1::jsonb) AS k(user_id uuid, account_id uuid, resource_name text, revision bigint,
               live boolean, name text, folded text, company text, title text, photo_url text, birthday text, emails text[],
               phones text[], phone_keys text[], urls text[])
           ON CONFLICT (account_id, resource_name) DO UPDATE SET revision = excluded.revision, live = excluded.live, name = excluded.name,
               folded = excluded.folded, company = excluded.company, title = excluded.title, photo_url = excluded.photo_url,
               birthday = excluded.birthday, emails = excluded.emails, phones = excluded.phones,
               phone_keys = excluded.phone_keys, urls = excluded.urls
           WHERE cards.revision < excluded.revision
           RETURNING account_id, resource_name""",
        [vars(card) for card in cards],
    )
    return [(row["account_id"], row["resource_name"]) for row in rows]


async def remove_card(connection: Connection, user_id: UUID, key: CardKey, revision: int) -> bool:
    """The card is gone; what it said stays, so that the contact stays one. True where that is news."""
    return (
        await connection.fetchval(
            """INSERT INTO cards (user_id, account_id, resource_name, revision, live) VALUES ($1, $2, $3, $4, false)
               ON CONFLICT (account_id, resource_name) DO UPDATE SET live = false, revision = $4 WHERE cards.revision < $4
               RETURNING 1""",
            user_id,
            *key,
            revision,
        )
        is not None
    )


async def rename_card(connection: Connection, account_id: UUID, former: Sequence[str], name: str) -> None:
    """Google merged or renamed cards: the link of a former one goes on under the new name."""
    await connection.execute(
        """UPDATE cards SET contact_id = f.contact_id, dismissed = f.dismissed FROM cards f
           WHERE cards.account_id = $1 AND cards.resource_name = $3 AND cards.contact_id IS NULL
             AND f.account_id = $1 AND f.resource_name = ANY($2::text[]) AND (f.contact_id IS NOT NULL OR f.dismissed)""",
        account_id,
        list(former),
        name,
    )
    await connection.execute(
        "DELETE FROM cards WHERE account_id = $1 AND resource_name = ANY($2::text[]) AND resource_name <> $3",
        account_id,
        list(former),
        name,
    )


async def link_cards(connection: Connection, owners: Mapping[CardKey, UUID | None]) -> None:
    await connection.execute(
        """UPDATE cards k SET contact_id = o.contact_id FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS o(account_id, name, contact_id)
           WHERE k.account_id = o.account_id AND k.resource_name = o.name AND k.contact_id IS DISTINCT FROM o.contact_id""",
        [key[0] for key in owners],
        [key[1] for key in owners],
        list(owners.values()),
    )


async def delete_cards_of(connection: Connection, account_id: UUID) -> list[Record]:
    """Purge an account's cards: contact_id, emails of each."""
    return await connection.fetch("DELETE FROM cards WHERE account_id = $1 RETURNING contact_id, emails", account_id)


@dataclass(frozen=True)
class Closure:
    """Contacts with all their email addresses and cards, and all that those name. `mine`: cards that are the user, or dismissed."""

    people: list[Person]
    members: list[Member]
    cards: list[Card]
    mine: list[CardKey]


async def close(
    connection: Connection,
    user_id: UUID,
    addresses: Collection[int],
    cards: Collection[CardKey],
    contacts: Collection[UUID],
) -> Closure:
    """Everything that hangs together with these addresses, cards and contacts."""
    contact_ids, address_rows, card_rows = set(contacts), dict[int, Record](), dict[CardKey, Record]()
    seeds, card_seeds = set(addresses), set(cards)
    while True:
        size = len(contact_ids), len(address_rows), len(card_rows)
        emails = {row["value"] for row in address_rows.values()} | {
            e for row in card_rows.values() for e in row["emails"]
        }
        address_rows |= {row["id"]: row for row in await _addresses(connection, user_id, seeds, contact_ids, emails)}
        emails |= {row["value"] for row in address_rows.values()}
        contact_ids |= {row["contact_id"] for row in address_rows.values() if row["contact_id"]}
        found = await _cards(connection, user_id, card_seeds, contact_ids, emails, list(card_rows.values()))
        card_rows |= {(row["account_id"], row["resource_name"]): row for row in found}
        contact_ids |= {row["contact_id"] for row in card_rows.values() if row["contact_id"]}
        contact_ids |= await _pinned_like(connection, user_id, list(card_rows.values()))
        if size == (len(contact_ids), len(address_rows), len(card_rows)):
            break
    return await _nodes(connection, contact_ids, address_rows, card_rows)


async def _addresses(
    connection: Connection, user_id: UUID, ids: Collection[int], contacts: Collection[UUID], values: Collection[str]
) -> list[Record]:
    return await connection.fetch(
        """SELECT id, value, contact_id, is_me, barred FROM addresses WHERE id = ANY($2::bigint[]) AND kind = 'email'
           UNION SELECT id, value, contact_id, is_me, barred FROM addresses WHERE contact_id = ANY($3::uuid[]) AND kind = 'email'
           UNION SELECT id, value, contact_id, is_me, barred FROM addresses
           WHERE user_id = $1 AND kind = 'email' AND value = ANY($4::text[])""",
        user_id,
        list(ids),
        list(contacts),
        list(values),
    )


async def _cards(
    connection: Connection, user_id: UUID, keys: Collection[CardKey], contacts: Collection[UUID], emails: Collection[str],
    known: Sequence[Record],
) -> list[Record]:  # fmt: skip
    """Cards by key, contact, email, and those that share a phone and the name with a known one."""
    columns = "k.account_id, k.resource_name, k.contact_id, k.live, k.dismissed, k.emails, k.phone_keys, k.folded"
    marks = [(row["folded"], phone) for row in known if row["folded"] for phone in row["phone_keys"]]
    return await connection.fetch(
        f"""SELECT {columns} FROM cards k JOIN unnest($2::uuid[], $3::text[]) AS s(account_id, resource_name)
                USING (account_id, resource_name)
            UNION SELECT {columns} FROM cards k WHERE k.contact_id = ANY($4::uuid[])
            UNION SELECT {columns} FROM cards k WHERE k.emails && $5::text[] AND k.user_id = $1
            UNION SELECT {columns} FROM unnest($6::text[], $7::text[]) AS m(folded, phone)
                JOIN cards k ON k.user_id = $1 AND k.folded = m.folded AND k.phone_keys @> ARRAY[m.phone]""",  # noqa: S608  (columns above)
        user_id,
        [key[0] for key in keys],
        [key[1] for key in keys],
        list(contacts),
        list(emails),
        [folded for folded, _ in marks],
        [phone for _, phone in marks],
    )


async def _pinned_like(connection: Connection, user_id: UUID, cards: Sequence[Record]) -> set[UUID]:
    """Pinned contacts with the name and a phone of one of these cards."""
    marks = [(row["folded"], phone) for row in cards if row["folded"] for phone in row["phone_keys"]]
    if not marks:
        return set()
    rows = await connection.fetch(
        """SELECT DISTINCT c.id FROM unnest($2::text[], $3::text[]) AS m(folded, phone)
           JOIN contacts c ON c.user_id = $1 AND c.name_key = m.folded AND c.phone_keys @> ARRAY[m.phone]
           WHERE c.pinned AND c.merged_into IS NULL""",
        user_id,
        [folded for folded, _ in marks],
        [phone for _, phone in marks],
    )
    return {row["id"] for row in rows}


async def _nodes(
    connection: Connection,
    contact_ids: Collection[UUID],
    addresses: Mapping[int, Record],
    cards: Mapping[CardKey, Record],
) -> Closure:
    people = await connection.fetch(
        """SELECT c.id, c.pinned, c.imported, c.phone_keys, c.name_key,
               EXISTS (SELECT FROM addresses a JOIN participants p ON p.address_id = a.id
                       WHERE a.contact_id = c.id AND a.kind = 'bcc') OR
               EXISTS (SELECT FROM addresses a JOIN contact_reasons w ON w.address_id = a.id
                       WHERE a.contact_id = c.id AND a.kind NOT IN ('bcc', 'email')) AS anchored,
               c.imported AND EXISTS (SELECT FROM addresses a JOIN participants p ON p.address_id = a.id
                                      WHERE a.contact_id = c.id) AS met
           FROM contacts c WHERE c.id = ANY($1::uuid[]) AND c.merged_into IS NULL""",
        list(contact_ids),
    )
    wanted = await connection.fetch(
        """SELECT id FROM unnest($1::bigint[]) AS id WHERE EXISTS (SELECT FROM contact_reasons w WHERE w.address_id = id)""",
        list(addresses),
    )
    wanted_ids = {row["id"] for row in wanted}
    mine = {row["value"] for row in addresses.values() if row["is_me"]}
    pinned = {row["id"] for row in people if row["pinned"]}
    by_value: dict[str, int] = {row["value"]: row["id"] for row in addresses.values()}

    def is_mine(row: Record) -> bool:
        return bool(row["dismissed"]) or not mine.isdisjoint(row["emails"])

    return Closure(
        people=[_person(row) for row in people],
        members=[
            Member(row["id"], row["contact_id"], row["id"] in wanted_ids, row["barred"])
            for row in sorted(addresses.values(), key=lambda row: int(row["id"]))
            # What became mine leaves automatic contacts; where the user typed it, it stays.
            if not row["is_me"] or row["contact_id"] in pinned
        ],
        cards=[_card(key, row, by_value) for key, row in sorted(cards.items(), key=str) if not is_mine(row)],
        mine=[key for key, row in cards.items() if is_mine(row)],
    )


def _person(row: Record) -> Person:
    return Person(
        row["id"],
        row["pinned"],
        row["anchored"],
        row["imported"],
        row["met"],
        frozenset(row["phone_keys"]),
        row["name_key"],
    )


def _card(key: CardKey, row: Record, by_value: Mapping[str, int]) -> Card:
    emails: tuple[Any, ...] = tuple(by_value[email] for email in row["emails"] if email in by_value)
    return Card(key, emails, frozenset(row["phone_keys"]), row["folded"], row["contact_id"], row["live"])
