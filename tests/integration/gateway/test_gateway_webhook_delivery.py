"""The user's webhook: signed, retried, never redirected, never into a private network from a server."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import pytest_asyncio
from aiohttp import web

from libs.common.errors import Outage
from libs.common.events import SyncCompleted
from libs.common.ids import RunId, new_id
from libs.common.preferences import NotificationPreferences, Preferences
from libs.common.web import port_of, serve
from services.gateway.domain import webhook_delivery
from services.gateway.webhook_delivery import sender
from services.gateway.webhook_delivery.http_client import PublicResolver
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway


class Receiver:
    """Somebody's server: keeps what came, and responds with the statuses it was given, then with 204."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, bytes]] = []
        self.statuses: list[int] = []
        self.url = ""

    async def receive(self, request: web.Request) -> web.Response:
        signature = request.headers.get("PingCRM-Signature", "")
        self.calls.append((request.path, signature, await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else None)

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(15):
            while len(self.calls) < count:
                await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.receive)
    runner = await serve(app, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{port_of(runner)}/hook"
    yield receiver
    await runner.cleanup()


@asynccontextmanager
async def with_webhook(
    service_settings: ServiceSettings, url: str, public_url: str = ""
) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings, public_url=public_url) as running:
        hook = NotificationPreferences.model_validate({"webhook_url": url})
        running.world.preferences[running.world.alice.id] = Preferences(notifications=hook)
        yield running


async def publish_completed(running: RunningGateway) -> None:
    alice = running.world.alice
    event = SyncCompleted(
        user_id=alice.id, account_id=running.world.account(alice).id, address=alice.address, run_id=RunId(new_id()),
        kind="mail", reason="user", new=1, updated=0, removed=0, seconds=1,
    )  # fmt: skip
    await running.buses["sync"].publish(event)


async def deliveries(running: RunningGateway) -> int:
    return int(await running.resources.db.fetchval("SELECT count(*) FROM webhook_deliveries"))


async def test_a_notification_is_posted_with_a_signature_that_the_shown_secret_verifies(
    service_settings: ServiceSettings, receiver: Receiver
) -> None:
    async with with_webhook(service_settings, receiver.url) as running, running.client() as client:
        await publish_completed(running)
        await receiver.wait(1)
        async with client.get("/api/v1/settings/webhook") as response:
            secret = (await response.json())["secret"]
        async with client.get("/api/v1/notifications") as response:
            (stored,) = (await response.json())["items"]
        _, header, body = receiver.calls[0]
        timestamp, *codes = (part.partition("=")[2] for part in header.split(","))
        former = f"whsec_former_{running.world.alice.id}"  # what a receiver knows that was set up before there were webhook keys
        signed = f"{timestamp}.".encode() + body
        assert codes == [hmac.new(key.encode(), signed, hashlib.sha256).hexdigest() for key in (secret, former)]
        assert json.loads(body)["id"] == stored["id"]
        assert json.loads(body)["link"] == f"{running.url}/"
        async with asyncio.timeout(5):
            while await deliveries(running):
                await asyncio.sleep(0.02)


async def test_the_gateway_signs_with_keys_of_its_own_and_does_not_start_without(
    service_settings: ServiceSettings,
) -> None:
    with pytest.raises(Outage, match="PINGCRM_WEBHOOK_KEYS"):
        async with running_gateway(service_settings, webhook_keys=()):
            pass
    async with (
        running_gateway(service_settings, secret_keys=()) as running,
        running.client() as client,
        client.get("/api/v1/settings/webhook") as response,
    ):
        assert (await response.json())["secret"].startswith("whsec_"), "the keys that open tokens are not needed"


async def test_a_failing_webhook_is_tried_again_and_given_up_in_the_end(
    service_settings: ServiceSettings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(webhook_delivery, "RETRY_DELAYS", (timedelta(milliseconds=10),) * 2)
    receiver.statuses = [500, 302, 410, 500]
    async with with_webhook(service_settings, receiver.url) as running:
        await publish_completed(running)
        await receiver.wait(3)
        async with asyncio.timeout(5):
            while await deliveries(running):
                await asyncio.sleep(0.02)
        assert [path for path, _, _ in receiver.calls] == ["/hook"] * 3, "no redirect was followed"


async def test_a_server_calls_no_private_address_even_by_name(
    service_settings: ServiceSettings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(webhook_delivery, "RETRY_DELAYS", ())
    for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost")):
        async with with_webhook(service_settings, url, "https://crm.example.com") as running:
            await publish_completed(running)
            async with running.client() as client, asyncio.timeout(10):
                while (await (await client.get("/api/v1/me")).json())["unread_notifications"] == 0:
                    await asyncio.sleep(0.02)
                while await deliveries(running):
                    await asyncio.sleep(0.02)
    assert not receiver.calls


async def test_names_that_lead_into_a_private_network_do_not_resolve() -> None:
    resolver = PublicResolver()
    with pytest.raises(OSError, match="public internet"):
        await resolver.resolve("localhost", 80)
    await resolver.close()


async def test_a_host_that_can_not_be_spelled_is_given_up_as_any_other(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(webhook_delivery, "RETRY_DELAYS", ())
    async with with_webhook(service_settings, f"http://{'a' * 64}.example.com/") as running:
        await publish_completed(running)
        async with running.client() as client, asyncio.timeout(10):
            while (await (await client.get("/api/v1/me")).json())["unread_notifications"] == 0:
                await asyncio.sleep(0.02)
            while await deliveries(running):
                await asyncio.sleep(0.02)
