"""The home page: who is next, who is going cold, what waits on a decision, what came in. The first run leads through three steps."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from aiohttp import web

from libs.common.events import Meeting
from libs.common.requests import ContactPage, CountContacts, ListMeetings, SearchContacts
from services.gateway.context import Context
from services.gateway.domain.accounts import AccountView
from services.gateway.pages.contacts import people_lines
from services.gateway.pages.duplicates import count_text
from services.gateway.pages.meetings import Row, meeting_row, meeting_views
from services.gateway.pages.visit import Visit, page_route
from services.gateway.store.notifications import list_notifications

State = Literal["done", "now", "later"]
AHEAD = timedelta(hours=36)
MEETINGS = 6
RECENT = 6
GOING_COLD = 5
NEWEST = 8


def home_routes(context: Context) -> list[web.RouteDef]:
    return [page_route(context, "GET", "/", show_home)]


@dataclass(frozen=True)
class Step:
    """One of the three steps of the first run."""

    text: str
    state: State


async def show_home(visit: Visit) -> web.Response:
    accounts, meetings, (people, cold), counts, notifications, duplicates = await asyncio.gather(
        visit.accounts(),
        visit.request_if_up(
            ListMeetings(user_id=visit.user_id, start=visit.now, end=visit.now + AHEAD, limit=MEETINGS)
        ),
        asyncio.gather(
            visit.request_if_up(SearchContacts(user_id=visit.user_id, sort="recent", limit=RECENT)),
            visit.request_if_up(SearchContacts(user_id=visit.user_id, going_cold=True, sort="score", limit=GOING_COLD)),
        ),
        visit.request_if_up(CountContacts(user_id=visit.user_id)),
        list_notifications(visit.context.db, visit.user_id, unread=True, limit=NEWEST),
        count_text(visit),
    )
    rows = await _rows(visit, meetings.items if meetings else ())
    values = {
        "rows": rows,
        "people": people.items if people else (),
        "going_cold": people_lines(visit, cold.items if cold else ()),
        "counts": counts,
        "offers": [item for item in notifications if item.action and not item.action.answer],
        "reconnect": [account for account in accounts if account.reconnect],
        "duplicates": duplicates,
        "steps": _steps(accounts, people),
        "notifications": [item for item in notifications if not item.action or item.action.answer],
    }
    return await visit.page("home.html", values, accounts=accounts)


async def _rows(visit: Visit, meetings: tuple[Meeting, ...]) -> list[Row]:
    return [meeting_row(view, visit.now) for view in await meeting_views(visit, meetings)]


def _steps(accounts: list[AccountView], people: ContactPage | None) -> list[Step]:
    """The first run, until every account has read its mail once; then nothing."""
    if any((run := account.syncs.get("mail")) and run.state == "completed" for account in accounts):
        return []
    reading: State = "now" if accounts else "later"
    found = bool(people and people.items)
    return [
        Step("Connect your Google account", "done" if accounts else "now"),
        Step(
            "Your mail is being read: people appear below as it goes" if found else "Your mail is being read", reading
        ),
        Step("Your first brief arrives half an hour before your next meeting", "later"),
    ]
