"""What is due to be derived anew: columns of cards and contacts, interactions of groups. A migration marks it where a rule changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.db import Connection
from libs.common.ids import ContactId, UserId
from services.contacts.domain.identity_resolution import CardKey
from services.contacts.domain.observations import GroupKey


@dataclass(frozen=True)
class DueCard:
    """What the keys of a card are derived from."""

    key: CardKey
    name: str
    phones: tuple[str, ...]
    canonical_phones: tuple[str, ...]


@dataclass(frozen=True)
class DerivedKeys:
    """What a card is compared by: its folded name and the keys of its phones."""

    key: CardKey
    folded: str
    phone_keys: tuple[str, ...]


async def list_due_users(connection: Connection) -> list[UserId]:
    """Users with something to derive anew, or to recheck."""
    rows = await connection.fetch(
        """SELECT user_id FROM contacts WHERE derive_due AND merged_into IS NULL
           UNION SELECT user_id FROM cards WHERE derive_due
           UNION SELECT user_id FROM groups_due
           UNION SELECT user_id FROM rechecks"""
    )
    return [row["user_id"] for row in rows]


async def list_due_cards(connection: Connection, user_id: UserId, limit: int) -> list[DueCard]:
    rows = await connection.fetch(
        """SELECT account_id, resource_name, name, phones, canonical_phones FROM cards
           WHERE user_id = $1 AND derive_due LIMIT $2""",
        user_id,
        limit,
    )
    return [
        DueCard(
            (row["account_id"], row["resource_name"]), row["name"], tuple(row["phones"]), tuple(row["canonical_phones"])
        )
        for row in rows
    ]


async def list_due_contacts(connection: Connection, user_id: UserId, limit: int) -> list[ContactId]:
    """Contacts of a user, but for those that were merged away: where a merge is undone they are derived anyhow."""
    rows = await connection.fetch(
        "SELECT id FROM contacts WHERE user_id = $1 AND derive_due AND merged_into IS NULL LIMIT $2", user_id, limit
    )
    return [row["id"] for row in rows]


async def delete_due_groups(connection: Connection, user_id: UserId, limit: int) -> list[GroupKey]:
    """Some groups of observations that are due, and are due no more: the caller projects them in the same transaction."""
    rows = await connection.fetch(
        """DELETE FROM groups_due d USING (SELECT platform, grp FROM groups_due WHERE user_id = $1 LIMIT $2) taken
           WHERE d.user_id = $1 AND (d.platform, d.grp) = (taken.platform, taken.grp)
           RETURNING d.user_id, d.platform, d.grp""",
        user_id,
        limit,
    )
    return [(row["user_id"], row["platform"], row["grp"]) for row in rows]


async def update_card_keys(connection: Connection, cards: Sequence[DerivedKeys]) -> None:
    """Store these keys. Their cards are due no more."""
    await connection.execute(
        """UPDATE cards k SET folded = d.folded, phone_keys = d.phone_keys, derive_due = false
           FROM jsonb_to_recordset($1::jsonb) AS d(account_id uuid, resource_name text, folded text, phone_keys text[])
           WHERE (k.account_id, k.resource_name) = (d.account_id, d.resource_name)""",
        [
            {
                "account_id": str(card.key[0]),
                "resource_name": card.key[1],
                "folded": card.folded,
                "phone_keys": list(card.phone_keys),
            }
            for card in cards
        ],
    )
