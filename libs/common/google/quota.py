"""Gmail's quota, kept by all replicas together: each call learns when it may go, so that Google never has to refuse one. The
calendar's, of requests, is kept likewise, in a bucket of its own.

The decision is one script in Redis (quota.lua), for the mailbox and the project at once. A call reserves its moment and sleeps
until then: nobody polls, and who came first goes first. Live work (what is new) goes ahead of imports, and of what the schedules
request for all accounts: it may use all of the ceiling, those leave a share of it and spread what they take evenly, and have at most
one call of a mailbox waiting.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from libs.common.cache import OUTAGES, Cache
from libs.common.config import Settings
from libs.common.counters import QUOTA_REFUSALS, QUOTA_UNITS, QUOTA_WAIT_SECONDS
from libs.common.errors import Outage, QuotaFull, Throttled
from libs.common.google.errors import DailyLimit
from libs.common.ids import AccountId

Priority = Literal["live", "backfill"]

# A minute's quota is free again after a minute, which an import or a schedule may wait for; live work has somebody who waits for
# it. What is further away is an error that names the wait, and is tried again by then.
LONGEST_WAIT_SECONDS: Mapping[Priority, float] = {"live": 20.0, "backfill": 65.0}
NOTICED_FOR_SECONDS = 2.0
RESPONSES_AVERAGED = 8
CAUTIOUS_SECONDS = 60.0
_RESERVE = Path(__file__).with_name("quota.lua").read_text()
_HOLD = Path(__file__).with_name("hold.lua").read_text()
_USE = Path(__file__).with_name("use.lua").read_text()

Api = Literal["gmail", "calendar"]
_NAMES: Mapping[Api, str] = {"gmail": "Gmail", "calendar": "Google Calendar"}


@dataclass(frozen=True)
class QuotaUse:
    """What the project has used: units of the last window, of how many; and for how long the day's quota stays used up."""

    units: int
    ceiling: int
    closed_seconds: float


@dataclass
class Throttle:
    """How the quota slows a mailbox's calls down. `units_per_second`: its ceiling, 0 = none."""

    units_per_second: float
    _asleep: int = 0
    _last_slept: float = float("-inf")

    @property
    def waiting(self) -> bool:
        """Some call is held back now, or was within the last two seconds."""
        return self._asleep > 0 or monotonic() - self._last_slept < NOTICED_FOR_SECONDS

    @contextmanager
    def asleep(self) -> Iterator[None]:
        self._asleep += 1
        try:
            yield
        finally:
            self._asleep -= 1
            self._last_slept = monotonic()


@dataclass(frozen=True)
class QuotaLimiter:
    """The ceilings of an API's quota in units per window, which is a minute (0 = none), and the Redis where all replicas keep count.

    A unit is Gmail's; of the calendar it is a request.
    """

    cache: Cache
    mailbox_ceiling: int
    project_ceiling: int
    live_share: float
    window_seconds: float = 60.0
    api: Api = "gmail"

    @classmethod
    def of(cls, settings: Settings, cache: Cache | None) -> "QuotaLimiter | None":
        """Gmail's. None where neither has a ceiling: then nothing is counted. ValueError: a ceiling, and nowhere to count."""
        if not (settings.gmail_units_per_minute or settings.gmail_project_units_per_minute):
            return None
        if cache is None:
            raise ValueError("Gmail's quota is counted in Redis: give a cache, or set both ceilings to 0.")
        return cls(
            cache,
            settings.gmail_units_per_minute,
            settings.gmail_project_units_per_minute,
            settings.gmail_live_percent / 100,
        )

    @classmethod
    def of_calendar(cls, settings: Settings, cache: Cache | None) -> "QuotaLimiter | None":
        """The calendar's, of the project. None where there is no ceiling, or nowhere to count.

        A user's own 600 requests a minute are out of reach: the runs of an account's calendars send one after another.
        """
        ceiling = settings.calendar_project_requests_per_minute
        return cls(cache, 0, ceiling, settings.gmail_live_percent / 100, api="calendar") if ceiling and cache else None

    async def reserve(self, account_id: AccountId, units: int, priority: Priority) -> float:
        """Seconds until a call may go; it must go then. Nothing is reserved by what is raised.

        DailyLimit: the day's quota is used up. QuotaFull: the call can't go for longer than a run should wait.
        """
        decision, wait_ms = await self._run(
            _RESERVE,
            [self._mailbox(account_id), self._project],
            units, priority, self.window_seconds * 1000, LONGEST_WAIT_SECONDS[priority] * 1000, self.live_share,
            self.mailbox_ceiling, self.project_ceiling,
        )  # fmt: skip
        match decision:
            case b"go":
                return int(wait_ms) / 1000
            case b"closed":
                raise DailyLimit(datetime.now(UTC), timedelta(milliseconds=wait_ms))
            case _:
                raise QuotaFull(f"{_NAMES[self.api]} asked us to wait.", timedelta(milliseconds=wait_ms))

    async def hold(self, account_id: AccountId, wait: timedelta) -> None:
        """Google wants less of this mailbox: no replica asks before the wait is over."""
        await self._run(_HOLD, [self._mailbox(account_id)], "hold", wait.total_seconds() * 1000)

    async def close(self, wait: timedelta) -> None:
        """The project's quota of the day is used up: nobody asks for any mailbox before the wait is over."""
        await self._run(_HOLD, [self._project], "closed", wait.total_seconds() * 1000)

    async def get_use(self) -> QuotaUse:
        """What all mailboxes together have used just now. Outage: Redis is away."""
        units, closed_ms = await self._run(_USE, [self._project], self.window_seconds * 1000)
        return QuotaUse(int(units), self.project_ceiling, int(closed_ms) / 1000)

    async def _run(self, script: str, keys: list[str], *arguments: str | float) -> list[Any]:
        try:
            return await self.cache.in_namespace("google").run(script, keys, *arguments)
        except OUTAGES as error:
            away = f"Redis, which keeps count of {_NAMES[self.api]}'s quota, is away: {type(error).__name__}."
            raise Outage(away) from error

    @property
    def _project(self) -> str:
        return f"quota:{{{self.api}}}:project"  # the braces keep both keys of a script on one node of a cluster

    def _mailbox(self, account_id: AccountId) -> str:
        return f"quota:{{{self.api}}}:mailbox:{account_id}"


@dataclass
class ResponseTimes:
    """How long Google takes to respond, in seconds: `shortest` of all single calls, and batches on an average of the last ones."""

    shortest: float = float("inf")
    batches: float = 0.0
    _cautious_until: float = float("-inf")

    def note(self, parts: int, seconds: float) -> None:
        """A response came after so many seconds."""
        if parts == 1:
            self.shortest = min(self.shortest, seconds)
        else:
            self.batches += (seconds - self.batches) / RESPONSES_AVERAGED if self.batches else seconds

    def refused(self) -> None:
        """Google had too much of this mailbox at once, or too fast."""
        self._cautious_until = monotonic() + CAUTIOUS_SECONDS

    @property
    def working_share(self) -> float:
        """For how much of a batch's time Google works on it: the rest is the way there and back, which the shortest response takes, too.

        1 as long as too little is known, and for a while after Google has refused something.
        """
        if monotonic() < self._cautious_until or not self.batches or self.shortest == float("inf"):
            return 1.0
        return max(0.0, 1 - self.shortest / self.batches)


@dataclass
class Mailbox:
    """What all calls to one mailbox share in a process: the governor, its pace, and how many may be under way at once. Likewise those to
    the calendars of one account.

    Google carries out a few parts of a batch at a time: `parts_per_slot` of them are one of the `concurrency` requests, for as long as it
    works on them. Where most of the time passes on the way, more batches are under way, but never more than `concurrency`.
    `api`: whose quota the calls are counted under, also where it has no ceiling.
    """

    account_id: AccountId
    quota_limiter: QuotaLimiter | None
    throttle: Throttle
    concurrency: int
    parts_per_slot: int = 1
    api: Api = "gmail"
    response_times: ResponseTimes = field(default_factory=ResponseTimes)

    def __post_init__(self) -> None:
        self._turn = asyncio.Lock()
        self._slots = asyncio.Semaphore(self.concurrency)
        self._taking = asyncio.Lock()

    @asynccontextmanager
    async def requesting(self, parts: int) -> AsyncIterator[None]:
        """One request is under way; first it waits until there are not too many. A single call does not wait behind batches that do:
        a page of a listing is what the next batches are made of.
        """
        if parts == 1:
            async with self._slots:
                yield
            return
        taken = 0
        try:
            async with self._taking:  # two batches that each wait for the other's slots would wait for ever
                while taken < self._slots_for(parts):
                    await self._slots.acquire()
                    taken += 1
            yield
        finally:
            for _ in range(taken):
                self._slots.release()

    def _slots_for(self, parts: int) -> int:
        """What a batch takes of the `concurrency` requests, as far as is known just now."""
        wanted = ceil(parts / self.parts_per_slot * self.response_times.working_share)
        return min(max(wanted, 1), self.concurrency)

    async def admit(self, units: int, priority: Priority) -> None:
        """Wait until the quota has room for a call. DailyLimit, QuotaFull: not soon. Outage: Redis is away."""
        if self.quota_limiter is None or not units:
            return
        if priority == "live":
            await self._wait(self.quota_limiter, units, priority)
            return
        # What an import has reserved is in the way of live work: so it has one call in line, not all of its calls.
        async with self._turn:
            await self._wait(self.quota_limiter, units, priority)

    async def _wait(self, quota_limiter: QuotaLimiter, units: int, priority: Priority) -> None:
        try:
            wait = await quota_limiter.reserve(self.account_id, units, priority)
        except Throttled as refused:
            QUOTA_REFUSALS.labels(self.api, "daily" if isinstance(refused, DailyLimit) else "wait").inc()
            raise
        QUOTA_UNITS.labels(self.api, priority).inc(units)
        QUOTA_WAIT_SECONDS.labels(self.api, priority).observe(wait)
        if wait > 0:
            with self.throttle.asleep():
                await asyncio.sleep(wait)

    async def slow_down(self, wait: timedelta) -> None:
        """Google has refused a call for its rate, in spite of it all."""
        QUOTA_REFUSALS.labels(self.api, "google").inc()
        self.response_times.refused()
        if self.quota_limiter is not None:
            await self.quota_limiter.hold(self.account_id, wait)

    async def close_for_today(self, wait: timedelta) -> None:
        if self.quota_limiter is not None:
            await self.quota_limiter.close(wait)
