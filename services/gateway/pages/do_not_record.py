"""Whom the user asks not to record: the forms of the settings page. A person's own page has one too (contact.py)."""

from aiohttp import web

from libs.common.errors import Refused
from libs.common.requests import AddExclusion, RemoveExclusion
from services.gateway.context import Context
from services.gateway.pages.settings import settings_page
from services.gateway.pages.visit import Visit, page_route, see_other

MAX_EXCLUDED = 320


def do_not_record_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "POST", "/do-not-record", do_not_record),
        page_route(context, "POST", "/do-not-record/{exclusion_id}/remove", record_again),
    ]


async def do_not_record(visit: Visit) -> web.Response:
    """An address or a domain; on a problem the page once more, with the sentence that says what it is."""
    value = str((await visit.http_request.post()).get("value", "")).strip()
    try:
        await visit.request(AddExclusion(user_id=visit.user_id, value=value[:MAX_EXCLUDED]))
    except Refused as refused:
        return await settings_page(visit, problem=refused, section="do-not-record")
    return see_other("/settings#do-not-record")


async def record_again(visit: Visit) -> web.Response:
    await visit.request(RemoveExclusion(user_id=visit.user_id, exclusion_id=visit.path_id("exclusion_id")))
    return see_other("/settings#do-not-record")
