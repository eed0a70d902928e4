"""What the gateway counts in Redis: exactly, for each user alone, and forgotten by itself."""

from collections.abc import AsyncIterator
from functools import partial
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from libs.common.cache import Cache, open_cache
from libs.common.config import Settings
from libs.common.errors import Refused
from libs.common.ids import UserId
from libs.local.secrets import Secrets
from libs.local.urls import redis_url as redis_url_of
from services.gateway.context import Context
from services.gateway.limits import api_requests, briefs, exports
from tests.conftest import ServiceSettings
from tests.support.gateway import running_gateway

API = "/api/v1"
ALICE, BOB = UserId(UUID(int=1)), UserId(UUID(int=2))
MINUTE_MS = 60_000


@pytest_asyncio.fixture
async def cache(redis_url: str, secrets: Secrets) -> AsyncIterator[Cache]:
    """As the gateway opens it."""
    opened = open_cache(Settings(redis_url=redis_url_of(redis_url, "gateway", secrets)), "gateway")
    yield opened
    await opened.close()


async def take(cache: Cache, capacity: int = 10) -> int:
    """Milliseconds to wait for a request of Alice's; 0: it may go."""
    (wait,) = await cache.run(api_requests._TAKE, ["api:alice"], capacity, MINUTE_MS)
    return int(wait)


async def left_alone_for(redis_admin: Redis, seconds: float, tokens: float = 0) -> None:
    """The bucket as it is so long after the last request."""
    now_seconds, microseconds = await redis_admin.time()
    at = now_seconds * 1000 + microseconds // 1000 - seconds * 1000
    await redis_admin.hset("gateway:api:alice", mapping={"tokens": tokens, "at": at})


async def test_a_bucket_fills_steadily_and_never_beyond_its_brim(cache: Cache, redis_admin: Redis) -> None:
    assert [await take(cache, 3) for _ in range(3)] == [0, 0, 0]
    assert 15_000 < await take(cache, 3) <= 20_000, "one more in a third of a minute"
    await left_alone_for(redis_admin, 0)
    assert 4_000 < await take(cache) <= 6_000
    await left_alone_for(redis_admin, 30, tokens=0.5)
    assert [await take(cache) > 0 for _ in range(6)] == [False] * 5 + [True], "five in half a minute, and the half"
    await left_alone_for(redis_admin, 3600)
    assert [await take(cache) > 0 for _ in range(11)] == [False] * 10 + [True], "an hour saves up no more than a minute"
    await left_alone_for(redis_admin, -30, tokens=1)  # a clock that was set back
    assert [await take(cache) > 0 for _ in range(2)] == [False, True]


async def test_a_lease_is_renewed_by_its_holder_alone(cache: Cache, redis_admin: Redis) -> None:
    await redis_admin.set("gateway:export:alice", "holder", px=1_000)
    await cache.run(exports._RENEW, ["export:alice"], "somebody else", MINUTE_MS)
    assert await redis_admin.pttl("gateway:export:alice") <= 1_000
    await cache.run(exports._RENEW, ["export:alice"], "holder", MINUTE_MS)
    assert await redis_admin.pttl("gateway:export:alice") > 30_000


async def test_an_export_that_ended_late_takes_nothing_from_the_one_that_came_after(
    cache: Cache, redis_admin: Redis
) -> None:
    context, key = cast(Context, SimpleNamespace(cache=cache)), f"gateway:export:{ALICE}"
    async with exports.only_export(context, ALICE):
        assert 50_000 < await redis_admin.pttl(key) <= 60_000
        with pytest.raises(Refused):
            async with exports.only_export(context, ALICE):
                pass
        async with exports.only_export(context, BOB):
            pass
        await redis_admin.set(key, "another", px=1_000_000)  # its lease had ended
    assert await redis_admin.get(key) == b"another"
    await redis_admin.delete(key)
    with pytest.raises(ZeroDivisionError):
        async with exports.only_export(context, ALICE):
            raise ZeroDivisionError
    assert await redis_admin.get(key) is None, "however it ended"


async def test_everything_that_is_counted_is_forgotten_by_itself(
    service_settings: ServiceSettings, redis_admin: Redis
) -> None:
    async with running_gateway(service_settings) as gateway, gateway.client() as client:
        await client.get("/login/google", allow_redirects=False)
        await client.get("/login/google", allow_redirects=False)
        await client.get(f"{API}/meetings/{gateway.world.meeting.meeting_id}/prep")
        await client.post(f"{API}/contacts", json={"name": "C"}, headers={"Idempotency-Key": "k"})
        async with client.get(f"{API}/me/export") as response:
            await response.read()
        keys = [key.decode() async for key in redis_admin.scan_iter("*")]
        seconds = {key: await redis_admin.ttl(key) for key in keys}
    kinds = {":".join(key.split(":")[: 3 if "sign_in" in key else 2]) for key in keys}
    assert kinds == {
        "gateway:sign_in:address", "gateway:sign_in:browser", "gateway:briefs", "gateway:api", "contacts:idempotency",
    }  # fmt: skip
    assert {key for key, left in seconds.items() if not 0 < left <= 24 * 3600} == set()
    assert all(left <= 120 for key, left in seconds.items() if "sign_in" in key or "api" in key)
    assert all(left > 3600 for key, left in seconds.items() if "briefs" in key), "it is counted by the hour"


async def test_what_was_counted_of_a_user_who_is_gone_is_forgotten_of_every_hour_and_nobody_else_s(
    cache: Cache, redis_admin: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, hour = cast(Context, SimpleNamespace(cache=cache)), briefs._hour()
    for user_id in (ALICE, BOB):
        await cache.run(api_requests._TAKE, [api_requests.bucket_key(user_id)], 10, MINUTE_MS)
        for ago in (2, 1, 0):
            monkeypatch.setattr(briefs, "_hour", partial(int, hour - ago))
            assert await briefs.count_briefs(context, user_id) == 1
    await briefs.forget_counts(context, ALICE)
    keys = [key.decode() async for key in redis_admin.scan_iter("gateway:*")]
    assert len(keys) == 4
    assert not [key for key in keys if str(BOB) not in key]
