"""A disk that does not reply for a while: whoever writes to it waits, and nothing is lost or doubled."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import psutil
import pytest

from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import Unavailable
from libs.local.demo.progress import get_progress
from tests.support.privacy import logged_lines
from tests.support.product import Product, product

ADDRESS = "owner@gmail.com"
MESSAGES = 1_500
# Slows Google down to what it is in life, so that the stalls fall into the import.
LATENCY = {"rules": [{"match": "gmail.users", "kind": "latency", "milliseconds": 250}]}
# Longer than a run's lease (10 s) and than a publish is waited for (5 s), shorter than a message is held (30 s).
STALL_SECONDS = 13.0


@asynccontextmanager
async def stalled(it: Product, server: str) -> AsyncIterator[None]:
    """What a process does that waits for its disk: nothing, and its connections stay open."""
    parent = psutil.Process(it.stack.server_processes[server])
    processes = [parent, *parent.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


async def imported(it: Product, fraction: float) -> None:
    """Wait until this share of the messages has been read."""
    async with asyncio.timeout(90):
        done = 0
        while done < fraction * MESSAGES:
            with suppress(Unavailable):
                done = (await get_progress(it.person)).done
            await asyncio.sleep(0.05)


async def health(it: Product, http: aiohttp.ClientSession, path: str) -> Counter[int]:
    """How many services reply with which status."""

    async def status(port: int) -> int:
        async with http.get(f"http://127.0.0.1:{port}/health/{path}") as response:
            return response.status

    return Counter(await asyncio.gather(*map(status, it.stack.health_ports.values())))


@pytest.mark.timeout(300)
async def test_an_import_goes_on_when_the_disk_of_postgresql_and_that_of_nats_reply_again(tmp_path: Path) -> None:
    mailbox = generate_mailbox(ADDRESS, MESSAGES, seed=7, now=datetime.now(UTC))
    timeout = aiohttp.ClientTimeout(total=STALL_SECONDS)
    async with (
        product(tmp_path, [mailbox], replicas={"sync": 2}) as it,
        aiohttp.ClientSession(timeout=timeout) as http,
    ):
        services = len(it.stack.health_ports)
        await it.google.control("PUT", "/faults", LATENCY)
        await it.person.sign_in(ADDRESS)
        # auth consumes nothing of the bus, and sees that it is connected to it.
        for fraction, server, still_ready in ((0.2, "postgres", 0), (0.6, "nats", 1)):
            await imported(it, fraction)
            async with stalled(it, server):
                began = asyncio.get_running_loop().time()
                assert await health(it, http, "live") == {200: services}, "nobody shall be started again for it"
                async with asyncio.timeout(STALL_SECONDS):  # what was found of the bus counts for five seconds
                    while (await health(it, http, "ready"))[503] != services - still_ready:
                        await asyncio.sleep(0.2)
                await asyncio.sleep(began + STALL_SECONDS - asyncio.get_running_loop().time())
            await it.stack.until_ready()
        await it.settle(seconds=150)
        expected, actually = await it.numbers()
        assert actually == expected
        assert await it.doubled() == 0
        assert await it.dead_letters() == 0
        lines = list(logged_lines(tmp_path))
        assert {line["event"] for line in lines if line["level"] == "error"} <= {"lease_not_renewed"}
        passed_on = await it.rows("SELECT kind, fence - 1 AS times FROM sync.runs WHERE fence > 1")
    print("leases passed on:", [tuple(row) for row in passed_on])
    print(
        "warnings:",
        Counter((line["service"], line["event"]) for line in lines if line["level"] != "info").most_common(20),
    )
