"""Webhook calls: made once, by the rule, with a time limit, to the user's own URL, and never into a private network by any name."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp.abc import ResolveResult
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from libs.common.bus import REQUEST_TIMEOUT_SECONDS
from libs.common.errors import Outage, Refused
from libs.common.log import traced
from libs.common.requests import GetSettings, UserPreferences
from services.gateway.domain import webhook_delivery
from services.gateway.domain.public_hosts import CallableHosts
from services.gateway.store import notifications
from services.gateway.webhook_delivery import http_client, sender
from services.gateway.webhook_delivery.http_client import PublicResolver, webhook_session
from services.gateway.webhook_delivery.sender import WebhookSender
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway
from tests.support.gateway.world import World
from tests.support.webhooks import Receiver, all_settled, publish_completed, receiver, with_webhook

__all__ = ["receiver"]  # a fixture

NAME = "hooks.example.com"
ANYWHERE = CallableHosts(anywhere=True)


def resolve_as(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """The name server's answer to every question, as a user's own may give it."""

    async def resolve(_: object, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=2, proto=0, flags=0) for address in addresses
        ]

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)


async def test_a_name_that_leads_into_a_private_network_is_called_on_a_laptop_and_not_by_a_server(
    service_settings: ServiceSettings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_delivery, "RETRY_DELAYS", ())
    resolve_as(monkeypatch, "127.0.0.1")
    url = f"http://{NAME}:{receiver.port}/hook"
    async with with_webhook(service_settings, url, "https://crm.example.com") as running:
        await publish_completed(running)
        await all_settled(running)
    assert receiver.calls == []
    async with webhook_session(ANYWHERE) as laptop:
        await laptop.post(url)
    assert len(receiver.calls) == 1, "the name is one that can be called"


async def test_of_the_addresses_of_a_name_only_the_public_ones_are_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve_as(monkeypatch, "10.0.0.1", "8.8.8.8", "169.254.169.254")
    assert [result["host"] for result in await PublicResolver().resolve(NAME, 443)] == ["8.8.8.8"]


async def test_a_call_that_fails_is_due_again_by_the_rule_and_one_without_a_reply_has_failed(
    service_settings: ServiceSettings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(http_client, "TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(webhook_delivery, "RETRY_DELAYS", (timedelta(0), timedelta(hours=1)))
    receiver.statuses = [500, None]
    async with with_webhook(service_settings, receiver.url) as running:
        await publish_completed(running)
        await receiver.wait(2)
        async with asyncio.timeout(10):
            while (due_in := await next_call(running)) < timedelta(minutes=30):  # until then it is leased
                await asyncio.sleep(0.02)
        assert timedelta(minutes=59) < due_in <= timedelta(hours=1)
    for headers in receiver.headers:
        assert "Cookie" not in headers
        assert abs(time.time() - int(headers["webhook-timestamp"])) < 120


async def next_call(running: RunningGateway) -> timedelta:
    due_in: timedelta = await running.resources.db.fetchval("SELECT due_at - now() FROM webhook_deliveries")
    return due_in


async def test_while_the_settings_can_not_be_looked_up_no_attempt_is_used_up(
    service_settings: ServiceSettings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(sender, "SETTINGS_RETRY_DELAY", timedelta(milliseconds=10))
    monkeypatch.setattr(
        webhook_delivery, "RETRY_DELAYS", (timedelta(milliseconds=10),)
    )  # given up at the second failure
    receiver.statuses = [500]
    failures: list[Exception] = [Outage("restarting"), Refused(500, "internal", "A bug."), Outage("restarting")]
    original = World.get_settings

    async def get_settings(world: World, query: GetSettings) -> UserPreferences:
        if query.user_id == world.bob.id:
            raise Refused(404, "not_found", "There is no such user.")
        if failures:
            raise failures.pop()
        return await original(world, query)

    monkeypatch.setattr(World, "get_settings", get_settings)
    async with with_webhook(service_settings, receiver.url) as running:
        await publish_completed(running)
        await publish_completed(running, running.world.bob)
        await receiver.wait(2)
        await all_settled(running, notified=2)
    assert len(receiver.calls) == 2, "none for Bob, who is gone"


async def test_a_call_is_made_once_whoever_else_is_sending_and_to_its_own_user_alone(
    service_settings: ServiceSettings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 3600)
    async with with_webhook(service_settings, receiver.url) as running:
        receiver.statuses = [None]
        await publish_completed(running)
        await receiver.wait(1)
        await publish_completed(running, running.world.bob)
        async with webhook_session(ANYWHERE) as http:
            r = running.resources
            await WebhookSender(r.settings, r.db, r.bus, http, ANYWHERE).send_due()
        receiver.go_on.set()
        await all_settled(running, notified=2)
        assert len(receiver.calls) == 1
        forgotten = await leave_a_call(running)
        async with running.replica():  # as after a crash: nobody wakes it
            await receiver.wait(2)
            await all_settled(running)
    assert [message["data"]["id"] for message in receiver.messages][1:] == [str(forgotten)]


async def leave_a_call(running: RunningGateway) -> UUID:
    """A call that was stored and never made; the notification's id."""
    notification, *_ = await notifications.list_notifications(running.resources.db, running.world.alice.id)
    await running.resources.db.execute("INSERT INTO webhook_deliveries (notification_id) VALUES ($1)", notification.id)
    return notification.id


async def test_one_trace_leads_from_an_event_to_each_try_of_its_webhook_call(
    service_settings: ServiceSettings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(webhook_delivery, "RETRY_DELAYS", (timedelta(0),))
    receiver.statuses = [500, 204, 500, 500]
    with capture_logs([merge_contextvars]) as logs:
        async with with_webhook(service_settings, receiver.url) as running:
            for number, cause in enumerate(("first-cause", "second-cause")):
                with traced(cause):  # requested together, both would be one notification, and one call
                    await publish_completed(running, later=number * 2 * notifications.TOGETHER)
                await all_settled(running, notified=number + 1)
            await leave_a_call(running)
            await all_settled(running)
    found = [(line["event"], line["trace"]) for line in logs if line["event"].startswith("webhook_")]
    assert found[:4] == [
        ("webhook_postponed", "first-cause"), ("webhook_sent", "first-cause"),
        ("webhook_postponed", "second-cause"), ("webhook_given_up", "second-cause"),
    ]  # fmt: skip
    assert [bool(trace) for _, trace in found[4:]] == [True], "one without a cause, as of before, has its own"


def test_a_lease_lasts_longer_than_a_call_can_take() -> None:
    longest: Any = REQUEST_TIMEOUT_SECONDS + http_client.TIMEOUT_SECONDS
    assert 2 * timedelta(seconds=longest) < sender.LEASE
