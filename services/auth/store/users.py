"""Users, and which user a Google account belongs to."""

from dataclasses import dataclass
from datetime import datetime

from libs.common.db import Connection, Record
from libs.common.ids import AccountId, UserId
from services.auth.domain.sign_in import GoogleProfile

USER_COLUMNS = "u.id, u.sub, u.name, u.address, u.address_verified, u.owner, u.created_at"


@dataclass(frozen=True)
class StoredUser:
    """A user. `profile` is that of the Google account that made them; `owner`: the first user of the installation."""

    id: UserId
    profile: GoogleProfile
    owner: bool
    created_at: datetime


def stored_user(row: Record) -> StoredUser:
    """The user in a row with USER_COLUMNS."""
    profile = GoogleProfile(row["sub"], row["address"], row["name"], row["address_verified"])
    return StoredUser(UserId(row["id"]), profile, row["owner"], row["created_at"])


@dataclass(frozen=True)
class Owner:
    """The user that a Google account leads to. `account_id`: their row for it; `connected`: it is held, not disconnected."""

    user_id: UserId
    account_id: AccountId | None
    connected: bool


async def lock_sub(connection: Connection, sub: str) -> None:
    """Until the transaction ends, nobody else decides whose Google account this is."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('auth.sub:' || $1, 0))", sub)


async def get_owner(connection: Connection, sub: str) -> Owner | None:
    """Whom a sign-in with this Google account belongs to.

    The user who has it connected now; else the user whom it made. Not one who has disconnected it: whoever holds the
    account of a former job must not get into what is theirs.
    """
    row = await connection.fetchrow(
        """
        SELECT user_id, account_id, connected FROM (
            SELECT user_id, id AS account_id, true AS connected
            FROM google_accounts WHERE sub = $1 AND status <> 'disconnected'
            UNION ALL
            SELECT u.id, a.id, false
            FROM users u LEFT JOIN google_accounts a ON a.user_id = u.id AND a.sub = u.sub
            WHERE u.sub = $1
        ) AS candidates
        ORDER BY connected DESC
        LIMIT 1
        """,
        sub,
    )
    return Owner(UserId(row["user_id"]), row["account_id"], row["connected"]) if row else None


async def get_account_id(connection: Connection, user_id: UserId, sub: str) -> AccountId | None:
    """This user's row for a Google account, connected or not."""
    found = await connection.fetchval("SELECT id FROM google_accounts WHERE user_id = $1 AND sub = $2", user_id, sub)
    return AccountId(found) if found else None


async def lock_sign_up(connection: Connection) -> bool:
    """Whether there is no user yet. Until the transaction ends nobody else can become the first."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('auth.sign_up', 0))")
    return bool(await connection.fetchval("SELECT NOT EXISTS (SELECT FROM users)"))


async def insert_user(connection: Connection, user_id: UserId, profile: GoogleProfile, *, owner: bool) -> None:
    await connection.execute(
        "INSERT INTO users (id, sub, name, address, address_verified, owner) VALUES ($1, $2, $3, $4, $5, $6)",
        user_id,
        profile.sub,
        profile.name,
        profile.address,
        profile.address_verified,
        owner,
    )


async def update_profile(connection: Connection, user_id: UserId, profile: GoogleProfile) -> None:
    """The name and address of the Google account that made the user, where they changed. Other accounts change nothing."""
    await connection.execute(
        """
        UPDATE users SET name = coalesce(nullif($3, ''), name), address = $4, address_verified = $5
        WHERE id = $1 AND sub = $2
        """,
        user_id,
        profile.sub,
        profile.name,
        profile.address,
        profile.address_verified,
    )


async def lock_user(connection: Connection, user_id: UserId) -> bool:
    """Whether the user exists; if so, it stays so until the transaction ends."""
    return bool(await connection.fetchval("SELECT true FROM users WHERE id = $1 FOR UPDATE", user_id))


async def list_users(connection: Connection, address: str | None) -> tuple[UserId, ...]:
    """The first two users that this is an address of: their own, or that of an account they connected. None: of all."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT u.id
        FROM users u LEFT JOIN google_accounts a ON a.user_id = u.id AND a.status <> 'disconnected'
        WHERE $1::text IS NULL OR lower($1) IN (lower(u.address), lower(a.address))
        ORDER BY u.id
        LIMIT 2
        """,
        address,
    )
    return tuple(UserId(row["id"]) for row in rows)


async def delete_user(connection: Connection, user_id: UserId) -> None:
    """With accounts, sessions, tokens and settings. Only ids stay, so that whoever has missed the deletion learns of it."""
    await connection.execute("UPDATE removed_accounts SET user_deleted = true WHERE user_id = $1", user_id)
    await connection.execute(
        """
        INSERT INTO removed_accounts (id, user_id, sequence, user_deleted)
        SELECT id, user_id, sequence + 1, true FROM google_accounts WHERE user_id = $1
        """,
        user_id,
    )
    await connection.execute("DELETE FROM users WHERE id = $1", user_id)
