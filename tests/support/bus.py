"""Ends of the bus on a real NATS server, and ways to wait for what comes of a test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import nats
from nats.js.api import RawStreamMsg, StreamInfo

from libs.common.bus import Bus
from libs.common.events import Event, MessageIngested, SyncRequested
from libs.common.ids import AccountId, Service, UserId, new_id
from libs.common.topology import FORWARDER, DurableConsumer, consumer_of
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
    client = await nats.connect(server.admin_url)
    try:
        return await client.jetstream().stream_info(name)
    finally:
        await client.close()


async def settled(check: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await check():
            await asyncio.sleep(0.05)


async def handled(server: Nats, service: Service, event: type[Event], seconds: float = 20) -> None:
    """Wait until no such event waits for the service, or is in its hands, or comes back to it later."""
    await _done(server, consumer_of(service, event), seconds)


async def forwarded(server: Nats, seconds: float = 20) -> None:
    """Wait until integrations have copies of everything that was stored for them."""
    await _done(server, FORWARDER, seconds)


async def _done(server: Nats, consumer: DurableConsumer, seconds: float) -> None:
    client = await nats.connect(server.admin_url)
    try:
        js = client.jetstream()
        async with asyncio.timeout(seconds):
            while (info := await js.consumer_info(consumer.stream, consumer.name)).num_pending or info.num_ack_pending:
                await asyncio.sleep(0.02)
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
