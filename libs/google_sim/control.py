"""The control API: what happens in the world beyond the product's reach. JSON, on a port of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, cast

import orjson
from aiohttp import web

from libs.google_sim.account import Resource
from libs.google_sim.calendar.store import Calendar, cancelled
from libs.google_sim.faults import Rule
from libs.google_sim.gmail.delivery import deliver, message_from
from libs.google_sim.recurrence import expand
from libs.google_sim.world import Account, World

WORLD = web.AppKey("world", World)
TO_COME = web.AppKey("to_come", set[asyncio.TimerHandle])
ROUTES = web.RouteTableDef()
_LABEL_CHANGES: dict[str, tuple[list[str], list[str]]] = {
    "trash": (["TRASH"], ["INBOX"]),
    "untrash": ([], ["TRASH"]),
    "spam": (["SPAM"], ["INBOX"]),
    "unspam": (["INBOX"], ["SPAM"]),
}
_MAX_BODY = 256 * 1024 * 1024
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def control_app(world: World) -> web.Application:
    """The control API of a world. Mistakes are 400, what does not exist is 404, both `{"error": sentence}`."""
    app = web.Application(middlewares=[_sentences], client_max_size=_MAX_BODY)
    app[WORLD] = world
    app[TO_COME] = set()
    app.on_cleanup.append(_call_off)
    app.add_routes(ROUTES)
    return app


async def _call_off(app: web.Application) -> None:
    """What was to be delivered later never is: this Google ends."""
    for timer in app[TO_COME]:
        timer.cancel()


@web.middleware
async def _sentences(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except KeyError as error:
        return _json({"error": f"There is no {error.args[0]}."}, 404)
    except ValueError as error:
        return _json({"error": str(error)}, 400)


@ROUTES.get("/state")
async def state(request: web.Request) -> web.Response:
    return _json(request.app[WORLD].describe())


@ROUTES.post("/accounts/{address}/messages")
async def deliver_message(request: web.Request) -> web.Response:
    """`{"raw": RFC 822 text}` or a Gmail resource, or `{"messages": [...]}` of them; labelIds, internalDate optional.

    With `"every_seconds": n` beside `messages` they come one after the other, the first at once: how many, and how long it takes.
    """
    account, body = _account(request), await read_object(request)
    given, pause = body.get("messages", [body]), body.get("every_seconds", 0)
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise ValueError("Give one message, or {'messages': [...]}.")
    if not isinstance(pause, int | float) or pause < 0:
        raise ValueError("every_seconds is a number of seconds, 0 or more.")
    messages = [message_from(one) for one in given]
    if pause:
        loop, to_come = asyncio.get_running_loop(), request.app[TO_COME]
        to_come |= {
            loop.call_later(number * pause, _deliver, request.app, account, one) for number, one in enumerate(messages)
        }
        return _json({"messages": len(messages), "seconds": max(len(messages) - 1, 0) * pause})
    stored = [_deliver(request.app, account, one) for one in messages]
    return _json({"messages": stored} if "messages" in body else stored[0])


def _deliver(app: web.Application, account: Account, message: Resource) -> Resource:
    return deliver(account, message, str(int(app[WORLD].now() * 1000))).stub


@ROUTES.post("/accounts/{address}/messages/{id}/{action}")
async def change_message(request: web.Request) -> web.Response:
    """action: trash, untrash, spam, unspam, delete, or label with `{"add": [...], "remove": [...]}`."""
    mailbox, message_id, action = _account(request).mailbox, request.match_info["id"], request.match_info["action"]
    if message_id not in mailbox.messages:
        raise KeyError(f"message {message_id}")
    if action == "delete":
        mailbox.delete(message_id)
        return _json({"historyId": str(mailbox.history_id)})
    if action == "label":
        body = await read_object(request)
        add, remove = body.get("add", []), body.get("remove", [])
    elif action in _LABEL_CHANGES:
        add, remove = _LABEL_CHANGES[action]
    else:
        raise KeyError(f"action {action}")
    stored = mailbox.relabel(message_id, add, remove)
    return _json({**stored.stub, "labelIds": sorted(stored.labels), "historyId": str(mailbox.history_id)})


@ROUTES.put("/accounts/{address}/calendars/{calendar}/events/{id}")
async def put_event(request: web.Request) -> web.Response:
    """Add an event, or replace it."""
    calendar = _calendar(request)
    return _json(_stored_event(request, calendar, await read_object(request)))


@ROUTES.patch("/accounts/{address}/calendars/{calendar}/events/{id}")
async def patch_event(request: web.Request) -> web.Response:
    """Change the fields given; null takes a field away."""
    calendar, changes = _calendar(request), await read_object(request)
    merged = {**_event(calendar, request.match_info["id"]), **changes}
    return _json(_stored_event(request, calendar, {k: v for k, v in merged.items() if v is not None}))


@ROUTES.delete("/accounts/{address}/calendars/{calendar}/events/{id}")
async def cancel_event(request: web.Request) -> web.Response:
    """Cancel an event, a series, or an exception."""
    calendar = _calendar(request)
    gone = {**_event(calendar, request.match_info["id"]), "status": "cancelled"}
    calendar.put(gone)
    return _json(cancelled(gone))


@ROUTES.put("/accounts/{address}/people/{name:people/.+}")
async def put_person(request: web.Request) -> web.Response:
    """Add a person, or replace it."""
    name, person = request.match_info["name"], await read_object(request)
    people = _account(request).people
    stored = {**person, "resourceName": name, "etag": f"%{people.version + 1}"}
    people.put(stored)
    return _json(stored)


@ROUTES.delete("/accounts/{address}/people/{name:people/.+}")
async def delete_person(request: web.Request) -> web.Response:
    _account(request).people.delete(request.match_info["name"])
    return _json({})


@ROUTES.post("/accounts/{address}/revoke")
async def revoke(request: web.Request) -> web.Response:
    """The person takes back all access in their Google account."""
    dead = request.app[WORLD].authority.revoke_grants(_account(request).address)
    return _json({"refresh_tokens": dead})


@ROUTES.post("/accounts/{address}/expire")
async def expire(request: web.Request) -> web.Response:
    """`{"what": "history" | "calendar" | "people" | "access_tokens"}`: what was given out so far is too old."""
    account, what = _account(request), (await read_object(request)).get("what")
    match what:
        case "history":
            account.mailbox.expire_history()
        case "calendar":
            for calendar in account.calendars.values():
                calendar.expire_sync_tokens()
        case "people":
            account.people.expire_sync_tokens()
        case "access_tokens":
            authority = request.app[WORLD].authority
            authority.access = {t: one for t, one in authority.access.items() if one.account != account.address}
        case _:
            raise ValueError("what must be history, calendar, people or access_tokens.")
    return _json({})


@ROUTES.put("/quota")
async def set_quota(request: web.Request) -> web.Response:
    """`{"user_units_per_minute", "project_units_per_minute", "status", "user_concurrency"}`; what is not given is off, or 403."""
    world, body = request.app[WORLD], await read_object(request)
    numbers = [body.get("user_units_per_minute", 0), body.get("project_units_per_minute", 0), body.get("status", 403)]
    crowd = body.get("user_concurrency", 0)
    if not all(isinstance(one, int) and one >= 0 for one in (*numbers, crowd)) or numbers[2] not in (403, 429):
        raise ValueError("Units per minute and concurrency must be whole numbers from 0 (off), status 403 or 429.")
    world.quota.set(*numbers)
    world.crowd.most = crowd
    return _json({})


@ROUTES.get("/faults")
async def get_faults(request: web.Request) -> web.Response:
    shown = [{k: v for k, v in vars(rule).items() if k != "pattern"} for rule in request.app[WORLD].faults.rules]
    return _json({"rules": shown})


@ROUTES.put("/faults")
async def set_faults(request: web.Request) -> web.Response:
    """`{"rules": [...], "seed": 0}`, see `faults.Rule`; an empty list ends all faults."""
    body = await read_object(request)
    rules, seed = body.get("rules", []), body.get("seed", 0)
    if not isinstance(rules, list) or not all(isinstance(one, dict) for one in rules) or not isinstance(seed, int):
        raise ValueError("Give {'rules': [{'match', 'kind', ...}], 'seed': 0}.")
    request.app[WORLD].faults.set([Rule.of(one) for one in rules], seed)
    return _json({"rules": len(rules)})


@ROUTES.get("/counters")
async def counters(request: web.Request) -> web.Response:
    """Requests, refusals and units by account and method, and in sum; HTTP requests and answers by status."""
    known = request.app[WORLD].counters
    every = [one for methods in known.methods.values() for one in methods.values()]
    return _json(
        {
            "accounts": {who: {name: asdict(one) for name, one in own.items()} for who, own in known.methods.items()},
            "requests": sum(one.requests for one in every),
            "refused": sum(one.refused for one in every),
            "units": sum(one.units for one in every),
            "http": known.http,
            "statuses": {str(status): count for status, count in known.statuses.items()},
        }
    )


@ROUTES.delete("/counters")
async def reset_counters(request: web.Request) -> web.Response:
    request.app[WORLD].counters.reset()
    return _json({})


@ROUTES.get("/sent")
async def sent(request: web.Request) -> web.Response:
    return _json({"sent": [asdict(mail) for mail in request.app[WORLD].outbox.mails]})


@ROUTES.delete("/sent")
async def forget_sent(request: web.Request) -> web.Response:
    request.app[WORLD].outbox.mails.clear()
    return _json({})


@ROUTES.post("/oracle")
async def oracle(request: web.Request) -> web.Response:
    """What a correct sync yields now. `{"accounts": [address], "now": RFC 3339, "options": {...}}`, all optional."""
    from libs.google_sim.oracle import expect

    world, body = request.app[WORLD], await read_object(request)
    wanted = body.get("accounts") or list(world.accounts)
    now = datetime.fromisoformat(body["now"]) if body.get("now") else datetime.fromtimestamp(world.now(), UTC)
    snapshots = [_named(world, address).snapshot() for address in wanted]
    try:
        return _json(expect(snapshots, now, **body.get("options", {})).to_json())
    except TypeError as error:
        raise ValueError(f"The oracle knows no such option: {error}") from error


def _stored_event(request: web.Request, calendar: Calendar, event: Resource) -> Resource:
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
    """An event; of a series' instance what becomes an exception when it is stored."""
    if event_id in calendar.events:
        return calendar.events[event_id]
    for instance in expand(calendar.snapshot(), None, None):
        if instance["id"] == event_id:
            return instance
    raise KeyError(f"event {event_id}")


def _calendar(request: web.Request) -> Calendar:
    wanted = request.match_info["calendar"]
    for calendar in _account(request).calendars.values():
        if calendar.data.id == wanted or (wanted == "primary" and calendar.data.primary):
            return calendar
    raise KeyError(f"calendar {wanted}")


def _account(request: web.Request) -> Account:
    return _named(request.app[WORLD], request.match_info["address"])


def _named(world: World, address: str) -> Account:
    account = world.accounts.get(address.strip().lower())
    if account is None:
        raise KeyError(f"account {address}")
    return account


async def read_object(request: web.Request) -> dict[str, Any]:
    """The JSON object that the request carries, {} for no body. ValueError: it is something else."""
    raw = await request.read()
    value = orjson.loads(raw) if raw else {}
    if not isinstance(value, dict):
        raise ValueError("The body must be a JSON object.")
    return cast(dict[str, Any], value)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")
