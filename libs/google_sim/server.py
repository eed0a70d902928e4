"""The HTTP server: OAuth and the three APIs under one root, and the control API on a port of its own."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from libs.google_sim.account import AccountData
from libs.google_sim.control import control_app
from libs.google_sim.dispatch import ROUTER, Reply, carry_out
from libs.google_sim.errors import GoogleError, backend_error
from libs.google_sim.faults import Fault, Kind
from libs.google_sim.gmail import batch
from libs.google_sim.oauth.routes import ENDPOINTS
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
    api = web.ServerRunner(web.Server(_Front(world).handle, access_log=None))
    control = web.AppRunner(control_app(world), access_log=None)
    await api.setup()
    await control.setup()
    try:
        site, control_site = web.TCPSite(api, host, port), web.TCPSite(control, host, control_port)
        await site.start()
        await control_site.start()
        yield GoogleServer(_url(api, host), _url(control, host), world)
    finally:
        await api.cleanup()
        await control.cleanup()


def _url(runner: web.BaseRunner, host: str) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 — compared, not bound
    return f"http://{shown}:{runner.addresses[0][1]}"


class _Front:
    """Turns HTTP requests into calls, and their answers, or what a fault makes of them, into responses."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        world = self._world
        world.counters.http += 1
        raw_path = request.rel_url.raw_path
        found = ROUTER.find(request.method, raw_path)
        fault = world.faults.pick(found[0].id if found else "", raw_path)
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.kind == "reset":
            return _cut(request)
        endpoint = ENDPOINTS.get((request.method, raw_path))
        if endpoint is not None and (refusal := fault.error()) is None:
            response: web.StreamResponse = await endpoint(world, request)
        elif endpoint is not None and refusal is not None:
            response = _response(request, _reply_of(refusal), _JSON)
        else:
            response = await self._api(request, raw_path, fault)
        world.counters.answered(response.status)
        return await _damaged(request, response, fault.kind)

    async def _api(self, request: web.BaseRequest, raw_path: str, fault: Fault) -> web.Response:
        body = await _body(request)
        authorization = request.headers.get("Authorization")
        if raw_path.rstrip("/") == BATCH_PATH and request.method == "POST":
            return self._batch(request, authorization, body, fault)
        reply = carry_out(self._world, request.method, request.rel_url.raw_path_qs, authorization, body, fault)
        return _response(request, reply, _JSON)

    def _batch(self, request: web.BaseRequest, authorization: str | None, body: bytes, fault: Fault) -> web.Response:
        def one(part: batch.Part) -> tuple[int, bytes, dict[str, str]]:
            reply = self._part(part, authorization)
            return reply.status, reply.body, {**reply.headers, "Vary": "Origin"}

        try:
            if refusal := fault.error():
                raise refusal
            parts = batch.read(request.headers.get("Content-Type", ""), body)
            content_type, answer = batch.carry_out(parts, one)
        except GoogleError as error:
            return _response(request, _reply_of(error), _JSON)
        return _response(request, Reply(200, answer), content_type)

    def _part(self, part: batch.Part, authorization: str | None) -> Reply:
        path = part.target.partition("?")[0]
        found = ROUTER.find(part.verb, path)
        fault = self._world.faults.pick(found[0].id if found else "", path)
        authorization = part.authorization or authorization
        lost = _reply_of(backend_error(500))  # what a broken connection comes to inside a batch
        if fault.kind in ("reset", "truncated", "invalid_json"):
            return lost
        reply = carry_out(self._world, part.verb, part.target, authorization, part.body, fault)
        return lost if fault.kind == "lost_send" else reply


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
    """As Google: compressed only for those who say gzip in Accept-Encoding and in User-Agent."""
    headers = {**reply.headers, "Content-Type": content_type} if reply.body else reply.headers
    body = reply.body
    if len(body) >= _GZIP_FROM and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("User-Agent", ""):
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
    return web.Response(status=reply.status, body=body, headers=headers)


async def _damaged(request: web.BaseRequest, response: web.StreamResponse, kind: Kind | None) -> web.StreamResponse:
    """An answer on its way through a fault: lost, cut in the middle, or no JSON any more."""
    if kind == "lost_send":
        return _cut(request)
    if kind == "invalid_json" and isinstance(response, web.Response):
        return web.Response(status=200, body=b'{"error', headers={"Content-Type": _JSON})
    if kind == "truncated" and isinstance(response, web.Response) and isinstance(response.body, bytes):
        whole = response.body
        half = web.StreamResponse(status=response.status, headers={"Content-Type": response.headers["Content-Type"]})
        half.content_length = len(whole)
        await half.prepare(request)
        await half.write(whole[: len(whole) // 2])
        return _cut(request)
    return response


def _cut(request: web.BaseRequest) -> web.Response:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
