"""Personal API tokens. Only the fingerprints of their secrets are stored."""

from datetime import timedelta
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import UserId
from libs.common.requests import ApiToken
from services.auth.store.users import USER_COLUMNS, StoredUser, stored_user

TOKEN_USE_STEP = timedelta(minutes=1)  # the last use is written at most once a minute


async def get_user_of_token(connection: Connection, hash_: bytes) -> StoredUser | None:
    """Whose API token this is; remembers that it was used, at most once a minute. One statement."""
    row = await connection.fetchrow(
        f"""
        WITH used AS (
            UPDATE api_tokens SET last_used_at = now()
            WHERE hash = $1 AND (last_used_at IS NULL OR last_used_at < now() - $2::interval)
        )
        SELECT {USER_COLUMNS}
        FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = $1
        """,  # noqa: S608
        hash_,
        TOKEN_USE_STEP,
    )
    return stored_user(row) if row else None


async def upsert_api_token(
    connection: Connection, token_id: UUID, user_id: UserId, hash_: bytes, name: str
) -> ApiToken:
    """A new token. Where it is there, its creator got no reply and tries again: the secret that nobody saw is replaced."""
    row = await connection.fetchrow(
        """
        INSERT INTO api_tokens (id, user_id, hash, name) VALUES ($1, $2, $3, $4)
        ON CONFLICT (id) DO UPDATE SET hash = excluded.hash WHERE api_tokens.user_id = excluded.user_id
        RETURNING id, name, created_at, last_used_at
        """,
        token_id,
        user_id,
        hash_,
        name,
    )
    assert row is not None
    return ApiToken(**dict(row))


async def list_api_tokens(connection: Connection, user_id: UserId) -> tuple[ApiToken, ...]:
    """Oldest first, without their secrets."""
    rows = await connection.fetch(
        "SELECT id, name, created_at, last_used_at FROM api_tokens WHERE user_id = $1 ORDER BY created_at, id", user_id
    )
    return tuple(ApiToken(**dict(row)) for row in rows)


async def delete_api_token(connection: Connection, user_id: UserId, token_id: UUID) -> bool:
    """False where the user has no such token."""
    return bool(
        await connection.fetchval(
            "DELETE FROM api_tokens WHERE id = $1 AND user_id = $2 RETURNING true", token_id, user_id
        )
    )
