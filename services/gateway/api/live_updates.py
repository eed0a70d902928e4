"""Live updates as server-sent events."""

import asyncio
from time import monotonic

from aiohttp import web
from pydantic import BaseModel, Field

from libs.common.errors import Outage, Refused
from libs.common.events import ContactChanged, PrepSkipped, SyncProgressed
from libs.common.requests import WhoIs
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.domain.notifications import Notification
from services.gateway.live_updates import LiveStream
from services.gateway.sessions.authentication import bearer_of

HEARTBEAT_SECONDS = 15.0
WRITE_SECONDS = 30.0
RETRY_MILLISECONDS = 3000


class EventsQuery(BaseModel):
    last_event_id: str = Field(
        "",
        description="The position to go on from: the `id` of the last event that was received. The header `Last-Event-ID`, which "
        "browsers send when they connect again, goes before it.",
    )


class Resync(BaseModel):
    """Events were dropped: load again what you show."""


@endpoint(
    "GET",
    "/events",
    tag="Live updates",
    scope="read",
    media_type="text/event-stream",
    events={
        "sync.progressed": SyncProgressed,
        "contact.changed": ContactChanged,
        "prep.skipped": PrepSkipped,
        "notification.created": Notification,
        "resync": Resync,
    },
    errors={429: "Too many open streams, or too many requests of this user."},
)
async def stream_events(call: Call, query: EventsQuery) -> web.StreamResponse:
    """Stream live updates (server-sent events).

    `sync.progressed` with done, total and eta of a run; `contact.changed` with contact ids; `prep.skipped` with a meeting that gets no
    brief, and why; `notification.created` with the notification, also when it has grown. Each has an `id`, its position: whoever
    connects again with the last one gets what came since. `resync` comes where that is not known (too long ago, another replica, a
    restart) and where events were read too slowly: load again what you show. A comment line keeps the connection alive every 15
    seconds; the stream ends with the session.
    """
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if call.is_head:
        return web.Response(headers=headers)
    response = web.StreamResponse(headers=headers)

    def is_connected() -> bool:
        return (transport := call.http_request.transport) is not None and not transport.is_closing()

    since = call.http_request.headers.get("Last-Event-ID") or query.last_event_id
    with call.context.hub.open_stream(call.user_id, call.caller.session, is_connected, since=since) as stream:
        await response.prepare(call.http_request)
        try:
            await _write(response, _greeting(stream, since))
            await _forward(call, stream, response)
        except (ConnectionError, TimeoutError):
            return response  # the browser went away, or has stopped reading
    return response


def _greeting(stream: LiveStream, since: str) -> bytes:
    """Who names no position is given one, so that a connection which breaks off before the first event loses none either."""
    position = "" if since else f"id: {stream.position}\n"
    return f"retry: {RETRY_MILLISECONDS}\n{position}\n".encode()


async def _forward(call: Call, stream: LiveStream, response: web.StreamResponse) -> None:
    """Pass events on until the stream is closed or the session has ended, which is checked however busy the stream is."""
    check_at = monotonic() + HEARTBEAT_SECONDS
    while not stream.closed:
        for position, event in await stream.get(max(0.0, check_at - monotonic())):
            await _write(response, event.encode(position))
        if monotonic() >= check_at and not stream.closed:
            if not await _still_signed_in(call):
                return
            await _write(response, b": still here\n\n")
            check_at = monotonic() + HEARTBEAT_SECONDS


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(data)


async def _still_signed_in(call: Call) -> bool:
    """An outage is no sign-out."""
    session = call.caller.session
    try:
        await call.request(WhoIs(session=session) if session else WhoIs(token=bearer_of(call.http_request)))
    except Refused:
        return False
    except Outage:
        return True
    return True


ENDPOINTS = (stream_events,)
