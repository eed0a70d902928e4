"""Users, and which user a Google account belongs to."""

from dataclasses import dataclass
from typing import Any

from libs.common.db import Connection
from libs.common.ids import AccountId, UserId
from libs.common.preferences import Preferences
from libs.common.requests import UserPreferences


@dataclass(frozen=True)
class Owner:
    """The user that a Google account leads to. `account_id`: their row for it; `held`: it is connected, not given up."""

    user_id: UserId
    account_id: AccountId | None
    held: bool


async def lock_sub(db: Connection, sub: str) -> None:
    """Until the transaction ends, nobody else decides whose Google account this is."""
    await db.execute("SELECT pg_advisory_xact_lock(hashtextextended('auth.sub:' || $1, 0))", sub)


async def get_owner(db: Connection, sub: str) -> Owner | None:
    """Whom a sign-in with this Google account belongs to.

    Who holds it now; else the user whom it made. Not who has given it up: the account of a former job must not open what is theirs.
    """
    row = await db.fetchrow(
        """
        SELECT user_id, account_id, held FROM (
            SELECT user_id, id AS account_id, true AS held
            FROM google_accounts WHERE sub = $1 AND status <> 'disconnected'
            UNION ALL
            SELECT u.id, a.id, false
            FROM users u LEFT JOIN google_accounts a ON a.user_id = u.id AND a.sub = u.sub
            WHERE u.sub = $1
        ) AS candidates
        ORDER BY held DESC
        LIMIT 1
        """,
        sub,
    )
    return Owner(UserId(row["user_id"]), row["account_id"], row["held"]) if row else None


async def get_own_account(db: Connection, user_id: UserId, sub: str) -> AccountId | None:
    """This user's row for a Google account, connected or not."""
    found = await db.fetchval("SELECT id FROM google_accounts WHERE user_id = $1 AND sub = $2", user_id, sub)
    return AccountId(found) if found else None


async def insert_user(db: Connection, user_id: UserId, sub: str, name: str, address: str) -> None:
    await db.execute("INSERT INTO users (id, sub, name, address) VALUES ($1, $2, $3, $4)", user_id, sub, name, address)


async def update_profile(db: Connection, user_id: UserId, sub: str, name: str, address: str) -> None:
    """The name and address of the Google account that made the user, where they changed. Other accounts change nothing."""
    await db.execute(
        """
        UPDATE users SET name = coalesce(nullif($3, ''), name), address = $4
        WHERE id = $1 AND sub = $2
        """,
        user_id,
        sub,
        name,
        address,
    )


async def lock_user(db: Connection, user_id: UserId) -> bool:
    """Whether the user exists; if so, it stays so until the transaction ends."""
    return bool(await db.fetchval("SELECT true FROM users WHERE id = $1 FOR UPDATE", user_id))


async def delete_user(db: Connection, user_id: UserId) -> None:
    """With accounts, sessions, tokens and settings."""
    await db.execute("DELETE FROM users WHERE id = $1", user_id)


async def get_preferences(db: Connection, user_id: UserId) -> UserPreferences | None:
    """The user's settings; version 0 with the defaults where none were ever saved; None where there is no such user."""
    row = await db.fetchrow(
        """
        SELECT coalesce(p.version, 0) AS version, p.preferences
        FROM users u LEFT JOIN preferences p ON p.user_id = u.id WHERE u.id = $1
        """,
        user_id,
    )
    return _preferences(row["version"], row["preferences"]) if row else None


def _preferences(version: int, stored: Any) -> UserPreferences:
    return UserPreferences(version=version, preferences=Preferences.model_validate(stored or {}))


async def upsert_preferences(db: Connection, user_id: UserId, version: int, preferences: Preferences) -> None:
    await db.execute(
        """
        INSERT INTO preferences (user_id, version, preferences) VALUES ($1, $2, $3)
        ON CONFLICT (user_id) DO UPDATE SET version = excluded.version, preferences = excluded.preferences
        """,
        user_id,
        version,
        preferences.model_dump(mode="json"),
    )
