"""What is shown of meetings, and the prep scans that don't wait for a late calendar."""

import asyncio
from datetime import datetime
from uuid import UUID

from libs.common.errors import not_found
from libs.common.events import Meeting
from libs.common.pagination import cut_page, decode_page_token
from libs.common.requests import GetMeeting, ListMeetings, Meetings
from services.sync.calendar.prep_scan import scan_overdue
from services.sync.context import Context
from services.sync.store import meetings

MAX_PAGE = 500
SCAN_CHECK_SECONDS = 5.0


async def show_meetings(context: Context, query: ListMeetings) -> Meetings:
    limit = min(max(query.limit, 1), MAX_PAGE)
    async with context.db.acquire() as connection:
        found = await meetings.list_meetings(
            connection, query.user_id, query.start, query.end, query.account_id,
            decode_page_token(query.cursor, datetime, UUID), limit + 1,
        )  # fmt: skip
    items, next_cursor = cut_page(found, limit, lambda meeting: (meeting.starts_at.isoformat(), meeting.meeting_id))
    return Meetings(items=items, next_cursor=next_cursor)


async def show_meeting(context: Context, query: GetMeeting) -> Meeting:
    async with context.db.acquire() as connection:
        found = await meetings.get_meeting(connection, query.user_id, query.meeting_id)
    if found is None:
        raise not_found("meeting")
    return found


async def keep_scanning(context: Context) -> None:
    """Prep scans don't wait for calendars longer than a minute. Runs until cancelled."""
    while True:
        await asyncio.sleep(SCAN_CHECK_SECONDS)
        await context.bus.run_guarded(lambda: scan_overdue(context))
