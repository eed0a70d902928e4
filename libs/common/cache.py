"""Redis (or Valkey): what may be forgotten. One-time values, once-only keys, counters. Durable truth lives in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    TimeoutError,  # noqa: A004
)

from libs.common.config import Settings

# Unreachable, starting, in the middle of a failover, or full.
OUTAGES: tuple[type[BaseException], ...] = (
    ConnectionError, TimeoutError, BusyLoadingError, MasterDownError, ReadOnlyError, OutOfMemoryError,
)  # fmt: skip

_RELEASE_IF = "return {redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) or 0}"


@dataclass(frozen=True)
class Cache:
    """The few things that the services do with Redis. Keys begin with what they are for."""

    client: "redis.Redis"

    async def put(self, key: str, value: bytes | str, ttl: timedelta) -> None:
        await self.client.set(key, value, px=ttl)

    async def get(self, key: str) -> bytes | None:
        return _bytes(await self.client.get(key))

    async def pop(self, key: str) -> bytes | None:
        """Read and delete in one step: of two readers only the first gets it."""
        return _bytes(await self.client.getdel(key))

    async def acquire(self, key: str, value: bytes | str, ttl: timedelta) -> bool:
        """Set where nobody has; true for the one who did."""
        return bool(await self.client.set(key, value, nx=True, px=ttl))

    async def release(self, key: str) -> None:
        await self.client.delete(key)

    async def release_if(self, key: str, value: bytes | str) -> None:
        """Delete where the value is still this one: what somebody else acquired meanwhile stays."""
        await self.run(_RELEASE_IF, [key], value)

    async def count_failure(self, key: str, ttl: timedelta) -> int:
        """Count one more failure under this key; the count so far."""
        async with self.client.pipeline(transaction=True) as pipe:
            pipe.incr(key)
            pipe.pexpire(key, ttl)
            count, _ = await pipe.execute()
        return int(count)

    async def run(self, script: str, keys: Sequence[str], *arguments: bytes | str | float) -> list[Any]:
        """A Lua script, atomic on the server, which keeps it: only its hash is sent from the second time on."""
        result: list[Any] = await self.client.register_script(script)(keys=list(keys), args=list(arguments))
        return result

    async def ping(self) -> None:
        await self.client.ping()

    async def close(self) -> None:
        await self.client.aclose()


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def open_cache(settings: Settings) -> Cache:
    """A pooled client. Connects when first used; every call has a timeout and two retries."""
    client = redis.Redis.from_url(
        settings.redis_url,
        socket_timeout=5,
        socket_connect_timeout=5,
        retry=Retry(ExponentialBackoff(cap=1, base=0.1), 2),
        health_check_interval=30,
    )
    return Cache(client)
