"""The bus on a real NATS server: delivered at least once, in batches, retried, dead-lettered, traced."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import nats
import pytest
from pydantic import ValidationError
from redis.exceptions import ResponseError
from structlog.testing import capture_logs

from libs.common import requests
from libs.common.bus import delivery
from libs.common.errors import Outage, Throttled, Unprocessable
from libs.common.events import (
    MIN_BRIEF_LEAD,
    ContactChanged,
    InteractionReported,
    MeetingUpcoming,
    MessageIngested,
    SyncRequested,
)
from libs.common.ids import ContactId, new_id
from libs.common.service import Resources, running
from libs.common.topology import batch_of
from libs.local.servers import Nats
from tests.conftest import ServiceSettings, own_nats_server
from tests.support.bus import (
    ACCOUNT,
    USER,
    OpenBus,
    Received,
    alive,
    dead_letters,
    handled,
    message,
    request,
    settled,
    stream,
)
from tests.support.meetings import meeting

nats_server = own_nats_server  # servers are killed here, and the same events published in every test


async def test_what_is_published_is_consumed_in_batches_and_leaves_nothing_behind(
    bus: OpenBus, nats_server: Nats
) -> None:
    received = Received()
    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe_batch(MessageIngested, received.record)
    async with alive(contacts, sync):
        await sync.publish(*(message(str(number)) for number in range(350)))
        await received.count(350)

        async def empty() -> bool:
            return (await stream(nats_server, "EVENTS")).state.messages == 0

        await settled(empty)
    assert sorted(received.ids, key=int) == [str(number) for number in range(350)]
    assert max(map(len, received.batches)) > 1


async def test_a_flood_that_fills_many_batches_interrupts_no_pull(bus: OpenBus) -> None:
    received = Received()
    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe_batch(MessageIngested, received.record)
    flood = 4 * batch_of(MessageIngested) + 1
    with capture_logs() as logs:
        async with alive(contacts, sync):
            await sync.publish(*(message(str(number)) for number in range(flood)))
            await received.count(flood)
    assert [line for line in logs if line["event"] in ("consumer_unavailable", "pull_interrupted")] == []
    assert sorted(received.ids, key=int) == [str(number) for number in range(flood)]


async def test_the_same_event_published_twice_is_stored_once(bus: OpenBus, nats_server: Nats) -> None:
    received = Received()
    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe_batch(MessageIngested, received.record)
    async with alive(contacts, sync):
        await sync.publish(message("a"))
        await sync.publish(message("a"), message("b"), message("a", revision=2))
        await received.count(3)
        await handled(nats_server, "contacts", MessageIngested)
    assert sorted(received.ids) == ["a", "a", "b"]


async def test_a_correction_of_what_a_connector_published_gets_through_at_once(bus: OpenBus) -> None:
    consumed: list[str] = []

    async def record(event: InteractionReported) -> None:
        consumed.append(event.text)

    contacts, gateway = bus("contacts"), bus("gateway")
    contacts.subscribe(InteractionReported, record)
    first = InteractionReported(
        user_id=USER, platform="telegram", ref="1", occurred_at=datetime.now(UTC), direction="inbound", kind="message",
        identities=(), text="wrong",
    )  # fmt: skip
    async with alive(contacts, gateway):
        await gateway.publish(first)
        await gateway.publish(first.model_copy(update={"text": "right"}))

        async def both() -> bool:
            return consumed == ["wrong", "right"]

        await settled(both)


async def test_a_cache_that_refuses_to_count_failures_ends_no_subscription(
    bus: OpenBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[str] = []

    async def record(event: MessageIngested) -> None:
        received.append(event.gmail_id)
        if event.gmail_id == "bad":
            raise ZeroDivisionError

    async def refuse(*_: object) -> int:
        raise ResponseError("OOM command not allowed when used memory > 'maxmemory'.")

    contacts, sync = bus("contacts"), bus("sync")
    monkeypatch.setattr(type(contacts.cache), "count_failure", refuse)
    contacts.subscribe(MessageIngested, record)
    async with alive(contacts, sync):
        await sync.publish(message("bad"))

        async def tried() -> bool:
            return received == ["bad"]

        await settled(tried)
        await sync.publish(message("good"))

        async def both() -> bool:
            return "good" in received

        await settled(both)
        await contacts.ping()


async def test_background_work_ends_while_the_bus_still_carries_what_it_publishes(
    service_settings: ServiceSettings,
) -> None:
    ended: list[str] = []

    async def wire(r: Resources) -> None:
        async def loop() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await r.bus.publish(request())
                ended.append("published")

        r.run_in_background("loop", loop)

    async with running("sync", service_settings("sync"), wire):
        await asyncio.sleep(0)
    assert ended == ["published"]


async def test_a_bad_message_does_not_hold_back_its_batch(
    bus: OpenBus, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "RETRY_DELAYS", (0.05, 0.05))
    received = Received()

    async def record(events: Sequence[MessageIngested]) -> None:
        if any(event.gmail_id == "bad" for event in events):
            raise ValueError("a row that the database refuses\nDETAIL: ann@example.com")
        await received.record(events)

    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe_batch(MessageIngested, record)
    async with alive(contacts, sync):
        await sync.publish(*(message(gmail_id) for gmail_id in ("1", "2", "bad", "3", "4")))
        await received.count(4)

        async def dead_lettered() -> bool:
            return (await stream(nats_server, "DEAD")).state.messages == 1

        await settled(dead_lettered)
    client = await nats.connect(nats_server.admin_url)
    dead = await client.jetstream().get_msg("DEAD", seq=1)
    await client.close()
    assert sorted(received.ids) == ["1", "2", "3", "4"]
    assert dead.subject == f"dead.contacts.{USER}.{ACCOUNT}.message.ingested"
    assert dead.headers is not None
    assert dead.headers["Pingcrm-Reason"] == "ValueError: a row that the database refuses"  # without the private detail
    assert dead.headers["Pingcrm-Attempts"] == "3"
    assert MessageIngested.model_validate_json(dead.data or b"").gmail_id == "bad"


async def test_an_invalid_payload_becomes_a_dead_letter_at_once(bus: OpenBus, nats_server: Nats) -> None:
    received = Received()
    contacts = bus("contacts")
    contacts.subscribe_batch(MessageIngested, received.record)
    async with alive(contacts):
        client = await nats.connect(nats_server.admin_url)
        await client.jetstream().publish("message.ingested", b'{"user_id": "nobody"}')
        await client.jetstream().publish("message.ingested", message("good").model_dump_json().encode())
        await received.count(1)

        async def dead_lettered() -> bool:
            return (await stream(nats_server, "DEAD")).state.messages == 1

        await settled(dead_lettered)
        dead = await client.jetstream().get_msg("DEAD", seq=1)
        await client.close()
    assert dead.headers is not None
    assert dead.headers["Pingcrm-Reason"].startswith("invalid payload: user_id:")
    assert dead.headers["Pingcrm-Consumer"] == "contacts_message_ingested"


async def test_what_can_never_succeed_is_not_tried_again(bus: OpenBus, nats_server: Nats) -> None:
    tries = 0

    async def refuse(_: SyncRequested) -> None:
        nonlocal tries
        tries += 1
        raise Unprocessable("no such account")

    sync = bus("sync")
    sync.subscribe(SyncRequested, refuse)
    async with alive(sync):
        await sync.publish(request())

        async def dead_lettered() -> bool:
            return (await stream(nats_server, "DEAD")).state.messages == 1

        await settled(dead_lettered)
    assert tries == 1


async def test_an_outage_is_not_counted_as_a_failure(
    bus: OpenBus, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "RETRY_DELAYS", ())  # the first failure would make it a dead letter
    monkeypatch.setattr(delivery, "OUTAGE_DELAY_SECONDS", 0.05)
    tries = 0

    async def recover_late(_: SyncRequested) -> None:
        nonlocal tries
        tries += 1
        if tries < 6:
            raise Outage("the database is away")

    sync = bus("sync")
    sync.subscribe(SyncRequested, recover_late)
    async with alive(sync):
        await sync.publish(request())

        async def done() -> bool:
            return tries == 6 and (await stream(nats_server, "EVENTS")).state.messages == 0

        await settled(done)
    assert (await stream(nats_server, "DEAD")).state.messages == 0


async def test_two_replicas_share_the_work(bus: OpenBus) -> None:
    by_first, by_second = Received(), Received()
    first, second, sync = bus("contacts"), bus("contacts"), bus("sync")
    first.subscribe_batch(MessageIngested, by_first.record)
    second.subscribe_batch(MessageIngested, by_second.record)
    async with alive(first, second, sync):
        for begin in range(0, 600, 50):
            await sync.publish(*(message(str(number)) for number in range(begin, begin + 50)))
        async with asyncio.timeout(10):
            while len(by_first.ids) + len(by_second.ids) < 600:
                await asyncio.sleep(0.01)
    assert sorted(by_first.ids + by_second.ids, key=int) == [str(number) for number in range(600)]


async def test_subscriptions_go_on_after_the_server_was_killed_and_came_back(bus: OpenBus, nats_server: Nats) -> None:
    received = Received()
    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe_batch(MessageIngested, received.record)
    async with alive(contacts, sync):
        await sync.publish(message("before"))
        await received.count(1)
        await nats_server.kill()
        with pytest.raises(Outage):
            await sync.publish(message("meanwhile"))
        await nats_server.restart()
        async with asyncio.timeout(30):
            while "after" not in received.ids:
                try:
                    await sync.publish(message("after"))
                except Outage:
                    await asyncio.sleep(0.2)
                await asyncio.sleep(0.1)


async def test_what_is_in_hand_is_finished_when_stopping(bus: OpenBus) -> None:
    begun, finished = asyncio.Event(), asyncio.Event()

    async def slowly(_: Sequence[MessageIngested]) -> None:
        begun.set()
        await asyncio.sleep(0.3)
        finished.set()

    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe_batch(MessageIngested, slowly)
    async with alive(contacts, sync):
        await sync.publish(message("a"))
        await begun.wait()
    assert finished.is_set()


async def test_every_replica_consumes_a_broadcast_event(bus: OpenBus) -> None:
    got: list[str] = []
    first, second, contacts = bus("gateway"), bus("gateway"), bus("contacts")

    def listener(name: str) -> Callable[[ContactChanged], Awaitable[None]]:
        async def receive(_: ContactChanged) -> None:
            got.append(name)

        return receive

    first.subscribe_broadcast(ContactChanged, listener("one"))
    second.subscribe_broadcast(ContactChanged, listener("two"))
    async with alive(first, second, contacts):
        await contacts.publish(ContactChanged(user_id=USER, contact_ids=(ContactId(new_id()),)))
        async with asyncio.timeout(5):
            while len(got) < 2:
                await asyncio.sleep(0.01)
    assert sorted(got) == ["one", "two"]


async def test_what_events_py_does_not_declare_is_refused(bus: OpenBus) -> None:
    async def nothing(_: object) -> None:
        return None

    with pytest.raises(KeyError, match=r"prep consumes message\.ingested"):
        bus("prep").subscribe(MessageIngested, nothing)
    with pytest.raises(KeyError, match=r"prep serves contacts\.search"):
        bus("prep").respond(requests.SearchContacts, nothing)  # type: ignore[arg-type]


async def test_a_retry_of_a_meeting_s_brief_comes_while_it_is_still_of_use(
    bus: OpenBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "RETRY_DELAYS", (600.0,))
    monkeypatch.setattr(delivery, "OUTAGE_DELAY_SECONDS", 600.0)
    tries: list[float] = []

    async def fail_twice(event: MeetingUpcoming) -> None:
        tries.append((event.useful_until() - datetime.now(UTC)).total_seconds())
        if len(tries) == 1:
            raise Throttled("Gmail wants a pause", timedelta(hours=1))
        if len(tries) == 2:
            raise ZeroDivisionError

    prep, sync = bus("prep"), bus("sync")
    prep.subscribe(MeetingUpcoming, fail_twice)
    useful_until = datetime.now(UTC) + timedelta(seconds=delivery.LAST_TRY_SECONDS + 1)
    async with alive(prep, sync):
        await sync.publish(MeetingUpcoming(meeting=meeting(starts_at=useful_until + MIN_BRIEF_LEAD)))

        async def tried_twice() -> bool:
            return len(tries) >= 2

        await settled(tried_twice, seconds=8)
    assert delivery.LAST_TRY_SECONDS - 2 < tries[1] <= delivery.LAST_TRY_SECONDS


async def test_an_invalid_value_inside_a_handler_is_a_failure_and_no_invalid_payload(
    bus: OpenBus, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "RETRY_DELAYS", (0.05, 0.05))

    async def make_a_wrong_value(_: MessageIngested) -> None:
        ContactChanged.model_validate({"user_id": "private words", "contact_ids": ()})

    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe(MessageIngested, make_a_wrong_value)
    async with alive(contacts, sync):
        with capture_logs() as logs:
            await sync.publish(message("a"))
            (letter,) = await dead_letters(nats_server, 1)
    failures = [line for line in logs if line["event"] == "struck"]
    assert [(line["log_level"], type(line["exc_info"])) for line in failures] == [("error", ValidationError)] * 2
    headers = letter.headers or {}
    assert headers["Pingcrm-Attempts"] == "3"
    assert headers["Pingcrm-Reason"].startswith(
        "ValidationError: ContactChanged: user_id: Input should be a valid UUID"
    )
    assert "private words" not in headers["Pingcrm-Reason"]
