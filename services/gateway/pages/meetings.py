"""Meetings by day, with what becomes of their briefs: upcoming ones, or those that were; and which of those would have been briefed."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from aiohttp import web

from services.gateway.api.meetings import DryRunQuery, dry_run_preps
from services.gateway.context import Context
from services.gateway.domain.meetings import MeetingView, skip_words
from services.gateway.domain.moments import heading_of_day
from services.gateway.pages.meeting_rows import Row, list_rows
from services.gateway.pages.visit import Visit, page_route

AHEAD = timedelta(days=60)
BACK = timedelta(days=30)
MOST_BACK = 36
DRY_RUN_DAYS = 30


def meetings_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/meetings", show_meetings),
        page_route(context, "GET", "/meetings/dry-run", show_dry_run),
    ]


async def show_meetings(visit: Visit) -> web.Response:
    """The next 60 days; with `past` 30 days that are over, newest first: the last ones, or with `back` those so many times earlier."""
    past = "past" in visit.http_request.query
    back = _back(visit)
    end = visit.now - back * BACK
    start, until = (end - BACK, end) if past else (visit.now, visit.now + AHEAD)
    rows = (await list_rows(visit, start, until)).rows
    if past:
        rows = [row for row in rows if row.meeting.ends_at <= end][::-1]
    values = {"days": _days(visit, rows), "past": past, "back": back, "earlier": back + 1 if back < MOST_BACK else 0}
    return await visit.page("meetings.html", values)


def _back(visit: Visit) -> int:
    text = visit.http_request.query.get("back", "")
    return min(int(text), MOST_BACK) if text.isascii() and text.isdigit() else 0


def _days(visit: Visit, rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """The lines under the days on which their meetings begin for the reader."""
    today = visit.now.astimezone(visit.zone).date()
    by_day = groupby(rows, key=lambda row: _day(row.meeting, visit.zone))
    return [(heading_of_day(day, today), list(day_rows)) for day, day_rows in by_day]


def _day(meeting: MeetingView, zone: ZoneInfo) -> date:
    return meeting.start_date if meeting.all_day and meeting.start_date else meeting.starts_at.astimezone(zone).date()


async def show_dry_run(visit: Visit) -> web.Response:
    """Which meetings of the last 30 days would have been briefed by the settings of today, and why not the others."""
    found = await dry_run_preps.handler(visit.call, DryRunQuery(days=DRY_RUN_DAYS))
    lines = [(line, skip_words(line.reason)) for line in reversed(found.items)]
    today = visit.now.astimezone(visit.zone).date()
    by_day = groupby(lines, key=lambda entry: entry[0].starts_at.astimezone(visit.zone).date())
    values = {
        "days": [(heading_of_day(day, today), list(entries)) for day, entries in by_day],
        "total": len(lines),
        "sent": sum(line.would_send for line, _ in lines),
        "span": DRY_RUN_DAYS,
    }
    return await visit.page("dry_run.html", values)
