"""A task that is cancelled ends, wherever in a command to Redis the cancellation meets it."""

import asyncio
from datetime import timedelta

import pytest

from libs.common.cache import open_cache
from tests.conftest import ServiceSettings

TASKS = 300
END_SECONDS = 10.0


async def test_a_cancellation_is_not_lost_in_a_command_to_redis(service_settings: ServiceSettings) -> None:
    cache = open_cache(service_settings("gateway"), "gateway")

    async def put_for_ever() -> None:
        while True:
            await cache.put("key", b"value", timedelta(seconds=60))

    try:
        for number in range(TASKS):
            task = asyncio.create_task(put_for_ever())
            steps = number % 23
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            ended, _ = await asyncio.wait({task}, timeout=END_SECONDS)
            assert ended, f"It was cancelled after {steps} steps of the event loop and goes on."
            assert task.cancelled()
    finally:
        await cache.close()


async def test_who_waits_gets_the_result_or_a_timeout() -> None:
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    done.set_result(7)
    assert await asyncio.wait_for(done, 10) == await asyncio.wait_for(asyncio.sleep(0, 7), None) == 7
    never: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(never, 0.01)
    assert never.cancelled()
