"""Redis (or Valkey): what may be forgotten. One-time values, once-only keys, counters. Durable truth lives in PostgreSQL.

Every key begins with a namespace of its service (cache_access.py); the server refuses a service the keys of another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from libs.common.cache_access import NAMESPACES, Namespace
from libs.common.config import Settings
from libs.common.ids import Service
from libs.common.left_out import left_out
from libs.common.tls import with_tls_files

# Metrics, which nobody has turned on; traces, where somebody wants them, do without (telemetry.py).
with left_out("opentelemetry.metrics", "opentelemetry.sdk.metrics"):
    import redis.asyncio as redis
    from redis.asyncio.connection import DefaultParser
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

# A server that can't write its file, as on a full disk, takes no writes. The client has no error for that.
DefaultParser.EXCEPTION_CLASSES["MISCONF"] = ReadOnlyError

# Unreachable, starting, in the middle of a failover, or full.
OUTAGES: tuple[type[BaseException], ...] = (
    ConnectionError, TimeoutError, BusyLoadingError, MasterDownError, ReadOnlyError, OutOfMemoryError,
)  # fmt: skip

_RELEASE_IF = "return {redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) or 0}"


@dataclass(frozen=True)
class Cache:
    """The few things that a service does with Redis, on the keys of one namespace. A key begins with what it is for."""

    client: "redis.Redis"
    service: Service
    namespace: Namespace

    def in_namespace(self, namespace: Namespace) -> "Cache":
        """The same for keys of another namespace. ValueError: it is none of this service's."""
        if namespace not in NAMESPACES[self.service]:
            raise ValueError(f"{self.service} has no keys that begin with {namespace}:")
        return replace(self, namespace=namespace)

    def _full(self, key: str) -> str:
        return f"{self.namespace}:{key}"

    async def put(self, key: str, value: bytes | str, ttl: timedelta) -> None:
        await self.client.set(self._full(key), value, px=ttl)

    async def get(self, key: str) -> bytes | None:
        return _bytes(await self.client.get(self._full(key)))

    async def pop(self, key: str) -> bytes | None:
        """Read and delete in one step: of two readers only the first gets it."""
        return _bytes(await self.client.getdel(self._full(key)))

    async def acquire(self, key: str, value: bytes | str, ttl: timedelta) -> bool:
        """Set where nobody has; true for the one who did."""
        return bool(await self.client.set(self._full(key), value, nx=True, px=ttl))

    async def release(self, key: str) -> None:
        await self.client.delete(self._full(key))

    async def release_if(self, key: str, value: bytes | str) -> None:
        """Delete where the value is still this one: what somebody else acquired meanwhile stays."""
        await self.run(_RELEASE_IF, [key], value)

    async def count_failure(self, key: str, ttl: timedelta) -> int:
        """Count one more failure under this key; the count so far."""
        async with self.client.pipeline(transaction=True) as pipe:
            pipe.incr(self._full(key))
            pipe.pexpire(self._full(key), ttl)
            count, _ = await pipe.execute()
        return int(count)

    async def run(self, script: str, keys: Sequence[str], *arguments: bytes | str | float) -> list[Any]:
        """A Lua script, atomic on the server, which keeps it: only its hash is sent from the second time on."""
        full_keys = [self._full(key) for key in keys]
        result: list[Any] = await self.client.register_script(script)(keys=full_keys, args=list(arguments))
        return result

    async def ping(self) -> None:
        await self.client.ping()

    async def close(self) -> None:
        await self.client.aclose()


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def open_cache(settings: Settings, service: Service) -> Cache:
    """A pooled client, in the service's own namespace. Connects when first used; every call has a timeout and two retries."""
    client = redis.Redis.from_url(
        with_tls_files(settings.redis_url, settings.tls_files),
        socket_timeout=5,
        socket_connect_timeout=5,
        retry=Retry(ExponentialBackoff(cap=1, base=0.1), 2),
        health_check_interval=30,
    )
    return Cache(client, service, service)
