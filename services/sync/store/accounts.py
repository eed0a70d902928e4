"""Accounts and settings, as `auth` has published them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.common.addresses import canonical
from libs.common.db import Connection
from libs.common.events import AccountConnected, AccountDisconnected, AccountReauthRequired
from libs.common.ids import AccountId, UserId
from libs.common.preferences import GmailPreferences
from services.sync.domain.account_states import AccountStatus, HeldAccount
from services.sync.domain.freshness import MailboxWatch


@dataclass(frozen=True, slots=True)
class Account:
    """One account with its user's settings. `own_addresses`: all canonical addresses of the user that are known by now.

    `time_zone`: that of the primary calendar, empty until it was read.
    """

    account_id: AccountId
    user_id: UserId
    address: str
    scopes: frozenset[str]
    state: AccountStatus
    aliases: tuple[str, ...]
    aliases_due: bool
    gmail: GmailPreferences
    own_addresses: frozenset[str]
    watch: MailboxWatch
    time_zone: str

    @property
    def addresses(self) -> tuple[str, ...]:
        """Under which it sends and receives, its own first."""
        return tuple(dict.fromkeys((self.address, *self.aliases)))


async def list_time_zones(connection: Connection, user_id: UserId) -> dict[AccountId, str]:
    """The zones of the primary calendars of a user's accounts, as far as they are known, the oldest account first."""
    rows = await connection.fetch(
        """
        SELECT account_id, time_zone FROM accounts
        WHERE user_id = $1 AND state <> 'disconnected' AND time_zone <> '' ORDER BY account_id
        """,
        user_id,
    )
    return {row["account_id"]: row["time_zone"] for row in rows}


async def get_account(connection: Connection, account_id: AccountId) -> Account | None:
    row = await connection.fetchrow(
        """
        SELECT a.*, p.gmail,
               (SELECT array_agg(own.address)
                FROM (SELECT known.address FROM accounts known WHERE known.user_id = a.user_id
                      UNION SELECT unnest(known.aliases) FROM accounts known WHERE known.user_id = a.user_id) own) AS addresses
        FROM accounts a LEFT JOIN preferences p USING (user_id)
        WHERE a.account_id = $1
        """,
        account_id,
    )
    if row is None:
        return None
    gmail = GmailPreferences.model_validate(row["gmail"] or {})
    return Account(
        account_id=row["account_id"],
        user_id=row["user_id"],
        address=row["address"],
        scopes=frozenset(row["scopes"]),
        state=row["state"],
        aliases=tuple(row["aliases"]),
        aliases_due=row["aliases_due"],
        gmail=gmail,
        own_addresses=_canonical([*row["addresses"], *gmail.own_addresses]),
        watch=MailboxWatch(row["watch_topic"], row["watch_expires_at"], row["watch_due_at"]),
        time_zone=row["time_zone"],
    )


def _canonical(written: Iterable[str]) -> frozenset[str]:
    return frozenset(address for spelling in written if (address := canonical(spelling)))


def may_be_synced(scope: str) -> str:
    """SQL: whether the account `a` is connected and has granted the permission `scope`, an SQL expression.

    The same rule as `domain.runs.obstacle`, for many accounts at once.
    """
    return f"a.state = 'active' AND {scope} = ANY (a.scopes)"


async def list_account_ids(connection: Connection, user_id: UserId) -> list[AccountId]:
    """The accounts of a user that are not disconnected."""
    rows = await connection.fetch(
        "SELECT account_id FROM accounts WHERE user_id = $1 AND state <> 'disconnected' ORDER BY account_id", user_id
    )
    return [row["account_id"] for row in rows]


# Whether an event is later than the last one that was applied. Clocks order only events that were not counted.
_IS_LATER = """(accounts.sequence < excluded.sequence
                OR (GREATEST(accounts.sequence, excluded.sequence) = 0 AND accounts.changed_at <= excluded.changed_at))"""


async def upsert_account(connection: Connection, event: AccountConnected) -> bool:
    """The account is connected. False where this event or a later one about it was applied already."""
    applied = await connection.fetchval(
        f"""
        INSERT INTO accounts (account_id, user_id, address, scopes, state, changed_at, canonical, sequence)
        VALUES ($1, $2, $3, $4, 'active', $5, $6, $7)
        ON CONFLICT (account_id) DO UPDATE
        SET user_id = $2, address = $3, scopes = $4, state = 'active', changed_at = $5, canonical = $6, sequence = $7,
            aliases_due = true, watch_due_at = NULL
        WHERE {_IS_LATER}
        RETURNING true
        """,  # noqa: S608 - a constant of this module
        event.account_id, event.user_id, event.address, sorted(event.scopes), event.at, canonical(event.address) or "",
        event.sequence,
    )  # fmt: skip
    return bool(applied)


async def lock_user(connection: Connection, user_id: UserId) -> None:
    """Events about one user are applied one at a time, until the transaction ends: they are delivered side by side."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('sync.user:' || $1::uuid::text, 0))", user_id
    )


async def lock_account(connection: Connection, account_id: AccountId) -> None:
    """Hold the account's row until the transaction ends. Rows that refer to it can be written meanwhile."""
    await connection.execute("SELECT FROM accounts WHERE account_id = $1 FOR NO KEY UPDATE", account_id)


async def lock_accounts_of(connection: Connection, user_id: UserId) -> list[AccountId]:
    """As `lock_account`, of all accounts of a user; which these are."""
    rows = await connection.fetch(
        "SELECT account_id FROM accounts WHERE user_id = $1 ORDER BY account_id FOR NO KEY UPDATE", user_id
    )
    return [row["account_id"] for row in rows]


async def is_forgotten(connection: Connection, *ids: UserId | AccountId) -> bool:
    """Whether one of these users or accounts was deleted or purged: their ids never come back."""
    return bool(
        await connection.fetchval("SELECT EXISTS (SELECT FROM forgotten WHERE id = ANY ($1::uuid[]))", list(ids))
    )


async def insert_forgotten(connection: Connection, *ids: UserId | AccountId) -> None:
    await connection.execute("INSERT INTO forgotten (id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING", list(ids))


async def disconnect_account(connection: Connection, event: AccountDisconnected) -> bool:
    """Also where its connection was not delivered yet: then a late one changes nothing. False where a later event was applied."""
    applied = await connection.fetchval(
        f"""
        INSERT INTO accounts (account_id, user_id, address, scopes, state, aliases_due, changed_at, sequence)
        VALUES ($1, $2, '', '{{}}', 'disconnected', false, $3, $4)
        ON CONFLICT (account_id) DO UPDATE SET state = 'disconnected', changed_at = $3, sequence = $4
        WHERE {_IS_LATER}
        RETURNING true
        """,  # noqa: S608 - a constant of this module
        event.account_id, event.user_id, event.at, event.sequence,
    )  # fmt: skip
    return bool(applied)


async def require_reauth(connection: Connection, event: AccountReauthRequired) -> bool:
    """False where this event or a later one about the account was applied already, or it is unknown."""
    applied = await connection.fetchval(
        """
        UPDATE accounts SET state = 'reauth_required', changed_at = $2, sequence = $3
        WHERE account_id = $1 AND (sequence < $3 OR (GREATEST(sequence, $3) = 0 AND changed_at <= $2))
        RETURNING true
        """,
        event.account_id, event.at, event.sequence,
    )  # fmt: skip
    return bool(applied)


async def list_held(connection: Connection, account_ids: Sequence[AccountId]) -> dict[AccountId, HeldAccount]:
    """Those of these accounts that are here."""
    rows = await connection.fetch(
        "SELECT account_id, state, address, scopes, sequence FROM accounts WHERE account_id = ANY ($1::uuid[])",
        list(account_ids),
    )
    return {
        row["account_id"]: HeldAccount(row["state"], row["address"], frozenset(row["scopes"]), row["sequence"])
        for row in rows
    }


async def list_forgotten(connection: Connection, ids: Iterable[UserId | AccountId]) -> set[UUID]:
    """Those of these users and accounts that were deleted or purged."""
    rows = await connection.fetch("SELECT id FROM forgotten WHERE id = ANY ($1::uuid[])", list(ids))
    return {row["id"] for row in rows}


async def replace_sequence(connection: Connection, account_id: AccountId, before: int, after: int) -> None:
    """The account is as of another event than it was thought to be; does nothing where a further one was applied meanwhile."""
    await connection.execute(
        "UPDATE accounts SET sequence = $3 WHERE account_id = $1 AND sequence = $2", account_id, before, after
    )


async def next_identification(connection: Connection, account_id: AccountId) -> int:
    """Count one more reading of the account's addresses."""
    revision: int = await connection.fetchval(
        "UPDATE accounts SET identified = identified + 1 WHERE account_id = $1 RETURNING identified", account_id
    )
    return revision


async def set_aliases(connection: Connection, account_id: AccountId, aliases: Iterable[str]) -> None:
    await connection.execute(
        "UPDATE accounts SET aliases = $2, aliases_due = false WHERE account_id = $1", account_id, list(aliases)
    )


async def set_time_zone(connection: Connection, account_id: AccountId, time_zone: str) -> None:
    """The primary calendar is in this zone."""
    await connection.execute("UPDATE accounts SET time_zone = $2 WHERE account_id = $1", account_id, time_zone)


async def make_aliases_due(connection: Connection) -> None:
    """Have the aliases of every account read again, with its next run."""
    await connection.execute(
        """
        UPDATE accounts SET aliases_due = true WHERE account_id IN (
            SELECT account_id FROM accounts WHERE state = 'active' ORDER BY account_id FOR NO KEY UPDATE)
        """
    )


async def delete_account(connection: Connection, account_id: AccountId) -> None:
    """With its runs, cursors, ledger, people and meetings. What comes late about it does nothing."""
    await insert_forgotten(connection, account_id)
    await connection.execute("DELETE FROM accounts WHERE account_id = $1", account_id)


async def delete_user(connection: Connection, user_id: UserId) -> None:
    """With all accounts, which are locked already. What comes late about them does nothing."""
    await insert_forgotten(connection, user_id)
    await connection.execute("DELETE FROM accounts WHERE user_id = $1", user_id)
    await connection.execute("DELETE FROM preferences WHERE user_id = $1", user_id)


async def list_settings_versions(connection: Connection, user_ids: Collection[UserId]) -> dict[UserId, int]:
    """Which settings are stored of these users."""
    rows = await connection.fetch(
        "SELECT user_id, version FROM preferences WHERE user_id = ANY($1::uuid[])", list(user_ids)
    )
    return {row["user_id"]: row["version"] for row in rows}


async def get_preferences(connection: Connection, user_id: UserId) -> GmailPreferences:
    """As they are stored; those that everybody begins with where none are."""
    gmail = await connection.fetchval("SELECT gmail FROM preferences WHERE user_id = $1", user_id)
    return GmailPreferences.model_validate(gmail or {})


async def upsert_preferences(connection: Connection, user_id: UserId, version: int, gmail: GmailPreferences) -> bool:
    """False where these or newer ones are stored already."""
    applied = await connection.fetchval(
        """
        INSERT INTO preferences (user_id, version, gmail) VALUES ($1, $2, $3)
        ON CONFLICT (user_id) DO UPDATE SET version = $2, gmail = $3 WHERE preferences.version < $2
        RETURNING true
        """,
        user_id, version, gmail.model_dump(mode="json"),
    )  # fmt: skip
    return bool(applied)
