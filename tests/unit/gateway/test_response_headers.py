"""The headers of every response, whatever it is; and what a request leaves in the log and in the metrics: nothing of its address."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import ServerDisconnectedError, web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from libs.common.config import Settings
from services.gateway.app import build_app
from services.gateway.context import Context
from services.gateway.pages.render import Renderer

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
PRIVATE = "ann.private@example.com"
# A page, a file, a document, an address that is not there, for programs and for people; a method that is wrong.
REQUESTS = (
    ("GET", "/health/live", "*/*"), ("GET", "/api/v1/openapi.json", "*/*"), ("GET", "/api/v1/docs", "text/html"),
    ("GET", f"/nowhere/{PRIVATE}", "application/json"), ("GET", f"/nowhere/{PRIVATE}?q={PRIVATE}", "text/html"),
    ("DELETE", "/api/v1/docs", "application/json"), ("GET", f"/static/{PRIVATE}/icon.svg", "*/*"),
)  # fmt: skip


async def injecting(_: web.Request) -> web.Response:
    """What a handler must not be able to do."""
    return web.Response(status=302, headers={"Location": "/x\r\nSet-Cookie: planted=1"})


@pytest.fixture(params=["", "https://crm.example.com"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    settings = Settings(public_url=request.param)
    context = SimpleNamespace(
        settings=settings,
        pages=Renderer(),
        hub=SimpleNamespace(close=lambda: None),
        db=None,
        bus=SimpleNamespace(ping=None),
        cache=SimpleNamespace(ping=None),
    )
    app = build_app(cast(Context, context))
    app.router.add_get("/injecting", injecting)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize(("method", "path", "accept"), REQUESTS)
async def test_every_response_has_the_headers_that_keep_a_browser_safe(
    client: TestClient[web.Request, web.Application], method: str, path: str, accept: str
) -> None:
    sent = {"Accept": accept, "Trace-Id": "f" * 32, "Pingcrm-Trace": "f" * 32}
    with capture_logs() as logs:
        async with client.request(method, path, headers=sent, allow_redirects=False) as response:
            headers, body = response.headers, await response.text()
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert len(headers["Trace-Id"]) == 32
    assert headers["Trace-Id"] != "f" * 32, "a trace is ours to give"
    assert headers["Cache-Control"]
    assert "Server" not in headers
    assert PRIVATE not in str(logs)
    assert PRIVATE not in body
    assert PRIVATE not in generate_latest().decode()


async def test_no_line_end_gets_into_a_header(client: TestClient[web.Request, web.Application]) -> None:
    """The server sends nothing of such a response."""
    with pytest.raises(ServerDisconnectedError):
        await client.get("/injecting", allow_redirects=False)
