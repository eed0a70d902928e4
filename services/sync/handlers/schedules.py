"""What is done because it is time: the schedules of the bus, and the poll of each mailbox."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from random import uniform

from libs.common.db import retry_conflicts
from libs.common.events import CalendarDue, ContactsDue, Kind, MailDue, PrepDue, Reason, WatchDue
from libs.common.fault_points import reached
from services.sync.context import Context
from services.sync.domain.runs import RunRequest
from services.sync.domain.spreads import Spread, calendar_spread, mail_spread, scan_spread
from services.sync.mail.polling import poll_due
from services.sync.store import accounts, freshness, runs

SPREAD_SECONDS = 240  # at least; many accounts take longer, as Google's quotas of the project allow
ENQUEUED_AT_ONCE = (
    5_000  # runs in one transaction: those that are under way meanwhile do not wait for a hundred thousand
)
LOOKS_PER_POLL = 20
LONGEST_LOOK_SECONDS = 5.0


async def sync_all_mail(context: Context, _: MailDue) -> None:
    await _enqueue_for_all(context, "mail", "schedule", _mail_spread(context))


async def sync_all_contacts(context: Context, _: ContactsDue) -> None:
    await _enqueue_for_all(context, "contacts", "schedule", _mail_spread(context))


async def sync_all_calendars(context: Context, _: CalendarDue) -> None:
    requests = context.settings.calendar_project_requests_per_minute
    await _enqueue_for_all(
        context, "calendar", "schedule", lambda accounts: calendar_spread(accounts, requests, SPREAD_SECONDS)
    )


async def scan_all_calendars(context: Context, _: PrepDue) -> None:
    """Before each prep scan the calendars are brought up to date, so that a meeting moved just now is right."""
    requests = context.settings.calendar_project_requests_per_minute
    await _enqueue_for_all(context, "calendar", "poll", lambda accounts: scan_spread(accounts, requests), scan=True)


async def renew_watches(context: Context, _: WatchDue) -> None:
    """Once a day the aliases of every account are read again and its watch is renewed, with its next run."""
    async with context.db.acquire() as connection:
        await accounts.make_aliases_due(connection)
        await freshness.make_watches_due(connection)
    await reached("sync.watches.made_due")
    await _enqueue_for_all(context, "mail", "poll", _mail_spread(context))


def _mail_spread(context: Context) -> Callable[[int], Spread]:
    units = context.settings.gmail_project_units_per_minute
    return lambda accounts: mail_spread(accounts, units, SPREAD_SECONDS)


@retry_conflicts
async def _enqueue_for_all(
    context: Context, kind: Kind, reason: Reason, spread: Callable[[int], Spread], scan: bool = False
) -> None:
    """A run for every account, each at its own moment within the spread that so many accounts have. A crash amid it repeats requests,
    which meet those that are there already.
    """
    async with context.db.acquire() as connection:
        over = spread(await runs.count_requestable(connection, kind))
        found = await runs.list_requestable(connection, kind, over.length)
    first, requests = timedelta(seconds=over.first), iter(found)
    while chunk := list(islice(requests, ENQUEUED_AT_ONCE)):
        async with context.queue.transaction(context.db) as connection:
            await context.queue.enqueue(
                connection, [RunRequest(account_id, kind, reason, first + delay, scan) for account_id, delay in chunk]
            )


async def keep_polling(context: Context) -> None:
    """Look after mailboxes whose poll is due. Runs until cancelled; returns where polling is off."""
    every = timedelta(seconds=context.settings.mail_poll_seconds)
    look_seconds = min(every.total_seconds() / LOOKS_PER_POLL, LONGEST_LOOK_SECONDS)
    while every:
        await asyncio.sleep(look_seconds * uniform(0.8, 1.2))
        await context.bus.run_guarded(lambda: poll_due(context, every))
