"""Users, their accounts and addresses; what was purged; the lock under which a user's people are changed."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from libs.common.db import Connection, Record


async def lock_users(connection: Connection, user_ids: Iterable[UUID]) -> None:
    """One writer per user at a time, until the transaction ends. Taken in one order, so that two batches can't deadlock."""
    await connection.execute(
        """SELECT pg_advisory_xact_lock(hashtextextended(id::text, 0))
           FROM (SELECT DISTINCT id FROM unnest($1::uuid[]) AS id ORDER BY id) AS ordered""",
        list(user_ids),
    )


async def list_purged(connection: Connection, ids: Collection[UUID]) -> set[UUID]:
    rows = await connection.fetch("SELECT id FROM purged WHERE id = ANY($1::uuid[])", list(ids))
    return {row["id"] for row in rows}


async def mark_purged(connection: Connection, ids: Collection[UUID], at: datetime) -> None:
    await connection.execute(
        """INSERT INTO purged (id, at) SELECT id, $2 FROM unnest($1::uuid[]) AS id
           ON CONFLICT (id) DO UPDATE SET at = greatest(purged.at, excluded.at)""",
        list(ids),
        at,
    )


async def welcome_back(connection: Connection, account_id: UUID, at: datetime) -> None:
    """An account that was purged and connected again later counts again."""
    await connection.execute("DELETE FROM purged WHERE id = $1 AND at < $2", account_id, at)


async def upsert_account(connection: Connection, account_id: UUID, user_id: UUID, address: str, at: datetime) -> None:
    await connection.execute(
        """INSERT INTO accounts (id, user_id, address, connected, at) VALUES ($1, $2, $3, true, $4)
           ON CONFLICT (id) DO UPDATE SET user_id = $2, address = $3, connected = true, at = $4 WHERE accounts.at <= $4""",
        account_id,
        user_id,
        address,
        at,
    )


async def disconnect_account(connection: Connection, account_id: UUID, user_id: UUID, at: datetime) -> None:
    """Also where its connection was not heard of yet: then a late one changes nothing."""
    await connection.execute(
        """INSERT INTO accounts (id, user_id, address, connected, at) VALUES ($1, $2, '', false, $3)
           ON CONFLICT (id) DO UPDATE SET connected = false, at = $3 WHERE accounts.at <= $3""",
        account_id,
        user_id,
        at,
    )


async def get_address(connection: Connection, account_id: UUID) -> str:
    """The address of an account; empty where its connection was not heard of yet."""
    return await connection.fetchval("SELECT address FROM accounts WHERE id = $1", account_id) or ""


async def list_accounts(connection: Connection, user_id: UUID) -> list[Record]:
    """id, address of the connected accounts, oldest first."""
    return await connection.fetch(
        "SELECT id, address FROM accounts WHERE user_id = $1 AND connected ORDER BY id", user_id
    )


async def put_creation(connection: Connection, user_id: UUID, version: int, creation: str) -> tuple[bool, str]:
    """Keep the user's `contact_creation`. Whether this version is news, and what it was before."""
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


async def list_own(connection: Connection, user_id: UUID) -> set[str]:
    rows = await connection.fetch("SELECT address FROM own_addresses WHERE user_id = $1", user_id)
    return {row["address"] for row in rows}


async def add_own(connection: Connection, user_id: UUID, source: str, addresses: Collection[str]) -> None:
    await connection.execute(
        """INSERT INTO own_addresses (user_id, source, address) SELECT $1, $2, unnest($3::text[]) ON CONFLICT DO NOTHING""",
        user_id,
        source,
        list(addresses),
    )


async def replace_own(
    connection: Connection, user_id: UUID, source: str, addresses: Collection[str], at: datetime
) -> None:
    """Set the addresses that a source says are mine; does nothing where a later telling was heard already."""
    if await connection.fetchval(
        "SELECT max(at) > $3 FROM own_addresses WHERE user_id = $1 AND source = $2", user_id, source, at
    ):
        return
    await connection.execute("DELETE FROM own_addresses WHERE user_id = $1 AND source = $2", user_id, source)
    await connection.execute(
        "INSERT INTO own_addresses (user_id, source, address, at) SELECT $1, $2, unnest($3::text[]), $4",
        user_id,
        source,
        list(addresses),
        at,
    )


async def delete_user(connection: Connection, user_id: UUID) -> None:
    """Everything about a user, but for the mark that they were purged."""
    for table in ("bcc_offers", "merges", "cards", "sightings"):
        await connection.execute(f"DELETE FROM {table} WHERE user_id = $1", user_id)  # noqa: S608  (names above)
    await connection.execute(
        """WITH gone AS (DELETE FROM interactions WHERE user_id = $1 RETURNING id)
           DELETE FROM participants p USING gone WHERE p.interaction_id = gone.id""",
        user_id,
    )
    for table in ("addresses", "contacts", "own_addresses", "accounts"):
        await connection.execute(f"DELETE FROM {table} WHERE user_id = $1", user_id)  # noqa: S608  (names above)
    await connection.execute("DELETE FROM users WHERE id = $1", user_id)
