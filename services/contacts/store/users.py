"""Users: the lock under which a user's contacts are changed, the rule for who becomes one, and what was purged."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import UserId
from services.contacts.domain.observations import SourceId


async def lock_free_users(connection: Connection, user_ids: Collection[UserId]) -> set[UserId]:
    """One writer per user at a time, until the transaction ends: those of these users whose lock was free, and is now ours.

    Nothing is waited for, so two batches can't deadlock.
    """
    rows = await connection.fetch(
        "SELECT id FROM unnest($1::uuid[]) AS id WHERE pg_try_advisory_xact_lock(hashtextextended('contacts.user:' || id::text, 0))",
        list(user_ids),
    )
    return {row["id"] for row in rows}


async def list_purged(connection: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Of these users and accounts, those that were purged: what comes late about them is not recorded."""
    rows = await connection.fetch("SELECT id FROM purged WHERE id = ANY($1::uuid[])", list(ids))
    return {row["id"] for row in rows}


async def upsert_purged(connection: Connection, ids: Collection[SourceId], at: datetime) -> None:
    await connection.execute(
        """INSERT INTO purged (id, at) SELECT id, $2 FROM unnest($1::uuid[]) AS id
           ON CONFLICT (id) DO UPDATE SET at = greatest(purged.at, excluded.at)""",
        list(ids),
        at,
    )


async def list_settings_versions(connection: Connection, user_ids: Collection[UserId]) -> dict[UserId, int]:
    """Which settings are kept of these users."""
    rows = await connection.fetch("SELECT id, settings_version FROM users WHERE id = ANY($1::uuid[])", list(user_ids))
    return {row["id"]: row["settings_version"] for row in rows}


async def upsert_contact_creation(
    connection: Connection, user_id: UserId, version: int, creation: str
) -> tuple[bool, str]:
    """Keep the user's `contact_creation`. Whether this version is newer than what was kept, and what the rule was before."""
    before: str | None = await connection.fetchval("SELECT contact_creation FROM users WHERE id = $1", user_id)
    stored = await connection.fetchval(
        """INSERT INTO users (id, settings_version, contact_creation) VALUES ($1, $2, $3)
           ON CONFLICT (id) DO UPDATE SET settings_version = $2, contact_creation = $3 WHERE users.settings_version < $2
           RETURNING id""",
        user_id,
        version,
        creation,
    )
    return stored is not None, before or "people"
