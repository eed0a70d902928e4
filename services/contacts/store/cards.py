"""Google's cards. A removed one keeps what is on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import AccountId, ContactId, UserId
from services.contacts.domain.cards import GoogleCard
from services.contacts.domain.identity_resolution import CardKey

# The card stated a work, and states another now.
_OTHER_WORK = """(cards.live AND excluded.live AND (cards.company <> '' OR cards.title <> '')
    AND (cards.company, cards.title) IS DISTINCT FROM (excluded.company, excluded.title))"""


async def upsert_cards(connection: Connection, cards: Sequence[GoogleCard]) -> list[CardKey]:
    """Store cards where they are newer than what is known; the keys of those."""
    rows = await connection.fetch(
        f"""INSERT INTO cards (user_id, account_id, resource_name, revision, live, name, folded, company, title, photo_url, birthday,
                              emails, phones, canonical_phones, phone_keys, urls, former)
           SELECT * FROM jsonb_to_recordset($1::jsonb) AS k(user_id uuid, account_id uuid, resource_name text, revision bigint,
               live boolean, name text, folded text, company text, title text, photo_url text, birthday text, emails text[],
               phones text[], canonical_phones text[], phone_keys text[], urls text[], former text[])
           ON CONFLICT (account_id, resource_name) DO UPDATE SET revision = excluded.revision, live = excluded.live, name = excluded.name,
               folded = excluded.folded, company = excluded.company, title = excluded.title, photo_url = excluded.photo_url,
               birthday = excluded.birthday, emails = excluded.emails, phones = excluded.phones,
               canonical_phones = excluded.canonical_phones, phone_keys = excluded.phone_keys,
               urls = excluded.urls, former = excluded.former, derive_due = false,
               company_was = CASE WHEN {_OTHER_WORK} THEN cards.company ELSE cards.company_was END,
               title_was = CASE WHEN {_OTHER_WORK} THEN cards.title ELSE cards.title_was END,
               work_changed_at = CASE WHEN {_OTHER_WORK} THEN now() ELSE cards.work_changed_at END
           WHERE cards.revision < excluded.revision
           RETURNING account_id, resource_name""",  # noqa: S608  (a condition of this module)
        [vars(card) for card in cards],
    )
    return [(row["account_id"], row["resource_name"]) for row in rows]


_FIELDS = tuple(column.name for column in fields(GoogleCard))


async def list_cards_with(
    connection: Connection, user_id: UserId, kind: str, value: str, limit: int, after: CardKey
) -> list[GoogleCard]:
    """The next cards that name an address under this rule, or (`phone`) that have this phone and no email."""
    rows = await connection.fetch(
        f"""SELECT {", ".join(_FIELDS)} FROM cards k
            WHERE user_id = $1 AND (account_id, resource_name) > ($5, $6) AND CASE $2
                WHEN 'phone' THEN emails = '{{}}' AND phone_keys @> ARRAY[$3]
                WHEN 'domain' THEN EXISTS (SELECT FROM unnest(emails) AS email
                                           WHERE split_part(email, '@', 2) = $3 OR split_part(email, '@', 2) LIKE '%.' || $3)
                ELSE EXISTS (SELECT FROM unnest(emails) AS email WHERE $3 IN (email, regexp_replace(email, '\\+.*@', '@'))) END
            ORDER BY account_id, resource_name LIMIT $4""",  # noqa: S608  (names of fields)
        user_id,
        kind,
        value,
        limit,
        *after,
    )
    lists = ("emails", "phones", "canonical_phones", "phone_keys", "urls")
    ids = ("user_id", "account_id")
    return [
        GoogleCard(
            **{**row, **{name: UUID(str(row[name])) for name in ids}, **{name: tuple(row[name]) for name in lists}}
        )
        for row in rows
    ]


async def overwrite_cards(connection: Connection, cards: Sequence[GoogleCard]) -> list[ContactId]:
    """Store what was kept of cards that are held; one of which nothing was is no contact's any more. The contacts that had one of them."""
    rows = await connection.fetch(
        """WITH kept AS (
               SELECT * FROM jsonb_to_recordset($1::jsonb) AS k(account_id uuid, resource_name text, live boolean, name text, folded text,
                   company text, title text, photo_url text, birthday text, emails text[], phones text[], canonical_phones text[],
                   phone_keys text[], urls text[])
           ), before AS (
               SELECT c.contact_id FROM cards c JOIN kept USING (account_id, resource_name) WHERE c.contact_id IS NOT NULL
           ), written AS (
               UPDATE cards c SET live = kept.live, name = kept.name, folded = kept.folded, company = kept.company, title = kept.title,
                   photo_url = kept.photo_url, birthday = kept.birthday, emails = kept.emails, phones = kept.phones,
                   canonical_phones = kept.canonical_phones, phone_keys = kept.phone_keys, urls = kept.urls,
                   company_was = '', title_was = '', work_changed_at = NULL,
                   contact_id = CASE WHEN kept.live THEN c.contact_id END
               FROM kept WHERE (c.account_id, c.resource_name) = (kept.account_id, kept.resource_name)
           ) SELECT DISTINCT contact_id FROM before""",
        [vars(card) for card in cards],
    )
    return [row["contact_id"] for row in rows]


async def mark_card_removed(connection: Connection, user_id: UserId, key: CardKey, revision: int) -> bool:
    """The card is gone; what is on it stays, so that the contact stays one. False where something newer is known."""
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


async def dismiss_renamed(connection: Connection, keys: Sequence[CardKey]) -> None:
    """Of these cards, those that nobody has yet and that go on from one whose contact the user deleted: they bring nobody back."""
    await connection.execute(
        """UPDATE cards k SET dismissed = true FROM unnest($1::uuid[], $2::text[]) AS n(account_id, resource_name)
           WHERE k.account_id = n.account_id AND k.resource_name = n.resource_name AND k.contact_id IS NULL AND k.former <> '{}'
             AND EXISTS (SELECT FROM cards f WHERE f.account_id = k.account_id AND f.resource_name = ANY(k.former) AND f.dismissed)
             AND NOT EXISTS (SELECT FROM cards f WHERE f.account_id = k.account_id AND f.resource_name = ANY(k.former)
                             AND f.contact_id IS NOT NULL)""",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )


async def update_card_owners(connection: Connection, owners: Mapping[CardKey, ContactId | None]) -> None:
    """Give cards to contacts, or to nobody."""
    await connection.execute(
        """UPDATE cards k SET contact_id = o.contact_id FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS o(account_id, name, contact_id)
           WHERE k.account_id = o.account_id AND k.resource_name = o.name AND k.contact_id IS DISTINCT FROM o.contact_id""",
        [key[0] for key in owners],
        [key[1] for key in owners],
        list(owners.values()),
    )


@dataclass(frozen=True)
class DeletedCard:
    """What hung on a card."""

    contact_id: ContactId | None
    emails: tuple[str, ...]


async def delete_cards(connection: Connection, account_id: AccountId, limit: int) -> list[DeletedCard]:
    """Purge some of an account's cards."""
    rows = await connection.fetch(
        """DELETE FROM cards WHERE account_id = $1 AND resource_name = ANY(ARRAY(
               SELECT resource_name FROM cards WHERE account_id = $1 ORDER BY resource_name LIMIT $2
           )) RETURNING contact_id, emails""",
        account_id,
        limit,
    )
    return [DeletedCard(row["contact_id"], tuple(row["emails"])) for row in rows]
