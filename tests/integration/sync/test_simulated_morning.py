"""A small form of `make simulation`: fifteen hundred accounts on a share of Google's quotas, on a clock of its own."""

from datetime import timedelta

import pytest

from libs.common.cache import open_cache
from libs.common.config import Settings
from libs.common.errors import Throttled
from libs.common.google.quota import QuotaLimiter
from libs.common.ids import AccountId, new_id
from libs.local.secrets import Secrets
from libs.local.urls import redis_url as redis_url_of
from tests.simulation.__main__ import simulated
from tests.simulation.clock import Clock, ClockedCache
from tests.simulation.morning import BEGIN
from tests.support.database import Database


async def test_the_sync_of_six_o_clock_gets_through_google_s_quotas_wastes_none_and_leaves_nobody_out(
    database: Database, redis_url: str, secrets: Secrets
) -> None:
    """More mail than Gmail's quota lets through in the time over which it is spread."""
    figures = await simulated(
        database, redis_url, secrets, accounts=1_500, replicas=2, messages=12, publish=lambda _: None, tick=timedelta(seconds=1)
    )  # fmt: skip
    assert {figure.name: figure.value for figure in figures if figure.is_met is False} == {}
    assert float({figure.name: figure.value for figure in figures}["Gmail: work waited"]) > 60, "else nothing was shown"


async def test_the_quota_limiter_goes_by_the_simulation_s_clock(redis_url: str, secrets: Secrets) -> None:
    opened = open_cache(Settings(redis_url=redis_url_of(redis_url, "sync", secrets)), "sync")
    clock, account = Clock(BEGIN), AccountId(new_id())
    limiter = QuotaLimiter(ClockedCache(opened.client, opened.service, opened.namespace, clock), 100, 0, 0.0)
    try:
        assert await limiter.reserve(account, 100, "live") == 0
        with pytest.raises(Throttled):
            await limiter.reserve(account, 1, "live")
        clock.now += timedelta(seconds=45)
        assert 15 <= await limiter.reserve(account, 1, "live") <= 15.5
        clock.now += timedelta(seconds=16)
        assert await limiter.reserve(account, 98, "live") == 0
    finally:
        await opened.close()
