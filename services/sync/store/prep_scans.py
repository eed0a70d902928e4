"""Prep scans: each waits in the row of the calendar run after which it is due (`scan_due`: from when on)."""

from datetime import timedelta

from libs.common.db import Connection
from libs.common.ids import AccountId, RunId


async def is_due(connection: Connection, run_id: RunId) -> bool:
    """Whether a scan waits for the end of this run. One whose moment is still to come does not: another run came before it."""
    return bool(await connection.fetchval("SELECT scan_due <= now() FROM runs WHERE run_id = $1", run_id))


async def list_overdue(connection: Connection, patience: timedelta) -> list[tuple[RunId, AccountId]]:
    """Runs whose scan has waited longer than that."""
    rows = await connection.fetch("SELECT run_id, account_id FROM runs WHERE scan_due < now() - $1::interval", patience)
    return [(row["run_id"], row["account_id"]) for row in rows]


async def take_left(connection: Connection, run_id: RunId) -> timedelta | None:
    """How long it is until the scan that the run leaves behind; then it is the caller's. None: it leaves none."""
    left: timedelta | None = await connection.fetchval(
        """
        WITH waiting AS (SELECT run_id, GREATEST(scan_due - now(), interval '0') AS delay FROM runs
                         WHERE run_id = $1 AND scan_due IS NOT NULL)
        UPDATE runs SET scan_due = NULL FROM waiting WHERE runs.run_id = waiting.run_id RETURNING waiting.delay
        """,
        run_id,
    )
    return left


async def clear(connection: Connection, run_id: RunId) -> None:
    """The scan is done."""
    await connection.execute("UPDATE runs SET scan_due = NULL WHERE run_id = $1", run_id)
