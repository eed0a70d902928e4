"""What sync does without being told: poll mailboxes, and scan where the calendar is late."""

import asyncio
from datetime import timedelta
from random import uniform

from libs.common.log import get_logger
from services.sync.calendar.sync import scan
from services.sync.domain.freshness import poll_pause
from services.sync.runs.run import Sync
from services.sync.store import freshness, runs
from services.sync.store.runs import RunRequest

POLLS_AT_ONCE = 500
LOOKS_PER_POLL = 20
LONGEST_LOOK_SECONDS = 5.0
SCAN_PATIENCE = timedelta(seconds=60)
SCAN_CHECK_SECONDS = 5.0


async def keep_polling(sync: Sync) -> None:
    """Look after mailboxes whose poll is due. Runs until cancelled; returns where polling is off."""
    every = timedelta(seconds=sync.settings.mail_poll_seconds)
    look_seconds = min(every.total_seconds() / LOOKS_PER_POLL, LONGEST_LOOK_SECONDS)
    while every:
        await asyncio.sleep(look_seconds * uniform(0.8, 1.2))
        await sync.bus.survive(lambda: poll_due(sync, every))


async def poll_due(sync: Sync, every: timedelta) -> None:
    """Queue a look at the history of each mailbox whose poll is due, and say when the next one is.

    The rows themselves are what keeps two replicas from polling the same mailbox. A crash in between skips one poll.
    """
    found = POLLS_AT_ONCE
    while found == POLLS_AT_ONCE:
        async with sync.db.acquire() as connection, connection.transaction():
            due = await freshness.list_due(connection, POLLS_AT_ONCE)
            pauses = [(one.account_id, poll_pause(every, one.quiet, one.is_pushed) * uniform(0.9, 1.1)) for one in due]
            await freshness.set_poll(connection, pauses)
        async with sync.db.acquire() as connection, connection.transaction():
            await runs.insert_requests(connection, [RunRequest(one.account_id, "mail", "poll") for one in due])
        found = len(due)
        if due:
            sync.wake.set()


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
