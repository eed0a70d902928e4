"""A service's life: what is opened, in which order it ends, and what its health shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import nats.errors
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from libs.common import service as service_module
from libs.common import web as web_module
from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.errors import Outage
from libs.common.service import BackgroundTasks, Resources, _close_pool, started
from libs.common.web import health_routes

NOTHING = cast(Any, None)


class RecordedBus:
    """Stands for the bus: notes when it is started and stopped."""

    def __init__(self, events: list[str], failure: Exception | None = None) -> None:
        self.events = events
        self.failure = failure

    async def start(self) -> None:
        if self.failure:
            raise self.failure
        self.events.append("bus started")

    async def stop_listening(self) -> None:
        self.events.append("stopped listening")

    async def stop(self) -> None:
        self.events.append("bus left")


def resources_with(bus: RecordedBus) -> Resources:
    return Resources(Settings(), NOTHING, NOTHING, cast(Bus, bus), NOTHING)


async def wire(r: Resources) -> None:
    events = cast(RecordedBus, r.bus).events

    @asynccontextmanager
    async def beside() -> AsyncIterator[None]:
        events.append("opened")
        try:
            yield
        finally:
            events.append("closed")

    async def loop() -> None:
        events.append("loop began")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            events.append("loop ended")

    await r.enter(beside())
    r.run_in_background("loop", loop)


async def test_a_service_ends_in_the_order_in_which_its_parts_need_each_other() -> None:
    events: list[str] = []
    async with started(resources_with(RecordedBus(events)), wire):
        await asyncio.sleep(0)
    assert events == [
        "opened", "bus started", "loop began", "stopped listening", "loop ended", "closed", "bus left",
    ]  # fmt: skip


async def test_a_service_that_can_not_start_closes_what_it_has_opened() -> None:
    events: list[str] = []
    with pytest.raises(Outage):
        async with started(resources_with(RecordedBus(events, Outage("NATS is away"))), wire):
            pass
    assert events == ["opened", "stopped listening", "closed", "bus left"]


async def test_a_loop_that_lost_its_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "CANCEL_EVERY_SECONDS", 0.01)
    tasks, lost = BackgroundTasks(), 0

    async def loop() -> None:
        nonlocal lost
        while lost < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1  # as a library does that takes it for its own
        await asyncio.Event().wait()

    tasks.add("loop", loop)
    tasks.start()
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await tasks.stop()
    assert lost == 2


async def test_a_loop_that_failed_shows_and_one_that_returned_or_runs_does_not() -> None:
    tasks = BackgroundTasks()

    async def fail() -> None:
        raise ZeroDivisionError

    async def turned_off() -> None:
        return

    tasks.add("turned off", turned_off)
    tasks.add("at work", asyncio.Event().wait)  # type: ignore[arg-type]
    tasks.start()
    await asyncio.sleep(0)
    await tasks.ping()
    await tasks.stop()
    tasks.add("failing", fail)
    tasks.start()
    await asyncio.sleep(0)
    with pytest.raises(Outage, match=r"Not running any more: failing$"):
        await tasks.ping()
    await tasks.stop()
    with pytest.raises(ValueError, match="two loops called failing"):
        tasks.add("failing", fail)


async def test_a_loop_that_failed_is_in_the_log_at_once_and_one_that_returned_or_was_cancelled_is_not() -> None:
    tasks = BackgroundTasks()

    async def fail() -> None:
        raise ZeroDivisionError

    async def turned_off() -> None:
        return

    tasks.add("turned off", turned_off)
    tasks.add("at work", asyncio.Event().wait)  # type: ignore[arg-type]
    with capture_logs() as logs:
        tasks.start()
        await asyncio.sleep(0)
        await tasks.stop()
    assert (logs, tasks.failed.is_set()) == ([], False)
    tasks.add("failing", fail)
    with capture_logs() as logs:
        tasks.start()
        async with asyncio.timeout(10):
            await tasks.failed.wait()
        assert [(line["event"], line["task"]) for line in logs] == [("background_ended", "failing")]
        await tasks.stop()
    assert len(logs) == 1


async def test_a_loop_that_fails_while_it_is_stopped_is_in_the_log_too() -> None:
    tasks = BackgroundTasks()

    async def fail_at_the_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    tasks.add("failing", fail_at_the_end)
    tasks.start()
    await asyncio.sleep(0)
    with capture_logs() as logs:
        await tasks.stop()
    assert [(line["event"], line["task"]) for line in logs] == [("background_ended", "failing")]


async def test_a_pool_whose_connection_nobody_returns_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "CLOSE_SECONDS", 0.01)
    ended: list[str] = []

    class Pool:
        async def close(self) -> None:
            await asyncio.Event().wait()

        def terminate(self) -> None:
            ended.append("terminated")

    async with asyncio.timeout(10):
        await _close_pool(cast(Any, Pool()))
    assert ended == ["terminated"]


async def test_a_check_that_fails_or_hangs_is_named_by_its_kind_and_the_service_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web_module, "CHECK_TIMEOUT_SECONDS", 0.05)

    async def well() -> None:
        return

    async def refused() -> None:
        raise ConnectionRefusedError("postgresql://pingcrm:secret@10.0.0.1")

    app = web.Application()
    app.add_routes(health_routes({"db": refused, "bus": asyncio.Event().wait, "cache": well}))
    async with asyncio.timeout(20), TestClient(TestServer(app)) as client:
        async with client.get("/health/live") as response:
            assert response.status == 200
        async with client.get("/health/ready") as response:
            text = await response.text()
            assert response.status == 503
            assert (await response.json())["checks"] == {
                "db": "ConnectionRefusedError", "bus": "TimeoutError", "cache": "ok",
            }  # fmt: skip
    assert "secret" not in text


async def test_a_check_that_can_not_be_stopped_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "CHECK_TIMEOUT_SECONDS", 0.05)
    replied, ended = asyncio.Event(), asyncio.Event()

    async def wait_for_server() -> None:
        """As a driver does that tells its server of the cancellation, and waits for a word."""
        try:
            await asyncio.Event().wait()
        finally:
            await replied.wait()
            ended.set()
            raise ConnectionResetError

    app = web.Application()
    app.add_routes(health_routes({"db": wait_for_server}))
    async with asyncio.timeout(20), TestClient(TestServer(app)) as client:
        for _ in range(2):
            async with client.get("/health/ready") as response:
                assert (await response.json())["checks"] == {"db": "TimeoutError"}
        replied.set()
        await ended.wait()


async def test_background_work_that_fails_is_in_the_log_and_ends_nothing() -> None:
    bus = Bus(Settings(), "sync", NOTHING)
    failures: list[Exception | None] = [Outage("away"), ZeroDivisionError(), None]

    async def work() -> None:
        if failure := failures.pop(0):
            raise failure

    with capture_logs() as logs:
        assert [await bus.run_guarded(work, pause_seconds=0) for _ in range(3)] == [False, False, True]
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("background_unavailable", "warning"), ("background_failed", "error"),
    ]  # fmt: skip


async def test_broadcasts_that_came_faster_than_they_were_handled_were_missed() -> None:
    bus, missed = Bus(Settings(), "gateway", NOTHING), 0

    def note() -> None:
        nonlocal missed
        missed += 1

    bus.on_missed_broadcasts(note)
    await bus._on_error(nats.errors.TimeoutError())
    assert missed == 0
    await bus._on_error(nats.errors.SlowConsumerError("contact.changed", "", 1, NOTHING))
    assert missed == 1
