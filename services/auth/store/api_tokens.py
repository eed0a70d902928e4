"""Personal API tokens. Only the fingerprints of their secrets are stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.ids import UserId
from libs.common.requests import TOKEN_SCOPES, ApiToken, CreateApiToken, TokenScope
from services.auth.store.users import USER_COLUMNS, StoredUser, stored_user

TOKEN_USE_STEP = timedelta(minutes=1)  # the last use is written at most once a minute
_COLUMNS = "id, name, scopes, created_at, expires_at, last_used_at"


@dataclass(frozen=True)
class StoredToken:
    """An API token and its user. `expired_at`: when it has ended; None while it is good."""

    user: StoredUser
    scopes: frozenset[TokenScope]
    expired_at: datetime | None


async def get_token(connection: Connection, hash_: bytes) -> StoredToken | None:
    """The API token of this fingerprint; remembers that it was used, at most once a minute. One statement."""
    row = await connection.fetchrow(
        f"""
        WITH used AS (
            UPDATE api_tokens SET last_used_at = now()
            WHERE hash = $1 AND (last_used_at IS NULL OR last_used_at < now() - $2::interval)
                AND (expires_at IS NULL OR expires_at > now())
        )
        SELECT {USER_COLUMNS}, t.scopes, CASE WHEN t.expires_at <= now() THEN t.expires_at END AS expired_at
        FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = $1
        """,  # noqa: S608
        hash_,
        TOKEN_USE_STEP,
    )
    return StoredToken(stored_user(row), frozenset(row["scopes"]), row["expired_at"]) if row else None


async def upsert_api_token(connection: Connection, token_id: UUID, hash_: bytes, command: CreateApiToken) -> ApiToken:
    """A new token. Where it is there, its creator got no reply and tries again: the secret that nobody saw is replaced."""
    row = await connection.fetchrow(
        f"""
        INSERT INTO api_tokens (id, hash, user_id, name, scopes, expires_at)
        VALUES ($1, $2, $3, $4, $5, now() + make_interval(days => $6))
        ON CONFLICT (id) DO UPDATE SET hash = excluded.hash WHERE api_tokens.user_id = excluded.user_id
        RETURNING {_COLUMNS}
        """,  # noqa: S608
        token_id,
        hash_,
        command.user_id,
        command.name,
        sorted(command.scopes, key=TOKEN_SCOPES.index),
        command.days,
    )
    assert row is not None
    return _api_token(row)


async def list_api_tokens(connection: Connection, user_id: UserId) -> tuple[ApiToken, ...]:
    """Oldest first, without their secrets; those that have expired too."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM api_tokens WHERE user_id = $1 ORDER BY created_at, id",  # noqa: S608
        user_id,
    )
    return tuple(_api_token(row) for row in rows)


async def delete_api_token(connection: Connection, user_id: UserId, token_id: UUID) -> bool:
    """False where the user has no such token."""
    return bool(
        await connection.fetchval(
            "DELETE FROM api_tokens WHERE id = $1 AND user_id = $2 RETURNING true", token_id, user_id
        )
    )


def _api_token(row: Record) -> ApiToken:
    return ApiToken.model_validate(dict(row))
