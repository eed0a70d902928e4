"""The user's connected accounts, as far as contacts need them: for their BCC addresses."""

from collections.abc import Collection
from dataclasses import dataclass

from libs.common.db import Connection
from libs.common.events import AccountConnected, AccountDisconnected, AccountReauthRequired
from libs.common.ids import AccountId, UserId
from services.contacts.domain.account_states import HeldAccount


@dataclass(frozen=True)
class Account:
    """A connected account and its address."""

    id: AccountId
    address: str


# Whether an event is later than the last one that was applied. Clocks order only events that were not counted.
_IS_LATER = """(accounts.sequence < excluded.sequence
               OR (greatest(accounts.sequence, excluded.sequence) = 0 AND accounts.at <= excluded.at))"""


async def upsert_account(connection: Connection, event: AccountConnected | AccountReauthRequired) -> None:
    """The account is connected; does nothing where something later about it is known."""
    await connection.execute(
        f"""INSERT INTO accounts (id, user_id, address, connected, sequence, at) VALUES ($1, $2, $3, true, $4, $5)
           ON CONFLICT (id) DO UPDATE SET user_id = $2, address = $3, connected = true, sequence = $4, at = $5 WHERE {_IS_LATER}""",  # noqa: S608 - a constant of this module
        event.account_id,
        event.user_id,
        event.address.strip().lower(),
        event.sequence,
        event.at,
    )


async def upsert_disconnected_account(connection: Connection, event: AccountDisconnected) -> None:
    """Also where its connection has not arrived yet: then a late one changes nothing."""
    await connection.execute(
        f"""INSERT INTO accounts (id, user_id, address, connected, sequence, at) VALUES ($1, $2, '', false, $3, $4)
           ON CONFLICT (id) DO UPDATE SET connected = false, sequence = $3, at = $4 WHERE {_IS_LATER}""",  # noqa: S608 - a constant of this module
        event.account_id,
        event.user_id,
        event.sequence,
        event.at,
    )


async def list_held(connection: Connection, account_ids: Collection[AccountId]) -> dict[AccountId, HeldAccount]:
    """Those of these accounts that are here."""
    rows = await connection.fetch(
        "SELECT id, connected, address, sequence FROM accounts WHERE id = ANY($1::uuid[])", list(account_ids)
    )
    return {row["id"]: HeldAccount(row["connected"], row["address"], row["sequence"]) for row in rows}


async def replace_sequence(connection: Connection, account_id: AccountId, before: int, after: int) -> None:
    """The account is as of another event than it was thought to be; does nothing where a further one was applied meanwhile."""
    await connection.execute(
        "UPDATE accounts SET sequence = $3 WHERE id = $1 AND sequence = $2", account_id, before, after
    )


async def get_account_address(connection: Connection, account_id: AccountId) -> str:
    """The address of an account; empty where its connection has not arrived yet."""
    return await connection.fetchval("SELECT address FROM accounts WHERE id = $1", account_id) or ""


async def list_accounts(connection: Connection, user_id: UserId) -> list[Account]:
    """The connected accounts, oldest first."""
    rows = await connection.fetch(
        "SELECT id, address FROM accounts WHERE user_id = $1 AND connected ORDER BY id", user_id
    )
    return [Account(row["id"], row["address"]) for row in rows]
