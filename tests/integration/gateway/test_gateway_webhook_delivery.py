"""The user's webhook: signed, retried, never redirected, never into a private network from a server."""

import asyncio
import json
from datetime import timedelta
from ipaddress import ip_network

import pytest

from libs.common.errors import Outage
from services.gateway.domain import webhook_delivery
from services.gateway.store import notifications
from services.gateway.webhook_delivery import sender
from services.gateway.webhook_delivery.http_client import PublicResolver
from tests.conftest import ServiceSettings
from tests.support.gateway import running_gateway
from tests.support.webhooks import (
    Receiver,
    all_settled,
    choose_webhook,
    deliveries,
    publish_completed,
    receiver,
    signatures,
    with_webhook,
)

__all__ = ["receiver"]  # a fixture


async def test_a_notification_is_posted_with_a_signature_that_the_shown_secret_verifies(
    service_settings: ServiceSettings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 3600)  # a new notification does not wait for it
    async with with_webhook(service_settings, receiver.url) as running, running.client() as client:
        async with client.post("/api/v1/settings/webhook/secret") as response:
            secret = (await response.json())["secret"]
        await publish_completed(running)
        await receiver.wait(1)
        async with client.get("/api/v1/notifications") as response:
            (stored,) = (await response.json())["items"]
        _, header, body = receiver.calls[0]
        first = webhook_delivery.webhook_secret(running.resources.settings.webhook_keys[0], running.world.alice.id)
        assert header == signatures([secret, first], receiver.headers[0], body), "the former one for a day"
        assert receiver.headers[0]["webhook-id"] == f"{stored['id']}_1"
        assert receiver.headers[0]["Content-Type"] == "application/json"
        message = json.loads(body)
        assert (message["type"], message["timestamp"]) == ("sync.completed", stored["created_at"])
        assert message["data"] == {
            name: f"{running.url}/" if name == "link" else value for name, value in stored.items() if name != "read_at"
        }
        async with asyncio.timeout(5):
            while await deliveries(running):
                await asyncio.sleep(0.02)


async def test_a_notification_that_grows_while_it_is_called_is_called_again_with_its_id_and_a_higher_revision(
    service_settings: ServiceSettings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 3600)
    receiver.statuses = [None]
    async with with_webhook(service_settings, receiver.url) as running:
        await publish_completed(running, kind="contacts")
        await receiver.wait(1)
        await publish_completed(running, kind="mail")
        await publish_completed(running, kind="calendar")
        async with asyncio.timeout(10):
            while await running.resources.db.fetchval("SELECT revision FROM notifications") != 3:
                await asyncio.sleep(0.02)
        receiver.go_on.set()
        await all_settled(running)
    first, last = (message["data"] for message in receiver.messages)
    assert first["id"] == last["id"]
    assert [headers["webhook-id"] for headers in receiver.headers] == [f"{first['id']}_1", f"{first['id']}_3"]
    assert (first["revision"], last["revision"]) == (1, 3)
    assert last["body"] == "Mail: 1 new. Google Contacts: 1 new. Calendar: 1 new."


async def test_the_gateway_signs_with_keys_of_its_own_and_does_not_start_without(
    service_settings: ServiceSettings,
) -> None:
    with pytest.raises(Outage, match="PINGCRM_WEBHOOK_KEYS"):
        async with running_gateway(service_settings, webhook_keys=()):
            pass
    async with (
        running_gateway(service_settings, secret_keys=()) as running,
        running.client() as client,
        client.post("/api/v1/settings/webhook/secret") as response,
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
        assert len({headers["webhook-id"] for headers in receiver.headers}) == 1, "by which a receiver knows it again"


async def test_a_webhook_is_called_about_what_its_user_chose_and_about_nothing_else(
    service_settings: ServiceSettings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.05)
    async with with_webhook(service_settings, receiver.url) as running:
        choose_webhook(running, receiver.url, webhook_events=("prep.failed", "contact.changed"))
        await publish_completed(running)
        await all_settled(running)
        assert not receiver.calls
        choose_webhook(running, receiver.url, webhook_events=("sync.completed",))
        await publish_completed(running, later=2 * notifications.TOGETHER)
        await all_settled(running, notified=2)
    assert [message["type"] for message in receiver.messages] == ["sync.completed"]


async def test_a_network_that_the_operator_allows_is_called_also_by_a_server(
    service_settings: ServiceSettings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.05)
    networks = (ip_network("127.0.0.0/8"),)
    server = "https://crm.example.com"
    async with with_webhook(service_settings, receiver.url, server, webhook_allow=networks) as running:
        await publish_completed(running)
        await receiver.wait(1)
        choose_webhook(running, receiver.url.replace("127.0.0.1", "localhost"))
        await publish_completed(running, later=2 * notifications.TOGETHER)
        await receiver.wait(2)


async def test_a_server_calls_no_private_address_even_by_name(
    service_settings: ServiceSettings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(webhook_delivery, "RETRY_DELAYS", ())
    for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost")):
        async with with_webhook(service_settings, url, "https://crm.example.com") as running:
            await publish_completed(running)
            await all_settled(running)
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
        await all_settled(running)
