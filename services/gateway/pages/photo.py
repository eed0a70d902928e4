"""A person's photo, from Google by way of us: the browser makes no request to anybody else."""

from aiohttp import web

from libs.common.ids import ContactId
from libs.common.requests import GetPhoto
from services.gateway.context import Context
from services.gateway.domain.photos import Photo
from services.gateway.pages.visit import Visit, page_route

KEPT_BY_BROWSERS = "private, max-age=86400"
ASKED_AGAIN = "private, max-age=600"
# The initials that stand beneath it show through.
NO_PHOTO = Photo(b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>', "image/svg+xml")


def photo_routes(context: Context) -> list[web.RouteDef]:
    return [page_route(context, "GET", "/contacts/{contact_id}/photo", show_photo, framed=False)]


async def show_photo(visit: Visit) -> web.Response:
    """The image; an empty one where there is no photo or it can't be had."""
    query = GetPhoto(user_id=visit.user_id, contact_id=ContactId(visit.path_id("contact_id")))
    source = await visit.request(query)
    photo = await visit.context.photos.get_photo(visit.user_id, source.url)
    shown = photo or NO_PHOTO
    headers = {
        "Cache-Control": KEPT_BY_BROWSERS if photo else ASKED_AGAIN,
        "ETag": f'"{shown.etag}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if any(tag.value in (shown.etag, "*") for tag in visit.http_request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=shown.content, content_type=shown.content_type, headers=headers)
