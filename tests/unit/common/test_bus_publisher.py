"""Events that many publish at the same time: in one batch, in their order, and nobody's fail because of another's."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from libs.common.bus.payloads import EncodedEvent
from libs.common.bus.publisher import Publisher
from libs.common.errors import Outage


def event(name: str, *, broadcast: bool = False) -> EncodedEvent:
    return EncodedEvent(name, b"{}", {}, broadcast)


@dataclass
class Server:
    """Stores a batch once `open` is set. `refused`: what it does not take, nor what comes with it."""

    refused: set[str] = field(default_factory=set)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[list[str]] = field(default_factory=list)

    async def store(self, messages: Sequence[EncodedEvent]) -> None:
        names = [message.subject for message in messages]
        self.batches.append(names)
        await self.open.wait()
        if self.refused & set(names):
            raise Outage("refused")


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def publish(publisher: Publisher, *names: str) -> None:
    await publisher.publish([event(name) for name in names])


async def test_what_is_published_while_a_batch_is_on_its_way_goes_together_and_in_order() -> None:
    server = Server()
    publisher = Publisher(server.store)
    tasks = [asyncio.create_task(publish(publisher, name, f"{name}2")) for name in "abc"]
    await settled()
    assert server.batches == [["a", "a2"]], "the first one waits for nobody"
    assert not any(task.done() for task in tasks)
    server.open.set()
    await asyncio.gather(*tasks)
    await publish(publisher, "d")
    assert server.batches == [["a", "a2"], ["b", "b2", "c", "c2"], ["d"]]


async def test_a_batch_holds_as_many_as_a_stream_takes_and_one_publisher_s_are_not_divided() -> None:
    server = Server()
    publisher = Publisher(server.store)
    sizes = (1, 300, 200, 1, 700, 1)
    tasks = [asyncio.create_task(publish(publisher, *["x"] * size)) for size in sizes]
    await settled()
    server.open.set()
    await asyncio.gather(*tasks)
    assert [len(batch) for batch in server.batches] == [1, 500, 1, 700, 1]


async def test_what_fails_together_is_tried_again_by_each_alone() -> None:
    server = Server(refused={"b"})
    publisher = Publisher(server.store)
    tasks = [asyncio.create_task(publish(publisher, name)) for name in "abc"]
    await settled()
    server.open.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), Outage, type(None)]
    assert server.batches == [["a"], ["b", "c"], ["b"], ["c"]]


async def test_the_first_one_s_failure_is_its_own() -> None:
    server = Server(refused={"a"})
    publisher = Publisher(server.store)
    tasks = [asyncio.create_task(publish(publisher, name)) for name in "ab"]
    await settled()
    server.open.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [Outage, type(None)]


@pytest.mark.parametrize("cancelled", [0, 1, 2])
async def test_who_is_cancelled_holds_up_nobody(cancelled: int) -> None:
    server = Server()
    publisher = Publisher(server.store)
    tasks = [asyncio.create_task(publish(publisher, name)) for name in "abc"]
    await settled()
    tasks[cancelled].cancel()
    await settled()
    server.open.set()
    async with asyncio.timeout(5):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, asyncio.CancelledError) for result in results] == [
        number == cancelled for number in range(3)
    ]
    await publish(publisher, "d")
    stored = {name for batch in server.batches for name in batch}
    assert {"a", "b", "c", "d"} - {"abc"[cancelled]} <= stored


async def test_broadcasts_wait_for_nobody() -> None:
    server = Server()
    publisher = Publisher(server.store)
    waiting = asyncio.create_task(publish(publisher, "a"))
    await settled()
    broadcast = asyncio.create_task(publisher.publish([event("live", broadcast=True)]))
    await settled()
    assert server.batches == [["a"], ["live"]]
    server.open.set()
    await asyncio.gather(waiting, broadcast)
