"""Prep scans: each waits in the row of the calendar run after which it is due (`scan_due`: since when)."""

from datetime import timedelta

from libs.common.db import Connection
from libs.common.ids import AccountId, RunId


async def is_due(connection: Connection, run_id: RunId) -> bool:
    """Whether a scan waits for the end of this run."""
    return bool(await connection.fetchval("SELECT scan_due IS NOT NULL FROM runs WHERE run_id = $1", run_id))


async def list_overdue(connection: Connection, patience: timedelta) -> list[tuple[RunId, AccountId]]:
    """Runs whose scan has waited longer than that."""
    rows = await connection.fetch("SELECT run_id, account_id FROM runs WHERE scan_due < now() - $1::interval", patience)
    return [(row["run_id"], row["account_id"]) for row in rows]


async def clear(connection: Connection, run_id: RunId) -> None:
    """The scan is done."""
    await connection.execute("UPDATE runs SET scan_due = NULL WHERE run_id = $1", run_id)
