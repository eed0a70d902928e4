"""Browser sessions and personal API tokens. Only fingerprints of the secrets are stored."""

from datetime import datetime, timedelta
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.ids import UserId
from libs.common.requests import ApiToken, User

SESSION_LIFE = timedelta(days=30)
SESSION_STEP = timedelta(days=1)  # a session in use is prolonged at most once a day
TOKEN_USE_STEP = timedelta(minutes=1)


async def insert_session(db: Connection, hash_: bytes, user_id: UserId) -> datetime:
    """A new session; its end. Sessions that are over go at the same occasion."""
    await db.execute("DELETE FROM sessions WHERE expires_at < now()")
    expires_at: datetime = await db.fetchval(
        "INSERT INTO sessions (hash, user_id, expires_at) VALUES ($1, $2, now() + $3) RETURNING expires_at",
        hash_,
        user_id,
        SESSION_LIFE,
    )
    return expires_at


async def get_user_of_session(db: Connection, hash_: bytes) -> User | None:
    """Whose session this is, which is prolonged by being used. One statement: every request of a browser asks this."""
    row = await db.fetchrow(
        """
        WITH prolonged AS (
            UPDATE sessions SET expires_at = now() + $2
            WHERE hash = $1 AND expires_at > now() AND expires_at < now() + $2 - $3::interval
        )
        SELECT u.id, u.name, u.address, u.created_at
        FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.hash = $1 AND s.expires_at > now()
        """,
        hash_,
        SESSION_LIFE,
        SESSION_STEP,
    )
    return _user(row)


async def delete_session(db: Connection, hash_: bytes) -> None:
    await db.execute("DELETE FROM sessions WHERE hash = $1", hash_)


async def get_user_of_token(db: Connection, hash_: bytes) -> User | None:
    """Whose API token this is; remembers that it was used, at most once a minute. One statement."""
    row = await db.fetchrow(
        """
        WITH used AS (
            UPDATE api_tokens SET last_used_at = now()
            WHERE hash = $1 AND (last_used_at IS NULL OR last_used_at < now() - $2::interval)
        )
        SELECT u.id, u.name, u.address, u.created_at
        FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = $1
        """,
        hash_,
        TOKEN_USE_STEP,
    )
    return _user(row)


def _user(row: Record | None) -> User | None:
    return User(**dict(row)) if row else None


async def insert_api_token(db: Connection, token_id: UUID, user_id: UserId, hash_: bytes, name: str) -> ApiToken:
    row = await db.fetchrow(
        """
        INSERT INTO api_tokens (id, user_id, hash, name) VALUES ($1, $2, $3, $4)
        RETURNING id, name, created_at, last_used_at
        """,
        token_id,
        user_id,
        hash_,
        name,
    )
    assert row is not None
    return ApiToken(**dict(row))


async def list_api_tokens(db: Connection, user_id: UserId) -> tuple[ApiToken, ...]:
    """Oldest first, without their secrets."""
    rows = await db.fetch(
        "SELECT id, name, created_at, last_used_at FROM api_tokens WHERE user_id = $1 ORDER BY created_at, id", user_id
    )
    return tuple(ApiToken(**dict(row)) for row in rows)


async def delete_api_token(db: Connection, user_id: UserId, token_id: UUID) -> bool:
    """False where the user has no such token."""
    return bool(
        await db.fetchval("DELETE FROM api_tokens WHERE id = $1 AND user_id = $2 RETURNING true", token_id, user_id)
    )
