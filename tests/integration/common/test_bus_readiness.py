"""A service whose durable consumer is gone is not ready, and names it."""

import aiohttp
import nats
import pytest
from structlog.testing import capture_logs

from libs.common.bus import consumer_check
from libs.common.errors import Outage
from libs.common.events import MessageIngested, SyncRequested, UserDeleted
from libs.common.service import Resources, running
from libs.local.ports import free_port
from libs.local.servers import Nats
from libs.local.streams import declare
from tests.conftest import ServiceSettings, own_nats_server
from tests.support.bus import OpenBus, alive

nats_server = own_nats_server  # consumers are deleted here


async def ignore(_: object) -> None:
    """What arrives is not what these tests are about."""


async def test_a_service_without_its_consumer_is_not_ready_until_it_is_declared_again(
    bus: OpenBus, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_check, "FRESH_SECONDS", 0.0)
    contacts = bus("contacts")
    contacts.subscribe_batch(MessageIngested, ignore)
    contacts.subscribe(UserDeleted, ignore)
    client = await nats.connect(nats_server.admin_url)
    async with alive(contacts):
        await contacts.ping()
        await client.jetstream().delete_consumer("EVENTS", "contacts_message_ingested")
        with capture_logs() as logs, pytest.raises(Outage) as outage:
            await contacts.ping()
        assert str(outage.value) == "Gone from NATS: contacts_message_ingested. `pingcrm migrate` declares them."
        assert [line["consumers"] for line in logs if line["event"] == "consumers_missing"] == [
            ("contacts_message_ingested",)
        ]
        await declare(client, 1)
        await contacts.ping()
    await client.close()


async def test_the_health_of_a_service_shows_that_its_consumer_is_gone(
    service_settings: ServiceSettings, nats_server: Nats
) -> None:
    async def wire(r: Resources) -> None:
        r.bus.subscribe(SyncRequested, ignore)

    client = await nats.connect(nats_server.admin_url)
    await client.jetstream().delete_consumer("EVENTS", "sync_sync_requested")
    await client.close()
    settings = service_settings("sync").model_copy(update={"health_port": free_port()})
    async with (
        running("sync", settings, wire),
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{settings.health_port}/health/ready") as response,
    ):
        assert response.status == 503
        assert (await response.json())["checks"] == {"db": "ok", "bus": "Outage", "cache": "ok", "background": "ok"}


async def test_the_server_is_queried_once_in_a_while_however_often_readiness_is_wanted(
    bus: OpenBus, nats_server: Nats
) -> None:
    contacts = bus("contacts")
    contacts.subscribe_batch(MessageIngested, ignore)
    client = await nats.connect(nats_server.admin_url)
    async with alive(contacts):
        infos = await client.subscribe("$JS.API.CONSUMER.INFO.>")
        await client.flush()
        for _ in range(20):
            await contacts.ping()
        await infos.next_msg(timeout=10)
        # The server has these in one line: what were more inquiries has come before the last message.
        await client.publish(infos.subject.replace(">", "END"), b"")
        assert (await infos.next_msg(timeout=10)).subject.endswith(".END")
    await client.close()
