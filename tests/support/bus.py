"""Ends of the bus on a real NATS server, and ways to wait for what comes of a test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import nats
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo, RawStreamMsg, StreamInfo
from nats.js.errors import NotFoundError

from libs.common.bus import Bus
from libs.common.events import Event, MessageIngested, SyncRequested
from libs.common.ids import AccountId, Service, UserId, new_id
from libs.common.topology import CLOCK_STREAM, FORWARDER, DurableConsumer, consumer_of
from libs.local.bus_admin import admin_stream
from libs.local.servers import Nats

OpenBus = Callable[[Service], Bus]
USER = UserId(new_id())
ACCOUNT = AccountId(new_id())


def message(gmail_id: str, revision: int = 1) -> MessageIngested:
    return MessageIngested(
        user_id=USER, account_id=ACCOUNT, gmail_id=gmail_id, thread_id="t", revision=revision, rfc_message_id=None,
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC), people=(), title="", snippet="",
    )  # fmt: skip


def request() -> SyncRequested:
    return SyncRequested(user_id=USER, account_id=ACCOUNT, kind="mail", reason="user")


async def stop_schedules(admin_nats_url: str) -> None:
    """No tick comes by the hour of the day at which the tests happen to run: a test that wants one publishes it."""
    async with admin_stream(admin_nats_url) as js:
        await js.purge_stream(CLOCK_STREAM)


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
    async with _stream_of(server) as js:
        return await js.stream_info(name)


async def settled(check: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await check():
            await asyncio.sleep(0.05)


async def handled(server: Nats, service: Service, *events: type[Event], seconds: float = 20) -> None:
    """Wait until no such event waits for the service, or is in its hands, or comes back to it later."""
    for event in events:
        await _done(server, consumer_of(service, event), seconds)


async def forwarded(server: Nats, seconds: float = 20) -> None:
    """Wait until integrations have copies of everything that was stored for them."""
    await _done(server, FORWARDER, seconds)


async def unhandled(server: Nats, service: Service, event: type[Event]) -> int:
    """How many of these events wait for the service or are in its hands."""
    consumer = consumer_of(service, event)
    async with _stream_of(server) as js:
        info = await js.consumer_info(consumer.stream, consumer.name)
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def _done(server: Nats, consumer: DurableConsumer, seconds: float) -> None:
    async with _stream_of(server) as js, asyncio.timeout(seconds):
        last = await _last_for(js, consumer)
        while not _is_through(await js.consumer_info(consumer.stream, consumer.name), last):
            await asyncio.sleep(0.02)


async def _last_for(js: JetStreamContext, consumer: DurableConsumer) -> int:
    """The last message in the stream that is for it; 0 where there is none.

    Asked of the stream: a consumer counts a message only a moment after it was stored.
    """
    config = (await js.consumer_info(consumer.stream, consumer.name)).config
    last = 0
    for subject in config.filter_subjects or [config.filter_subject or ">"]:
        try:
            last = max(last, (await js.get_last_msg(consumer.stream, subject)).seq or 0)
        except NotFoundError:
            continue
    return last


def _is_through(info: ConsumerInfo, last: int) -> bool:
    floor = info.ack_floor.stream_seq if info.ack_floor else 0
    return floor >= last and not info.num_pending and not info.num_ack_pending


@asynccontextmanager
async def _stream_of(server: Nats) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(server.admin_url)
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def dead_letters(server: Nats, count: int) -> list[RawStreamMsg]:
    """The first dead letters, once there are so many."""

    async def are_there() -> bool:
        return (await stream(server, "DEAD")).state.messages >= count

    await settled(are_there)
    client = await nats.connect(server.admin_url)
    try:
        return [await client.jetstream().get_msg("DEAD", seq=number) for number in range(1, count + 1)]
    finally:
        await client.close()
