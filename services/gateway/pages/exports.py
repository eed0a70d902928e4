"""The form that has everything of the user's exported in the background."""

from aiohttp import web

from libs.common.errors import Refused
from services.gateway.api.exports import begin_making
from services.gateway.context import Context
from services.gateway.pages.settings import settings_page
from services.gateway.pages.visit import Visit, page_route, see_other


def exports_routes(context: Context) -> list[web.RouteDef]:
    return [page_route(context, "POST", "/export", start_export)]


async def start_export(visit: Visit) -> web.Response:
    """The page shows how far it is."""
    try:
        await begin_making(visit.context, visit.user_id)
    except Refused as refused:
        return await settings_page(visit, problem=refused, section="data")
    return see_other("/settings#data")
