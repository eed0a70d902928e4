"""The frame alone: what its live parts fetch anew, whatever page they stand on, and nothing of that page is made again."""

from aiohttp import web

from services.gateway.context import Context
from services.gateway.pages.visit import Visit, page_route


def live_frame_routes(context: Context) -> list[web.RouteDef]:
    return [page_route(context, "GET", "/frame", show_frame)]


async def show_frame(visit: Visit) -> web.Response:
    return await visit.framed_page("page.html", {})
