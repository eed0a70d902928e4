"""Deleting everything about a user: some rows at a time, so that no transaction is long. Each gives back how many rows went."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import InteractionId, UserId

DeleteSome: TypeAlias = Callable[[Connection, UserId, int], Awaitable[int]]

# What leads to others goes first: cards, so that none makes a contact again; merges and profiles go with contacts and addresses.
_TABLES = (
    "bcc_offers",
    "left_out",
    "exclusions",
    "groups_due",
    "rechecks",
    "duplicate_suggestions",
    "duplicate_keys",
    "distinct_contacts",
    "cards",
    "sightings",
    "identity_evidence",
    "addresses",
    "contacts",
    "interaction_counts",
    "own_addresses",
    "accounts",
)


async def delete_interactions_after(
    connection: Connection, user_id: UserId, after: InteractionId, limit: int
) -> InteractionId | None:
    """The next interactions of a user, with their participants and live observations; the last of them, None where there is none."""
    ids = [
        row["id"]
        for row in await connection.fetch(
            "SELECT id FROM interactions WHERE user_id = $1 AND id > $2 ORDER BY id LIMIT $3", user_id, after, limit
        )
    ]
    for statement in (
        "DELETE FROM participants WHERE interaction_id = ANY($1::uuid[])",
        "DELETE FROM sightings WHERE interaction_id = ANY($1::uuid[])",
        "DELETE FROM interactions WHERE id = ANY($1::uuid[])",
    ):
        await connection.execute(statement, ids)
    return InteractionId(ids[-1]) if ids else None


def _deletes_from(table: str) -> DeleteSome:
    async def delete_some(connection: Connection, user_id: UserId, limit: int) -> int:
        deleted = await connection.execute(
            f"""DELETE FROM {table} WHERE user_id = $1 AND ctid = ANY(ARRAY(
                    SELECT ctid FROM {table} WHERE user_id = $1 LIMIT $2))""",  # noqa: S608  (names above)
            user_id,
            limit,
        )
        return int(deleted.rpartition(" ")[2])

    return delete_some


DELETIONS: tuple[DeleteSome, ...] = tuple(map(_deletes_from, _TABLES))
"""By table, in the order in which they are to be done, after the interactions."""

BEFORE_ALL = InteractionId(UUID(int=0))


async def delete_user_row(connection: Connection, user_id: UserId) -> None:
    """The user's own row, when nothing else is left."""
    await connection.execute("DELETE FROM users WHERE id = $1", user_id)
