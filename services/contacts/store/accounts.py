"""The user's connected accounts, as far as contacts need them: for their BCC addresses."""

from dataclasses import dataclass
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import AccountId, UserId


@dataclass(frozen=True)
class Account:
    """A connected account and its address."""

    id: AccountId
    address: str


async def upsert_account(
    connection: Connection, account_id: AccountId, user_id: UserId, address: str, at: datetime
) -> None:
    """The account is connected; does nothing where something later about it is known."""
    await connection.execute(
        """INSERT INTO accounts (id, user_id, address, connected, at) VALUES ($1, $2, $3, true, $4)
           ON CONFLICT (id) DO UPDATE SET user_id = $2, address = $3, connected = true, at = $4 WHERE accounts.at <= $4""",
        account_id,
        user_id,
        address,
        at,
    )


async def upsert_disconnected_account(
    connection: Connection, account_id: AccountId, user_id: UserId, at: datetime
) -> None:
    """Also where its connection has not arrived yet: then a late one changes nothing."""
    await connection.execute(
        """INSERT INTO accounts (id, user_id, address, connected, at) VALUES ($1, $2, '', false, $3)
           ON CONFLICT (id) DO UPDATE SET connected = false, at = $3 WHERE accounts.at <= $3""",
        account_id,
        user_id,
        at,
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
