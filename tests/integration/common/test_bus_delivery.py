"""The bus on a real NATS server: delivered at least once, in batches, retried, dead-lettered, traced."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import nats
import pytest
from nats.js.api import StreamInfo
from redis.exceptions import ResponseError

from libs.common import requests
from libs.common.bus import Bus, delivery
from libs.common.cache import open_cache
from libs.common.errors import Outage, Refused, Unprocessable
from libs.common.events import ContactChanged, InteractionReported, MessageIngested, SyncRequested
from libs.common.ids import AccountId, ContactId, Service, UserId, new_id
from libs.common.log import current_trace, traced
from libs.common.service import Resources, running
from libs.local.servers import Nats
from tests.conftest import ServiceSettings, own_nats_server

nats_server = own_nats_server  # servers are killed here, and the same events published in every test

USER = UserId(new_id())
ACCOUNT = AccountId(new_id())


def message(gmail_id: str, revision: int = 1) -> MessageIngested:
    return MessageIngested(
        user_id=USER, account_id=ACCOUNT, gmail_id=gmail_id, thread_id="t", revision=revision, rfc_message_id=None,
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC), people=(), title="", snippet="",
    )  # fmt: skip


def request() -> SyncRequested:
    return SyncRequested(user_id=USER, account_id=ACCOUNT, kind="mail", reason="user")


class Received:
    """What a handler got, and a way to wait for it."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def record(self, events: Sequence[MessageIngested]) -> None:
        self.batches.append([event.gmail_id for event in events])

    @property
    def ids(self) -> list[str]:
        return [gmail_id for batch in self.batches for gmail_id in batch]

    async def count(self, wanted: int, seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while len(self.ids) < wanted:
                await asyncio.sleep(0.01)


@pytest.fixture
def bus(service_settings: ServiceSettings) -> Callable[[Service], Bus]:
    def make(service: Service) -> Bus:
        settings = service_settings(service)
        return Bus(settings, service, open_cache(settings, service))

    return make


@asynccontextmanager
async def alive(*buses: Bus) -> AsyncIterator[None]:
    """These ends of the bus, started; stopped and their caches closed at the end."""
    for started in buses:
        await started.start()
    try:
        yield
    finally:
        for started in reversed(buses):
            await started.stop()
            await started.cache.close()


async def stream(server: Nats, name: str) -> StreamInfo:
    client = await nats.connect(server.admin_url)
    try:
        return await client.jetstream().stream_info(name)
    finally:
        await client.close()


async def settled(check: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await check():
            await asyncio.sleep(0.05)


async def test_what_is_published_is_consumed_in_batches_and_leaves_nothing_behind(
    bus: Callable[[Service], Bus], nats_server: Nats
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


async def test_the_same_event_published_twice_is_stored_once(bus: Callable[[Service], Bus]) -> None:
    received = Received()
    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe_batch(MessageIngested, received.record)
    async with alive(contacts, sync):
        await sync.publish(message("a"))
        await sync.publish(message("a"), message("b"), message("a", revision=2))
        await received.count(3)
        await asyncio.sleep(0.2)
    assert sorted(received.ids) == ["a", "a", "b"]


async def test_a_correction_of_what_a_connector_published_gets_through_at_once(bus: Callable[[Service], Bus]) -> None:
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
    bus: Callable[[Service], Bus], monkeypatch: pytest.MonkeyPatch
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
    bus: Callable[[Service], Bus], nats_server: Nats, monkeypatch: pytest.MonkeyPatch
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
    assert dead.subject == "dead.contacts.message.ingested"
    assert dead.headers is not None
    assert dead.headers["Pingcrm-Reason"] == "ValueError: a row that the database refuses"  # without the private detail
    assert dead.headers["Pingcrm-Attempts"] == "3"
    assert MessageIngested.model_validate_json(dead.data or b"").gmail_id == "bad"


async def test_an_invalid_payload_becomes_a_dead_letter_at_once(
    bus: Callable[[Service], Bus], nats_server: Nats
) -> None:
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


async def test_what_can_never_succeed_is_not_tried_again(bus: Callable[[Service], Bus], nats_server: Nats) -> None:
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
    bus: Callable[[Service], Bus], nats_server: Nats, monkeypatch: pytest.MonkeyPatch
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


async def test_two_replicas_share_the_work(bus: Callable[[Service], Bus]) -> None:
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


async def test_subscriptions_go_on_after_the_server_was_killed_and_came_back(
    bus: Callable[[Service], Bus], nats_server: Nats
) -> None:
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


async def test_what_is_in_hand_is_finished_when_stopping(bus: Callable[[Service], Bus]) -> None:
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


async def test_a_request_is_served_or_refused_or_nobody_is_there(bus: Callable[[Service], Bus]) -> None:
    async def search(query: requests.SearchContacts) -> requests.ContactPage:
        if query.q == "secret":
            raise Refused(409, "taken", "Somebody has it.", contact_id="c1")
        if query.q == "bug":
            raise ZeroDivisionError
        return requests.ContactPage(items=(), next_cursor=current_trace())

    contacts, gateway = bus("contacts"), bus("gateway")
    contacts.respond(requests.SearchContacts, search)
    async with alive(contacts, gateway):
        with traced("a-trace"):
            page = await gateway.request(requests.SearchContacts(user_id=USER))
        assert page.next_cursor == "a-trace"  # the trace goes along
        with pytest.raises(Refused) as refused:
            await gateway.request(requests.SearchContacts(user_id=USER, q="secret"))
        assert (refused.value.status, refused.value.code, refused.value.extra) == (409, "taken", {"contact_id": "c1"})
        with pytest.raises(Refused) as refused:
            await gateway.request(requests.SearchContacts(user_id=USER, q="bug"))
        assert refused.value.status == 500
        with pytest.raises(Outage):
            await gateway.request(requests.GetSyncStatus(user_id=USER))


async def test_every_replica_consumes_a_broadcast_event(bus: Callable[[Service], Bus]) -> None:
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


async def test_what_events_py_does_not_declare_is_refused(bus: Callable[[Service], Bus]) -> None:
    async def nothing(_: object) -> None:
        return None

    with pytest.raises(KeyError, match=r"prep consumes message\.ingested"):
        bus("prep").subscribe(MessageIngested, nothing)
    with pytest.raises(KeyError, match="serves contacts"):
        bus("prep").respond(requests.SearchContacts, nothing)  # type: ignore[arg-type]


async def test_a_request_waits_for_a_service_that_is_just_starting(bus: Callable[[Service], Bus]) -> None:
    async def search(_: requests.SearchContacts) -> requests.ContactPage:
        return requests.ContactPage(items=())

    contacts, gateway = bus("contacts"), bus("gateway")
    contacts.respond(requests.SearchContacts, search)
    async with alive(gateway):
        waiting = asyncio.create_task(gateway.request(requests.SearchContacts(user_id=USER)))
        await asyncio.sleep(0.3)
        async with alive(contacts):
            assert (await waiting).items == ()
