"""Calendar's channels: each change of a calendar is one request to the endpoint of every channel that watches it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from libs.google_sim.errors import GoogleError, not_found

LIFETIME_SECONDS = 7 * 24 * 3600
TRIES = 3
PAUSE_SECONDS = 0.1
TIMEOUT_SECONDS = 10.0
_HERE = {"127.0.0.1", "localhost"}


def calendar_key(address: str, calendar_id: str) -> str:
    """Which calendar of which account."""
    return f"{address}/{calendar_id}"


@dataclass
class Channel:
    """One channel. `expires_ms`: epoch milliseconds. `sent`: how many notifications it has had."""

    id: str
    key: str
    address: str
    token: str
    resource_id: str
    expires_ms: int
    sent: int = 0

    def resource(self) -> dict[str, Any]:
        return {
            "kind": "api#channel",
            "id": self.id,
            "resourceId": self.resource_id,
            "resourceUri": f"https://www.googleapis.com/calendar/v3/calendars/{self.key.partition('/')[2]}/events?alt=json",
            **({"token": self.token} if self.token else {}),
            "expiration": str(self.expires_ms),
        }

    def headers(self, state: str) -> dict[str, str]:
        return {
            "X-Goog-Channel-ID": self.id,
            "X-Goog-Message-Number": str(self.sent),
            "X-Goog-Resource-ID": self.resource_id,
            "X-Goog-Resource-State": state,
            **({"X-Goog-Channel-Token": self.token} if self.token else {}),
        }


@dataclass
class Channels:
    """All channels by id. `refused`: calendars, by key, that no channel can watch. `lost`: what no endpoint has taken."""

    now: Callable[[], float]
    open: dict[str, Channel] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    lost: int = 0
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _http: aiohttp.ClientSession | None = None

    def begin(self, key: str, channel_id: str, address: str, token: str) -> Channel:
        """Begin a channel; its first notification, which says only that it is there, is on its way at once."""
        endpoint = urlsplit(address)
        if endpoint.scheme != "https" and endpoint.hostname not in _HERE:
            raise GoogleError(400, "push.webhookUrlNotHttps", f"WebHook callback must be HTTPS: {address[:100]}")
        if key in self.refused:
            raise GoogleError(
                400, "pushNotSupportedForRequestedResource", "Push notifications are not supported by this resource."
            )
        if not channel_id or channel_id in self.open:
            raise GoogleError(400, "channelIdNotUnique", f"Channel id {channel_id[:64]} not unique")
        expires_ms = int(self.now() * 1000) + LIFETIME_SECONDS * 1000
        resource_id = blake2b(key.encode(), digest_size=20).hexdigest()
        channel = self.open[channel_id] = Channel(channel_id, key, address, token, resource_id, expires_ms)
        self._notify(channel, "sync")
        return channel

    def stop(self, channel_id: str, resource_id: str) -> None:
        """End a channel. 404 where there is none of this id about this resource."""
        channel = self.open.get(channel_id)
        if channel is None or channel.resource_id != resource_id:
            raise not_found(f"Channel '{channel_id[:64]}' not found for project 'pingcrm'")
        del self.open[channel_id]

    def changed(self, key: str) -> None:
        for channel in self.open.values():
            if channel.key == key and channel.expires_ms > self.now() * 1000:
                self._notify(channel, "exists")

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    def _notify(self, channel: Channel, state: str) -> None:
        channel.sent += 1
        task = asyncio.get_running_loop().create_task(self._deliver(channel.address, channel.headers(state)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, address: str, headers: dict[str, str]) -> None:
        """Post it, again where the endpoint has no time, and no more where it does not want it."""
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))
        for _ in range(TRIES):
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with self._http.post(address, headers=headers) as response:
                    if response.status < 300:
                        return
                    if response.status < 500:
                        break
            await asyncio.sleep(PAUSE_SECONDS)
        self.lost += 1
