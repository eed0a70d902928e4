"""The outbox: a row is there until its event is, events come out in order and once, under the trace of what caused them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import nats
import pytest
import pytest_asyncio
from nats.js.api import RawStreamMsg

from libs.common import outbox
from libs.common.bus import Bus
from libs.common.db import Pool, open_pool
from libs.common.errors import Outage
from libs.common.events import SettingsChanged
from libs.common.ids import UserId, new_id
from libs.common.log import traced
from libs.common.preferences import Preferences
from libs.local.servers import Nats
from tests.conftest import ServiceSettings
from tests.support.bus import OpenBus, alive, settled, stream


@pytest_asyncio.fixture
async def pool(service_settings: ServiceSettings) -> AsyncIterator[Pool]:
    opened = await open_pool(service_settings("auth"))
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def auth(bus: OpenBus) -> AsyncIterator[Bus]:
    opened = bus("auth")
    async with alive(opened):
        yield opened


def changed(*versions: int) -> list[SettingsChanged]:
    """Of a user of the test's own: the stream remembers those of the tests before."""
    user_id = UserId(new_id())
    return [
        SettingsChanged(user_id=user_id, version=version, before=Preferences(), after=Preferences())
        for version in versions
    ]


async def add(pool: Pool, *versions: int) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await outbox.add(connection, *changed(*versions))


async def left(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM outbox"))


async def published(server: Nats) -> list[RawStreamMsg]:
    """Everything in the stream, in its order."""
    state = (await stream(server, "EVENTS")).state
    client = await nats.connect(server.admin_url)
    try:
        numbers = range(state.first_seq, state.first_seq + state.messages)
        return [await client.jetstream().get_msg("EVENTS", seq=number) for number in numbers]
    finally:
        await client.close()


def versions(messages: list[RawStreamMsg]) -> list[int]:
    return [SettingsChanged.model_validate_json(message.data or b"").version for message in messages]


async def test_events_come_out_in_the_order_in_which_they_were_added_and_under_their_trace(
    pool: Pool, auth: Bus, nats_server: Nats
) -> None:
    count = 2 * outbox.BATCH + 10
    for number in range(1, count + 1, 70):
        with traced(f"trace-{number}"):
            await add(pool, *range(number, min(number + 70, count + 1)))
    await pool.execute("UPDATE outbox SET trace = trace WHERE id % 2 = 0")  # on disk, their order is another
    assert await outbox.relay(pool, auth) == count
    messages = await published(nats_server)
    assert versions(messages) == list(range(1, count + 1))
    traces = [(message.headers or {})["Pingcrm-Trace"] for message in messages]
    assert traces == [f"trace-{1 + 70 * (index // 70)}" for index in range(count)]
    assert await left(pool) == 0


async def test_a_row_is_there_until_the_stream_has_its_event(
    pool: Pool, auth: Bus, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(pool, 1, 2, 3)
    there: list[int] = []
    unconfirmed = {2}
    publish = auth.publish

    async def watched(event: SettingsChanged) -> None:
        there.append(await left(pool))
        if event.version in unconfirmed:
            raise Outage("not confirmed")
        await publish(event)

    monkeypatch.setattr(auth, "publish", watched)
    with pytest.raises(Outage):
        await outbox.relay(pool, auth)
    assert await left(pool) == 3, "nothing is deleted of a batch that is not confirmed"
    await settled(lambda: has(nats_server, 2))
    unconfirmed.clear()
    assert await outbox.relay(pool, auth) == 3
    assert there == [3] * 6
    assert sorted(versions(await published(nats_server))) == [1, 2, 3], "what was published before is not there twice"
    assert await left(pool) == 0


async def test_several_relays_at_once_publish_each_event_once(pool: Pool, auth: Bus, nats_server: Nats) -> None:
    await add(pool, *range(1, 41))
    await asyncio.gather(*(outbox.relay(pool, auth) for _ in range(3)))
    assert versions(await published(nats_server)) == list(range(1, 41))
    assert await left(pool) == 0


async def test_what_is_not_committed_is_not_published(pool: Pool, auth: Bus, nats_server: Nats) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await outbox.add(connection, *changed(1))
        assert await outbox.relay(pool, auth) == 0
        await transaction.rollback()
    assert await outbox.relay(pool, auth) == 0
    assert await published(nats_server) == []


async def test_what_a_crash_left_is_published_at_the_start_and_what_is_new_when_it_is_there(
    pool: Pool, auth: Bus, nats_server: Nats
) -> None:
    pending = asyncio.Event()
    await add(pool, 1)
    relaying = asyncio.create_task(outbox.keep_relaying(pool, auth, every_seconds=3600, pending=pending))
    await settled(lambda: has(nats_server, 1))
    await add(pool, 2)
    pending.set()
    await settled(lambda: has(nats_server, 2))
    relaying.cancel()


async def has(server: Nats, count: int) -> bool:
    return (await stream(server, "EVENTS")).state.messages == count


async def test_what_is_added_while_others_are_published_does_not_wait_for_the_next_turn(
    auth: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending, turns = asyncio.Event(), 0

    async def relay(*_: Any) -> int:
        nonlocal turns
        turns += 1
        if turns == 1:
            pending.set()
        if turns == 2:
            raise Outage("the bus is away")
        return 0

    monkeypatch.setattr(outbox, "relay", relay)
    relaying = asyncio.create_task(outbox.keep_relaying(None, auth, 3600, pending))  # type: ignore[arg-type]
    await until(lambda: turns == 2)
    pending.set()
    await until(lambda: turns == 3)
    relaying.cancel()
    turns = 3
    relaying = asyncio.create_task(outbox.keep_relaying(None, auth, 0.01))  # type: ignore[arg-type]
    await until(lambda: turns >= 6)
    relaying.cancel()


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not check():
            await asyncio.sleep(0.01)
