"""What was sent to the model for talking points: when, where to, how much, and what it cost."""

from aiohttp import web

from libs.common.requests import ListModelCalls
from services.gateway.context import Context
from services.gateway.domain.model_calls import content_text, dollars, outcome_text, total_usd
from services.gateway.pages.visit import Visit, page_route


def model_calls_routes(context: Context) -> list[web.RouteDef]:
    return [page_route(context, "GET", "/settings/ai", show_model_calls)]


async def show_model_calls(visit: Visit) -> web.Response:
    """The calls of the last 30 days, the newest first."""
    found = await visit.request(ListModelCalls(user_id=visit.user_id))
    lines = [(call, content_text(call), outcome_text(call), dollars(call.cost_usd)) for call in found.items]
    values = {
        "lines": lines,
        "host": found.host,
        "model": found.model,
        "total": dollars(total_usd(found.items)),
        "spent": dollars(found.spent_usd),
        "budget": dollars(found.budget_usd),
    }
    return await visit.page("model_calls.html", values)
