"""The home page: who is next, who waits, who is going cold, what needs a decision. The first run leads through three steps."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from aiohttp import web

from libs.common.ids import InteractionId
from libs.common.requests import (
    CountContacts,
    GetPreps,
    ListMeetings,
    ListWaiting,
    SearchContacts,
)
from services.gateway.api.waiting import dismiss_waiting as dismiss_mail
from services.gateway.context import Context
from services.gateway.domain.accounts import AccountView
from services.gateway.domain.first_run import FIRST_DAYS, Step, is_first_run, is_read, steps
from services.gateway.pages.contacts import people_lines
from services.gateway.pages.duplicates import count_text
from services.gateway.pages.meeting_rows import Row, list_rows
from services.gateway.pages.visit import Visit, page_route, see_other
from services.gateway.store.notifications import list_notifications

AHEAD = timedelta(hours=36)
MEETINGS = 6
RECENT = 6
GOING_COLD = 5
NEWEST = 8


def home_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/", show_home),
        page_route(context, "POST", "/waiting/{interaction_id}/dismiss", dismiss_waiting),
    ]


async def show_home(visit: Visit) -> web.Response:
    """Whatever service is away, the rest of the page is shown."""
    (accounts, notifications, brief_sent, duplicates), (rows, waiting, people, cold) = await asyncio.gather(
        asyncio.gather(
            visit.accounts(),
            list_notifications(visit.context.db, visit.user_id, unread=True, limit=NEWEST),
            _brief_was_sent(visit),
            count_text(visit),
        ),
        asyncio.gather(
            list_rows(visit, visit.now, visit.now + AHEAD, may_be_away=True),
            visit.request_if_up(ListWaiting(user_id=visit.user_id)),
            visit.request_if_up(SearchContacts(user_id=visit.user_id, sort="recent", limit=RECENT)),
            visit.request_if_up(SearchContacts(user_id=visit.user_id, going_cold=True, sort="score", limit=GOING_COLD)),
        ),
    )
    values = {
        "rows": rows[:MEETINGS],
        "waiting": waiting.items if waiting else (),
        "people": people.items if people else (),
        "going_cold": people_lines(visit, cold.items if cold else ()),
        "duplicates": duplicates,
        "offers": [item for item in notifications if item.action and not item.action.answer],
        "reconnect": [account for account in accounts if account.reconnect],
        "steps": await _steps(visit, accounts, rows, brief_sent=brief_sent),
        "filling": not is_read(accounts),
        "notifications": [item for item in notifications if not item.action or item.action.answer],
    }
    return await visit.page("home.html", values, accounts=accounts)


async def _steps(visit: Visit, accounts: list[AccountView], rows: Sequence[Row], *, brief_sent: bool) -> list[Step]:
    """The steps of the first run; nothing after it, when nobody waits for all that there is to be counted either."""
    if not is_first_run(accounts, visit.user.created_at, visit.now, brief_sent=brief_sent):
        return []
    first = next((row for row in rows if row.brief.startswith("brief at")), None)
    brief = (
        f"Your first brief comes {first.brief.removeprefix('brief ')}, before {first.meeting.title or 'your meeting'}"
        if first
        else f"Your first brief comes {visit.context.settings.prep_window_from_minutes} minutes before your next meeting"
    )
    return steps(accounts, await visit.request_if_up(CountContacts(user_id=visit.user_id)), brief)


async def _brief_was_sent(visit: Visit) -> bool:
    """Whether a brief was sent in the user's first days. Not asked afterwards, where it does not matter."""
    if visit.now - visit.user.created_at >= FIRST_DAYS:
        return False
    query = ListMeetings(user_id=visit.user_id, start=visit.user.created_at, end=visit.now + timedelta(hours=1))
    meetings = await visit.request_if_up(query)
    if not meetings or not meetings.items:
        return False
    ids = tuple(meeting.meeting_id for meeting in meetings.items)
    preps = await visit.request_if_up(GetPreps(user_id=visit.user_id, meeting_ids=ids))
    return any(prep.state == "sent" for prep in preps.items) if preps else False


async def dismiss_waiting(visit: Visit) -> web.Response:
    """This mail needs no answer."""
    interaction_id = InteractionId(visit.path_id("interaction_id"))
    await dismiss_mail.handler(visit.call, interaction_id)
    return see_other("/")
