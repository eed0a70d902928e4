"""The methods of Calendar v3."""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from libs.google_sim.account import Resource
from libs.google_sim.api.routing import Call, Method, ResponseBody
from libs.google_sim.calendar.channels import calendar_key
from libs.google_sim.calendar.store import Calendar, cancelled
from libs.google_sim.errors import GoogleError, not_found
from libs.google_sim.moments import moment
from libs.google_sim.query import Query
from libs.google_sim.recurrence import Window, expand, touches

_AUTH = "https://www.googleapis.com/auth/"
_LISTS = frozenset({f"{_AUTH}calendar", f"{_AUTH}calendar.readonly", f"{_AUTH}calendar.calendarlist.readonly"})
_EVENTS = frozenset(
    {f"{_AUTH}calendar", f"{_AUTH}calendar.readonly", f"{_AUTH}calendar.events", f"{_AUTH}calendar.events.readonly"}
)
_NOT_WITH_TOKEN = (
    "iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMax", "timeMin", "updatedMin",
)  # fmt: skip
_NEVER_SYNCED = tuple(name for name in _NOT_WITH_TOKEN if name not in ("timeMin", "timeMax"))
_PER_REQUEST = ("pageToken", "syncToken", "maxResults", "fields", "alt", "prettyPrint", "key", "quotaUser")
LISTINGS_KEPT = 8


def list_calendars(call: Call) -> ResponseBody:
    items = [
        {
            "kind": "calendar#calendarListEntry",
            "etag": f'"{calendar.version}"',
            "id": calendar.data.id,
            "summary": calendar.data.summary,
            "timeZone": calendar.data.time_zone,
            "accessRole": "owner",
            "selected": True,
            **({"primary": True} if calendar.data.primary else {}),
        }
        for calendar in call.account.calendars.values()
    ]
    return {"kind": "calendar#calendarList", "etag": '"1"', "nextSyncToken": "1", "items": items}


def list_events(call: Call) -> ResponseBody:
    """Return a page of a full or an incremental listing. A listing is fixed when its first page is read."""
    query, calendar = call.query, _calendar(call)
    page = _read_token(query.text("pageToken"), _bad_page)
    sync = None if page else _read_token(query.text("syncToken"), _full_sync)
    shape = query.fingerprint((*_PER_REQUEST, *_NOT_WITH_TOKEN))
    if query.text("syncToken") and (wrong := query.given(_NOT_WITH_TOKEN)):
        raise _bad(f"Sync token cannot be used with {wrong[0]}", wrong[0])
    if sync is not None and (sync["calendar"] != calendar.data.id or sync["shape"] != shape):
        raise _bad("Sync token cannot be used with parameters other than those of the first request", "syncToken")
    if sync is not None and not calendar.oldest_version <= sync["version"] <= calendar.version:
        raise _full_sync()
    plan = page or {
        "calendar": calendar.data.id,
        "shape": shape,
        "version": calendar.version,
        "since": sync["version"] if sync else None,
        "min": sync["min"] if sync else _time(query, "timeMin"),
        "max": sync["max"] if sync else _time(query, "timeMax"),
        "now": call.world.utc_now().isoformat(),
        "at": 0,
    }
    listing = _listing(call, calendar, plan)
    maximum = query.integer("maxResults", 250, 2500)
    until = plan["at"] + maximum
    response: Resource = {
        "kind": "calendar#events",
        "etag": f'"{plan["version"]}"',
        "summary": calendar.data.summary,
        "updated": _timestamp(call.world.utc_now()),
        "timeZone": calendar.data.time_zone,
        "accessRole": "owner",
        "defaultReminders": [],
        "items": listing[plan["at"] : until],
    }
    if until < len(listing):
        response["nextPageToken"] = _token({**plan, "at": until})
    elif not query.given(_NEVER_SYNCED):
        kept = {name: plan[name] for name in ("calendar", "shape", "version", "min", "max")}
        response["nextSyncToken"] = _token(kept)
    return response


def get_event(call: Call) -> ResponseBody:
    calendar = _calendar(call)
    event = calendar.events.get(call.path["eventId"])
    if event is None:
        instances = expand(calendar.snapshot(), None, None, now=call.world.utc_now())
        event = next((instance for instance in instances if instance["id"] == call.path["eventId"]), None)
    if event is None:
        raise not_found("Not Found")
    return event


def watch_events(call: Call) -> ResponseBody:
    """Begin to notify an endpoint of the calendar's changes."""
    calendar, wanted = _calendar(call), call.json
    if wanted.get("type") != "web_hook":
        raise _bad("Unknown channel type", "type")
    key = calendar_key(call.account.address, calendar.data.id)
    channel = call.world.channels.begin(
        key, _text(wanted.get("id")), _text(wanted.get("address")), _text(wanted.get("token"))
    )
    return channel.resource()


def stop_channel(call: Call) -> ResponseBody:
    call.world.channels.stop(_text(call.json.get("id")), _text(call.json.get("resourceId")))
    return None


def _calendar(call: Call) -> Calendar:
    wanted = call.path["calendarId"]
    for calendar in call.account.calendars.values():
        if calendar.data.id == wanted or (wanted == "primary" and calendar.data.primary):
            return calendar
    raise not_found("Not Found")


def _listing(call: Call, calendar: Calendar, plan: Resource) -> list[Resource]:
    """Return all items of a listing. They are kept for its further pages, and made again where they were pushed out.

    Made again after a change it shows the change, as the listing's version in the token does not: nothing is lost.
    """
    key = repr((call.account.address, {name: value for name, value in plan.items() if name != "at"}, plan["since"]))
    kept = call.world.listings
    if key not in kept:
        lower, upper = _instant(plan["min"]), _instant(plan["max"])
        now = datetime.fromisoformat(plan["now"])
        if plan["since"] is None:
            items = _full(calendar, call.query, lower, upper, now)
        else:
            single = call.query.flag("singleEvents")
            items = calendar.changed_since(plan["since"], lower, upper, now, single_events=single)
        kept[key] = _of_types(items, call.query.texts("eventTypes"))
        while len(kept) > LISTINGS_KEPT:
            del kept[next(iter(kept))]
    return kept[key]


def _full(
    calendar: Calendar, query: Query, lower: datetime | None, upper: datetime | None, now: datetime
) -> list[Resource]:
    data, window = calendar.snapshot(), Window(lower, upper)
    items = expand(data, lower, upper, now=now)
    if not query.flag("singleEvents"):
        present = {item.get("recurringEventId") or item["id"] for item in items} | {item["id"] for item in items}
        items = [event for event in data.events if event["id"] in present and event.get("status") != "cancelled"]
    if query.flag("showDeleted"):
        gone = (event for event in data.events if event.get("status") == "cancelled")
        items += [cancelled(event) for event in gone if touches(event, data.time_zone, window) or "start" not in event]
    match query.text("orderBy"):
        case "startTime" if not query.flag("singleEvents"):
            raise _bad("The requested ordering is not available for the particular query.", "orderBy")
        case "startTime":
            return sorted(items, key=lambda event: _start(event, data.time_zone))
        case "updated":
            return sorted(items, key=lambda event: str(event.get("updated", "")))
        case None:
            return items
        case _:
            raise _bad("Invalid value for orderBy", "orderBy")


def _start(event: Resource, time_zone: str) -> datetime:
    start = moment(event.get("start"), time_zone)
    return start.instant if start else datetime.min.replace(tzinfo=UTC)


def _of_types(items: Iterable[Resource], types: list[str]) -> list[Resource]:
    wanted = {event_type for event_type in types if event_type}
    return [
        item
        for item in items
        if not wanted or item.get("status") == "cancelled" or item.get("eventType", "default") in wanted
    ]


def _time(query: Query, name: str) -> str | None:
    text = query.text(name)
    if text is None:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise _bad("Bad Request", name) from error
    if value.tzinfo is None:
        raise _bad("Bad Request", name)
    return text


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _timestamp(now: datetime) -> str:
    whole = now - timedelta(microseconds=now.microsecond % 1000)
    return whole.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _token(value: Resource) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def _read_token(token: str | None, refusal: Any) -> Resource | None:
    if token is None:
        return None
    try:
        value = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError as error:
        raise refusal() from error
    if not isinstance(value, dict) or not {"calendar", "shape", "version", "min", "max"} <= set(value):
        raise refusal()
    return value


def _text(value: object) -> str:
    """A string of a body; empty where it is none."""
    return value if isinstance(value, str) else ""


def _bad(message: str, parameter: str) -> GoogleError:
    return GoogleError(400, "invalid", message, location=("parameter", parameter))


def _bad_page() -> GoogleError:
    return _bad("Invalid page token value.", "pageToken")


def _full_sync() -> GoogleError:
    return GoogleError(
        410,
        "fullSyncRequired",
        "Sync token is no longer valid, a full sync is required.",
        domain="calendar",
        location=("parameter", "syncToken"),
    )


METHODS = [
    Method("calendar.calendarList.list", "GET", "calendar/v3/users/me/calendarList", _LISTS, 0, list_calendars),
    Method("calendar.events.list", "GET", "calendar/v3/calendars/{calendarId}/events", _EVENTS, 0, list_events),
    Method(
        "calendar.events.watch", "POST", "calendar/v3/calendars/{calendarId}/events/watch", _EVENTS, 0, watch_events
    ),
    Method("calendar.channels.stop", "POST", "calendar/v3/channels/stop", _EVENTS, 0, stop_channel),
    Method("calendar.events.get", "GET", "calendar/v3/calendars/{calendarId}/events/{eventId}", _EVENTS, 0, get_event),
]
