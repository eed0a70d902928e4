"""How far each thing is read. A cursor is written inside a transaction that has called `leases.hold`, which fences it."""

from typing import Any

from libs.common.db import Connection
from libs.common.events import Kind
from libs.common.ids import AccountId


async def get_cursor(
    connection: Connection, account_id: AccountId, kind: Kind, calendar_id: str = ""
) -> dict[str, Any] | None:
    token: dict[str, Any] | None = await connection.fetchval(
        "SELECT token FROM cursors WHERE account_id = $1 AND kind = $2 AND calendar_id = $3",
        account_id,
        kind,
        calendar_id,
    )
    return token


async def upsert_cursor(
    connection: Connection, account_id: AccountId, kind: Kind, token: dict[str, Any], calendar_id: str = ""
) -> None:
    await connection.execute(
        """
        INSERT INTO cursors (account_id, kind, calendar_id, token) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_id, kind, calendar_id) DO UPDATE SET token = $4
        """,
        account_id, kind, calendar_id, token,
    )  # fmt: skip


async def list_calendars(connection: Connection, account_id: AccountId) -> list[str]:
    """The calendars that were read before."""
    rows = await connection.fetch(
        "SELECT calendar_id FROM cursors WHERE account_id = $1 AND kind = 'calendar'", account_id
    )
    return [row["calendar_id"] for row in rows]


async def delete_cursor(connection: Connection, account_id: AccountId, kind: Kind, calendar_id: str = "") -> None:
    await connection.execute(
        "DELETE FROM cursors WHERE account_id = $1 AND kind = $2 AND calendar_id = $3", account_id, kind, calendar_id
    )
