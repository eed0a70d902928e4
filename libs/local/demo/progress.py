"""The progress of a sync from outside: through the API as a person does, and down to the last message on the bus."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import nats.errors
import nats.js.errors
from nats.aio.client import Client

from libs.common.bus.client import connect
from libs.common.topology import CLOCK_STREAM, EVENT_STREAM
from libs.local.demo.person import Person, Unavailable


class Unfinished(Exception):
    """What should have ended did not, within the time there was; the message names what is still open."""


@dataclass(frozen=True)
class SyncProgress:
    """How far the runs are: `done` of `total` items over all accounts and kinds, what is still `open`, what `failed`."""

    done: int
    total: int
    open: tuple[str, ...]
    failed: tuple[str, ...]


async def get_progress(person: Person) -> SyncProgress:
    """The latest run of each account and kind."""
    done = total = 0
    opened: list[str] = []
    failed: list[str] = []
    for account in (await person.call("GET", "/accounts"))["items"]:
        syncs: dict[str, Any] = account["syncs"]
        for kind in ("contacts", "calendar", "mail"):
            run = syncs.get(kind)
            name = f"{kind} of {account['address']}"
            if run is None or run["state"] in ("queued", "running", "waiting"):
                opened.append(name)
            elif run["state"] == "failed":
                failed.append(f"{name}: {run['error']}")
            if run is not None:
                done += run["done"]
                total += run["total"]
    return SyncProgress(done, total, tuple(opened), tuple(failed))


async def wait_until_synced(
    person: Person, *, seconds: float, show: Callable[[SyncProgress], None] | None = None, every: float = 0.3
) -> SyncProgress:
    """Wait until no run is open. Unfinished: some still are after `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    progress = SyncProgress(0, 0, ("everything",), ())
    while True:
        with suppress(Unavailable):  # a service is being restarted
            progress = await get_progress(person)
        if show:
            show(progress)
        if not progress.open:
            return progress
        if asyncio.get_running_loop().time() > deadline:
            raise Unfinished(f"Still open after {seconds:.0f} s: {', '.join(progress.open)}")
        await asyncio.sleep(every)


async def wait_until_idle(admin_nats_url: str, *, seconds: float) -> None:
    """Wait until every consumer has acknowledged everything. Unfinished: some have not, after `seconds`."""
    client = await connect(admin_nats_url, max_reconnect_attempts=-1)
    try:
        deadline = asyncio.get_running_loop().time() + seconds
        calm = 0
        while calm < 2:  # twice in a row: a handler may have published something new in between
            busy = await _busy(client)
            calm = 0 if busy else calm + 1
            if asyncio.get_running_loop().time() > deadline:
                raise Unfinished(f"Not quiet after {seconds:.0f} s: {', '.join(busy)}")
            await asyncio.sleep(0.1)
    finally:
        await client.close()


async def _busy(client: Client) -> list[str]:
    """The consumers with messages waiting or in hand, with how many."""
    stream = client.jetstream()
    busy: list[str] = []
    for name in (EVENT_STREAM, CLOCK_STREAM):
        try:
            consumers = await stream.consumers_info(name)
            left = {info.name: (info.num_pending or 0) + (info.num_ack_pending or 0) for info in consumers}
            busy += [f"{consumer} {count}" for consumer, count in left.items() if count]
        except (nats.errors.Error, nats.js.errors.Error) as error:
            busy.append(f"{name} {type(error).__name__}")
    return busy
