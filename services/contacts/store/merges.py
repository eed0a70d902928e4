"""Merges by hand: what moved, so that it can move back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import ContactId, UserId
from services.contacts.domain.contact_fields import EditableFields
from services.contacts.store.contact_edits import Belongings


@dataclass(frozen=True)
class Merge:
    """Who went into whom. `before` and `after` are the survivor's fields, `belongings` what was the other one's,
    `earlier` the contacts that had been merged into the other one before."""

    id: UUID
    user_id: UserId
    survivor_id: ContactId
    other_id: ContactId
    before: EditableFields
    after: EditableFields
    belongings: Belongings
    earlier: Sequence[ContactId]
    undone: bool = False


async def insert_merge(connection: Connection, merge: Merge) -> None:
    await connection.execute(
        """INSERT INTO merges (id, user_id, survivor_id, other_id, before, after, address_ids, card_accounts, card_names, earlier)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        merge.id,
        merge.user_id,
        merge.survivor_id,
        merge.other_id,
        asdict(merge.before),
        asdict(merge.after),
        list(merge.belongings.address_ids),
        [account_id for account_id, _ in merge.belongings.cards],
        [name for _, name in merge.belongings.cards],
        list(merge.earlier),
    )


async def get_merge(connection: Connection, user_id: UserId, merge_id: UUID) -> Merge | None:
    row = await connection.fetchrow("SELECT * FROM merges WHERE id = $1 AND user_id = $2", merge_id, user_id)
    if row is None:
        return None
    cards = list(zip(row["card_accounts"], row["card_names"], strict=True))
    return Merge(
        row["id"],
        row["user_id"],
        row["survivor_id"],
        row["other_id"],
        _fields(row["before"]),
        _fields(row["after"]),
        Belongings(row["address_ids"], cards),
        row["earlier"],
        row["undone_at"] is not None,
    )


def _fields(stored: Mapping[str, Any]) -> EditableFields:
    """From JSON, which knows no tuples."""
    values: dict[str, Any] = {
        name: tuple(found) if isinstance(found, list) else found for name, found in stored.items()
    }
    return EditableFields(**values)


async def mark_undone(
    connection: Connection, merge_id: UUID, other_id: ContactId, earlier: Sequence[ContactId]
) -> None:
    """The merge is undone: the other contact, and those that had been merged into it, are there again."""
    await connection.execute("UPDATE merges SET undone_at = now() WHERE id = $1", merge_id)
    await connection.execute(
        "UPDATE contacts SET merged_into = NULL, pinned = true, due_at = '-infinity' WHERE id = $1", other_id
    )
    await connection.execute("UPDATE contacts SET merged_into = $1 WHERE id = ANY($2::uuid[])", other_id, list(earlier))


async def list_merged(connection: Connection, contact_id: ContactId) -> list[ContactId]:
    """Contacts that were merged into this one."""
    return [row["id"] for row in await connection.fetch("SELECT id FROM contacts WHERE merged_into = $1", contact_id)]
