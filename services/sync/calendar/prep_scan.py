"""The prep scan: which meetings start soon enough for a brief. It follows a calendar run, so that a meeting moved just now is right."""

from datetime import UTC, datetime, timedelta

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.db import Pool
from libs.common.events import MeetingUpcoming
from libs.common.fault_points import reached
from libs.common.ids import AccountId
from libs.common.log import get_logger
from services.sync.context import Context
from services.sync.domain.meetings import upcoming
from services.sync.runs.run import Run
from services.sync.store import meetings, prep_scans

PATIENCE = timedelta(seconds=60)


async def scan_if_due(run: Run) -> None:
    """After the work of a calendar run: the scan that waited for it goes ahead, with whatever is known now.

    Its moment is the account's own in each ten minutes. A run that ends before it leaves it to a run of its own (runs/outcome.py):
    scanned early, the next scan would find meetings late.
    """
    async with run.db.acquire() as connection:
        due = await prep_scans.is_due(connection, run.lease.run_id)
    if due:
        await _publish_upcoming(run.db, run.engine.bus, run.engine.settings, run.lease.account_id)
        async with run.db.acquire() as connection:
            await prep_scans.clear(connection, run.lease.run_id)


async def scan_overdue(context: Context) -> None:
    """Scans whose calendar runs are late go ahead without them."""
    async with context.db.acquire() as connection:
        overdue = await prep_scans.list_overdue(connection, PATIENCE)
    for run_id, account_id in overdue:
        get_logger().warning("scan_without_calendar", account=str(account_id))
        await _publish_upcoming(context.db, context.bus, context.settings, account_id)
        async with context.db.acquire() as connection:
            await prep_scans.clear(connection, run_id)


async def _publish_upcoming(db: Pool, bus: Bus, settings: Settings, account_id: AccountId) -> None:
    """The meetings of an account that start soon. `prep` briefs each once, however often it is published."""
    start, end = upcoming(datetime.now(UTC), settings.prep_catch_up_minutes, settings.prep_window_to_minutes)
    async with db.acquire() as connection:
        found = await meetings.list_upcoming(connection, account_id, start, end)
    await bus.publish(*(MeetingUpcoming(meeting=meeting) for meeting in found))
    await reached("sync.scan.published")
    if found:
        get_logger().info("meetings_upcoming", count=len(found))
