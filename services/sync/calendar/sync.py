"""Reading calendars: in full around now, or what changed since the last time."""

from dataclasses import replace
from datetime import datetime

from libs.common.events import Event, MeetingCancelled, MeetingIngested
from libs.common.fault_points import reached
from libs.common.google.errors import Gone, PageExpired, SyncTokenExpired
from libs.common.log import get_logger
from libs.common.resources.calendar import EventPage
from libs.common.time_zones import known_zone
from services.sync.calendar.channels import keep_channels
from services.sync.domain.cursors import NEVER, SyncCursor
from services.sync.domain.meetings import CalendarOf, Window, meeting
from services.sync.domain.runs import Tally
from services.sync.item_audit import MEETINGS, audit_if_due
from services.sync.runs.run import Run
from services.sync.store import accounts, cursors, meetings
from services.sync.store.meetings import Unpublished

PRIMARY = "primary"
PUBLISHED_AT_ONCE = 200
_ALL_GENERATIONS = 2**31 - 1


async def sync_calendar(run: Run) -> None:
    """Bring the account's primary calendar and the ticked ones up to date, and forget those no longer ticked."""
    ticked = run.account.gmail.calendar_ids
    wanted = [PRIMARY, *(calendar_id for calendar_id in ticked if calendar_id not in (PRIMARY, run.account.address))]
    await keep_channels(run, list(dict.fromkeys(wanted)))  # first: what changes while they are read is notified of
    async with run.db.acquire() as connection:
        known = await cursors.list_calendars(connection, run.lease.account_id)
    for calendar_id in dict.fromkeys(wanted):
        try:
            await _sync_calendar(run, calendar_id)
        except Gone:
            # Ticked for the user, but not among this account's calendars (any more).
            get_logger().info("calendar_not_found", primary=calendar_id == PRIMARY)
            await _forget(run, calendar_id)
    for calendar_id in set(known) - set(wanted):
        await _forget(run, calendar_id)
    await audit_if_due(run, MEETINGS)
    await _publish_left(run)


async def _sync_calendar(run: Run, calendar_id: str) -> None:
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
    """All pages; the cursor moves after everything on them is published. A full listing is a new generation; what it misses is gone."""
    full = cursor.sync_token is None
    generation = cursor.generation + full
    settings, now = run.engine.settings, run.now
    window = Window.around(now, settings.calendar_past_days, settings.calendar_ahead_days)
    page_token: str | None = None
    while True:
        try:
            page = await run.calendar.events(
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
        await reached("sync.calendar.fetched")
        await _keep(run, calendar_id, page, window, generation)
        await reached("sync.calendar.stored")
        page_token = page.next_page
        if page_token is None:
            break
    if full and generation > 1:
        await _cancel_older(run, calendar_id, generation, window.earliest)
    await _publish_changes(run, calendar_id)
    await reached("sync.calendar.applied")
    full_at = now.isoformat() if full else cursor.full_at
    async with run.writing() as connection:
        token = SyncCursor(page.sync_token, generation, full_at).to_json()
        await cursors.upsert_cursor(connection, run.lease.account_id, "calendar", token, calendar_id)


async def _keep(run: Run, calendar_id: str, page: EventPage, window: Window, generation: int) -> None:
    """Store a page: meetings as they are, and the end of what is no meeting any more."""
    calendar = CalendarOf(
        run.lease.user_id, run.lease.account_id, calendar_id, page.time_zone or "UTC", run.account.own_addresses
    )
    kept, ended = [], []
    for event in page.events:
        if found := meeting(event, calendar, window):
            kept.append(found)
        else:
            ended.append(event.event_id)
    account_id = run.lease.account_id
    if calendar_id == PRIMARY and page.time_zone != run.account.time_zone and known_zone(page.time_zone):
        # By itself: elsewhere accounts are locked before runs, and a transaction of a run holds its row first.
        async with run.db.acquire() as connection:
            await accounts.set_time_zone(connection, account_id, page.time_zone)
    if not page.events:
        return  # most looks, at a thousand calendars every ten minutes, find nothing
    async with run.step(publish_progress=True) as step:
        new, updated = await meetings.upsert_meetings(step.connection, account_id, calendar_id, kept, generation)
        removed = await meetings.cancel_events(step.connection, account_id, calendar_id, ended)
        step.count(Tally(len(page.events), new, updated, removed))


async def _publish_left(run: Run) -> None:
    """Publish what an audit has marked, or a crash has left behind, also in calendars that are read no longer."""
    async with run.db.acquire() as connection:
        left = await meetings.list_unpublished_calendars(connection, run.lease.account_id)
    for calendar_id in left:
        await _publish_changes(run, calendar_id)


async def _publish_changes(run: Run, calendar_id: str) -> None:
    """Publish every change that was stored and is not published yet, also those that a crash left behind."""
    while True:
        async with run.db.acquire() as connection:
            unpublished = await meetings.list_unpublished(
                connection, run.lease.account_id, calendar_id, PUBLISHED_AT_ONCE
            )
        if not unpublished:
            return
        await reached("sync.calendar.found")
        await run.engine.bus.publish(*(_event(change) for change in unpublished))
        await reached("sync.calendar.published")
        revisions = {change.meeting.meeting_id: change.meeting.revision for change in unpublished}
        async with run.writing() as connection:
            await meetings.mark_meetings_published(connection, revisions)


def _event(change: Unpublished) -> Event:
    meeting = change.meeting
    if not change.cancelled:
        return MeetingIngested(meeting=meeting)
    return MeetingCancelled(
        user_id=meeting.user_id,
        account_id=meeting.account_id,
        meeting_id=meeting.meeting_id,
        calendar_id=meeting.calendar_id,
        event_id=meeting.event_id,
        revision=meeting.revision,
    )


async def _cancel_older(run: Run, calendar_id: str, generation: int, earliest: datetime | None) -> None:
    """Meetings that a complete listing from `earliest` on did not meet are gone."""
    async with run.step() as step:
        removed = await meetings.cancel_older(step.connection, run.lease.account_id, calendar_id, generation, earliest)
        step.count(Tally(removed=removed))


async def _forget(run: Run, calendar_id: str) -> None:
    """The calendar is not read any more: its meetings leave the timelines."""
    await _cancel_older(run, calendar_id, _ALL_GENERATIONS, None)
    await _publish_changes(run, calendar_id)
    await reached("sync.calendar.forgotten")
    async with run.writing() as connection:
        await cursors.delete_cursor(connection, run.lease.account_id, "calendar", calendar_id)
