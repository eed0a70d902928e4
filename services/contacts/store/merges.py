"""Merges by hand: what moved, so that it can move back."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from libs.common.db import Connection, Record
from services.contacts.store.contact_edits import COLUMNS


async def list_belongings(connection: Connection, contact_id: UUID) -> tuple[list[int], list[tuple[UUID, str]]]:
    """A contact's addresses and cards."""
    ids = await connection.fetch("SELECT id FROM addresses WHERE contact_id = $1 ORDER BY id", contact_id)
    cards = await connection.fetch(
        "SELECT account_id, resource_name FROM cards WHERE contact_id = $1 ORDER BY 1, 2", contact_id
    )
    return [row["id"] for row in ids], [(row["account_id"], row["resource_name"]) for row in cards]


async def insert_merge(
    connection: Connection,
    merge_id: UUID,
    survivor: Record,
    other: Record,
    after: Mapping[str, Any],
    address_ids: Sequence[int],
    cards: Sequence[tuple[UUID, str]],
    earlier: Sequence[UUID],
) -> None:
    """`after`: the columns of the survivor that the merge set. `earlier`: contacts merged into the other one before."""
    before = {column: survivor[column] for column in COLUMNS}
    await connection.execute(
        """INSERT INTO merges (id, user_id, survivor_id, other_id, before, after, address_ids, card_accounts, card_names, earlier)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        merge_id,
        survivor["user_id"],
        survivor["id"],
        other["id"],
        before,
        {**before, **after},
        list(address_ids),
        [account for account, _ in cards],
        [name for _, name in cards],
        list(earlier),
    )


async def get_merge(connection: Connection, user_id: UUID, merge_id: UUID) -> Record | None:
    return await connection.fetchrow("SELECT * FROM merges WHERE id = $1 AND user_id = $2", merge_id, user_id)


async def close_merge(connection: Connection, merge_id: UUID, other_id: UUID, earlier: Sequence[UUID]) -> None:
    """The merge is undone: the other contact, and those that had been merged into it, are there again."""
    await connection.execute("UPDATE merges SET undone_at = now() WHERE id = $1", merge_id)
    await connection.execute(
        "UPDATE contacts SET merged_into = NULL, pinned = true, due_at = '-infinity' WHERE id = $1", other_id
    )
    await connection.execute("UPDATE contacts SET merged_into = $1 WHERE id = ANY($2::uuid[])", other_id, list(earlier))


async def list_merged(connection: Connection, contact_id: UUID) -> list[UUID]:
    """Contacts that were merged into this one."""
    return [row["id"] for row in await connection.fetch("SELECT id FROM contacts WHERE merged_into = $1", contact_id)]
