"""Google accounts: connecting, listing and disconnecting them."""

from dataclasses import dataclass, field
from datetime import datetime

from libs.common.db import Connection, Record
from libs.common.ids import AccountId, UserId
from libs.common.requests import Account, AccountState
from services.auth.domain.sign_in import GoogleProfile


@dataclass(frozen=True)
class StoredAccount:
    """An account with what only `auth` may see: the sealed refresh token, if one is held."""

    account: Account
    refresh_token: bytes | None = field(repr=False)
    connected_before: bool


@dataclass(frozen=True)
class SealedGrant:
    """What a sign-in brought for an account. `refresh_token` is None where Google gave no new one."""

    address: str
    name: str
    scopes: frozenset[str]
    access_token: bytes = field(repr=False)
    access_expires_at: datetime
    refresh_token: bytes | None = field(repr=False)


def _account(row: Record) -> Account:
    return Account(
        id=row["id"],
        user_id=row["user_id"],
        address=row["address"],
        name=row["name"],
        status=row["status"],
        status_reason=row["status_reason"],
        scopes=frozenset(row["scopes"]),
        connected_at=row["connected_at"],
    )


async def list_accounts(
    connection: Connection, user_id: UserId | None, account_id: AccountId | None
) -> tuple[Account, ...]:
    """Those of the user, or the one account; with neither, all that are not disconnected. Oldest first."""
    rows = await connection.fetch(
        """
        SELECT id, user_id, address, name, status, status_reason, scopes, connected_at FROM google_accounts
        WHERE ($1::uuid IS NULL OR user_id = $1) AND ($2::uuid IS NULL OR id = $2)
          AND (status <> 'disconnected' OR $1::uuid IS NOT NULL OR $2::uuid IS NOT NULL)
        ORDER BY id
        """,
        user_id,
        account_id,
    )
    return tuple(_account(row) for row in rows)


async def get_account_for_update(
    connection: Connection, user_id: UserId, account_id: AccountId
) -> StoredAccount | None:
    """The user's account, locked until the transaction ends; None where it does not exist or is another user's."""
    row = await connection.fetchrow(
        """
        SELECT *, refresh_obtained_at IS NOT NULL AS connected_before
        FROM google_accounts WHERE id = $1 AND user_id = $2 FOR UPDATE
        """,
        account_id,
        user_id,
    )
    return StoredAccount(_account(row), row["refresh_token"], row["connected_before"]) if row else None


async def list_refresh_tokens(connection: Connection, user_id: UserId) -> list[tuple[AccountId, bytes | None]]:
    """All accounts of a user with their sealed refresh tokens."""
    rows = await connection.fetch(
        "SELECT id, refresh_token FROM google_accounts WHERE user_id = $1 ORDER BY id", user_id
    )
    return [(AccountId(row["id"]), row["refresh_token"]) for row in rows]


async def insert_account(
    connection: Connection, account_id: AccountId, user_id: UserId, profile: GoogleProfile, reason: str
) -> None:
    """A new account, without tokens yet: until they are stored it requires authorization, for this `reason`."""
    await connection.execute(
        """
        INSERT INTO google_accounts (id, user_id, sub, address, name, status, status_reason, scopes)
        VALUES ($1, $2, $3, $4, $5, 'reauth_required', $6, '{}')
        """,
        account_id,
        user_id,
        profile.sub,
        profile.address,
        profile.name,
        reason,
    )


async def update_grant(connection: Connection, account_id: AccountId, granted: SealedGrant, reason: str) -> None:
    """What a sign-in brought. With a refresh token, new or held, the account is active; without, it requires one (`reason`).

    Whoever is refreshing the old token at this moment loses the lease, so that its outcome can't overwrite this one.
    """
    await connection.execute(
        """
        UPDATE google_accounts SET
            address = $2, name = coalesce(nullif($3, ''), name), scopes = $4,
            access_token = $5, access_expires_at = $6,
            refresh_obtained_at = CASE WHEN $7::bytea IS NULL THEN refresh_obtained_at ELSE now() END,
            refreshed_at = CASE WHEN $7::bytea IS NULL THEN refreshed_at ELSE now() END,
            connected_at = CASE WHEN status = 'disconnected' THEN now() ELSE connected_at END,
            status = CASE WHEN coalesce($7, refresh_token) IS NULL THEN 'reauth_required' ELSE 'active' END,
            status_reason = CASE WHEN coalesce($7, refresh_token) IS NULL THEN $8 ELSE '' END,
            refresh_token = coalesce($7, refresh_token),
            refresh_holder = NULL, refresh_until = NULL
        WHERE id = $1
        """,
        account_id,
        granted.address,
        granted.name,
        sorted(granted.scopes),
        granted.access_token,
        granted.access_expires_at,
        granted.refresh_token,
        reason,
    )


async def disconnect_account(connection: Connection, account_id: AccountId) -> int:
    """Disconnect, and keep the row: what was imported still refers to it, and a reconnection takes it up again. Its new sequence."""
    sequence: int = await connection.fetchval(
        """
        UPDATE google_accounts SET
            status = 'disconnected', status_reason = '', scopes = '{}',
            refresh_token = NULL, access_token = NULL, access_expires_at = NULL,
            refresh_holder = NULL, refresh_until = NULL, sequence = sequence + 1
        WHERE id = $1
        RETURNING sequence
        """,
        account_id,
    )
    return sequence


async def next_sequence(connection: Connection, account_id: AccountId) -> int:
    """Count one more thing that happened to the account."""
    sequence: int = await connection.fetchval(
        "UPDATE google_accounts SET sequence = sequence + 1 WHERE id = $1 RETURNING sequence", account_id
    )
    return sequence


async def purge_account(connection: Connection, account_id: AccountId) -> int:
    """Only its id stays, so that whoever has missed the purge learns of it. Its last sequence."""
    sequence: int = await connection.fetchval(
        """
        WITH removed AS (DELETE FROM google_accounts WHERE id = $1 RETURNING id, user_id, sequence)
        INSERT INTO removed_accounts (id, user_id, sequence) SELECT id, user_id, sequence + 1 FROM removed
        RETURNING sequence
        """,
        account_id,
    )
    return sequence


async def list_states(
    connection: Connection, account_id: AccountId | None, after: AccountId | None, limit: int
) -> tuple[AccountState, ...]:
    """How accounts stand, the removed ones too, by id from behind `after`; or the one account. None that never was connected."""
    rows = await connection.fetch(
        """
        SELECT states.*, coalesce(version, 0) AS settings_version FROM (
            SELECT id, user_id, address, scopes, status, status_reason, sequence, false AS user_deleted FROM google_accounts
            WHERE sequence > 0
            UNION ALL
            SELECT id, user_id, '', '{}', 'purged', '', sequence, user_deleted FROM removed_accounts
        ) AS states LEFT JOIN preferences USING (user_id)
        WHERE ($1::uuid IS NULL OR id = $1) AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id LIMIT $3
        """,
        account_id,
        after,
        limit,
    )
    return tuple(AccountState.model_validate(dict(row)) for row in rows)
