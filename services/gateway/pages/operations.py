"""How the installation is, for its operators: numbers of all users together, and nothing of any one of them."""

import asyncio
from collections.abc import Mapping, Sequence

from aiohttp import web

from libs.common.errors import Outage, Refused, not_found
from libs.common.ids import SERVICES, Service
from libs.common.requests import (
    ListDeadLetters,
    MeasureAuth,
    MeasureContacts,
    Measurements,
    MeasurePrep,
    MeasureSync,
    Query,
    ReplayDeadLetter,
    Sample,
)
from services.gateway.context import Context
from services.gateway.domain.operations import operations_view
from services.gateway.pages.visit import PageHandler, Visit, page_route, see_other

PATH = "/operations"
MEASURE_SECONDS = 9.0
REPLAY_SECONDS = 40.0  # more than the service takes that handles it again
MEASURE: Mapping[Service, type[Query[Measurements]]] = {
    "auth": MeasureAuth,
    "sync": MeasureSync,
    "contacts": MeasureContacts,
    "prep": MeasurePrep,
}


def operations_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", PATH, _for_operators(show_operations)),
        page_route(context, "POST", f"{PATH}/dead-letters/{{number}}/replay", _for_operators(replay)),
    ]


def _for_operators(handler: PageHandler) -> PageHandler:
    """For everybody else there is no such page. Refused: `not_found` (404)."""

    async def handle(visit: Visit) -> web.Response:
        if not visit.user.operator:
            raise not_found("page")
        return await handler(visit)

    return handle


async def show_operations(visit: Visit, *, problem: Refused | None = None) -> web.Response:
    """All services are asked at once; of one that is away the page says so."""
    letters, measured = await asyncio.gather(
        visit.request_if_up(ListDeadLetters()), asyncio.gather(*(_measure(visit, service) for service in SERVICES))
    )
    values = {
        "view": operations_view(dict(zip(SERVICES, measured, strict=True))),
        "letters": letters.items if letters else None,
        "problem": problem.detail if problem else "",
    }
    return await visit.page("operations.html", values, status=problem.status if problem else 200)


async def _measure(visit: Visit, service: Service) -> Sequence[Sample] | None:
    """Of the gateway this replica's own. None: the service is away."""
    if service not in MEASURE:
        return await visit.context.measuring.take()
    found = await visit.request_if_up(MEASURE[service](), seconds=MEASURE_SECONDS)
    return found.items if found else None


async def replay(visit: Visit) -> web.Response:
    """Have a dead letter handled again. What stands in the way is said on the page."""
    number = visit.http_request.match_info["number"]
    if not number.isdecimal() or not 0 < int(number) < 2**63:
        raise not_found("dead letter")
    try:
        await visit.request(ReplayDeadLetter(number=int(number)), seconds=REPLAY_SECONDS)
    except Refused as refused:
        if refused.status == 404:
            return see_other(PATH)  # somebody else was faster
        return await show_operations(visit, problem=refused)
    except Outage as outage:
        return await show_operations(visit, problem=Refused(503, "unavailable", str(outage)))
    return see_other(PATH)
