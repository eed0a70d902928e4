"""Calendar's channels: what is posted to an endpoint, and when it is no more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from discovery_schema import Discovery
from google_content import ADA
from google_driver import Driver

from libs.common.web import port_of

WATCH = "/calendar/v3/calendars/primary/events/watch"
STOP = "/calendar/v3/channels/stop"


class Endpoint:
    """Takes everything but what it is told to refuse; `received`: the headers that matter."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[tuple[str, str, str, str]] = []
        self.statuses: list[int] = []

    async def take(self, request: web.Request) -> web.Response:
        names = ("Channel-ID", "Channel-Token", "Resource-State", "Message-Number")
        self.received.append(tuple(request.headers.get(f"X-Goog-{name}", "") for name in names))  # type: ignore[arg-type]
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():
                await asyncio.sleep(0.01)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint()
    app = web.Application()
    app.add_routes([web.post("/hook", made.take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{port_of(runner)}/hook"
    yield made
    await runner.cleanup()


def wanted(endpoint: Endpoint, channel_id: str, **changes: Any) -> dict[str, Any]:
    return {"id": channel_id, "type": "web_hook", "address": endpoint.url, "token": "secret", **changes}


async def test_each_change_is_posted_until_the_channel_is_stopped(ada: Driver, endpoint: Endpoint) -> None:
    begun = await ada.call(WATCH, method="POST", json=wanted(endpoint, "c1"))
    assert Discovery("calendar.v3").problems(begun.body, "Channel") == []
    left = int(begun.body["expiration"]) / 1000 - datetime.now(UTC).timestamp()
    assert 6.9 < left / 86_400 <= 7
    calendar = next(iter(ada.server.world.accounts[ADA].calendars.values()))
    endpoint.statuses = [204, 503]
    await endpoint.until(lambda: len(endpoint.received) == 1)
    calendar.put({"id": "e1", "status": "confirmed"})
    await endpoint.until(lambda: len(endpoint.received) == 3)
    assert endpoint.received == [("c1", "secret", "sync", "1"), *[("c1", "secret", "exists", "2")] * 2]
    stopped = await ada.call(STOP, method="POST", json={"id": "c1", "resourceId": begun.body["resourceId"]})
    assert stopped.status == 204
    calendar.remove("e1")
    again = await ada.call(WATCH, method="POST", json=wanted(endpoint, "c2"))
    assert again.status == 200
    await endpoint.until(lambda: len(endpoint.received) == 4)
    assert endpoint.received[3] == ("c2", "secret", "sync", "1"), "nothing of the stopped one"


async def test_what_can_be_no_channel_is_refused(ada: Driver, endpoint: Endpoint) -> None:
    await ada.call(WATCH, method="POST", json=wanted(endpoint, "c1"))
    refused = {
        "taken": wanted(endpoint, "c1"), "no id": wanted(endpoint, ""), "no hook": wanted(endpoint, "c2", type="mail"),
        "no https": wanted(endpoint, "c2", address="http://crm.example/hook"),
    }  # fmt: skip
    found = {why: (await ada.call(WATCH, method="POST", json=body)).status for why, body in refused.items()}
    assert found == dict.fromkeys(refused, 400)
    for channel in ({"id": "c1", "resourceId": "another"}, {"id": "c9", "resourceId": "another"}):
        assert (await ada.call(STOP, method="POST", json=channel)).status == 404
