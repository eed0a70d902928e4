"""What one user, one browser or one address may take: sign-ins, API requests, exports."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from time import monotonic
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from structlog.testing import capture_logs

from libs.common import requests as q
from libs.common.errors import Outage, Refused
from services.gateway.limits import api_requests, exports, sign_ins
from tests.conftest import ServiceSettings
from tests.support.clock import Clock, stop_clock
from tests.support.gateway import RunningGateway, running_gateway

API = "/api/v1"
CALLBACK = "/oauth/google/callback?state=s&code=c"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sign-ins are counted by the minute."""
    return stop_clock(monkeypatch, sign_ins)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for a second is not taken for a Redis that is away."""
    monkeypatch.setattr(api_requests, "REDIS_SECONDS", 60.0)


@pytest_asyncio.fixture
async def behind_a_proxy(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    """A gateway to which we are the proxy."""
    async with running_gateway(service_settings, trusted_proxies="127.0.0.0/8") as running:
        yield running


async def begin(gateway: RunningGateway, *forwarded: str) -> int:
    """A sign-in by a browser that has no cookie yet; the status."""
    headers = [("X-Forwarded-For", value) for value in forwarded]
    async with (
        aiohttp.ClientSession(gateway.url) as browser,
        browser.get("/login/google", headers=headers, allow_redirects=False) as response,
    ):
        return response.status


async def test_one_address_behind_the_proxy_does_not_shut_out_the_others(
    behind_a_proxy: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_ins, "ADDRESS_PER_MINUTE", 5)
    mallory = [await begin(behind_a_proxy, f"192.0.2.{number}, 203.0.113.66") for number in range(15)]
    assert mallory[:5] == [302] * 5
    assert mallory[-1] == 429, "making up addresses before one's own does not help"
    assert await begin(behind_a_proxy, "198.51.100.1") == 302
    subscriber = [await begin(behind_a_proxy, f"2001:db8:7::{number:x}") for number in range(15)]
    assert subscriber[-1] == 429, "nor does having a network of one's own"


async def test_an_address_that_anybody_could_make_up_is_not_believed(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(sign_ins, "ADDRESS_PER_MINUTE", 5)
    async with running_gateway(service_settings) as gateway:
        statuses = [await begin(gateway, f"192.0.2.{number}") for number in range(7)]
        clock.now += timedelta(minutes=1)
        statuses.append(await begin(gateway))
    assert statuses == [302] * 5 + [429] * 2 + [302], "and the next minute is another"


async def test_a_browser_is_limited_beside_its_address(
    behind_a_proxy: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_ins, "BROWSER_PER_MINUTE", 5)
    async with behind_a_proxy.client(None) as browser:
        statuses = []
        for number in range(15):
            headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            async with browser.get("/login/google", headers=headers, allow_redirects=False) as response:
                statuses.append(response.status)
    assert (statuses[0], statuses[-1]) == (302, 429)
    assert await begin(behind_a_proxy, "198.51.100.1") == 302
    async with behind_a_proxy.client(None) as signed_in:
        signed_in.cookie_jar.update_cookies({"pingcrm_session": "session-of-alice"})
        statuses = []
        for number in range(15):
            headers = {"X-Forwarded-For": f"198.51.100.{100 + number}"}
            async with signed_in.get("/connect", headers=headers, allow_redirects=False) as response:
                statuses.append(response.status)
    assert (statuses[0], statuses[-1]) == (302, 429), "adding accounts is signing in, too"


async def test_whoever_comes_back_from_google_as_they_went_is_not_counted(
    behind_a_proxy: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_ins, "ADDRESS_PER_MINUTE", 5)
    world = behind_a_proxy.world
    world.signed_in = q.SignedIn(
        user_id=world.alice.id, account_id=world.account(world.alice).id, address="alice@example.com", session="s"
    )

    async def come_back() -> int:
        async with behind_a_proxy.client(None) as browser, browser.get(CALLBACK, allow_redirects=False) as response:
            return response.status

    assert [await come_back() for _ in range(15)] == [302] * 15
    world.signed_in = Refused(403, "access_denied", "You did not give the permission.")
    assert [await come_back() for _ in range(15)] == [403] * 15
    assert await begin(behind_a_proxy, "127.0.0.1") == 302
    world.signed_in = Refused(400, "invalid_state", "This sign-in is not known here.")
    guesses = [await come_back() for _ in range(15)]
    assert (guesses[0], guesses[-1]) == (400, 429), "who guesses states is"
    world.signed_in = Refused(403, "access_denied", "You did not give the permission.")
    assert await come_back() == 403, "and keeps nobody else from coming back"


async def test_redis_holds_no_browser_cookie(behind_a_proxy: RunningGateway, redis_admin: Redis) -> None:
    async with behind_a_proxy.client(None) as browser:
        for _ in range(2):
            async with browser.get("/login/google", allow_redirects=False) as response:
                cookie = response.cookies["pingcrm_browser"].value
    keys = [key.decode() async for key in redis_admin.scan_iter("gateway:sign_in:*")]
    assert [key for key in keys if "browser" in key]
    assert not [key for key in keys if cookie in key]


async def test_a_user_who_sends_too_many_requests_waits_and_nobody_else_does(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_requests, "FULL_AFTER_MILLISECONDS", 600_000)  # ten minutes: nothing comes in while we look
    async with (
        running_gateway(service_settings, api_requests_per_minute=20) as gateway,
        gateway.client() as alice,
        gateway.browser() as in_a_browser,
        gateway.client("pcrm_bob") as bob,
    ):
        responses = await asyncio.gather(*(alice.get(f"{API}/tokens") for _ in range(30)))
        statuses = sorted(response.status for response in responses)
        assert statuses == [200] * 20 + [429] * 10, "a bucket's worth at once"
        refused = next(response for response in responses if response.status == 429)
        problem = await refused.json()
        assert problem["type"] == "/problems/too_many_requests"
        assert "20 requests a minute" in problem["detail"]
        assert 1 <= int(refused.headers["Retry-After"]) <= 30
        assert (await in_a_browser.get(f"{API}/tokens")).status == 429, "the user is counted, not the token"
        assert (await bob.get(f"{API}/tokens")).status == 200
        assert (await in_a_browser.get("/settings")).status == 200, "pages stay open"
        monkeypatch.setattr(api_requests, "FULL_AFTER_MILLISECONDS", 20)  # as if the wait were over
        await asyncio.sleep(0.02)
        assert (await alice.get(f"{API}/tokens")).status == 200


async def test_two_replicas_count_together(service_settings: ServiceSettings) -> None:
    async with (
        running_gateway(service_settings, api_requests_per_minute=10) as gateway,
        gateway.replica() as second,
        gateway.client() as client,
    ):
        began, urls = monotonic(), [gateway.url, second] * 12
        responses = await asyncio.gather(*(client.get(f"{url}{API}/tokens") for url in urls))
        most = 11 + (monotonic() - began) // 6  # one more in six seconds
        assert 10 <= sum(response.status == 200 for response in responses) <= most


async def test_no_limit_is_a_choice(service_settings: ServiceSettings, redis_admin: Redis) -> None:
    async with running_gateway(service_settings, api_requests_per_minute=0) as gateway, gateway.client() as client:
        responses = await asyncio.gather(*(client.get(f"{API}/tokens") for _ in range(50)))
        assert {response.status for response in responses} == {200}
        assert [key async for key in redis_admin.scan_iter("gateway:api:*")] == []


async def test_while_redis_is_away_nobody_is_kept_from_their_data(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_gateway(service_settings, api_requests_per_minute=1) as gateway, gateway.client() as client:
        monkeypatch.setattr(api_requests, "REDIS_SECONDS", 0.0)
        with capture_logs() as logs:
            for _ in range(3):
                assert (await client.get(f"{API}/tokens")).status == 200
    assert [line["error"] for line in logs if line["event"] == "limit_unavailable"] == ["TimeoutError"] * 3


async def test_a_user_has_one_export_at_a_time(
    service_settings: ServiceSettings, redis_admin: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "LEASE", timedelta(seconds=0.9))  # renewed while the export lasts
    async with (
        running_gateway(service_settings) as gateway,
        gateway.client() as alice,
        gateway.client("pcrm_bob") as bob,
    ):
        go_on = asyncio.Event()
        reached = asyncio.Event()
        original = gateway.world.export

        async def wait(query: q.ExportContacts) -> q.ExportPage:
            reached.set()
            if query.user_id == gateway.world.alice.id:
                await go_on.wait()
            return await original(query)

        gateway.world.slow_export = wait
        first = asyncio.create_task(export(alice))
        async with asyncio.timeout(10):
            await reached.wait()
        await renewed(redis_admin, f"gateway:export:{gateway.world.alice.id}", times=4)
        status, problem = await export(alice)
        assert (status, problem["type"]) == (409, "/problems/export_running")
        assert "Wait until it is done" in problem["detail"]
        assert (await export(bob))[0] == 200
        go_on.set()
        assert (await first)[0] == 200
        assert (await export(alice))[0] == 200, "the next one may begin"


async def renewed(redis_admin: Redis, key: str, times: int) -> None:
    """Return when the lease has been renewed so often that it would have ended without."""
    last = await redis_admin.pttl(key)
    async with asyncio.timeout(20):
        while times:
            await asyncio.sleep(0.02)
            left = await redis_admin.pttl(key)
            assert left > 0, "it has ended"
            times -= left > last
            last = left


async def test_an_export_that_failed_does_not_stand_in_the_way(service_settings: ServiceSettings) -> None:
    async with running_gateway(service_settings) as gateway, gateway.client() as alice:

        async def fail(_: q.ExportContacts) -> q.ExportPage:
            raise Outage("contacts are away")

        gateway.world.slow_export = fail
        assert (await export(alice))[0] == 503
        gateway.world.slow_export = None
        assert (await export(alice))[0] == 200


async def export(client: aiohttp.ClientSession) -> tuple[int, Any]:
    async with client.get(f"{API}/me/export") as response:
        return response.status, await response.json() if "json" in response.content_type else await response.read()
