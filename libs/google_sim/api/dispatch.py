"""One API call from path to response, without HTTP: so that a batch carries out its parts the same way."""

import contextlib
from dataclasses import dataclass, field
from typing import Any

import orjson

from libs.google_sim.api import calendar, gmail, people
from libs.google_sim.api.routing import Call, Method, ResponseBody, Router
from libs.google_sim.errors import GoogleError, insufficient_scope, not_found, unauthenticated
from libs.google_sim.faults import Fault
from libs.google_sim.fields import parse, select
from libs.google_sim.hosted_account import Account
from libs.google_sim.query import Query
from libs.google_sim.world import World

ROUTER = Router([*gmail.METHODS, *calendar.METHODS, *people.METHODS])


@dataclass
class Reply:
    """What goes over the wire: a status, JSON (empty for 204), and headers beyond the usual ones."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def execute_call(world: World, verb: str, target: str, authorization: str | None, body: bytes, fault: Fault) -> Reply:
    """Carry out one call and return its reply. `target`: path and query, percent-encoded. A fault's refusal replaces the work."""
    raw_path, _, query_string = target.partition("?")
    found = ROUTER.find(verb, raw_path)
    if found is None:
        return _refused(not_found("Not Found"))
    method, path = found
    address = ""
    try:
        if refusal := fault.error():
            with contextlib.suppress(GoogleError):  # the fault's refusal counts, whatever the token is worth
                address = _authorized(world, authorization, method, path).address
            raise refusal
        account = _authorized(world, authorization, method, path)
        address = account.address
        world.quota.take(address, method.units, world.now())
        counter = world.counters.of(address, method.id)
        counter.units += method.units
        query = Query(query_string)
        reply = _shown(method.handler(Call(world, account, path, query, body)), query)
        counter.requests += 1
        return reply
    except GoogleError as error:
        counter = world.counters.of(address, method.id)
        counter.requests += 1
        counter.refused += 1
        return _refused(error)


def _shown(body: ResponseBody, query: Query) -> Reply:
    if body is None:
        return Reply(204, b"")
    mask = query.text("fields")
    shown: Any = select(body, parse(mask)) if mask else body
    return Reply(200, orjson.dumps(shown))


def _authorized(world: World, authorization: str | None, method: Method, path: dict[str, str]) -> Account:
    """Return the account that the token belongs to. Raises GoogleError 401, 403, or what Gmail says of another user's mailbox."""
    scheme, _, text = (authorization or "").partition(" ")
    token = world.authority.bearer(text.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise unauthenticated()
    if method.scopes.isdisjoint(token.scopes):
        raise insufficient_scope()
    user = path.get("userId", "me").lower()
    if user not in ("me", token.account):
        raise GoogleError(403, "forbidden", f"Delegation denied for {token.account}")
    return world.accounts[token.account]


def _refused(error: GoogleError) -> Reply:
    return Reply(error.status, orjson.dumps(error.body()), error.headers)
