"""The edges of the HTTP interface: headers of every response, errors that give nothing away, traces, and no yes before the bus has it."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import asyncpg
import nats
import pytest
import pytest_asyncio
from nats.aio.msg import Msg
from structlog.testing import capture_logs

from libs.common import requests as q
from libs.common.errors import Outage
from libs.common.events import ProfileReported, SyncRequested
from libs.common.ids import UserId, new_id
from libs.common.log import traced
from libs.local.servers import Nats
from services.gateway.domain.notifications import NewNotification
from services.gateway.pages import home
from services.gateway.store import notifications
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.gateway.values import contact
from tests.support.webhooks import publish_completed

API = "/api/v1"
HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings) as running:
        yield running


# What browsers are held to, word for word: a weaker one has to be a decision.
SAFE = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


async def test_every_response_whatever_it_is_has_the_headers_that_keep_browsers_safe(gateway: RunningGateway) -> None:
    responses = [
        ("GET", "/", 200, "no-store, private"), ("GET", "/login", 302, "no-store"), ("GET", "/favicon.ico", 200, "public, max-age=86400"),
        ("GET", "/nothing", 404, "no-store, private"), ("GET", f"{API}/me", 200, "no-store"),
        ("GET", f"{API}/me/export", 200, "no-store"), ("GET", f"{API}/events", 200, "no-store"),
        ("GET", f"{API}/openapi.json", 200, "no-cache"), ("GET", f"{API}/contacts/x", 404, "no-store"),
        ("PUT", f"{API}/me", 405, "no-store"), ("GET", "/health/live", 200, "no-store"), ("GET", "/metrics", 404, "no-store, private"),
        ("POST", "/logout", 302, "no-store"), ("GET", f"{API}/me", 401, "no-store"),
    ]  # fmt: skip
    async with gateway.browser() as browser:
        for method, path, status, cache in responses:
            headers = {**HTML, "Trace-Id": "of-the-caller"}  # which is nothing that a log should be made of
            async with browser.request(method, path, headers=headers, allow_redirects=False) as response:
                assert response.status == status, path
                assert {name: response.headers.get(name) for name in SAFE} == SAFE, path
                assert response.headers["Cache-Control"] == cache, path
                assert re.fullmatch(r"[0-9a-f]{32}", response.headers["Trace-Id"]), path
                assert "Server" not in response.headers, path
                assert "Access-Control-Allow-Origin" not in response.headers, path


async def test_a_sign_in_ends_on_an_own_page_whatever_the_address_asks_for(gateway: RunningGateway) -> None:
    world = gateway.world
    world.signed_in = q.SignedIn(
        user_id=world.alice.id,
        account_id=world.account(world.alice).id,
        address="alice@example.com",
        session="session-of-alice",
    )
    unheeded = "next=https://evil.example&return_to=//evil.example&authorize_url=https://evil.example&redirect_uri=/x"
    evil = {"Host": "evil.example"}
    async with gateway.client(None) as browser:
        for path, headers, goal in [
            (f"/oauth/google/callback?state=s&code=c&{unheeded}", {}, "/"),
            (f"/oauth/google/callback?state=s&code=c&{unheeded}", evil, "/"),
            (f"/login?{unheeded}", {}, "/"),
            (f"/login/google?{unheeded}", evil, "https://accounts.example/authorize?state=s"),
            (f"/login/google?{unheeded}", {"Host": "localhost:1"}, f"{gateway.url}/login/google"),
        ]:
            async with browser.get(path, headers=headers, allow_redirects=False) as response:
                assert (response.status, response.headers["Location"]) == (302, goal), path


PRIVATE = "carol@example.com is private"


async def test_what_nobody_foresaw_is_in_the_log_under_the_trace_and_not_in_the_response(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[Exception] = []

    async def fail(*_: object, **__: object) -> None:
        raise failures[-1]

    monkeypatch.setattr(notifications, "list_notifications", fail)
    monkeypatch.setattr(home, "list_notifications", fail)
    async with gateway.browser() as browser:
        for error, status, code, level, named in [
            (ValueError(PRIVATE), 500, "internal", "error", None),
            (
                asyncpg.ConnectionDoesNotExistError(PRIVATE),
                503,
                "unavailable",
                "warning",
                "ConnectionDoesNotExistError",
            ),
            (Outage(PRIVATE), 503, "unavailable", "warning", PRIVATE),
        ]:
            failures.append(error)
            with capture_logs() as logs:
                async with browser.get(f"{API}/notifications") as response:
                    problem = await response.json(content_type="application/problem+json")
                    text = await response.text()
                    assert (response.status, problem["type"]) == (status, f"/problems/{code}")
                    assert problem.get("trace") == (response.headers["Trace-Id"] if status == 500 else None)
                    assert ("Retry-After" in response.headers) == (status == 503)
                async with browser.get("/", headers=HTML) as response:
                    page = await response.text()
                    assert (response.status, response.content_type) == (status, "text/html")
            assert "private" not in text + page
            assert "Traceback" not in text + page
            noted = [line for line in logs if line["event"] in ("request_failed", "upstream_unavailable")]
            assert [(line["log_level"], line.get("error")) for line in noted] == [(level, named)] * 2


async def test_a_yes_is_given_when_the_bus_has_it_and_not_before(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(*_: object) -> None:
        raise Outage("not confirmed")

    monkeypatch.setattr(gateway.resources.bus, "publish", lose)
    account = gateway.world.account(gateway.world.alice).id
    profile = {"platform": "twitter", "identity": {"kind": "email", "value": "c@d.example"}, "bio": "Paints."}
    async with gateway.client() as client:
        assert (await client.post(f"{API}/accounts/{account}/sync")).status == 503
        assert (await client.post(f"{API}/profiles", json=profile)).status == 503


class Listener:
    """Everything on these subjects, as it passes on the bus."""

    def __init__(self) -> None:
        self.messages: list[Msg] = []

    async def receive(self, message: Msg) -> None:
        self.messages.append(message)

    async def wait(self, subject: str) -> Msg:
        async with asyncio.timeout(10):
            while True:
                for message in self.messages:
                    if message.subject == subject:
                        return message
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def listener(nats_server: Nats) -> AsyncIterator[Callable[[str], Any]]:
    listening = Listener()
    client = await nats.connect(nats_server.admin_url)
    for subject in ("sync.requested", "profile.reported", "contacts.>", "notification.created"):
        await client.subscribe(subject, cb=listening.receive)
    await client.flush()
    yield listening.wait
    await client.close()


async def test_one_trace_leads_from_a_request_to_what_it_publishes_and_from_an_event_to_its_notification(
    gateway: RunningGateway, listener: Callable[[str], Any]
) -> None:
    world = gateway.world
    account = world.account(world.alice).id
    carol = world.add(world.alice, contact("Carol"))
    async with gateway.client() as client:
        async with client.post(f"{API}/accounts/{account}/sync", json={"kinds": ["calendar"]}) as response:
            published = await listener("sync.requested")
            assert published.headers["Pingcrm-Trace"] == response.headers["Trace-Id"]
        async with client.get(f"{API}/contacts/{carol.id}") as response:
            requested = await listener("contacts.get")
            assert requested.headers["Pingcrm-Trace"] == response.headers["Trace-Id"]
        profile = {"platform": "twitter", "identity": {"kind": "email", "value": "c@d.example"}, "bio": "Paints."}
        assert (await client.post(f"{API}/profiles", json=profile)).status == 202
    sync = SyncRequested.model_validate_json(published.data)
    assert sync == SyncRequested(user_id=world.alice.id, account_id=account, kind="calendar", reason="user")
    reported = ProfileReported.model_validate_json((await listener("profile.reported")).data)
    assert (reported.user_id, reported.platform, reported.bio) == (world.alice.id, "twitter", "Paints.")
    with traced("the-cause"):
        await publish_completed(gateway)
    assert (await listener("notification.created")).headers["Pingcrm-Trace"] == "the-cause"


# -- the home page ---------------------------------------------------------------------------------------------------------


async def notify(gateway: RunningGateway, user_id: UserId, title: str) -> None:
    new = NewNotification(
        user_id, gateway.world.account(gateway.world.alice).id, "sync.failed", "error", title, "", "/", str(new_id())
    )
    async with gateway.resources.db.acquire() as connection, connection.transaction():
        assert await notifications.insert_notification(connection, new)


async def test_the_home_page_shows_the_newest_unread_notifications_and_counts_them_all(gateway: RunningGateway) -> None:
    alice, bob = gateway.world.alice, gateway.world.bob
    await notify(gateway, bob.id, "of Bob")
    for number in range(12):
        await notify(gateway, alice.id, f"number {number:02}")
    newest, *_ = await notifications.list_notifications(gateway.resources.db, alice.id)
    await notifications.mark_notification_read(gateway.resources.db, alice.id, newest.id)
    async with gateway.browser() as browser:
        assert await shown(browser) == ("11", [f"number {number:02}" for number in range(10, 2, -1)])
        for away in ("sync", "contacts"):
            await gateway.buses[away].stop()
        assert (await shown(browser))[0] == "11", "the page is there while services are away"


async def shown(browser: aiohttp.ClientSession) -> tuple[str, list[str]]:
    """The badge, and the titles below it."""
    async with browser.get("/") as response:
        page = await response.text()
        assert response.status == 200, page
    assert "alice@example.com" in page
    badge = re.search(r'class="badge"[^>]*>(\d+)<', page)
    return badge[1] if badge else "", re.findall(r'class="who">(?:<a[^>]*>|<span>)?((?:number|of)[^<]*)<', page)
