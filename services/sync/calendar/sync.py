"""Reading calendars: in full around now, or what changed since the last time; and the scan for upcoming meetings."""

from dataclasses import replace
from datetime import UTC, datetime

from libs.common.events import Event, MeetingCancelled, MeetingIngested, MeetingUpcoming
from libs.common.google.errors import Gone, PageExpired, SyncTokenExpired
from libs.common.ids import AccountId
from libs.common.log import get_logger
from libs.common.resources.calendar import EventPage
from services.sync.domain.cursors import NEVER, SyncCursor
from services.sync.domain.meetings import CalendarOf, Window, meeting, upcoming
from services.sync.runs.run import Run, Sync
from services.sync.store import cursors, meetings
from services.sync.store.meetings import Unpublished
from services.sync.store.runs import Tally

PRIMARY = "primary"
PUBLISHED_AT_ONCE = 200
_ALL_GENERATIONS = 2**31 - 1


async def sync_calendar(run: Run) -> None:
    """Bring the account's primary calendar and the ticked ones up to date, and forget those no longer ticked."""
    wanted = [PRIMARY, *(one for one in run.account.gmail.calendar_ids if one not in (PRIMARY, run.account.address))]
    async with run.db.acquire() as connection:
        known = await cursors.list_calendars(connection, run.lease.account_id)
    for calendar_id in dict.fromkeys(wanted):
        try:
            await _sync_one(run, calendar_id)
        except Gone:
            # Ticked for the user, but not among this account's calendars (any more).
            get_logger().info("calendar_not_found", primary=calendar_id == PRIMARY)
            await _forget(run, calendar_id)
    for calendar_id in set(known) - set(wanted):
        await _forget(run, calendar_id)


async def _sync_one(run: Run, calendar_id: str) -> None:
    async with run.db.acquire() as connection:
        token = await cursors.get_cursor(connection, run.lease.account_id, "calendar", calendar_id)
    cursor = SyncCursor.from_json(token) if token else NEVER
    if run.lease.reason == "schedule" or cursor.is_stale(run.now):
        cursor = replace(cursor, sync_token=None)
    try:
        await _read(run, calendar_id, cursor)
    except SyncTokenExpired:
        await _read(run, calendar_id, replace(cursor, sync_token=None))


async def _read(run: Run, calendar_id: str, cursor: SyncCursor) -> None:
    """All pages; the cursor moves after everything on them is said. A full listing is a new generation, and what it misses is gone."""
    full = cursor.sync_token is None
    generation = cursor.generation + full
    settings, now = run.sync.settings, run.now
    window = Window.around(now, settings.calendar_past_days, settings.calendar_ahead_days)
    page_token: str | None = None
    while True:
        try:
            page = await run.google.calendar.events(
                calendar_id,
                since=window.earliest,
                until=window.latest,
                sync_token=cursor.sync_token,
                page=page_token,
            )
        except PageExpired as expired:
            run.begin_again(expired)
            page_token = None
            continue
        await _keep(run, calendar_id, page, window, generation)
        page_token = page.next_page
        if page_token is None:
            break
    if full:
        async with run.writing() as connection:
            removed = await meetings.cancel_older(
                connection, run.lease.account_id, calendar_id, generation, window.earliest
            )
            await run.count(connection, Tally(removed=removed))
    await _publish_changes(run, calendar_id)
    full_at = now.isoformat() if full else cursor.full_at
    async with run.writing() as connection:
        token = SyncCursor(page.sync_token, generation, full_at).to_json()
        await cursors.upsert_cursor(connection, run.lease.account_id, "calendar", token, calendar_id)


async def _keep(run: Run, calendar_id: str, page: EventPage, window: Window, generation: int) -> None:
    """Store a page: meetings as they are, and the end of those that are none any more."""
    calendar = CalendarOf(
        run.lease.user_id, run.lease.account_id, calendar_id, page.time_zone or "UTC", run.account.own_addresses
    )
    kept, ended = [], []
    for event in page.events:
        if found := meeting(event, calendar, window):
            kept.append(found)
        else:
            ended.append(event.event_id)
    async with run.writing() as connection:
        new, updated = await meetings.upsert_meetings(connection, run.lease.account_id, calendar_id, kept, generation)
        removed = await meetings.cancel_events(connection, run.lease.account_id, calendar_id, ended)
        await run.count(connection, Tally(done=len(page.events), new=new, updated=updated, removed=removed))
    await run.show(run.done, run.done)


async def _publish_changes(run: Run, calendar_id: str) -> None:
    """Say every change that was stored and not said yet, also those that a crash left behind."""
    while True:
        async with run.db.acquire() as connection:
            unpublished = await meetings.list_unpublished(
                connection, run.lease.account_id, calendar_id, PUBLISHED_AT_ONCE
            )
        if not unpublished:
            return
        await run.sync.bus.publish(*(_event(one) for one in unpublished))
        async with run.writing() as connection:
            await meetings.mark_meetings_published(
                connection, {one.meeting.meeting_id: one.meeting.revision for one in unpublished}
            )


def _event(unpublished: Unpublished) -> Event:
    one = unpublished.meeting
    if not unpublished.cancelled:
        return MeetingIngested(meeting=one)
    return MeetingCancelled(
        user_id=one.user_id,
        account_id=one.account_id,
        meeting_id=one.meeting_id,
        calendar_id=one.calendar_id,
        event_id=one.event_id,
        revision=one.revision,
    )


async def _forget(run: Run, calendar_id: str) -> None:
    """The calendar is not read any more: its meetings leave the timelines."""
    async with run.writing() as connection:
        removed = await meetings.cancel_older(connection, run.lease.account_id, calendar_id, _ALL_GENERATIONS, None)
        await run.count(connection, Tally(removed=removed))
    await _publish_changes(run, calendar_id)
    async with run.writing() as connection:
        await cursors.delete_cursor(connection, run.lease.account_id, "calendar", calendar_id)


async def scan(sync: Sync, account_id: AccountId) -> None:
    """Say which meetings of an account start soon enough for a brief. `prep` briefs each once, however often it is said."""
    settings = sync.settings
    start, end = upcoming(datetime.now(UTC), settings.prep_catch_up_minutes, settings.prep_window_to_minutes)
    async with sync.db.acquire() as connection:
        found = await meetings.list_upcoming(connection, account_id, start, end)
    await sync.bus.publish(*(MeetingUpcoming(meeting=one) for one in found))
    if found:
        get_logger().info("meetings_upcoming", count=len(found))
