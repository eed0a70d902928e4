"""A gateway among small plain services: each responds to its requests on the real bus out of one `World`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from libs.common.bus import Bus
from libs.common.cache import open_cache
from libs.common.config import Settings
from libs.common.ids import Service
from libs.common.service import Resources, running
from libs.local.ports import free_port
from services.gateway.__main__ import wire
from services.gateway.domain.sessions import cookie_name
from tests.support.gateway.world import World


@dataclass
class RunningGateway:
    """A running gateway and the world around it. `buses` are the plain services' ends of the bus."""

    url: str
    world: World
    buses: dict[Service, Bus]
    resources: Resources

    def client(self, token: str | None = "pcrm_alice", **headers: str) -> aiohttp.ClientSession:
        """An API client; without a token, whoever it pleases to be."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        jar = aiohttp.CookieJar(unsafe=True)
        return aiohttp.ClientSession(self.url, headers=headers, cookie_jar=jar)

    def browser(self, session: str = "session-of-alice", **headers: str) -> aiohttp.ClientSession:
        """A browser with a session cookie that states where its requests come from."""
        cookie = {cookie_name("pingcrm_session", self.resources.settings.base_url): session}
        return aiohttp.ClientSession(self.url, headers={"Origin": self.url, **headers}, cookies=cookie)

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[str]:
        """A second gateway with the settings of the first; its URL."""
        settings = self.resources.settings.model_copy(update={"port": free_port(), "public_url": self.url})
        async with running("gateway", settings, wire):
            yield f"http://127.0.0.1:{settings.port}"


@asynccontextmanager
async def running_gateway(
    service_settings: Callable[[Service], Settings], **changes: Any
) -> AsyncIterator[RunningGateway]:
    """A gateway with `changes` to its settings."""
    world = World()
    async with AsyncExitStack() as stack:
        buses: dict[Service, Bus] = {}
        for service, responders in world.responders().items():
            settings = service_settings(service)
            cache = open_cache(settings, service)
            stack.push_async_callback(cache.close)
            buses[service] = Bus(settings, service, cache)
            for request, responder in responders.items():
                buses[service].respond(request, world.in_order(request, responder))
            await stack.enter_async_context(buses[service])
        chosen = service_settings("gateway").model_dump() | {"port": free_port()} | changes
        settings = Settings(**chosen)
        resources = await stack.enter_async_context(running("gateway", settings, wire))
        yield RunningGateway(f"http://127.0.0.1:{settings.port}", world, buses, resources)
