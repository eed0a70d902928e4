"""Fetches people's photos from Google, and keeps them in Redis for a while: one key per user, so that they go with the user at once."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from yarl import URL

from libs.common.cache import Cache
from libs.common.ids import UserId
from libs.common.log import get_logger
from services.gateway.domain.photos import (
    KEPT,
    MAX_BYTES,
    Photo,
    kept_form,
    photo_source,
    read_kept,
    read_photo,
    slot_of,
)

TIMEOUT_SECONDS = 5.0
AT_ONCE = 10
_GET = "return redis.call('hget', KEYS[1], ARGV[1])"
_PUT = "redis.call('hset', KEYS[1], ARGV[1], ARGV[2]) return redis.call('pexpire', KEYS[1], ARGV[3])"


@dataclass(frozen=True)
class PhotoFetcher:
    """`google_root`: who stands in for Google; empty: Google itself."""

    http: aiohttp.ClientSession
    cache: Cache
    google_root: str
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def get_photo(self, user_id: UserId, url: str) -> Photo | None:
        """The photo of this URL; None where it is none of Google's, can't be had or is no image."""
        source = photo_source(url, self.google_root)
        if source is None:
            return None
        now, key, slot = datetime.now(UTC), photos_key(user_id), slot_of(source)
        kept: object = await self.cache.run(_GET, [key], slot)
        if isinstance(kept, bytes):
            is_current, photo = read_kept(kept, source, now)
            if is_current:
                return photo
        photo = await self._fetch(source)
        await self.cache.run(_PUT, [key], slot, kept_form(source, photo, now), int(KEPT.total_seconds() * 1000))
        return photo

    async def _fetch(self, source: URL) -> Photo | None:
        """Nobody is led elsewhere, nothing is waited for in vain, and no more is read than a photo has."""
        try:
            async with (
                self.places,
                asyncio.timeout(TIMEOUT_SECONDS),
                self.http.get(source, allow_redirects=False, headers={"Accept": "image/*"}) as response,
            ):
                content = await _read(response) if response.status == 200 else b""
        except (aiohttp.ClientError, TimeoutError) as error:
            get_logger().info("photo_unavailable", error=type(error).__name__)
            return None
        return read_photo(content)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body; nothing where there is more than a photo has."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(16_384):
        body += chunk
        if len(body) > MAX_BYTES:
            return b""
    return bytes(body)


def photos_key(user_id: UserId) -> str:
    """Under which the photos of a user's people are kept."""
    return f"photos:{user_id}"
