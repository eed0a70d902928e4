"""Access tokens and the lease of whoever refreshes one.

The lease is a column and not a lock: no transaction is open during the request to Google, and a dead holder's lease ends by itself. It is
also the fence: only who still holds it may store, so a late response never overwrites a newer one, a reconnection or a disconnection.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import AccountId, UserId
from libs.common.requests import AccountStatus

LEASE = timedelta(seconds=12)  # longer than a refresh may take: oauth.TIMEOUT


@dataclass(frozen=True)
class Credentials:
    """What is held of an account's tokens, sealed. `pause`: no refresh may be sent to Google for so long."""

    user_id: UserId
    address: str
    status: AccountStatus
    status_reason: str
    scopes: frozenset[str]
    access_token: bytes | None = field(repr=False)
    access_expires_at: datetime | None
    refreshing: bool
    pause: timedelta | None


@dataclass(frozen=True)
class RefreshLease:
    """The right to refresh an account's token, and to store the outcome. Until it ends nobody else has it."""

    account_id: AccountId
    holder: UUID
    refresh_token: bytes = field(repr=False)
    obtained_at: datetime
    alive_at: datetime


@dataclass(frozen=True)
class RefreshedTokens:
    """The outcome of a refresh, sealed. None: Google named none, what is held stays."""

    access_token: bytes = field(repr=False)
    access_expires_at: datetime
    refresh_token: bytes | None = field(repr=False)
    scopes: frozenset[str] | None


async def get_credentials(connection: Connection, account_id: AccountId) -> Credentials | None:
    row = await connection.fetchrow(
        """
        SELECT user_id, address, status, status_reason, scopes, access_token, access_expires_at,
               refresh_holder IS NOT NULL AND refresh_until > now() AS refreshing,
               CASE WHEN refresh_holder IS NULL AND refresh_until > now() THEN refresh_until - now() END AS pause
        FROM google_accounts WHERE id = $1
        """,
        account_id,
    )
    if row is None:
        return None
    return Credentials(
        user_id=UserId(row["user_id"]),
        address=row["address"],
        status=row["status"],
        status_reason=row["status_reason"],
        scopes=frozenset(row["scopes"]),
        access_token=row["access_token"],
        access_expires_at=row["access_expires_at"],
        refreshing=row["refreshing"],
        pause=row["pause"],
    )


async def acquire_lease(
    connection: Connection, account_id: AccountId, holder: UUID, seen_token: bytes | None
) -> RefreshLease | None:
    """The lease, if it is free and the access token is still the one that the caller saw; that token is handed out no more.

    The bytes identify the token: sealing the same value twice gives different ones.
    """
    row = await connection.fetchrow(
        """
        UPDATE google_accounts SET
            refresh_holder = $2, refresh_until = now() + $3, access_token = NULL, access_expires_at = NULL
        WHERE id = $1 AND status = 'active' AND access_token IS NOT DISTINCT FROM $4
          AND (refresh_until IS NULL OR refresh_until <= now())
        RETURNING refresh_token, refresh_obtained_at, refreshed_at
        """,
        account_id,
        holder,
        LEASE,
        seen_token,
    )
    if row is None:
        return None
    return RefreshLease(account_id, holder, row["refresh_token"], row["refresh_obtained_at"], row["refreshed_at"])


async def store_refreshed(connection: Connection, lease: RefreshLease, refreshed: RefreshedTokens) -> bool:
    """Store the new token and end the lease; false where the lease was lost meanwhile. Other scopes than before are counted."""
    return bool(
        await connection.fetchval(
            """
            UPDATE google_accounts SET
                access_token = $3, access_expires_at = $4,
                refresh_obtained_at = CASE WHEN $5::bytea IS NULL THEN refresh_obtained_at ELSE now() END,
                refresh_token = coalesce($5, refresh_token), scopes = coalesce($6, scopes),
                sequence = sequence + CASE WHEN $6 <> scopes THEN 1 ELSE 0 END,
                refreshed_at = now(), refresh_holder = NULL, refresh_until = NULL
            WHERE id = $1 AND refresh_holder = $2
            RETURNING true
            """,
            lease.account_id,
            lease.holder,
            refreshed.access_token,
            refreshed.access_expires_at,
            refreshed.refresh_token,
            None if refreshed.scopes is None else sorted(refreshed.scopes),
        )
    )


async def get_sequence(connection: Connection, account_id: AccountId) -> int:
    """How far the events of the account have been counted."""
    return int(await connection.fetchval("SELECT sequence FROM google_accounts WHERE id = $1", account_id))


async def pause_refreshing(connection: Connection, lease: RefreshLease, pause: timedelta) -> None:
    """End the lease without a token; nobody sends Google another refresh before the pause is over."""
    await connection.execute(
        """
        UPDATE google_accounts SET refresh_holder = NULL, refresh_until = now() + $3
        WHERE id = $1 AND refresh_holder = $2
        """,
        lease.account_id,
        lease.holder,
        pause,
    )


async def require_reauth(connection: Connection, lease: RefreshLease, reason: str) -> tuple[UserId, str, int] | None:
    """Delete the dead tokens: (user, address, sequence); None where the lease was lost, so that it happens once."""
    row = await connection.fetchrow(
        """
        UPDATE google_accounts SET
            status = 'reauth_required', status_reason = $3,
            refresh_token = NULL, access_token = NULL, access_expires_at = NULL,
            refresh_holder = NULL, refresh_until = NULL, sequence = sequence + 1
        WHERE id = $1 AND refresh_holder = $2
        RETURNING user_id, address, sequence
        """,
        lease.account_id,
        lease.holder,
        reason,
    )
    return (UserId(row["user_id"]), row["address"], row["sequence"]) if row else None


async def list_sealed_tokens(connection: Connection, after: UUID | None, limit: int) -> list[tuple[AccountId, bytes]]:
    """The sealed refresh tokens of the next accounts by id."""
    rows = await connection.fetch(
        """
        SELECT id, refresh_token FROM google_accounts
        WHERE refresh_token IS NOT NULL AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2
        """,
        after,
        limit,
    )
    return [(AccountId(row["id"]), row["refresh_token"]) for row in rows]


async def discard_sealed_token(
    connection: Connection, account_id: AccountId, sealed: bytes, reason: str
) -> tuple[UserId, str, int] | None:
    """The account needs its user from now on, for this reason: (user, address, sequence); None where it has another token by now."""
    row = await connection.fetchrow(
        """
        UPDATE google_accounts SET
            status = 'reauth_required', status_reason = $3,
            refresh_token = NULL, access_token = NULL, access_expires_at = NULL,
            refresh_holder = NULL, refresh_until = NULL, sequence = sequence + 1
        WHERE id = $1 AND refresh_token = $2
        RETURNING user_id, address, sequence
        """,
        account_id,
        sealed,
        reason,
    )
    return (UserId(row["user_id"]), row["address"], row["sequence"]) if row else None


async def replace_sealed_token(connection: Connection, account_id: AccountId, old: bytes, new: bytes) -> bool:
    """Exchange a sealed refresh token, unless it changed meanwhile; the cached access token goes, it is easily had again."""
    return bool(
        await connection.fetchval(
            """
            UPDATE google_accounts SET refresh_token = $3, access_token = NULL, access_expires_at = NULL
            WHERE id = $1 AND refresh_token = $2 RETURNING true
            """,
            account_id,
            old,
            new,
        )
    )
