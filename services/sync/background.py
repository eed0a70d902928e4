"""What sync does without being told: poll mailboxes, and scan where the calendar is late."""

import asyncio
import time
from datetime import timedelta

from libs.common.log import get_logger
from services.sync.calendar import scan
from services.sync.handlers import poll_mail
from services.sync.job import Sync
from services.sync.store import runs

SCAN_PATIENCE = timedelta(seconds=60)
SCAN_CHECK_SECONDS = 5.0


async def keep_polling(sync: Sync) -> None:
    """Once per `mail_poll_seconds` and cluster, whoever comes first. Runs until cancelled; returns where polling is off."""
    every = sync.settings.mail_poll_seconds
    while every:
        await asyncio.sleep(every - time.time() % every)
        await sync.bus.survive(lambda: _poll(sync, every))


async def _poll(sync: Sync, every: int) -> None:
    slot = round(time.time() / every)
    if await sync.cache.claim(f"mail-poll:{slot}", "1", timedelta(seconds=2 * every)):
        await poll_mail(sync)


async def keep_scanning(sync: Sync) -> None:
    """Prep scans don't wait for calendars longer than a minute. Runs until cancelled."""
    while True:
        await asyncio.sleep(SCAN_CHECK_SECONDS)
        await sync.bus.survive(lambda: scan_overdue(sync))


async def scan_overdue(sync: Sync) -> None:
    async with sync.db.acquire() as connection:
        overdue = await runs.list_overdue_scans(connection, SCAN_PATIENCE)
    for run_id, account_id in overdue:
        get_logger().warning("scan_without_calendar", account=str(account_id))
        await scan(sync, account_id)
        async with sync.db.acquire() as connection:
            await runs.clear_scan(connection, run_id)
