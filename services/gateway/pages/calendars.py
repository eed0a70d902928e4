"""Which calendars are read beside the primary ones: those that Google lists, to be ticked."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from libs.common.errors import Refused
from libs.common.requests import AccountCalendar, Calendars, GetSettings, ListCalendars
from services.gateway.context import Context
from services.gateway.domain.accounts import AccountView
from services.gateway.pages.settings import store_section
from services.gateway.pages.visit import Visit, page_route

LISTING_SECONDS = 12.0
NOTHING = Calendars(items=())


def calendars_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/settings/calendars", show_calendars),
        page_route(context, "POST", "/settings/calendars", save_calendars),
    ]


async def show_calendars(visit: Visit) -> web.Response:
    return await _page(visit)


async def _page(visit: Visit, problem: Refused | None = None) -> web.Response:
    """By account. What is ticked and was not listed just now has a box, too: else saving would untick it."""
    settings, listed, accounts = await asyncio.gather(
        visit.request(GetSettings(user_id=visit.user_id)),
        visit.request_if_up(ListCalendars(user_id=visit.user_id), seconds=LISTING_SECONDS),
        visit.accounts(),
    )
    ticked = settings.preferences.gmail.calendar_ids
    found = listed or NOTHING
    known = {calendar.calendar_id for calendar in found.items}
    values = {
        "cards": [
            (account, _of_account(account, found.items), account.id in found.unavailable) for account in accounts
        ],
        "ticked": frozenset(ticked),
        "others": [calendar_id for calendar_id in ticked if calendar_id not in known],
        "away": listed is None,
        "problem_text": problem.detail if problem else "",
    }
    return await visit.page("calendars.html", values, status=problem.status if problem else 200)


def _of_account(account: AccountView, calendars: Sequence[AccountCalendar]) -> list[AccountCalendar]:
    return [calendar for calendar in calendars if calendar.account_id == account.id]


async def save_calendars(visit: Visit) -> web.Response:
    """Read those that were ticked, and no others; on a problem the page once more."""
    ticked = map(str, (await visit.http_request.post()).getall("calendar_id", []))
    try:
        return await store_section(visit, "sync", {"gmail": {"calendar_ids": list(dict.fromkeys(ticked))}})
    except Refused as refused:
        return await _page(visit, refused)
