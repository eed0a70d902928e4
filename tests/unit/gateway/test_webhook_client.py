"""What others name is fetched by one client alone, and on a server that client connects to public addresses only."""

import ast
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from libs.common.config import Settings
from libs.common.config.values import A_KEY
from libs.common.service import Resources
from libs.common.web import port_of, serve
from services.gateway.webhook_delivery import http_client
from services.gateway.webhook_delivery.sender import WebhookSender, open_webhook_sender

ROOT = Path(__file__).resolve().parents[3]
NAME = "hooks.customer.example"
# Ways to write an address of one's own network that are no IP address to the eye.
DISGUISED = ("2130706433", "0x7f000001", "0177.0.0.1", "127.1")


@asynccontextmanager
async def sender_of(public_url: str) -> AsyncIterator[WebhookSender]:
    settings = Settings(public_url=public_url, webhook_keys=A_KEY)  # type: ignore[arg-type]
    async with open_webhook_sender(cast(Resources, SimpleNamespace(settings=settings, db=None, bus=None))) as sender:
        yield sender


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[int, list[str]]]:
    """A server on loopback, to which the customer's name leads: its port, and the paths that were requested."""
    requested: list[str] = []

    async def receive(request: web.Request) -> web.Response:
        requested.append(request.path)
        return (
            web.Response(status=302, headers={"Location": "/redirected"})
            if request.path == "/moved"
            else web.Response()
        )

    real = socket.getaddrinfo

    def resolve(host: str, *arguments: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host in (NAME, *DISGUISED) else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receive)
    runner = await serve(app, "127.0.0.1", 0)
    yield port_of(runner), requested
    await runner.cleanup()


@pytest.mark.parametrize("host", [NAME, *DISGUISED])
async def test_on_a_server_no_name_leads_into_its_own_network(host: str, server: tuple[int, list[str]]) -> None:
    port, requested = server
    async with sender_of("https://crm.example.com") as sender:
        with pytest.raises(aiohttp.ClientError, match=host):
            await sender.http.post(f"http://{host}:{port}/hook")
    assert requested == []


async def test_who_runs_it_for_themselves_may_call_their_own_network(server: tuple[int, list[str]]) -> None:
    port, requested = server
    async with sender_of("") as sender, sender.http.post(f"http://{NAME}:{port}/hook") as response:
        assert response.status == 200
    assert requested == ["/hook"]


async def test_of_several_addresses_only_the_public_ones_are_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = http_client.PublicResolver()

    async def both(*_: Any) -> list[dict[str, Any]]:
        return [{"host": "10.0.0.1"}, {"host": "8.8.8.8"}, {"host": "::1"}]

    monkeypatch.setattr(resolver._resolver, "resolve", both)
    assert [found["host"] for found in await resolver.resolve("x.example")] == ["8.8.8.8"]


async def test_the_client_keeps_no_cookies_and_gives_up_after_a_while(server: tuple[int, list[str]]) -> None:
    async with sender_of("https://crm.example.com") as sender:
        assert sender.http.timeout.total == http_client.TIMEOUT_SECONDS == 10
        assert isinstance(sender.http.cookie_jar, aiohttp.DummyCookieJar)
        assert not sender.http.trust_env


def test_every_http_client_of_the_product_is_known() -> None:
    """A new one has to be asked: who names what it fetches? If others do, it needs the resolver of public addresses."""
    opened = set()
    for folder in ("services", "libs/common"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                    ("ClientSession", "AsyncAnthropic", "urlopen")
                ):
                    opened.add(str(path.relative_to(ROOT)))
    assert opened == {
        "libs/common/service.py",  # Google, whose addresses are in our settings
        "libs/common/claude.py",  # the model, likewise
        "services/gateway/webhook_delivery/http_client.py",  # what users name
    }
