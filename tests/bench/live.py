"""A browser that listens to live updates."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import aiohttp

from libs.local.demo.person import Person


class Update(NamedTuple):
    """One server-sent event, and when it came in (seconds of the event loop's clock)."""

    name: str
    data: Any
    at: float


@asynccontextmanager
async def listening(person: Person) -> AsyncIterator["asyncio.Queue[Update]"]:
    """The person's live updates from now on, as they come in."""
    updates: asyncio.Queue[Update] = asyncio.Queue()
    forever = aiohttp.ClientTimeout(total=None)
    async with person.http.get(f"{person.url}/api/v1/events", timeout=forever) as stream:
        stream.raise_for_status()
        reading = asyncio.create_task(_read(stream, updates))
        try:
            yield updates
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading


async def _read(stream: aiohttp.ClientResponse, updates: "asyncio.Queue[Update]") -> None:
    clock = asyncio.get_running_loop().time
    name = ""
    async for line in stream.content:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            updates.put_nowait(Update(name, json.loads(value), clock()))
