"""Google's notifications of calendars: known by the token of their channel, confirmed once the run is queued.

No session and no API token: whoever knows a channel's token may report that a calendar has changed, and that is all that a notification
can do. It is no part of the API that people use, so the OpenAPI document does not have it.
"""

from functools import partial
from uuid import UUID

from aiohttp import web

from libs.common.errors import Refused
from libs.common.log import get_logger
from libs.common.requests import NotifyCalendar
from services.gateway.api.serving import PREFIX
from services.gateway.context import Context

MAX_TOKEN = 256
CHANNEL_IS_THERE = "sync"


def calendar_push_routes(context: Context) -> list[web.RouteDef]:
    return [web.post(f"{PREFIX}/hooks/calendar", partial(receive_calendar_push, context))]


async def receive_calendar_push(context: Context, request: web.Request) -> web.Response:
    """204 once `sync` has queued the run; Google sends again what gets a 5xx. Refused: 404 for what comes through no channel of ours."""
    if not context.settings.calendar_push_endpoint:
        raise Refused(
            404, "push_not_configured", "No notifications are taken: PINGCRM_PUBLIC_URL is no address for Google."
        )
    headers = request.headers
    if headers.get("X-Goog-Resource-State") == CHANNEL_IS_THERE:
        return web.Response(status=204)  # the first one of a channel, which says that it is there and nothing else
    try:
        channel_id, token = UUID(headers.get("X-Goog-Channel-ID", "")), headers.get("X-Goog-Channel-Token", "")
        if not token or len(token) > MAX_TOKEN:
            raise ValueError("no token of ours")
        await context.bus.request(NotifyCalendar(channel_id=channel_id, channel_token=token))
    except (ValueError, Refused) as error:
        if isinstance(error, Refused) and error.status != 404:
            raise
        get_logger().warning("calendar_push_refused")
        raise Refused(404, "unknown_channel", "Nobody here has such a channel with such a token.") from None
    return web.Response(status=204)
