"""What Google posts about calendars: handed on with the token of its channel, and confirmed once `sync` has queued the run."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp
import pytest

from libs.common.bus import Bus
from libs.common.cache import open_cache
from libs.common.errors import Outage, not_found
from libs.common.requests import Done, NotifyCalendar
from libs.common.service import running
from libs.local.ports import free_port
from services.gateway.__main__ import wire
from tests.conftest import ServiceSettings

CHANNEL, TOKEN = uuid4(), "the token of the channel"


@dataclass
class Hook:
    """A gateway that Google can reach; `notified` is what it has handed on to `sync`, which is `away` or not."""

    url: str
    http: aiohttp.ClientSession
    notified: list[NotifyCalendar] = field(default_factory=list)
    away: bool = False

    async def handle(self, command: NotifyCalendar) -> Done:
        self.notified.append(command)
        if self.away:
            raise Outage("The database is away.")
        if (command.channel_id, command.channel_token) != (CHANNEL, TOKEN):
            raise not_found("channel")
        return Done()

    async def post(self, **changes: str | None) -> int:
        given = {"ID": str(CHANNEL), "Token": TOKEN, "State": "exists"} | changes
        names = {"ID": "X-Goog-Channel-ID", "Token": "X-Goog-Channel-Token", "State": "X-Goog-Resource-State"}
        headers = {names[name]: value for name, value in given.items() if value is not None}
        async with self.http.post(self.url, headers=headers) as response:
            return response.status


@pytest.fixture
async def hook(service_settings: ServiceSettings) -> AsyncIterator[Hook]:
    port = free_port()
    settings = service_settings("gateway").model_copy(
        update={"port": port, "public_url": f"http://127.0.0.1:{port}", "google_api_root": "http://127.0.0.1:9"}
    )
    cache = open_cache(service_settings("sync"), "sync")
    sync = Bus(service_settings("sync"), "sync", cache)
    async with aiohttp.ClientSession() as http:
        made = Hook(settings.calendar_push_endpoint, http)
        sync.respond(NotifyCalendar, made.handle)
        async with sync, running("gateway", settings, wire):
            yield made
    await cache.close()


async def test_only_what_comes_with_the_token_of_a_channel_is_taken(hook: Hook) -> None:
    taken = {state: await hook.post(State=state) for state in ("exists", "not_exists")}
    assert taken == {"exists": 204, "not_exists": 204}
    assert hook.notified == [NotifyCalendar(channel_id=CHANNEL, channel_token=TOKEN)] * 2

    assert await hook.post(State="sync") == 204
    assert len(hook.notified) == 2, "it says only that the channel is there"

    refused = {
        "another token": await hook.post(Token="made up"),
        "another channel": await hook.post(ID=str(uuid4())),
        "no token": await hook.post(Token=None),
        "an empty token": await hook.post(Token=""),
        "a token of no length of ours": await hook.post(Token="x" * 2_000),
        "no channel": await hook.post(ID=None),
        "a channel of somebody else's": await hook.post(ID="my-channel"),
    }
    assert refused == dict.fromkeys(refused, 404)
    assert len(hook.notified) == 4, "what can be no channel of ours troubles nobody"

    hook.away = True
    assert await hook.post() == 503, "Google sends it again"
