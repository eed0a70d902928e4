"""Live streams as a browser reads them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from libs.common.events import SyncProgressed
from libs.common.ids import RunId, new_id
from tests.support.gateway import RunningGateway

API = "/api/v1"


@asynccontextmanager
async def stream(
    client: aiohttp.ClientSession, url: str = "", *, since: str = "", **headers: str
) -> AsyncIterator[aiohttp.StreamReader]:
    """An open stream of server-sent events, past its greeting. `since`: the position that it goes on from."""
    options: dict[str, Any] = {"timeout": aiohttp.ClientTimeout(total=30), "headers": headers}
    async with client.get(f"{url}{API}/events", params={"last_event_id": since}, **options) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert (await response.content.readuntil(b"\n\n")).startswith(b"retry:")
        yield response.content


async def next_event(reader: aiohttp.StreamReader) -> tuple[str, Any]:
    name, data, _ = await next_with_position(reader)
    return name, data


async def next_with_position(reader: aiohttp.StreamReader) -> tuple[str, Any, str]:
    """The next event: its name, its data, and its position."""
    async with asyncio.timeout(10):
        while True:
            block = (await reader.readuntil(b"\n\n")).decode()
            if block.startswith("event:"):
                name, data, position = block.strip().split("\n")
                return (
                    name.removeprefix("event: "),
                    json.loads(data.removeprefix("data: ")),
                    position.removeprefix("id: "),
                )


def progressed(gateway: RunningGateway, done: int = 1) -> SyncProgressed:
    alice = gateway.world.alice
    account = gateway.world.account(alice).id
    return SyncProgressed(
        user_id=alice.id, account_id=account, run_id=RunId(new_id()), kind="mail", done=done, total=10, eta_seconds=4
    )
