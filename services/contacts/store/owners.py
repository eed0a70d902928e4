"""What hangs on a set of addresses, or on a user: read when who is me, or a rule, changes."""

from collections.abc import Collection
from uuid import UUID

from libs.common.db import Connection


async def interactions_of(connection: Connection, address_ids: Collection[int]) -> set[UUID]:
    rows = await connection.fetch(
        "SELECT DISTINCT interaction_id FROM participants WHERE address_id = ANY($1::bigint[])", list(address_ids)
    )
    return {row["interaction_id"] for row in rows}


async def people_on(connection: Connection, interaction_ids: Collection[UUID]) -> set[int]:
    rows = await connection.fetch(
        "SELECT DISTINCT address_id FROM participants WHERE interaction_id = ANY($1::uuid[])", list(interaction_ids)
    )
    return {row["address_id"] for row in rows}


async def threads_of(connection: Connection, interaction_ids: Collection[UUID]) -> set[tuple[UUID, str]]:
    """The mail threads (account, thread) that these interactions are in."""
    rows = await connection.fetch(
        """SELECT DISTINCT source_id, thread FROM sightings
           WHERE interaction_id = ANY($1::uuid[]) AND thread <> '' AND fact IS NOT NULL""",
        list(interaction_ids),
    )
    return {(row["source_id"], row["thread"]) for row in rows}


async def all_interactions(connection: Connection, user_id: UUID) -> list[UUID]:
    return [row["id"] for row in await connection.fetch("SELECT id FROM interactions WHERE user_id = $1", user_id)]


async def existing(connection: Connection, interaction_ids: Collection[UUID]) -> set[UUID]:
    rows = await connection.fetch("SELECT id FROM interactions WHERE id = ANY($1::uuid[])", list(interaction_ids))
    return {row["id"] for row in rows}


async def owned_addresses(connection: Connection, user_id: UUID) -> list[int]:
    rows = await connection.fetch(
        "SELECT id FROM addresses WHERE user_id = $1 AND contact_id IS NOT NULL AND kind <> 'bcc'", user_id
    )
    return [row["id"] for row in rows]


async def delete_unused(connection: Connection, user_id: UUID) -> None:
    """Addresses that belong to nobody and are on nothing: what is left of a purged account."""
    await connection.execute(
        """DELETE FROM addresses a WHERE a.user_id = $1 AND a.contact_id IS NULL AND NOT a.barred
             AND NOT EXISTS (SELECT FROM participants p WHERE p.address_id = a.id)
             AND NOT EXISTS (SELECT FROM cards k WHERE k.user_id = $1 AND k.emails @> ARRAY[a.value])""",
        user_id,
    )


async def by_user(connection: Connection, address_ids: Collection[int]) -> dict[UUID, list[int]]:
    found: dict[UUID, list[int]] = {}
    for row in await connection.fetch(
        "SELECT id, user_id FROM addresses WHERE id = ANY($1::bigint[])", list(address_ids)
    ):
        found.setdefault(row["user_id"], []).append(row["id"])
    return found


async def list_mine(
    connection: Connection, address_ids: Collection[int], contacts: Collection[UUID], pinned: Collection[UUID]
) -> list[int]:
    """Of these addresses and contacts, what is mine: it belongs to no contact but one that the user pinned."""
    rows = await connection.fetch(
        """SELECT id FROM addresses WHERE is_me AND NOT coalesce(contact_id = ANY($3::uuid[]), false)
           AND (id = ANY($1::bigint[]) OR contact_id = ANY($2::uuid[]))""",
        list(address_ids),
        list(contacts),
        list(pinned),
    )
    return [row["id"] for row in rows]
