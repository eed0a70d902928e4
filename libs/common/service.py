"""What each service's `__main__` does: open the resources, wire the handlers, run until stopped.

async def wire(r: Resources) -> None:
    r.bus.subscribe(MailDue, partial(schedules.sync_all_mail, context))   # handlers
    r.run_in_background("poller", partial(keep_polling, context))         # loops, ended here
    r.measuring.add("state", partial(operations.measure, context))        # numbers of its state, taken when somebody wants them
    pool = await r.enter(open_pool(r.settings))                           # what is needed beside, closed here

if __name__ == "__main__":
    run("sync", wire)
"""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import aiohttp
import uvloop
from aiohttp import web

from libs.common.bus import Bus
from libs.common.cache import Cache, open_cache
from libs.common.config import Settings
from libs.common.config.definitions import read_settings
from libs.common.db import Pool, check_writable, open_pool
from libs.common.errors import Outage
from libs.common.ids import Service
from libs.common.log import configure, get_logger
from libs.common.measuring import Measuring, sample
from libs.common.requests import Sample
from libs.common.web import health_routes, metrics_route, serve

T = TypeVar("T")
CANCEL_EVERY_SECONDS = 1.0
CLOSE_SECONDS = 10.0
Loop = Callable[[], Coroutine[Any, Any, None]]


@dataclass
class BackgroundTasks:
    """The loops of a service. They begin when the bus is connected, and are cancelled while it still carries what they publish.

    A loop outlives what goes wrong in its work (`Bus.run_guarded`). Where one ends with an error all the same, nobody knows what it left
    behind: `failed` is set, upon which the process ends (`run`), so that its supervisor starts it anew.
    """

    failed: asyncio.Event = field(default_factory=asyncio.Event)
    _loops: dict[str, Loop] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def add(self, name: str, loop: Loop) -> None:
        """`loop` runs until it is cancelled, or returns where its settings turn it off. ValueError: the name is in use."""
        if name in self._loops:
            raise ValueError(f"there are two loops called {name}")
        self._loops[name] = loop

    def start(self) -> None:
        self._tasks = [asyncio.create_task(loop(), name=name) for name, loop in self._loops.items()]
        for task in self._tasks:
            task.add_done_callback(self._note_end)

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            get_logger().error("background_ended", task=task.get_name(), exc_info=error)
            self.failed.set()

    async def stop(self) -> None:
        pending = set(self._tasks)
        while pending:  # once more for whoever lost the cancellation in a library that swallowed it
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=CANCEL_EVERY_SECONDS)
        await asyncio.gather(*self._tasks, return_exceptions=True)  # what it was is in the log
        self._tasks.clear()

    async def ping(self) -> None:
        """Outage: a loop has ended with an error; the service is about to end."""
        failed = [t.get_name() for t in self._tasks if t.done() and not t.cancelled() and t.exception()]
        if failed:
            raise Outage(f"Not running any more: {', '.join(failed)}")


@dataclass(frozen=True)
class Resources:
    """What a service works with. Made here, handed to handlers as arguments."""

    settings: Settings
    db: Pool
    cache: Cache
    bus: Bus
    http: aiohttp.ClientSession
    background: BackgroundTasks = field(default_factory=BackgroundTasks)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    measuring: Measuring = field(default_factory=Measuring)

    def run_in_background(self, name: str, loop: Loop) -> None:
        """Run a loop beside the handlers for as long as the service lives."""
        self.background.add(name, loop)

    async def enter(self, manager: AbstractAsyncContextManager[T]) -> T:
        """Open something that is closed when the service stops, after its loops have ended and before the bus is left."""
        return await self.stack.enter_async_context(manager)


Wire = Callable[[Resources], Awaitable[None]]


async def _close_pool(db: Pool) -> None:
    """Close the pool; a connection that nobody returns, which asyncpg would wait for without end, is ended."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await db.close()
    except TimeoutError:
        get_logger().warning("pool_terminated")
        db.terminate()


@asynccontextmanager
async def opened(service: Service, settings: Settings) -> AsyncIterator[Resources]:
    """The resources of one service, closed in reverse order. The bus is not started yet: handlers come first."""
    async with AsyncExitStack() as stack:
        cache = open_cache(settings, service)
        stack.push_async_callback(cache.close)
        db = await open_pool(settings)
        stack.push_async_callback(_close_pool, db)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=settings.google_timeout_seconds),
                connector=aiohttp.TCPConnector(limit=200, keepalive_timeout=30),
                auto_decompress=True,
            )
        )
        resources = Resources(settings, db, cache, Bus(settings, service, cache), http)
        resources.measuring.add("queues", resources.bus.measure)
        resources.measuring.add("servers", partial(_measure_servers, resources))
        yield resources


async def _measure_servers(resources: Resources) -> list[Sample]:
    """Which servers the service works with."""
    versions = {"postgres": await resources.db.fetchval("SHOW server_version"), "nats": resources.bus.server_version}
    return [sample("pingcrm_server_info", 1, server=server, version=version) for server, version in versions.items()]


@asynccontextmanager
async def started(resources: Resources, wire: Wire) -> AsyncIterator[None]:
    """Wired and at work. At the end it stops listening, then the loops, then what `wire` opened, then the bus."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(resources.bus.stop)
        await stack.enter_async_context(resources.stack)
        await wire(resources)
        stack.push_async_callback(resources.background.stop)
        stack.push_async_callback(resources.bus.stop_listening)
        await resources.bus.start()
        resources.background.start()
        yield


@asynccontextmanager
async def running(service: Service, settings: Settings, wire: Wire) -> AsyncIterator[Resources]:
    """One service, alive: wired, listening, its health served. Tests run services in-process with this."""
    async with opened(service, settings) as resources, started(resources, wire), AsyncExitStack() as stack:
        if settings.health_port:
            app = web.Application()
            app.add_routes(
                health_routes(
                    {
                        "db": partial(check_writable, resources.db),
                        "bus": resources.bus.ping,
                        "cache": resources.cache.ping,
                        "background": resources.background.ping,
                    }
                )
            )
            app.router.add_routes([metrics_route(resources.measuring.take)])
            runner = await serve(app, settings.host, settings.health_port)
            stack.push_async_callback(runner.cleanup)
        yield resources


# New objects between two looks for cycles among them, and so on upwards. Python's own 700 make it look a dozen times while one
# batch of messages is parsed, at nearly all of what lives: a tenth of an import's CPU. Memory is the same.
COLLECT_AFTER = (50_000, 10, 10)


def _collect_seldom() -> None:
    """What the start has left lives as long as the process: nobody looks through it for garbage again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def _main(service: Service, settings: Settings, wire: Wire) -> int:
    """The exit code: 1 where a loop failed, so that whoever keeps the service alive starts it again. What is in hand is finished first."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(service, settings, wire) as resources:
        _collect_seldom()
        get_logger().info("started")
        await _first_of(stop, resources.background.failed)
        code = 1 if resources.background.failed.is_set() else 0
        get_logger().info("stopping")
    get_logger().info("stopped")
    return code


async def _first_of(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


@contextmanager
def _traces_exported(service: Service, settings: Settings) -> Iterator[None]:
    """To where OTEL_EXPORTER_OTLP_ENDPOINT says, if it does. What that takes is imported then alone: time and memory of every start."""
    if not settings.otel_exporter_otlp_endpoint:
        yield
        return
    from libs.common.telemetry import exporting

    with exporting(service):
        yield


def run(service: Service, wire: Wire) -> None:
    """Run a service as this process. Exit code 1 with a sentence where something that it needs can't be reached, or a loop has failed."""
    settings = read_settings()
    configure(service, settings)
    try:
        with _traces_exported(service, settings):
            code = uvloop.run(_main(service, settings, wire))
    except Outage as outage:
        get_logger().error("start_failed", error=str(outage))
        code = 1
    sys.exit(code)
