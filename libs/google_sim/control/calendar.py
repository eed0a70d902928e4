"""The control API's part for calendars."""

from aiohttp import web

from libs.google_sim.account import Resource
from libs.google_sim.calendar.store import Calendar, cancelled
from libs.google_sim.control.requests import WORLD, account_in_path, json_response, read_object
from libs.google_sim.recurrence import expand

ROUTES = web.RouteTableDef()


@ROUTES.put("/accounts/{address}/calendars/{calendar}/events/{id}")
async def put_event(request: web.Request) -> web.Response:
    """Add an event, or replace it."""
    calendar = _calendar(request)
    return json_response(_store_event(request, calendar, await read_object(request)))


@ROUTES.patch("/accounts/{address}/calendars/{calendar}/events/{id}")
async def patch_event(request: web.Request) -> web.Response:
    """Change the fields given; null takes a field away."""
    calendar, changes = _calendar(request), await read_object(request)
    merged = {**_event(calendar, request.match_info["id"]), **changes}
    kept = {name: value for name, value in merged.items() if value is not None}
    return json_response(_store_event(request, calendar, kept))


@ROUTES.delete("/accounts/{address}/calendars/{calendar}/events/{id}")
async def cancel_event(request: web.Request) -> web.Response:
    """Cancel an event, a series, or an exception."""
    calendar = _calendar(request)
    gone = {**_event(calendar, request.match_info["id"]), "status": "cancelled"}
    calendar.put(gone)
    return json_response(cancelled(gone))


def _store_event(request: web.Request, calendar: Calendar, event: Resource) -> Resource:
    """Put the event with what Google fills in, and return it."""
    world, event_id = request.app[WORLD], request.match_info["id"]
    stamp = world.utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    filled = {
        "kind": "calendar#event",
        "status": "confirmed",
        "created": stamp,
        "iCalUID": f"{event_id}@google.com",
        "eventType": "default",
        **event,
        "id": event_id,
        "etag": f'"{calendar.version + 1}"',
        "updated": stamp,
    }
    calendar.put(filled)
    return filled


def _event(calendar: Calendar, event_id: str) -> Resource:
    """Return an event, or of a series' instance what becomes an exception when it is stored. Raises KeyError for neither."""
    if event_id in calendar.events:
        return calendar.events[event_id]
    for instance in expand(calendar.snapshot(), None, None):
        if instance["id"] == event_id:
            return instance
    raise KeyError(f"event {event_id}")


def _calendar(request: web.Request) -> Calendar:
    wanted = request.match_info["calendar"]
    for calendar in account_in_path(request).calendars.values():
        if calendar.data.id == wanted or (wanted == "primary" and calendar.data.primary):
            return calendar
    raise KeyError(f"calendar {wanted}")
