"""Pull subscriptions over HTTP: `projects.subscriptions.pull` and `.acknowledge` of Pub/Sub v1."""

import asyncio
import re
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import web

from libs.google_sim.errors import (
    GoogleError,
    failed_precondition,
    insufficient_scope,
    invalid,
    not_found,
    unauthenticated,
)
from libs.google_sim.pubsub.topics import Subscription
from libs.google_sim.world import World

SCOPES = frozenset(
    {"https://www.googleapis.com/auth/pubsub", "https://www.googleapis.com/auth/cloud-platform"}
)  # fmt: skip
WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.5
_PATH = re.compile(r"/v1/(projects/[^/]+/subscriptions/[^/:]+):(pull|acknowledge)")


def is_pubsub(method: str, raw_path: str) -> bool:
    return method == "POST" and _PATH.fullmatch(raw_path) is not None


async def handle(world: World, request: web.BaseRequest) -> web.Response:
    """Respond to one of the two calls. An empty pull waits for a message before the response, as Pub/Sub's does."""
    matched = _PATH.fullmatch(request.rel_url.raw_path)
    assert matched is not None, "is_pubsub matched the same path"
    name, verb = matched.groups()
    try:
        _authorize(world, request.headers.get("Authorization", ""))
        subscription = world.pubsub.subscriptions.get(name)
        if subscription is None:
            raise not_found(f"Resource not found (resource={name.rpartition('/')[2]}).")
        if subscription.push is not None:
            raise failed_precondition("The operation does not apply to subscriptions with a push endpoint.")
        body = _object(await request.read())
        shown = await _pull(world, subscription, body) if verb == "pull" else _acknowledge(subscription, body)
    except GoogleError as error:
        return _json(error.body(), error.status, error.headers)
    return _json(shown)


def _authorize(world: World, authorization: str) -> None:
    scheme, _, text = authorization.partition(" ")
    token = world.authority.bearer(text.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise unauthenticated()
    if SCOPES.isdisjoint(token.scopes):
        raise insufficient_scope()


async def _pull(world: World, subscription: Subscription, body: dict[str, Any]) -> dict[str, Any]:
    maximum = body.get("maxMessages")
    if not isinstance(maximum, int) or maximum < 1:
        raise invalid("You have passed an invalid argument to the service (argument=max_messages).", "maxMessages")
    leases = subscription.lease(maximum, world.now())
    ends_at = asyncio.get_running_loop().time() + WAIT_SECONDS
    while not leases and not body.get("returnImmediately") and not world.pubsub.closing.is_set():
        if asyncio.get_running_loop().time() > ends_at:
            break
        with suppress(TimeoutError):  # leases may end meanwhile, and the server may close
            await asyncio.wait_for(subscription.arrived.wait(), _POLL_SECONDS)
        leases = subscription.lease(maximum, world.now())
    received = [{"ackId": ack_id, "message": message.resource()} for ack_id, message in leases]
    return {"receivedMessages": received} if received else {}


def _acknowledge(subscription: Subscription, body: dict[str, Any]) -> dict[str, Any]:
    ack_ids = body.get("ackIds")
    if not isinstance(ack_ids, list) or not ack_ids or not all(isinstance(ack_id, str) for ack_id in ack_ids):
        raise invalid("You have passed an invalid argument to the service (argument=ack_ids).", "ackIds")
    subscription.acknowledge(ack_ids)
    return {}


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as error:
        raise GoogleError(400, "parseError", "Parse Error") from error
    if not isinstance(value, dict):
        raise invalid("Root element must be a message.")
    return value


def _json(value: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json", headers=headers)
