"""The end of it all: delete me, behind typing one's own address."""

from aiohttp import web

from libs.common.errors import Refused
from services.gateway.api.me import DeleteMe, delete_me
from services.gateway.context import Context
from services.gateway.pages.settings import settings_page
from services.gateway.pages.visit import Visit, page_route, see_other
from services.gateway.sessions.cookies import forget_session


def leaving_routes(context: Context) -> list[web.RouteDef]:
    return [page_route(context, "POST", "/me/delete", delete)]


async def delete(visit: Visit) -> web.Response:
    """Everything goes, for good, where the address was typed."""
    typed = str((await visit.http_request.post()).get("address", "")).strip()
    if typed.casefold() != visit.user.address.casefold():
        sentence = f"Nothing was deleted: that is not {visit.user.address}. Type this address to delete everything."
        return await settings_page(visit, problem=Refused(422, "not_confirmed", sentence), section="data")
    await delete_me.handler(visit.call, DeleteMe(confirm=True))
    response = see_other("/login?gone")
    forget_session(response, visit.context.settings)
    return response
