"""The quota limiter on a real Redis. The windows are short here; everything else is as it is in production."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic

import aiohttp
import pytest
import pytest_asyncio
import redis.asyncio

from libs.common.cache import Cache, open_cache
from libs.common.config import Settings
from libs.common.errors import Outage, Throttled
from libs.common.google.api import Google
from libs.common.google.errors import DailyLimit
from libs.common.google.quota import Mailbox, Priority, QuotaLimiter, Throttle
from libs.common.ids import AccountId, new_id
from libs.common.scopes import ALL
from libs.google_sim.faults import Rule
from libs.google_sim.server import run_google
from libs.local.secrets import Secrets
from libs.local.urls import redis_url as redis_url_of
from tests.support.sync_stage import ADDRESS, maya, message

WINDOW = 0.6
JITTER = 0.02  # between the moment that was reserved and the one at which the test's loop gets to it


@pytest_asyncio.fixture
async def cache(redis_url: str, secrets: Secrets) -> AsyncIterator[Cache]:
    """As `sync` opens it."""
    opened = open_cache(Settings(redis_url=redis_url_of(redis_url, "sync", secrets)), "sync")
    yield opened
    await opened.close()


def quota_limiter(cache: Cache, mailbox: int = 0, project: int = 0, live_share: float = 0.1) -> QuotaLimiter:
    return QuotaLimiter(cache, mailbox, project, live_share, WINDOW)


def mailbox(quota_limiter: QuotaLimiter, account_id: AccountId | None = None) -> Mailbox:
    """One process' view of a mailbox; two with the same id are two replicas."""
    return Mailbox(account_id or AccountId(new_id()), quota_limiter, Throttle(0), 10)


class Spending:
    """Who spent what, and when."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, int, str]] = []

    async def call(self, box: Mailbox, units: int, priority: Priority = "backfill", who: str = "") -> float:
        """One call; how long it had to wait."""
        begun = monotonic()
        await box.admit(units, priority)
        self.calls.append((monotonic(), units, who))
        return monotonic() - begun

    async def keep_calling(
        self, box: Mailbox, units: int, seconds: float, priority: Priority = "backfill", who: str = ""
    ) -> None:
        until = monotonic() + seconds
        while monotonic() < until:
            await self.call(box, units, priority, who)

    def most_in_a_window(self) -> int:
        times = [at for at, _, _ in self.calls]
        return max(
            sum(units for at, units, _ in self.calls if start <= at < start + WINDOW - JITTER) for start in times
        )

    def of(self, who: str) -> int:
        return sum(units for _, units, name in self.calls if name == who)


async def test_two_replicas_together_stay_below_the_ceiling_in_every_window_and_use_it(cache: Cache) -> None:
    first = mailbox(quota_limiter(cache, mailbox=300))
    second = mailbox(quota_limiter(cache, mailbox=300), first.account_id)
    spending = Spending()
    await asyncio.gather(
        *(spending.keep_calling(first, 5, 1.8) for _ in range(3)),
        *(spending.keep_calling(second, 2, 1.8) for _ in range(3)),
        *(spending.keep_calling(second, 7, 1.8, "live") for _ in range(2)),
    )
    assert spending.most_in_a_window() <= 300
    begin = spending.calls[0][0]
    assert sum(units for at, units, _ in spending.calls if at < begin + 1.5) >= 0.85 * 300 * 1.5 / WINDOW


async def test_an_import_alone_uses_what_is_not_kept_for_live_work(cache: Cache) -> None:
    box = mailbox(quota_limiter(cache, mailbox=600, live_share=0.01))
    spending = Spending()
    await spending.keep_calling(box, 4, 1.5)
    first, last = spending.calls[0][0], spending.calls[-1][0]
    rate = sum(units for _, units, _ in spending.calls) / (last - first)
    assert rate >= 0.85 * 600 / WINDOW  # 0.99 on an idle machine
    assert spending.most_in_a_window() <= 600


async def test_live_work_does_not_queue_behind_an_import(cache: Cache) -> None:
    box = mailbox(quota_limiter(cache, mailbox=300))
    spending = Spending()
    imports = [asyncio.create_task(spending.keep_calling(box, 15, 1.2, who="import")) for _ in range(20)]
    await asyncio.sleep(0.6)
    waits = [await spending.call(box, 5, "live", "live") for _ in range(6)]
    assert max(waits) < 0.1  # the 19 calls of the import that are waiting need half a second
    await asyncio.gather(*imports)
    assert spending.most_in_a_window() <= 300
    assert spending.of("import") > 300


async def test_after_a_burst_of_live_work_an_import_spreads_what_is_left_of_the_minute(cache: Cache) -> None:
    box = mailbox(quota_limiter(cache, mailbox=300))
    spending = Spending()
    assert sum([await spending.call(box, 20, "live") for _ in range(8)]) < 0.1
    began = monotonic()
    await spending.keep_calling(box, 5, 0.45, who="import")
    late = [at for at, _, who in spending.calls if who == "import" and at - began > 0.3]
    assert late  # it is still going, when taking all at once would have ended it long ago
    assert await spending.call(box, 5, "live") < 0.05


async def test_mailboxes_share_the_project_evenly(cache: Cache) -> None:
    shared = quota_limiter(cache, mailbox=0, project=300)
    spending = Spending()
    boxes = {name: mailbox(shared) for name in ("ada", "ben", "cleo")}
    await asyncio.gather(
        *(spending.keep_calling(box, 3, 1.2, who=name) for name, box in boxes.items() for _ in range(len(name)))
    )
    shares = [spending.of(name) for name in boxes]
    assert spending.most_in_a_window() <= 300
    assert max(shares) / min(shares) <= 1.2


async def test_after_a_429_no_replica_calls_for_that_mailbox_until_it_is_over(cache: Cache) -> None:
    first = mailbox(quota_limiter(cache, mailbox=300))
    second = mailbox(quota_limiter(cache, mailbox=300), first.account_id)
    other = mailbox(quota_limiter(cache, mailbox=300))
    spending = Spending()
    await first.slow_down(timedelta(seconds=0.3))
    await first.slow_down(timedelta(seconds=0.1))  # never shortens
    waits = await asyncio.gather(
        spending.call(second, 1, "live"), spending.call(first, 1), spending.call(other, 1, "live")
    )
    assert min(waits[:2]) >= 0.29
    assert waits[2] < 0.1
    await first.slow_down(timedelta(hours=1))
    with pytest.raises(Throttled) as refused:
        await spending.call(second, 1, "live")
    assert refused.value.retry_after is not None
    assert refused.value.retry_after > timedelta(minutes=59)


async def test_once_the_day_is_used_up_no_mailbox_calls_in_vain(cache: Cache) -> None:
    shared = quota_limiter(cache, project=300)
    await mailbox(shared).close_for_today(timedelta(hours=3))
    for priority in ("live", "backfill"):
        with pytest.raises(DailyLimit) as over:
            await mailbox(shared).admit(5, priority)  # type: ignore[arg-type]
        assert over.value.retry_after is not None
        assert timedelta(hours=2) < over.value.ends_at - datetime.now(UTC) <= timedelta(hours=3)


async def test_waiting_for_quota_shows(cache: Cache) -> None:
    box = mailbox(quota_limiter(cache, mailbox=100))
    assert not box.throttle.waiting
    await box.admit(90, "backfill")
    assert not box.throttle.waiting
    waiting = asyncio.create_task(box.admit(20, "backfill"))
    await asyncio.sleep(0.1)
    assert box.throttle.waiting
    await waiting
    assert box.throttle.waiting


async def test_a_call_dearer_than_the_ceiling_goes_alone(cache: Cache) -> None:
    box = mailbox(quota_limiter(cache, mailbox=50))
    spending = Spending()
    assert await spending.call(box, 80, "live") < 0.1
    assert await spending.call(box, 1, "live") >= WINDOW - JITTER


async def test_what_is_counted_is_forgotten_by_itself(cache: Cache, redis_url: str) -> None:
    box = mailbox(quota_limiter(cache, mailbox=100, project=100))
    await box.admit(10, "backfill")
    async with redis.asyncio.Redis.from_url(redis_url) as admin:
        keys = await admin.keys("google:quota:*")
    assert len(keys) == 2
    for key in keys:
        assert 0 < await cache.client.pttl(key) < 10_000


async def test_without_redis_nothing_is_requested_from_google() -> None:
    nowhere = open_cache(Settings(redis_url="redis://127.0.0.1:1/0"), "sync")
    try:
        with pytest.raises(Outage):
            await mailbox(quota_limiter(nowhere, mailbox=100)).admit(1, "live")
        await mailbox(replace(quota_limiter(nowhere), mailbox_ceiling=0)).admit(
            0, "live"
        )  # what costs nothing isn't counted
    finally:
        await nowhere.close()


async def test_what_google_responds_about_rate_and_day_is_heeded_by_every_process(cache: Cache) -> None:
    """Two processes with their own connection to Google, and nothing in common but Redis."""
    async with run_google([maya([message(1)])]) as google, aiohttp.ClientSession() as http:
        token = google.world.authority.issue_access(ADDRESS, "client", ALL)

        async def tokens(scope: str, rejected: str | None) -> str:
            return token

        settings = Settings(google_api_root=google.url)
        here, there = (Google(settings, http, cache) for _ in range(2))
        throttled, used_up = AccountId(new_id()), AccountId(new_id())
        google.world.faults.set([Rule("getProfile", "retry_after", first=1, seconds=600)], 0)
        for process, requests in ((here, 1), (there, 1)):
            with pytest.raises(Throttled):
                await process.account(tokens, throttled).gmail.profile()
            assert google.world.counters.http == requests, "the second knows it from Redis, and sends nothing"
        google.world.faults.set([Rule("getProfile", "daily", first=1)], 0)
        for process, account in ((here, used_up), (there, AccountId(new_id()))):
            with pytest.raises(DailyLimit):
                await process.account(tokens, account).gmail.profile()
        assert google.world.counters.http == 2


def test_a_ceiling_without_a_place_to_count_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="Redis"):
        QuotaLimiter.of(Settings(), None)
    assert QuotaLimiter.of(Settings(gmail_units_per_minute=0, gmail_project_units_per_minute=0), None) is None
