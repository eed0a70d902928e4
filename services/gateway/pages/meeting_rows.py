"""Meetings as lines of a list: when, with whom, and what becomes of the brief."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from libs.common.errors import Outage
from libs.common.events import Meeting
from libs.common.requests import ForecastPreps, Forecasts, ListMeetings, MeetingForecast
from services.gateway.api.meetings import fetch_meeting_views
from services.gateway.domain.meetings import (
    GUESTS_SHOWN,
    BriefOutlook,
    GuestText,
    MeetingView,
    brief_line,
    brief_outlook,
    guest_texts,
    is_first_meeting,
)
from services.gateway.domain.moments import length_text
from services.gateway.pages.visit import Visit

UNDER_WAY = timedelta(hours=24)
"""How long ago a meeting may have begun that is not over yet."""
MOST_PAGES = 5
NOTHING_KNOWN = Forecasts(items=())


@dataclass(frozen=True)
class Row:
    """A meeting as a line of the list; `brief_text`: its brief in words. `guests`: the first who are invited; `more`: how many others."""

    meeting: MeetingView
    length: str
    guests: Sequence[GuestText]
    more: int
    first: bool
    brief: BriefOutlook
    brief_text: str


@dataclass(frozen=True)
class Rows:
    """Meetings as lines. `known`: whether `sync` could be asked for them; `lead_minutes`: how long before a meeting its brief comes,
    where `prep` could.
    """

    rows: Sequence[Row] = ()
    lead_minutes: int | None = None
    known: bool = True


async def list_rows(visit: Visit, start: datetime, end: datetime, *, may_be_away: bool = False) -> Rows:
    """The meetings that end after `start` and begin before `end`, by start. While `sync` is away: an Outage, or with `may_be_away` none."""
    try:
        views, forecasts = await asyncio.gather(
            _list_views(visit, start, end),
            visit.request_if_up(ForecastPreps(user_id=visit.user_id, start=start - UNDER_WAY, end=end)),
        )
    except Outage:
        if not may_be_away:
            raise
        return Rows(known=False)
    known = forecasts or NOTHING_KNOWN
    by_meeting = {item.meeting_id: item for item in known.items}
    rows = [meeting_row(view, by_meeting.get(view.id), visit.now, visit.zone) for view in views]
    return Rows(rows, known.lead_minutes)


async def _list_views(visit: Visit, start: datetime, end: datetime) -> list[MeetingView]:
    """With what became of their briefs."""
    meetings = await _list_meetings(visit, start - UNDER_WAY, end)
    wanted = [meeting for meeting in meetings if meeting.ends_at > start]
    return await fetch_meeting_views(visit.call, wanted, without_prep=True)


async def _list_meetings(visit: Visit, start: datetime, end: datetime) -> list[Meeting]:
    """All of them, as far as anybody reads."""
    found: list[Meeting] = []
    cursor = None
    for _ in range(MOST_PAGES):
        query = ListMeetings(user_id=visit.user_id, start=start, end=end, limit=200, cursor=cursor)
        page = await visit.request(query)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def meeting_row(meeting: MeetingView, forecast: MeetingForecast | None, now: datetime, zone: ZoneInfo) -> Row:
    guests = guest_texts(meeting, forecast)
    brief = brief_outlook(meeting, forecast, now)
    return Row(
        meeting=meeting,
        length=length_text(meeting.ends_at - meeting.starts_at),
        guests=guests[:GUESTS_SHOWN],
        more=max(0, len(guests) - GUESTS_SHOWN),
        first=meeting.starts_at > now and is_first_meeting(forecast),
        brief=brief,
        brief_text=brief_line(meeting, brief, zone),
    )
