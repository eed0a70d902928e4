"""Meetings by day, with what becomes of their briefs: upcoming ones, or those that were."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from aiohttp import web

from libs.common.events import Meeting
from libs.common.requests import GetPreps, ListMeetings
from services.gateway.context import Context
from services.gateway.domain.meetings import MeetingView, meeting_view, next_brief_text
from services.gateway.domain.moments import heading_of_day, length_text
from services.gateway.pages.visit import Visit, page_route

AHEAD = timedelta(days=60)
BACK = timedelta(days=30)
LIMIT = 200


def meetings_routes(context: Context) -> list[web.RouteDef]:
    return [page_route(context, "GET", "/meetings", show_meetings)]


@dataclass(frozen=True)
class Row:
    """A meeting as a line of the list; `brief` in words."""

    meeting: MeetingView
    length: str
    guests: str
    brief: str


async def show_meetings(visit: Visit) -> web.Response:
    """The next 60 days, or with `past` the last 30, newest first."""
    past = "past" in visit.http_request.query
    start, end = (visit.now - BACK, visit.now) if past else (visit.now, visit.now + AHEAD)
    page = await visit.request(ListMeetings(user_id=visit.user_id, start=start, end=end, limit=LIMIT))
    rows = [meeting_row(view, visit.now) for view in await meeting_views(visit, page.items)]
    if past:
        rows.reverse()
    days = [
        (heading_of_day(day, visit.now.astimezone(visit.zone).date()), list(day_rows))
        for day, day_rows in groupby(rows, key=lambda row: _day(row.meeting, visit.zone))
    ]
    return await visit.page("meetings.html", {"days": days, "past": past, "cut": page.next_cursor is not None})


async def meeting_views(visit: Visit, meetings: tuple[Meeting, ...]) -> list[MeetingView]:
    """Each meeting with what became of its brief, in the same order."""
    if not meetings:
        return []
    ids = tuple(meeting.meeting_id for meeting in meetings)
    preps = await visit.request_if_up(GetPreps(user_id=visit.user_id, meeting_ids=ids))
    by_meeting = {prep.meeting_id: prep for prep in preps.items} if preps else {}
    return [meeting_view(meeting, by_meeting.get(meeting.meeting_id)) for meeting in meetings]


def _day(meeting: MeetingView, zone: ZoneInfo) -> date:
    return meeting.start_date if meeting.all_day and meeting.start_date else meeting.starts_at.astimezone(zone).date()


def meeting_row(meeting: MeetingView, now: datetime) -> Row:
    guests = [guest.name or guest.address for guest in meeting.guests if not guest.me and not guest.resource]
    shown = ", ".join(guests[:3]) + (f" and {len(guests) - 3} more" if len(guests) > 3 else "")
    return Row(meeting, length_text(meeting.ends_at - meeting.starts_at), shown, next_brief_text(meeting, now))
