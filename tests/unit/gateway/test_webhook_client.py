"""What others name is fetched by one client alone, and on a server that client connects to public addresses only."""

import ast
import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
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
from services.gateway.domain.public_hosts import PUBLIC, CallableHosts
from services.gateway.webhook_delivery import http_client
from services.gateway.webhook_delivery.sender import WebhookSender, open_webhook_sender

ROOT = Path(__file__).resolve().parents[3]
NAME = "hooks.customer.example"
# Ways to write an address of one's own network that are no IP address to the eye.
DISGUISED = ("2130706433", "0x7f000001", "0177.0.0.1", "127.1")


@asynccontextmanager
async def sender_of(public_url: str, webhook_allow: str = "") -> AsyncIterator[WebhookSender]:
    settings = Settings(public_url=public_url, webhook_keys=A_KEY, webhook_allow=webhook_allow)  # type: ignore[arg-type]
    async with open_webhook_sender(
        cast(Resources, SimpleNamespace(settings=settings, db=None, bus=None, cache=None))
    ) as sender:
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


async def test_a_server_calls_its_own_network_where_its_operator_allows_it(server: tuple[int, list[str]]) -> None:
    port, requested = server
    for allowed, reached in (("127.0.0.0/8, 10.0.0.0/8", True), ("10.0.0.0/8", False)):
        requested.clear()
        async with sender_of("https://crm.example.com", allowed) as sender:
            try:
                await sender.http.post(f"http://{NAME}:{port}/hook")
            except aiohttp.ClientError:
                assert not reached
        assert bool(requested) is reached


@pytest.mark.parametrize(
    ("host", "hosts", "callable_now"),
    [
        (NAME, PUBLIC, False),  # it leads to loopback
        (NAME, CallableHosts(networks=(ip_network("127.0.0.0/8"),)), True),
        (NAME, CallableHosts(networks=(ip_network("10.0.0.0/8"),)), False),
        ("127.0.0.1", PUBLIC, False),
        ("[::1]", PUBLIC, False),
        ("127.0.0.1", CallableHosts(networks=(ip_network("127.0.0.1"),)), True),
        (f"{'a' * 64}.example", PUBLIC, False),  # it can't be spelled
        (f"{'a' * 64}.example", CallableHosts(anywhere=True), True),  # nobody looks
    ],
)
async def test_whether_a_host_can_be_called_shows_as_its_url_is_set(
    host: str, hosts: CallableHosts, callable_now: bool, server: tuple[int, list[str]]
) -> None:
    assert await http_client.can_be_called(hosts, host) is callable_now


async def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", never)
    monkeypatch.setattr(http_client, "LOOKUP_SECONDS", 0.01)
    assert not await http_client.can_be_called(PUBLIC, NAME)


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
        "libs/common/claude_client.py",  # the model, likewise
        "services/gateway/webhook_delivery/http_client.py",  # what users name
    }
