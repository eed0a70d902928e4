"""The home page: who is next, who waits, who is going cold, what needs a decision. The first run leads through three steps."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from libs.common.events import PrepSent
from libs.common.ids import InteractionId
from libs.common.requests import (
    CountContacts,
    Counts,
    ListWaiting,
    SearchContacts,
)
from services.gateway.api.waiting import dismiss_waiting as dismiss_mail
from services.gateway.api.waiting import restore_waiting as restore_mail
from services.gateway.context import Context
from services.gateway.domain.first_run import FIRST_DAYS, is_first_run, is_read, steps
from services.gateway.domain.moments import day_and_clock
from services.gateway.pages.contacts import people_lines
from services.gateway.pages.duplicates import count_text
from services.gateway.pages.meeting_rows import Rows, list_rows
from services.gateway.pages.visit import Visit, page_route, see_other
from services.gateway.sessions.cookies import dismissed_of, forget_dismissed, remember_dismissed
from services.gateway.store.notifications import has_notification, list_notifications

AHEAD = timedelta(hours=36)
MEETINGS = 6
RECENT = 6
GOING_COLD = 5
NEWEST = 8


def home_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/", show_home),
        page_route(context, "POST", "/waiting/{interaction_id}/dismiss", dismiss_waiting),
        page_route(context, "POST", "/waiting/{interaction_id}/restore", restore_waiting),
    ]


async def show_home(visit: Visit) -> web.Response:
    """Whatever service is away, the rest of the page is shown."""
    (accounts, notifications, first_run, duplicates), (meetings, waiting, people, cold) = await asyncio.gather(
        asyncio.gather(
            visit.accounts(),
            list_notifications(visit.context.db, visit.user_id, unread=True, limit=NEWEST),
            _first_run(visit),
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
        "rows": meetings.rows[:MEETINGS],
        "meetings_known": meetings.known,
        "waiting": waiting.items if waiting else (),
        "dismissed": dismissed_of(visit.http_request, visit.context.settings),
        "people": people.items if people else (),
        "people_known": people is not None,
        "going_cold": people_lines(visit, cold.items if cold else ()),
        "duplicates": duplicates,
        "offers": [item for item in notifications if item.action and not item.action.answer],
        "reconnect": [account for account in accounts if account.reconnect],
        "steps": steps(accounts, first_run.counts, _first_brief(visit, meetings)) if first_run else [],
        "filling": not is_read(accounts),
        "notifications": [item for item in notifications if not item.action or item.action.answer],
    }
    return await visit.page("home.html", values)


@dataclass(frozen=True)
class FirstRun:
    """What the first run shows is here so far, where that can be known."""

    counts: Counts | None


async def _first_run(visit: Visit) -> FirstRun | None:
    """None after it. In the first days it is counted meanwhile; later, where nobody waits for it, only if it is wanted all the same."""
    created_at = visit.user.created_at
    if visit.now - created_at >= FIRST_DAYS:
        if not is_first_run(await visit.accounts(), created_at, visit.now, brief_sent=False):
            return None
        return FirstRun(await _counts(visit))
    accounts, brief_sent, counts = await asyncio.gather(
        visit.accounts(), has_notification(visit.context.db, visit.user_id, PrepSent.subject), _counts(visit)
    )
    is_first = is_first_run(accounts, created_at, visit.now, brief_sent=brief_sent)
    return FirstRun(counts) if is_first else None


async def _counts(visit: Visit) -> Counts | None:
    return await visit.request_if_up(CountContacts(user_id=visit.user_id))


def _first_brief(visit: Visit, meetings: Rows) -> str:
    """When the first brief comes, as far as is known."""
    for row in meetings.rows:
        if row.brief.at:
            when = day_and_clock(row.brief.at, visit.now, visit.zone)
            return f"Your first brief comes {when}, before {row.meeting.title or 'your meeting'}"
    lead = f"{meetings.lead_minutes} minutes " if meetings.lead_minutes else ""
    return f"Your first brief comes {lead}before your next meeting"


async def dismiss_waiting(visit: Visit) -> web.Response:
    """This mail needs no answer. Home has for a while a form that takes it back, whatever has it made anew meanwhile."""
    interaction_id = InteractionId(visit.path_id("interaction_id"))
    await dismiss_mail.handler(visit.call, interaction_id)
    response = see_other("/#waiting")
    remember_dismissed(response, interaction_id, visit.context.settings)
    return response


async def restore_waiting(visit: Visit) -> web.Response:
    interaction_id = InteractionId(visit.path_id("interaction_id"))
    await restore_mail.handler(visit.call, interaction_id)
    response = see_other(f"/#waits-{interaction_id}")
    forget_dismissed(response, visit.context.settings)
    return response
