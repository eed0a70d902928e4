"""An ASGI application within aiohttp: one request that is read whole, and one response that is not a stream."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from aiohttp import web

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# What aiohttp computes of the body itself.
_COMPUTED = frozenset({b"content-length", b"connection", b"transfer-encoding"})


async def respond(app: AsgiApp, request: web.Request, attached: Mapping[str, object]) -> web.Response:
    """The application's response to a request; it finds `attached` in its scope."""
    body = await request.read()
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    status, headers = 500, list[tuple[bytes, bytes]]()
    pieces: list[bytes] = []

    async def receive() -> Message:
        if unread:
            return unread.pop()
        await (
            asyncio.Event().wait()
        )  # that the client has left is never reported; who waits for it is cancelled in the end
        raise AssertionError("unreachable")

    async def send(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))

    await app({**_scope(request), **attached}, receive, send)
    response = web.Response(body=b"".join(pieces), status=status)
    response.headers.popall("Content-Type", None)
    for name, value in headers:
        if name.lower() not in _COMPUTED:
            response.headers.add(name.decode("latin-1"), value.decode("latin-1"))
    return response


def _scope(request: web.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": f"{request.version.major}.{request.version.minor}",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.raw_path.partition("?")[0].encode("latin-1"),
        "query_string": request.query_string.encode(),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        "client": None,
        "server": None,
    }
