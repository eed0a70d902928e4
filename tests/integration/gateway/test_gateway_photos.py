"""People's photos through the gateway: from Google alone, checked, kept, and gone with their user."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from libs.common.config import Settings
from libs.common.events import AccountDisconnected, UserDeleted
from libs.common.ids import AccountId, ContactId, Service, UserId, new_id
from libs.common.requests import Contact
from libs.common.web import port_of, serve
from libs.google_sim.people.portraits import portrait
from services.gateway import photos
from services.gateway.photos import photos_key
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.gateway.values import contact

ServiceSettings = Callable[[Service], Settings]
PNG = portrait("somebody")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


class PhotoHost:
    """Stands in for Google; counts what it is asked for."""

    def __init__(self) -> None:
        self.requested: Counter[str] = Counter()
        self.closed = asyncio.Event()

    async def respond(self, request: web.Request) -> web.StreamResponse:
        name = request.path.removeprefix("/")
        self.requested[name] += 1
        match name:
            case "photo" | "other":
                return web.Response(body=PNG, content_type="text/html")
            case "script":
                return web.Response(body=SVG, content_type="image/png")
            case "elsewhere":
                return web.Response(status=302, headers={"Location": "/photo"})
            case "slow":
                await self.closed.wait()
                return web.Response(body=PNG)
            case "huge":
                return await self._stream(request, PNG + b"\0" * 300_000)
            case "bomb":
                response = web.Response(body=PNG + b"\0" * 5_000_000)
                response.enable_compression(web.ContentCoding.gzip)
                return response
            case "cut":
                response = web.StreamResponse(headers={"Content-Length": "900"})
                await response.prepare(request)
                await response.write(PNG[:100])
                assert request.transport
                request.transport.close()
                return response
            case _:
                return web.Response(status=404, body=PNG)

    @staticmethod
    async def _stream(request: web.Request, content: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(content)
        return response


@asynccontextmanager
async def stage(service_settings: ServiceSettings) -> AsyncIterator[tuple[RunningGateway, PhotoHost]]:
    host, app = PhotoHost(), web.Application()
    app.router.add_get("/{name:.*}", host.respond)
    runner = await serve(app, "127.0.0.1", 0)
    try:
        root = f"http://127.0.0.1:{port_of(runner)}"
        async with running_gateway(service_settings, google_api_root=root) as gateway:
            yield gateway, host
    finally:
        host.closed.set()
        await runner.cleanup()


def known(gateway: RunningGateway, name: str, host: str = "https://lh3.googleusercontent.com") -> Contact:
    person = contact("Ann <b>Lee</b>", "ann@x.example").model_copy(update={"photo_url": f"{host}/{name}"})
    return gateway.world.add(gateway.world.alice, person)


@dataclass(frozen=True)
class Fetched:
    """What a browser gets for a photo."""

    status: int
    content_type: str
    headers: Mapping[str, str]
    content: bytes


async def fetched(browser: aiohttp.ClientSession, person: Contact, **headers: str) -> Fetched:
    async with browser.get(f"/contacts/{person.id}/photo", headers=headers) as response:
        return Fetched(response.status, response.content_type, response.headers, await response.read())


async def test_a_photo_comes_from_google_by_way_of_us_and_anything_else_is_no_image(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "TIMEOUT_SECONDS", 0.5)
    async with stage(service_settings) as (gateway, host), gateway.browser() as browser:
        good = known(gateway, "photo")
        response = await fetched(browser, good)
        assert (response.status, response.content_type, response.content) == (200, "image/png", PNG)
        assert response.headers["Cache-Control"] == "private, max-age=86400"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert (await fetched(browser, good, **{"If-None-Match": response.headers["ETag"]})).status == 304
        assert host.requested == {"photo": 1}, "kept"

        for name in ("script", "elsewhere", "slow", "huge", "bomb", "cut", "nothing"):
            person = known(gateway, name)
            for _ in range(2):
                async with asyncio.timeout(15):  # which is less than other calls may take
                    response = await fetched(browser, person)
                assert (response.status, response.content_type) == (200, "image/svg+xml"), name
                assert b"script" not in response.content
            assert host.requested[name] == 1, f"{name}: that there is no photo is kept, too"
        assert host.requested["photo"] == 1, "nobody was followed"

        before = host.requested.total()
        for address in (f"http://127.0.0.1:{gateway.url.rpartition(':')[2]}", "https://evil.example", "file:///etc"):
            assert (await fetched(browser, known(gateway, "photo", address))).content_type == "image/svg+xml"
        assert host.requested.total() == before, "others are not asked"

        page = await (await browser.get(f"/contacts/{good.id}", headers={"Accept": "text/html"})).text()
        assert f'<img src="/contacts/{good.id}/photo?v=' in page
        assert "googleusercontent" not in page

        async with gateway.browser("session-of-bob") as bob:
            assert (await fetched(bob, good)).status == 404


async def test_the_photos_of_a_user_go_with_the_user_and_with_a_purged_account(
    service_settings: ServiceSettings,
) -> None:
    async with stage(service_settings) as (gateway, host), gateway.browser() as browser:
        person, alice = known(gateway, "photo"), gateway.world.alice.id
        bobs = gateway.world.add(gateway.world.bob, person.model_copy(update={"id": ContactId(new_id())}))
        async with gateway.browser("session-of-bob") as bob:
            assert (await fetched(bob, bobs)).status == 200
        account = AccountId(new_id())
        purged = AccountDisconnected(user_id=alice, account_id=account, purge=True, at=datetime.now(UTC))
        for number, end in enumerate((purged, UserDeleted(user_id=alice, account_ids=(account,))), start=2):
            await fetched(browser, person)
            assert host.requested["photo"] == number, "nobody gets what another user had fetched"
            assert await is_kept(gateway)
            await gateway.buses["auth"].publish(end)
            async with asyncio.timeout(20):
                while await is_kept(gateway):
                    await asyncio.sleep(0.02)
        assert await is_kept(gateway, gateway.world.bob.id)


async def is_kept(gateway: RunningGateway, user_id: UserId | None = None) -> bool:
    """Whether any photo of the user's people is in Redis: Alice's, where no other is given."""
    key = f"gateway:{photos_key(user_id or gateway.world.alice.id)}"
    return bool(await gateway.resources.cache.client.pttl(key) > 0)
