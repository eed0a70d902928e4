"""A statement that takes too long is a failure of its message; waiting for others and dead connections are outages."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from libs.common import db, requests
from libs.common.bus import delivery
from libs.common.db import Pool, open_pool
from libs.common.errors import Refused
from libs.common.events import MessageIngested
from libs.local.servers import Nats
from tests.conftest import ServiceSettings, own_nats_server
from tests.support.bus import USER, OpenBus, Received, alive, dead_letters, message, settled, stream

nats_server = own_nats_server  # the dead letters' numbers begin at 1

LOCK = 42


@pytest_asyncio.fixture
async def pool(service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pool]:
    """The pool of a service, on a server that ends statements after 0.3 s, and waits for locks after 0.15 s."""
    monkeypatch.setitem(db.LIMITS, "statement_timeout", "300ms")
    monkeypatch.setitem(db.LIMITS, "lock_timeout", "150ms")
    monkeypatch.setattr(delivery, "RETRY_DELAYS", (0.05, 0.05))
    monkeypatch.setattr(delivery, "OUTAGE_DELAY_SECONDS", 0.05)
    opened = await open_pool(service_settings("contacts"))
    yield opened
    await opened.close()


async def test_a_message_whose_statement_times_out_ends_as_a_dead_letter_and_its_batch_goes_on(
    bus: OpenBus, nats_server: Nats, pool: Pool
) -> None:
    received = Received()

    async def record(events: Sequence[MessageIngested]) -> None:
        if any(event.gmail_id == "slow" for event in events):
            await pool.execute("SELECT pg_sleep(30)")
        await received.record(events)

    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe_batch(MessageIngested, record)
    async with alive(sync):
        await sync.publish(*(message(gmail_id) for gmail_id in ("1", "2", "slow", "3", "4", "5", "6", "7", "8")))
        async with alive(contacts):
            await received.count(8)
            (letter,) = await dead_letters(nats_server, 1)
    assert sorted(received.ids) == list("12345678")
    assert MessageIngested.model_validate_json(letter.data or b"").gmail_id == "slow"
    assert (letter.headers or {})["Pingcrm-Reason"].startswith(
        "QueryCanceledError: canceling statement due to statement"
    )
    assert (letter.headers or {})["Pingcrm-Attempts"] == "3"


async def test_a_batch_that_is_only_too_much_at_once_is_done_in_parts(
    bus: OpenBus, nats_server: Nats, pool: Pool
) -> None:
    received = Received()

    async def record(events: Sequence[MessageIngested]) -> None:
        await pool.execute("SELECT pg_sleep($1)", 0.02 * len(events))
        await received.record(events)

    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe_batch(MessageIngested, record)
    async with alive(sync):
        await sync.publish(*(message(str(number)) for number in range(36)))
        with capture_logs() as logs:
            async with alive(contacts):
                await received.count(36)
    assert sorted(received.ids, key=int) == [str(number) for number in range(36)]
    assert [line["size"] for line in logs if line["event"] == "batch_split"]
    assert max(map(len, received.batches)) > 1
    assert (await stream(nats_server, "DEAD")).state.messages == 0


async def test_waiting_for_a_lock_of_somebody_else_is_an_outage(
    bus: OpenBus, nats_server: Nats, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "RETRY_DELAYS", ())  # the first failure would be a dead letter
    received, tries = Received(), 0

    async def record(event: MessageIngested) -> None:
        nonlocal tries
        tries += 1
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await received.record([event])

    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe(MessageIngested, record)
    async with alive(contacts, sync):
        async with pool.acquire() as holder, holder.transaction():
            await holder.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            await sync.publish(message("a"))

            async def tried_twice() -> bool:
                return tries >= 2

            await settled(tried_twice)
        await received.count(1)
    assert (await stream(nats_server, "DEAD")).state.messages == 0


async def test_a_server_that_does_not_reply_at_all_is_an_outage(
    bus: OpenBus, nats_server: Nats, service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "COMMAND_TIMEOUT_SECONDS", 0.2)  # less than the server's own limit: it should have replied
    monkeypatch.setattr(delivery, "RETRY_DELAYS", ())
    monkeypatch.setattr(delivery, "OUTAGE_DELAY_SECONDS", 0.05)
    frozen = await open_pool(service_settings("contacts"))
    received, tries = Received(), 0

    async def record(event: MessageIngested) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            await frozen.execute("SELECT pg_sleep(5)")
        await received.record([event])

    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe(MessageIngested, record)
    async with alive(contacts, sync):
        await sync.publish(message("a"))
        await received.count(1)
    assert tries == 3
    assert (await stream(nats_server, "DEAD")).state.messages == 0
    frozen.terminate()
    await asyncio.sleep(0)


async def test_a_request_whose_statement_times_out_is_refused_by_name(bus: OpenBus, pool: Pool) -> None:
    async def search(_: requests.SearchContacts) -> requests.ContactPage:
        await pool.execute("SELECT pg_sleep(30)")
        raise AssertionError

    contacts, gateway = bus("contacts"), bus("gateway")
    contacts.respond(requests.SearchContacts, search)
    async with alive(contacts, gateway):
        with pytest.raises(Refused) as refused:
            await gateway.request(requests.SearchContacts(user_id=USER))
    assert (refused.value.status, refused.value.code) == (504, "timed_out")
