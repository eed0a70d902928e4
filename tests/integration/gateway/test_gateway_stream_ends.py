"""How long a live stream lasts: until its session ends, its gateway stops or its browser reads no more, and no shorter."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
import pytest_asyncio

from libs.common.errors import Outage
from services.gateway import context
from services.gateway.api import live_updates
from services.gateway.domain.live_updates import LiveEvent
from services.gateway.live_updates import STREAMS_PER_USER, Hub
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.streams import API, next_event, progressed, stream


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings) as running:
        yield running


async def test_signing_out_ends_the_stream_here_and_elsewhere(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = {"pingcrm_session": "session-of-alice"}
    monkeypatch.setattr(live_updates, "HEARTBEAT_SECONDS", 3600)  # it does not find out by itself
    async with gateway.browser() as browser, gateway.replica() as second, stream(browser) as here:
        monkeypatch.setattr(live_updates, "HEARTBEAT_SECONDS", 0.2)
        async with aiohttp.ClientSession(cookies=cookie) as other, stream(other, second) as elsewhere:
            async with asyncio.timeout(20):
                assert await elsewhere.readuntil(b"\n\n") == b": still here\n\n"
                assert (await browser.post("/logout", allow_redirects=False)).status == 302
                await here.read()
                await elsewhere.read()


async def test_signing_out_everywhere_ends_the_streams_of_all_sessions_and_no_others(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.world.sessions["another-of-alice"] = gateway.world.alice
    cookie = {"pingcrm_session": "another-of-alice"}
    monkeypatch.setattr(live_updates, "HEARTBEAT_SECONDS", 3600)  # no stream finds out by itself
    async with (
        gateway.replica() as second,
        gateway.browser() as first,
        gateway.client() as program,
        gateway.browser("another-of-alice") as another,
        aiohttp.ClientSession(cookies=cookie) as elsewhere,
        gateway.browser("session-of-bob") as bob,
        stream(first) as of_first,
        stream(another) as of_another,
    ):
        monkeypatch.setattr(live_updates, "HEARTBEAT_SECONDS", 0.5)
        async with (
            stream(elsewhere, second) as of_elsewhere,
            stream(program) as of_program,
            stream(bob) as of_bob,
            asyncio.timeout(20),
        ):
            async with first.post(f"{API}/me/sign-out-everywhere") as response:
                assert response.status == 204
                assert response.cookies["pingcrm_session"]["max-age"] == "0"
            assert await of_first.read() == b""
            assert await of_another.read() == b"", "where the request was served, without waiting for a heartbeat"
            await of_elsewhere.read()
            for reader in (of_program, of_bob):  # an API token is no session, and Bob is somebody else
                for _ in range(2):
                    assert await reader.readuntil(b"\n\n") == b": still here\n\n"
    assert set(gateway.world.sessions) == {"session-of-bob"}


async def test_a_gateway_that_stops_ends_its_streams(service_settings: ServiceSettings) -> None:
    async with asyncio.timeout(20):
        async with running_gateway(service_settings) as running:
            client = running.client()
            response = await client.get(f"{API}/events")
            await response.content.readuntil(b"\n\n")
        await response.content.read()
        await client.close()


async def test_a_stream_that_is_never_silent_ends_with_its_session_too(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_updates, "HEARTBEAT_SECONDS", 0.2)

    async def keep_publishing() -> None:
        while True:
            await gateway.buses["sync"].publish(progressed(gateway))
            await asyncio.sleep(0.02)

    async with gateway.client() as client, stream(client) as reader:
        publishing = asyncio.create_task(keep_publishing())
        try:
            await next_event(reader)
            gateway.world.tokens.clear()
            async with asyncio.timeout(5):
                await reader.read()
        finally:
            publishing.cancel()


async def test_while_auth_is_away_nobody_is_signed_out(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_updates, "HEARTBEAT_SECONDS", 0.1)

    async def away(*_: object, **__: object) -> None:
        raise Outage("restarting")

    async with gateway.browser() as browser, stream(browser) as reader:
        monkeypatch.setattr(gateway.resources.bus, "request", away)
        async with asyncio.timeout(10):
            for _ in range(3):
                assert await reader.readuntil(b"\n\n") == b": still here\n\n"


async def test_a_browser_that_has_stopped_reading_is_let_go(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hubs: list[Hub] = []

    class Noted(Hub):
        def __init__(self) -> None:
            super().__init__()
            hubs.append(self)

    monkeypatch.setattr(context, "Hub", Noted)
    monkeypatch.setattr(live_updates, "WRITE_SECONDS", 0.2)
    async with running_gateway(service_settings) as gateway, gateway.client() as client:
        alice, (hub,) = gateway.world.alice.id, hubs
        async with client.get(f"{API}/events") as response:
            await response.content.readuntil(b"\n\n")
            async with asyncio.timeout(20):
                while hub.streams(alice):  # until all the buffers on the way are full
                    hub.send(alice, LiveEvent("contact.changed", "x" * 1_000_000))
                    await asyncio.sleep(0)


async def test_streams_of_pages_that_were_left_do_not_count(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks through many pages leaves a stream behind with each; the next page has one all the same."""
    monkeypatch.setattr(live_updates, "HEARTBEAT_SECONDS", 3600)  # no stream finds out by itself
    for _ in range(STREAMS_PER_USER + 5):
        async with gateway.browser() as browser, stream(browser):
            pass
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(gateway.browser())
        for _ in range(STREAMS_PER_USER):
            await stack.enter_async_context(stream(browser))
        async with browser.get(f"{API}/events") as response:
            assert response.status == 429, "those that are looked at count"
