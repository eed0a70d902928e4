"""Push through the whole product: mail that arrives is on the timeline, and in an open browser, within moments."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from libs.google_sim.account import AccountData
from libs.google_sim.server import GoogleServer
from tests.support.product import Product, product
from tests.support.push import PULLED, PUSHED, ROBOT, TOPIC, pulls
from tests.support.sync_stage import ADDRESS, maya, message

WAIT_SECONDS = 60.0  # only to end what hangs
ROUNDS = 3


@asynccontextmanager
async def changes(it: Product) -> AsyncIterator["asyncio.Queue[dict[str, Any]]"]:
    """The changes of contacts of which an open browser is notified."""
    notifications: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    opened = asyncio.Event()

    async def listen() -> None:
        async with it.person.http.get(f"{it.person.url}/api/v1/events") as stream:
            opened.set()  # the gateway sends events from before its headers on
            name = ""
            async for line in stream.content:
                text = line.decode().strip()
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: ") and name == "contact.changed":
                    notifications.put_nowait(json.loads(text.removeprefix("data: ")))

    listening = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await opened.wait()
        yield notifications
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def seconds_to_show(it: Product, notifications: "asyncio.Queue[dict[str, Any]]", number: int) -> float:
    """Deliver mail of somebody new; the time until a browser is notified of a contact and finds the mail on its timeline."""
    loop = asyncio.get_running_loop()
    while not notifications.empty():
        notifications.get_nowait()
    began = loop.time()
    await it.google.control("POST", f"/accounts/{ADDRESS}/messages", message(number))
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            change = await notifications.get()
            for contact_id in change["contact_ids"]:
                timeline = await it.person.call("GET", f"/contacts/{contact_id}/interactions")
                if any(line["title"] == f"Subject {number}" for line in timeline["items"]):
                    return loop.time() - began


async def measure(it: Product, notifications: "asyncio.Queue[dict[str, Any]]", first: int) -> list[float]:
    taken = []
    for number in range(first, first + ROUNDS):
        taken.append(await seconds_to_show(it, notifications, number))
        await asyncio.sleep(1.1)  # Gmail notifies of a mailbox once a second at most
    return taken


@pytest.mark.timeout(180)
async def test_mail_that_arrives_shows_at_once_by_pull_and_by_push(tmp_path: Path) -> None:
    def prepare(google: GoogleServer) -> Mapping[str, str]:
        pulling = {f"PINGCRM_{name.upper()}": str(value) for name, value in pulls(google, tmp_path).items()}
        return {**pulling, "PINGCRM_GOOGLE_PUBSUB_SERVICE_ACCOUNT": ROBOT}

    account: AccountData = maya([message(number) for number in range(1, 20)])
    async with product(tmp_path, [account], prepare=prepare) as it:
        await it.person.sign_in(ADDRESS)
        await it.settle()
        async with changes(it) as notifications:
            pulled = await measure(it, notifications, 100)

            await it.google.control("DELETE", f"/pubsub/subscriptions?name={PULLED}")
            endpoint = f"{it.stack.url}/api/v1/hooks/gmail"
            push = {"endpoint": endpoint, "audience": endpoint, "email": ROBOT}
            await it.google.control("POST", "/pubsub/subscriptions", {"name": PUSHED, "topic": TOPIC, "push": push})
            pushed = await measure(it, notifications, 200)
        counters = (await it.google.control("GET", "/pubsub/counters"))[PUSHED]
        assert counters["acknowledged"] >= ROUNDS
        assert counters["refused"] == 0
        assert await it.doubled() == 0
    print(f"mail to browser, in seconds: pulled {pulled}, pushed {pushed}")
