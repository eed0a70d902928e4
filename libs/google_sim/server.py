"""The HTTP server: OAuth, the three APIs, Pub/Sub and photos under one root, and the control API on a port of its own."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from libs.google_sim.account import AccountData
from libs.google_sim.api import photos, pubsub
from libs.google_sim.api.dispatch import ROUTER, Reply, execute_call
from libs.google_sim.api.oauth import ENDPOINTS, Endpoint
from libs.google_sim.control.app import control_app
from libs.google_sim.errors import GoogleError, backend_error, too_many_at_once
from libs.google_sim.faults import Fault, Kind
from libs.google_sim.gmail import batch
from libs.google_sim.world import Options, World

BATCH_PATH = "/batch/gmail/v1"
MAX_BODY = 36 * 1024 * 1024  # Gmail's limit for a message, base64 included
_GZIP_FROM = 500
_JSON = "application/json; charset=UTF-8"


@dataclass(frozen=True)
class GoogleServer:
    """A running local Google. `url` is the root for OAuth and APIs, `control_url` the control API's."""

    url: str
    control_url: str
    world: World


@asynccontextmanager
async def run_google(
    accounts: list[AccountData], *, host: str = "127.0.0.1", port: int = 0, control_port: int = 0, **options: Any
) -> AsyncIterator[GoogleServer]:
    """Serve the accounts until the block ends. Ports 0: free ones. `options`: see `Options`."""
    world = World.of(accounts, Options(**options))
    api = web.ServerRunner(web.Server(_RequestHandler(world).handle, access_log=None))
    control = web.AppRunner(control_app(world), access_log=None)
    await api.setup()
    await control.setup()
    try:
        site, control_site = web.TCPSite(api, host, port), web.TCPSite(control, host, control_port)
        await site.start()
        await control_site.start()
        yield GoogleServer(_url(api, host), _url(control, host), world)
    finally:
        world.pubsub.closing.set()
        world.notifier.close()
        await world.pusher.close()
        await world.channels.close()
        await api.cleanup()
        await control.cleanup()


def _url(runner: web.BaseRunner, host: str) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 — compared, not bound
    return f"http://{shown}:{runner.addresses[0][1]}"


class _RequestHandler:
    """Turns HTTP requests into calls, and their replies, or what a fault makes of them, into responses."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        world = self._world
        world.counters.http += 1
        raw_path = request.rel_url.raw_path
        found = ROUTER.find(request.method, raw_path)
        caller = world.authority.account_of(request.headers.get("Authorization"))
        fault = world.faults.pick(found[0].id if found else "", raw_path, caller)
        is_batch = request.method == "POST" and raw_path.rstrip("/") == BATCH_PATH
        is_gmail = found is not None and found[0].id.startswith("gmail.")
        calls = 1 if is_gmail or (is_batch and not world.concurrency.counts_parts) else 0
        admitted = world.concurrency.acquire(caller, calls) if calls else 0
        try:
            if admitted < calls:
                world.counters.record_status(429)
                return _response(request, _reply_of(too_many_at_once()), _JSON)
            if fault.delay and not is_batch:
                await asyncio.sleep(fault.delay)
            if fault.kind == "reset":
                return _disconnect(request)
            return await self._respond(request, raw_path, caller, fault, is_batch=is_batch)
        finally:
            if admitted:
                world.concurrency.release(caller, admitted)

    async def _respond(
        self, request: web.BaseRequest, raw_path: str, caller: str, fault: Fault, *, is_batch: bool
    ) -> web.StreamResponse:
        world = self._world
        endpoint = _endpoint(request.method, raw_path)
        if endpoint is not None and (refusal := fault.error()) is None:
            response: web.StreamResponse = await endpoint(world, request)
        elif endpoint is not None and refusal is not None:
            response = _response(request, _reply_of(refusal), _JSON)
        elif is_batch:
            response = await self._batch(request, caller, fault)
        else:
            authorization = request.headers.get("Authorization")
            body = await _body(request)
            reply = execute_call(world, request.method, request.rel_url.raw_path_qs, authorization, body, fault)
            response = _response(request, reply, _JSON)
        world.counters.record_status(response.status)
        return await _damaged(request, response, fault.kind)

    async def _batch(self, request: web.BaseRequest, caller: str, fault: Fault) -> web.Response:
        """All latencies pass at the same time, as the parts do; every part is refused, charged and carried out by itself."""
        world, authorization = self._world, request.headers.get("Authorization")
        body = await _body(request)
        try:
            if refusal := fault.error():
                raise refusal
            parts = batch.read(request.headers.get("Content-Type", ""), body)
        except GoogleError as error:
            await asyncio.sleep(fault.delay)
            return _response(request, _reply_of(error), _JSON)
        faults = [self._fault_of(part, authorization) for part in parts]
        admitted = world.concurrency.acquire(caller, len(parts)) if world.concurrency.counts_parts else len(parts)
        try:
            if delay := max(fault.delay, *(part_fault.delay for part_fault in faults)):
                await asyncio.sleep(delay)
        finally:
            if world.concurrency.counts_parts:
                world.concurrency.release(caller, admitted)
        replies = [
            self._part(part, part_fault, authorization) if number < admitted else _reply_of(too_many_at_once())
            for number, (part, part_fault) in enumerate(zip(parts, faults, strict=True))
        ]
        content_type, body = batch.write(
            [
                (part, reply.status, reply.body, {**reply.headers, "Vary": "Origin"})
                for part, reply in zip(parts, replies, strict=True)
            ]
        )
        return _response(request, Reply(200, body), content_type)

    def _fault_of(self, part: batch.Part, authorization: str | None) -> Fault:
        path = part.target.partition("?")[0]
        found = ROUTER.find(part.verb, path)
        caller = self._world.authority.account_of(part.authorization or authorization)
        return self._world.faults.pick(found[0].id if found else "", path, caller)

    def _part(self, part: batch.Part, fault: Fault, authorization: str | None) -> Reply:
        lost = _reply_of(backend_error(500))  # what a broken connection comes to inside a batch
        if fault.kind in ("reset", "truncated", "invalid_json"):
            return lost
        reply = execute_call(self._world, part.verb, part.target, part.authorization or authorization, part.body, fault)
        return lost if fault.kind == "lost_send" else reply


def _endpoint(method: str, raw_path: str) -> Endpoint | None:
    """Return the endpoint of OAuth, Pub/Sub or photos; None where the path is of one of the three APIs, or of none."""
    if photos.is_photo(method, raw_path):
        return photos.photo
    return pubsub.handle if pubsub.is_pubsub(method, raw_path) else ENDPOINTS.get((method, raw_path))


async def _body(request: web.BaseRequest) -> bytes:
    if not request.can_read_body:
        return b""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(MAX_BODY, len(body))
    return bytes(body)


def _reply_of(error: GoogleError) -> Reply:
    return Reply(error.status, orjson.dumps(error.body()), error.headers)


def _response(request: web.BaseRequest, reply: Reply, content_type: str) -> web.Response:
    """Return the response as Google does: compressed only where both Accept-Encoding and User-Agent have gzip."""
    headers = {**reply.headers, "Content-Type": content_type} if reply.body else reply.headers
    body = reply.body
    if len(body) >= _GZIP_FROM and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("User-Agent", ""):
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
    return web.Response(status=reply.status, body=body, headers=headers)


async def _damaged(request: web.BaseRequest, response: web.StreamResponse, kind: Kind | None) -> web.StreamResponse:
    """Return what a fault leaves of a response: lost, cut in the middle, or no JSON any more."""
    if kind == "lost_send":
        return _disconnect(request)
    if kind == "invalid_json" and isinstance(response, web.Response):
        return web.Response(status=200, body=b'{"error', headers={"Content-Type": _JSON})
    if kind == "truncated" and isinstance(response, web.Response) and isinstance(response.body, bytes):
        whole = response.body
        half = web.StreamResponse(status=response.status, headers={"Content-Type": response.headers["Content-Type"]})
        half.content_length = len(whole)
        await half.prepare(request)
        await half.write(whole[: len(whole) // 2])
        return _disconnect(request)
    return response


def _disconnect(request: web.BaseRequest) -> web.Response:
    """End the connection without a response."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
