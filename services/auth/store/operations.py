"""How many users and accounts there are: numbers for operators."""

from collections.abc import Mapping

from libs.common.db import Connection


async def count_users(connection: Connection) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM users"))


async def count_accounts(connection: Connection) -> Mapping[str, int]:
    """By state; those that were disconnected are no accounts any more."""
    rows = await connection.fetch(
        "SELECT status, count(*) AS accounts FROM google_accounts WHERE status <> 'disconnected' GROUP BY status"
    )
    return {row["status"]: row["accounts"] for row in rows}
