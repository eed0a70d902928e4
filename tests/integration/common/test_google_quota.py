"""The quota limiter on a real Redis: the moments that it gives, over whole minutes, whatever else the machine is doing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import pairwise, takewhile
from random import Random
from statistics import fmean
from time import monotonic

import aiohttp
import pytest
import pytest_asyncio
import redis.asyncio
from prometheus_client import REGISTRY

from libs.common.cache import Cache, open_cache
from libs.common.config import Settings
from libs.common.errors import Outage, Throttled
from libs.common.google.api import Google
from libs.common.google.batch_get import REQUESTED_SECONDS
from libs.common.google.errors import DailyLimit
from libs.common.google.quota import Mailbox, Priority, QuotaLimiter, Throttle
from libs.common.ids import AccountId, new_id
from libs.common.scopes import ALL
from libs.google_sim.faults import Rule
from libs.google_sim.server import run_google
from libs.local.secrets import Secrets
from libs.local.urls import redis_url as redis_url_of
from tests.simulation.clock import Clock, ClockedCache
from tests.support.sync_stage import ADDRESS, maya, message

WINDOW = 60.0
LATENCY = 2.0  # at most, between the moment that Redis counts from and the one that the test notes; on a busy machine


@pytest_asyncio.fixture
async def cache(redis_url: str, secrets: Secrets) -> AsyncIterator[Cache]:
    """As `sync` opens it."""
    opened = open_cache(Settings(redis_url=redis_url_of(redis_url, "sync", secrets)), "sync")
    yield opened
    await opened.close()


def quota_limiter(
    cache: Cache, mailbox: int = 0, project: int = 0, live_share: float = 0.1, window: float = WINDOW
) -> QuotaLimiter:
    return QuotaLimiter(cache, mailbox, project, live_share, window)


def mailbox(quota_limiter: QuotaLimiter, account_id: AccountId | None = None) -> Mailbox:
    """One process' view of a mailbox; two with the same id are two replicas."""
    return Mailbox(account_id or new_account(), quota_limiter, Throttle(0), 10)


def new_account() -> AccountId:
    return AccountId(new_id())


def counted() -> "Counter[str]":
    """What the metrics of this process have of live calls, by API."""
    numbers: Counter[str] = Counter()
    for api in ("gmail", "calendar"):
        lane = {"api": api, "priority": "live"}
        numbers[f"units {api}"] = int(REGISTRY.get_sample_value("pingcrm_quota_units_total", lane) or 0)
        numbers[f"waits {api}"] = int(REGISTRY.get_sample_value("pingcrm_quota_wait_seconds_count", lane) or 0)
        put_off = {"api": api, "reason": "wait"}
        numbers[f"refusals {api}"] = int(REGISTRY.get_sample_value("pingcrm_quota_refusals_total", put_off) or 0)
    return numbers


class Reservations:
    """The moments that calls were given. Nobody sleeps until then: a minute is tested in a fraction of a second."""

    def __init__(self) -> None:
        self.began = monotonic()
        self.calls: list[tuple[float, int, str]] = []

    async def reserve(
        self, limiter: QuotaLimiter, account: AccountId, units: int, priority: Priority = "backfill", who: str = ""
    ) -> float:
        """The moment of one call, in seconds from the beginning. Throttled: it is further away than a run should wait."""
        at = monotonic() - self.began + await limiter.reserve(account, units, priority)
        self.calls.append((at, units, who))
        return at

    async def reserve_all(
        self, limiter: QuotaLimiter, account: AccountId, units: int, priority: Priority = "backfill", who: str = ""
    ) -> list[float]:
        """Calls until the next one would have to wait for too long."""
        moments = []
        with suppress(Throttled):
            while True:
                moments.append(await self.reserve(limiter, account, units, priority, who))
        return moments

    def most_in_a_window(self) -> int:
        times = [at for at, _, _ in self.calls]
        return max(
            sum(units for at, units, _ in self.calls if start <= at < start + WINDOW - LATENCY) for start in times
        )

    def within(self, seconds: float, who: str = "") -> int:
        return sum(units for at, units, name in self.calls if at <= seconds and who in name)


async def test_two_replicas_together_stay_below_the_ceiling_in_every_window_and_use_it(cache: Cache) -> None:
    first, second, account = quota_limiter(cache, mailbox=300), quota_limiter(cache, mailbox=300), new_account()
    reserved = Reservations()
    for _ in range(30):
        for limiter, units, priority in ((first, 5, "backfill"), (second, 2, "backfill"), (second, 7, "live")):
            with suppress(Throttled):
                await reserved.reserve(limiter, account, units, priority)  # type: ignore[arg-type]
    await reserved.reserve_all(first, account, 5)
    assert reserved.most_in_a_window() <= 300
    assert reserved.within(WINDOW + LATENCY) >= 0.95 * 300


async def test_an_import_alone_uses_what_is_not_kept_for_live_work(cache: Cache) -> None:
    reserved = Reservations()
    moments = await reserved.reserve_all(quota_limiter(cache, mailbox=600, live_share=0.01), new_account(), 4)
    assert 4 * len(moments) / (moments[-1] - moments[0]) >= 0.95 * 600 / WINDOW
    assert reserved.most_in_a_window() <= 600


@pytest.mark.parametrize("thread_share", [0.0, 0.5, 1.0])
async def test_an_import_beside_which_mail_comes_uses_99_per_cent_of_every_minute_and_new_mail_goes_at_once(
    cache: Cache, thread_share: float
) -> None:
    """Twenty minutes of calls as the edge makes them, on a clock of the test, with what the settings leave to live work."""
    clock, settings, account = Clock(datetime(2026, 6, 1, tzinfo=UTC)), Settings(), new_account()
    limiter = QuotaLimiter.of(settings, ClockedCache(cache.client, cache.service, cache.namespace, clock))
    assert limiter is not None
    began, random, spent = clock.now, Random(1), list[tuple[float, int, Priority]]()

    async def call(units: int, priority: Priority) -> float:
        wait = await limiter.reserve(account, units, priority)
        clock.now += timedelta(seconds=wait)
        spent.append(((clock.now - began).total_seconds(), units, priority))
        clock.now += timedelta(seconds=0.005 * random.random())
        return wait

    prices = settings.gmail_units
    at_a_time = settings.gmail_units_per_minute / 60 * REQUESTED_SECONDS
    next_mail, next_price = timedelta(seconds=90), prices["messages.get"]
    while (elapsed := clock.now - began) < timedelta(minutes=20):
        if elapsed > next_mail:
            next_mail += timedelta(seconds=90)
            assert await call(prices["history.list"] + prices["messages.get"], "live") == 0
        units = 0
        while not units or units + next_price <= at_a_time:
            units += next_price
            next_price = prices["threads.get" if random.random() < thread_share else "messages.get"]
        await call(units, "backfill")
    ceiling, kept = settings.gmail_units_per_minute, settings.gmail_live_percent / 100
    minutes = [sum(units for at, units, _ in spent if 0 <= at - begin < WINDOW) for begin in range(60, 1140)]
    assert fmean(minutes) >= 0.99 * ceiling
    for number, (begin, _, _) in enumerate(spent):
        minute = list(takewhile(lambda found: found[0] < begin + WINDOW - 0.01, spent[number : number + 250]))  # noqa: B023
        assert sum(units for _, units, _ in minute) <= ceiling
        assert sum(units for _, units, priority in minute if priority == "backfill") <= ceiling * (1 - kept)


async def test_live_work_does_not_queue_behind_an_import(cache: Cache) -> None:
    """Of the import's twenty calls one is in line; all of them would have left live work its share of the minute alone."""
    limiter = quota_limiter(cache, mailbox=300)
    box, other = mailbox(limiter), new_account()
    imports = [asyncio.create_task(box.admit(15, "backfill")) for _ in range(20)]
    await until(lambda: box.throttle.waiting)
    for _ in range(30):  # time enough for the others, if they did not wait for the first
        await limiter.reserve(other, 1, "live")
    assert [await limiter.reserve(box.account_id, 5, "live") for _ in range(40)] == [0] * 40
    for task in imports:
        task.cancel()
    await asyncio.gather(*imports, return_exceptions=True)


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not check():
            await asyncio.sleep(0.01)


async def test_after_a_burst_of_live_work_an_import_spreads_what_is_left_of_the_minute(cache: Cache) -> None:
    limiter, account = quota_limiter(cache, mailbox=300), new_account()
    assert [await limiter.reserve(account, 20, "live") for _ in range(8)] == [0] * 8
    moments = await Reservations().reserve_all(limiter, account, 5)
    apart = [later - earlier for earlier, later in pairwise(moments)]
    assert min(apart[1:]) > WINDOW / 40, "taking all at once would have ended it long ago"
    assert moments[-1] > WINDOW / 2
    assert await limiter.reserve(account, 5, "live") == 0


async def test_an_import_leaves_live_work_its_share_also_where_that_has_taken_more(cache: Cache) -> None:
    limiter, account = quota_limiter(cache, mailbox=300), new_account()
    assert [await limiter.reserve(account, 40, "live") for _ in range(7)] == [0] * 7
    assert await limiter.reserve(account, 5, "backfill") > WINDOW - 2 * LATENCY
    assert await limiter.reserve(account, 20, "live") == 0


async def test_mailboxes_share_the_project_evenly(cache: Cache) -> None:
    """Each has one call in line, as a mailbox has: whose moment comes first reserves the next."""
    shared = quota_limiter(cache, mailbox=0, project=300)
    reserved = Reservations()
    boxes = {name: new_account() for name in ("ada", "ben", "cleo")}
    line = [(await reserved.reserve(shared, account, 3, who=name), name) for name, account in boxes.items()]
    with suppress(Throttled):
        while line:
            _, name = heappop(line)
            heappush(line, (await reserved.reserve(shared, boxes[name], 3, who=name), name))
    shares = [reserved.within(WINDOW, name) for name in boxes]
    assert reserved.most_in_a_window() <= 300
    assert sum(shares) >= 0.8 * 300
    assert max(shares) / min(shares) <= 1.2


async def test_after_a_429_no_replica_calls_for_that_mailbox_until_it_is_over(cache: Cache) -> None:
    first = mailbox(quota_limiter(cache, mailbox=300))
    second = mailbox(quota_limiter(cache, mailbox=300), first.account_id)
    limiter = quota_limiter(cache, mailbox=300)
    await first.slow_down(timedelta(seconds=18))
    await first.slow_down(timedelta(seconds=5))  # never shortens
    for priority in ("live", "backfill"):
        assert 10 < await limiter.reserve(second.account_id, 1, priority) <= 18
    assert await limiter.reserve(new_account(), 1, "live") == 0
    await first.slow_down(timedelta(hours=1))
    with pytest.raises(Throttled) as refused:
        await second.admit(1, "live")
    assert refused.value.retry_after is not None
    assert refused.value.retry_after > timedelta(minutes=59)


async def test_once_the_day_is_used_up_no_mailbox_calls_in_vain(cache: Cache) -> None:
    shared = quota_limiter(cache, project=300)
    await mailbox(shared).close_for_today(timedelta(hours=3))
    for priority in ("live", "backfill"):
        with pytest.raises(DailyLimit) as over:
            await mailbox(shared).admit(5, priority)
        assert over.value.retry_after is not None
        assert timedelta(hours=2) < over.value.ends_at - datetime.now(UTC) <= timedelta(hours=3)


async def test_a_call_waits_for_its_moment_and_that_shows(cache: Cache) -> None:
    window = 0.6
    box = mailbox(quota_limiter(cache, mailbox=100, window=window))
    assert not box.throttle.waiting
    began = monotonic()
    await box.admit(90, "backfill")
    assert not box.throttle.waiting
    waiting = asyncio.create_task(box.admit(20, "live"))
    await until(lambda: box.throttle.waiting)
    await waiting
    assert monotonic() - began > 0.9 * window, "the first call is in the same window until then"
    assert box.throttle.waiting, "for a while after"


async def test_a_call_dearer_than_the_ceiling_goes_alone(cache: Cache) -> None:
    limiter, account = quota_limiter(cache, mailbox=50), new_account()
    assert await limiter.reserve(account, 80, "live") == 0
    with pytest.raises(Throttled) as refused:
        await limiter.reserve(account, 1, "live")
    assert refused.value.retry_after is not None
    assert abs(refused.value.retry_after.total_seconds() - WINDOW) < 2 * LATENCY


async def test_what_is_counted_is_forgotten_by_itself(cache: Cache, redis_url: str) -> None:
    box = mailbox(quota_limiter(cache, mailbox=100, project=100))
    await box.admit(10, "backfill")
    async with redis.asyncio.Redis.from_url(redis_url) as admin:
        keys = await admin.keys("google:quota:*")
    assert len(keys) == 2
    for key in keys:
        assert 0 < await cache.client.pttl(key) < 3 * WINDOW * 1000


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


async def test_the_calendar_s_requests_stay_below_the_project_s_ceiling_and_cost_gmail_nothing(
    cache: Cache, redis_url: str
) -> None:
    """Three accounts in two processes with a connection of their own: what is too much waits, and Google is not asked."""
    async with run_google([maya([message(1)])]) as google, aiohttp.ClientSession() as http:
        token = google.world.authority.issue_access(ADDRESS, "client", ALL)

        async def tokens(scope: str, rejected: str | None) -> str:
            return token

        settings = Settings(google_api_root=google.url, calendar_project_requests_per_minute=3)
        here, there = (Google(settings, http, cache) for _ in range(2))
        before = counted()
        accounts = [process.account(tokens, new_account()) for process in (here, there, here, there)]
        for account in accounts[:3]:
            await account.calendar.calendars()
        with pytest.raises(Throttled, match="Google Calendar asked us to wait"):
            await accounts[3].calendar.calendars()
        assert google.world.counters.http == 3
        await account.gmail.profile()
        assert (account.usage.requests, account.usage.units) == (2, 1), "units are Gmail's alone"
        assert counted() - before == Counter(
            {"units calendar": 3, "waits calendar": 3, "refusals calendar": 1, "units gmail": 1, "waits gmail": 1}
        )
        limiter = QuotaLimiter.of_calendar(settings, cache)
        assert limiter is not None
        assert (await limiter.get_use()).units == 3


def test_a_ceiling_without_a_place_to_count_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="Redis"):
        QuotaLimiter.of(Settings(), None)
    assert QuotaLimiter.of(Settings(gmail_units_per_minute=0, gmail_project_units_per_minute=0), None) is None


async def test_what_the_project_has_used_of_its_minute_is_known_without_using_anything(cache: Cache) -> None:
    limiter = quota_limiter(cache, mailbox=1_000, project=5_000)
    assert (await limiter.get_use()).units == 0
    for _ in range(2):
        assert await limiter.reserve(new_account(), 300, "live") == 0
    first = new_account()
    assert await limiter.reserve(first, 900, "live") == 0
    with pytest.raises(Throttled):
        await limiter.reserve(first, 900, "live")
    use = await limiter.get_use()
    assert (use.units, use.ceiling, use.closed_seconds) == (1_500, 5_000, 0)
    await limiter.close(timedelta(minutes=5))
    assert 290 < (await limiter.get_use()).closed_seconds <= 300
