"""What each service's `__main__` does: open the resources, wire the handlers, run until told to stop.

async def wire(r: Resources) -> AsyncIterator[None]: ...   # registers handlers on r.bus, may start background work
if __name__ == "__main__":
    run("sync", wire)
"""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import uvloop
from aiohttp import web

from libs.common.bus import Bus
from libs.common.cache import Cache, open_cache
from libs.common.config import Settings
from libs.common.db import Pool, open_pool
from libs.common.errors import Outage
from libs.common.ids import Service
from libs.common.log import configure, get_logger
from libs.common.web import health_routes, serve


@dataclass(frozen=True)
class Resources:
    """What a service works with. Made here, handed to handlers as arguments."""

    settings: Settings
    db: Pool
    cache: Cache
    bus: Bus
    http: aiohttp.ClientSession


Wire = Callable[[Resources], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def opened(service: Service, settings: Settings) -> AsyncIterator[Resources]:
    """The resources of one service, closed in reverse order. The bus is not started yet: handlers come first."""
    async with AsyncExitStack() as stack:
        cache = open_cache(settings)
        stack.push_async_callback(cache.close)
        db = await open_pool(settings)
        stack.push_async_callback(db.close)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=settings.google_timeout_seconds),
                connector=aiohttp.TCPConnector(limit=200, keepalive_timeout=30),
                auto_decompress=True,
            )
        )
        yield Resources(settings, db, cache, Bus(settings, service, cache), http)


@asynccontextmanager
async def running(service: Service, settings: Settings, wire: Wire) -> AsyncIterator[Resources]:
    """One service, alive: wired, listening, its health served. Tests run services in-process with this.

    At the end it first stops listening, then what `wire` began, then the bus: what runs hand over, they still can say.
    """
    async with opened(service, settings) as resources, AsyncExitStack() as stack:
        stack.push_async_callback(resources.bus.stop)
        await stack.enter_async_context(wire(resources))
        stack.push_async_callback(resources.bus.stop_listening)
        await resources.bus.start()
        if settings.health_port:
            app = web.Application()
            app.add_routes(
                health_routes(
                    {
                        "db": lambda: resources.db.fetchval("SELECT 1"),
                        "bus": resources.bus.ping,
                        "cache": resources.cache.ping,
                    }
                )
            )
            runner = await serve(app, settings.host, settings.health_port)
            try:
                yield resources
            finally:
                await runner.cleanup()
        else:
            yield resources


# New objects between two looks for cycles among them, and so on upwards. Python's own 700 make it look a dozen times while one
# batch of messages is parsed, at nearly all of what lives: a tenth of an import's CPU. Memory is the same.
COLLECT_AFTER = (50_000, 10, 10)


def _collect_seldom() -> None:
    """What the start has left lives as long as the process: nobody looks through it for garbage again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def _main(service: Service, settings: Settings, wire: Wire) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(service, settings, wire):
        _collect_seldom()
        get_logger().info("started")
        await stop.wait()
        get_logger().info("stopping")
    get_logger().info("stopped")


def run(service: Service, wire: Wire) -> None:
    """Run a service as this process. Exit code 1 with a sentence where something that it needs can't be reached."""
    settings = Settings()
    configure(service, settings)
    try:
        uvloop.run(_main(service, settings, wire))
    except Outage as outage:
        get_logger().error("start_failed", error=str(outage))
        sys.exit(1)
