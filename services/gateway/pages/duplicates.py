"""Who may be there twice: all pairs on one page, and the decision about one."""

from urllib.parse import urlencode

from aiohttp import web

from libs.common.ids import ContactId
from libs.common.requests import DismissDuplicate, ListDuplicates
from services.gateway.context import Context
from services.gateway.domain.duplicate_texts import pairs_text
from services.gateway.pages.visit import Visit, page_route, see_other

PATH = "/contacts/duplicates"
PAGE_LENGTH = 50


def duplicates_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", PATH, show_duplicates),
        page_route(context, "POST", "/contacts/{contact_id}/duplicates/{other_id}/dismiss", dismiss),
    ]


async def show_duplicates(visit: Visit) -> web.Response:
    """The pairs, the surest first. With `cursor` the next of them; after a merge, `merged` offers to undo it."""
    parameters = visit.http_request.query
    found = await visit.request(
        ListDuplicates(user_id=visit.user_id, cursor=parameters.get("cursor") or None, limit=PAGE_LENGTH)
    )
    values = {
        "pairs": found.items,
        "how_many": pairs_text(found.total),
        "merge_id": visit.query_id("merged"),
        "more": urlencode({"cursor": found.next_cursor}) if found.next_cursor else "",
    }
    return await visit.page("duplicates.html", values)


async def dismiss(visit: Visit) -> web.Response:
    """They are not the same; back to where that was asked."""
    contact_id, other_id = ContactId(visit.path_id("contact_id")), ContactId(visit.path_id("other_id"))
    await visit.request(DismissDuplicate(user_id=visit.user_id, contact_id=contact_id, other_id=other_id))
    return see_other(await return_path(visit, f"/contacts/{contact_id}"))


async def return_path(visit: Visit, otherwise: str) -> str:
    """The page with all pairs, where the form was sent from there."""
    return PATH if (await visit.http_request.post()).get("from") == "duplicates" else otherwise


async def count_text(visit: Visit) -> str:
    """How many pairs wait for a decision, in words; empty where none does, or nobody knows at the moment."""
    found = await visit.request_if_up(ListDuplicates(user_id=visit.user_id, limit=1))
    return pairs_text(found.total) if found else ""
