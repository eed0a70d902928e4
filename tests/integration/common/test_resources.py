"""What a service works with, as it is opened: a time limit on every call over the network, and everything closed at the end."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from libs.common import idempotency
from libs.common.cache import Cache, open_cache
from libs.common.config import Settings
from libs.common.db import COMMAND_TIMEOUT_SECONDS, LOCK_TIMEOUT_SECONDS, STATEMENT_TIMEOUT_SECONDS, open_pool
from libs.common.errors import Outage, Refused
from libs.common.idempotency import CommandKey, Try
from libs.common.service import opened
from libs.local.ports import free_port
from libs.local.secrets import Secrets
from libs.local.urls import redis_url as redis_url_of
from tests.conftest import ServiceSettings


async def test_every_call_over_the_network_has_a_time_limit_and_everything_is_closed_at_the_end(
    service_settings: ServiceSettings,
) -> None:
    settings = service_settings("sync").model_copy(update={"google_timeout_seconds": 7.0, "pool_size": 3})
    async with opened("sync", settings) as r:
        shown = {
            name: await r.db.fetchval(f"SHOW {name}")
            for name in ("statement_timeout", "lock_timeout", "enable_seqscan")
        }
        assert shown == {"statement_timeout": "50s", "lock_timeout": "20s", "enable_seqscan": "off"}
        assert LOCK_TIMEOUT_SECONDS < STATEMENT_TIMEOUT_SECONDS < COMMAND_TIMEOUT_SECONDS
        assert r.db.get_max_size() == 3
        assert await r.db.fetchval("SELECT $1::jsonb", {"a": [1, "ä"]}) == {"a": [1, "ä"]}
        assert r.http.timeout.total == 7.0
        redis = r.cache.client.connection_pool.connection_kwargs
        assert (redis["socket_timeout"], redis["socket_connect_timeout"]) == (5, 5)
        assert redis["retry"].get_retries() == 2
        assert r.cache.namespace == r.bus.service == "sync"
        pool, http = r.db, r.http
    assert http.closed
    with pytest.raises(asyncpg.InterfaceError):
        await pool.fetchval("SELECT 1")


async def test_a_database_that_is_not_there_is_an_outage() -> None:
    with pytest.raises(Outage, match="Check PINGCRM_POSTGRES_URL"):
        await open_pool(Settings(postgres_url=f"postgresql://pingcrm@127.0.0.1:{free_port()}/pingcrm"))


# -- Redis -----------------------------------------------------------------------------------------------------------------

LONG = timedelta(hours=1)


@pytest_asyncio.fixture
async def cache(redis_url: str, secrets: Secrets) -> AsyncIterator[Cache]:
    """As `auth` opens it."""
    opened_cache = open_cache(Settings(redis_url=redis_url_of(redis_url, "auth", secrets)), "auth")
    yield opened_cache
    await opened_cache.close()


async def seconds_left(cache: Cache, key: str) -> float:
    return float(await cache.client.pttl(f"auth:{key}")) / 1000


async def test_what_is_put_into_redis_ends_by_itself_and_is_taken_by_the_first(cache: Cache) -> None:
    await cache.put("once", b"value", LONG)
    assert 3500 < await seconds_left(cache, "once") <= 3600
    assert await cache.get("once") == b"value"
    taken = await asyncio.gather(*(cache.pop("once") for _ in range(5)))
    assert (taken.count(b"value"), taken.count(None)) == (1, 4)
    assert await cache.get("once") is None
    assert [await cache.count_failure("failures", LONG) for _ in range(3)] == [1, 2, 3]
    assert 3500 < await seconds_left(cache, "failures") <= 3600


async def test_what_is_acquired_is_the_first_one_s_until_it_is_released_by_its_holder(cache: Cache) -> None:
    assert await cache.acquire("lease", "first", LONG)
    assert 3500 < await seconds_left(cache, "lease") <= 3600
    assert not await cache.acquire("lease", "second", 2 * LONG)
    assert await seconds_left(cache, "lease") <= 3600, "who does not get it does not prolong it"
    await cache.release_if("lease", "second")
    assert not await cache.acquire("lease", "second", LONG)
    await cache.release_if("lease", "first")
    assert await cache.acquire("lease", "second", LONG)
    await cache.release("lease")
    assert await cache.get("lease") is None


async def test_a_service_has_the_namespaces_that_are_its_own(cache: Cache) -> None:
    with pytest.raises(ValueError, match="auth has no keys that begin with google:"):
        cache.in_namespace("google")


COMMAND = CommandKey("auth", "auth.create_token", "u", "k")


async def begun(cache: Cache, body: bytes = b"body") -> Try:
    attempt = await idempotency.begin(cache, COMMAND, body)
    assert isinstance(attempt, Try)
    return attempt


async def test_a_try_that_ended_late_takes_nothing_from_the_one_that_came_after(cache: Cache) -> None:
    late = await begun(cache)
    assert 100 < await seconds_left(cache, COMMAND.name) <= 120, "a service that died holds up nobody for longer"
    await cache.release(COMMAND.name)  # as when its time is over
    second = await begun(cache)
    await late.abandon()
    with pytest.raises(Refused) as refused:
        await idempotency.begin(cache, COMMAND, b"body")
    assert refused.value.code == "in_progress"
    await second.finish(b"reply")
    await late.abandon()
    assert await idempotency.begin(cache, COMMAND, b"body") == b"reply"


async def test_another_command_under_the_key_is_refused_while_the_first_is_under_way_too(cache: Cache) -> None:
    first = await begun(cache)
    with pytest.raises(Refused) as refused:
        await idempotency.begin(cache, COMMAND, b"another body")
    assert refused.value.code == "idempotency_key_reused"
    await first.abandon()
    assert (await begun(cache, b"another body")).command == COMMAND, "what failed leaves the key free"
