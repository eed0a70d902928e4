"""Browser sessions. Only the fingerprints of their secrets are stored."""

from datetime import datetime, timedelta

from libs.common.db import Connection
from libs.common.ids import UserId
from services.auth.store.users import USER_COLUMNS, StoredUser, stored_user

SESSION_LIFE = timedelta(days=30)
SESSION_STEP = timedelta(days=1)  # a session in use is prolonged at most once a day


async def insert_session(connection: Connection, hash_: bytes, user_id: UserId) -> datetime:
    """A new session; when it ends. Sessions that are over are deleted at the same occasion."""
    await connection.execute("DELETE FROM sessions WHERE expires_at < now()")
    expires_at: datetime = await connection.fetchval(
        "INSERT INTO sessions (hash, user_id, expires_at) VALUES ($1, $2, now() + $3) RETURNING expires_at",
        hash_,
        user_id,
        SESSION_LIFE,
    )
    return expires_at


async def get_user_of_session(connection: Connection, hash_: bytes) -> StoredUser | None:
    """Whose session this is, which is prolonged by being used. One statement: every request of a browser runs it."""
    row = await connection.fetchrow(
        f"""
        WITH prolonged AS (
            UPDATE sessions SET expires_at = now() + $2
            WHERE hash = $1 AND expires_at > now() AND expires_at < now() + $2 - $3::interval
        )
        SELECT {USER_COLUMNS}
        FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.hash = $1 AND s.expires_at > now()
        """,  # noqa: S608
        hash_,
        SESSION_LIFE,
        SESSION_STEP,
    )
    return stored_user(row) if row else None


async def delete_session(connection: Connection, hash_: bytes) -> None:
    await connection.execute("DELETE FROM sessions WHERE hash = $1", hash_)


async def delete_sessions(connection: Connection, user_id: UserId) -> int:
    """All sessions of a user; how many there were."""
    rows = await connection.fetch("DELETE FROM sessions WHERE user_id = $1 RETURNING true", user_id)
    return len(rows)
