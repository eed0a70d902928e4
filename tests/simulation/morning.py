"""From before six until half past: schedules, replicas, calls, ends."""

import asyncio
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from time import perf_counter
from typing import Any, cast

import asyncpg

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.errors import Throttled
from libs.common.events import CalendarDue, ContactsDue, Kind, MailDue, PrepDue
from libs.common.google.quota import QuotaLimiter
from libs.common.ids import AccountId, RunId
from services.sync.calendar.prep_scan import PATIENCE
from services.sync.context import Context, GoogleAccounts
from services.sync.domain.runs import Pause, RunRequest, priority_of, retry_decision
from services.sync.handlers import schedules
from services.sync.runs.leases import RENEW_EVERY_SECONDS
from services.sync.runs.outcome import conclude
from services.sync.runs.queue import RunQueue
from services.sync.runs.run import Engine, Run
from services.sync.store import accounts as account_store
from services.sync.store import leases, prep_scans, runs
from tests.simulation.accounts import tidy
from tests.simulation.clock import Clock
from tests.simulation.google import ProjectQuota
from tests.simulation.work import Calls, Replica, Work
from tests.support.sync_parts import KeepingBus, NoGoogle

SIX = datetime(2026, 6, 1, 6, tzinfo=UTC)
BEGIN, END = SIX - timedelta(minutes=7), SIX + timedelta(minutes=32)
FIRST_SCAN = SIX - timedelta(
    minutes=6, seconds=40
)  # `@every 10m` begins when the schedule was made, at no particular minute
TICK = timedelta(seconds=0.5)
GOOGLE = timedelta(seconds=0.2)  # what a call to Google takes
SYNC_NOW_EVERY = timedelta(seconds=5)  # somebody presses it
LAST_ASKED = timedelta(minutes=5)  # who presses it later, while work waits for a quota, may be served after the end
SCAN_CHECK, TIDY_EVERY = timedelta(seconds=5), timedelta(minutes=1)
CALLS_AT_ONCE = 32


@dataclass
class Seen:
    """What is to be reported of the morning. `waits`: of the runs of the six o'clock schedules by kind, from their moment to their end."""

    gmail: ProjectQuota
    calendar: ProjectQuota
    waits: dict[Kind, list[timedelta]] = field(default_factory=lambda: {"mail": [], "contacts": [], "calendar": []})
    served: dict[Kind, set[AccountId]] = field(
        default_factory=lambda: {"mail": set(), "contacts": set(), "calendar": set()}
    )
    ended_at: dict[Kind, datetime] = field(default_factory=dict)
    pressed: list[timedelta] = field(default_factory=list)
    unanswered: int = 0
    put_off: int = 0
    scans: list[timedelta] = field(default_factory=list)
    scans_without_calendar: int = 0
    longest_schedule_seconds: float = 0.0


@dataclass
class Morning:
    """One morning. `connection` of the administrator: for what autovacuum would do."""

    context: Context
    clock: Clock
    gmail: QuotaLimiter
    calendar: QuotaLimiter
    admin: "asyncpg.Connection[asyncpg.Record]"
    replicas: Sequence[Replica]
    calls: Calls
    seen: Seen
    chance: Random
    tick: timedelta = TICK
    _due: dict[RunId, datetime] = field(default_factory=dict)  # when each run was due first
    _paused: dict[RunId, Work] = field(default_factory=dict)
    _returns: list[tuple[datetime, int, Replica, Work]] = field(default_factory=list)
    _asked: dict[tuple[AccountId, Kind], datetime] = field(default_factory=dict)
    _numbers: Any = field(default_factory=count)

    @classmethod
    def of(
        cls, settings: Settings, db: Any, clock: Clock, cache: Any, admin: Any, replicas: int, messages: float
    ) -> "Morning":
        gmail, calendar = QuotaLimiter.of(settings, cache), QuotaLimiter.of_calendar(settings, cache)
        assert gmail is not None, "the settings have ceilings"
        assert calendar is not None, "the settings have ceilings"
        seen = Seen(ProjectQuota(gmail.project_ceiling, BEGIN), ProjectQuota(calendar.project_ceiling, BEGIN))
        context, chance = Context(settings, db, cast(Bus, KeepingBus()), RunQueue()), Random(6)
        return cls(
            context, clock, gmail, calendar, admin, [Replica(f"replica {number}") for number in range(replicas)],
            Calls(settings, messages, chance), seen, chance,
        )  # fmt: skip

    async def pass_by(self, publish: Callable[[str], None]) -> Seen:
        """The whole morning."""
        everybody = [row["account_id"] for row in await self.admin.fetch("SELECT account_id FROM sync.accounts")]
        begun, now = perf_counter(), BEGIN
        while now <= END:
            async with self.context.db.acquire() as connection:
                await self.clock.move_to(now, connection)
            await self._fire_schedules(now)
            if _is_time(now, SYNC_NOW_EVERY) and now >= SIX:
                await self._press_sync_now(self.chance.choice(everybody))
            await self._take_returns(now)
            for replica in self.replicas:
                await self._acquire(replica)
            if _is_time(now, timedelta(seconds=RENEW_EVERY_SECONDS)):
                await self._renew()
            if _is_time(now, SCAN_CHECK):
                await self._scan_overdue()
            if _is_time(now, TIDY_EVERY):
                await tidy(self.admin)
                under_way = sum(len(replica.under_way) for replica in self.replicas)
                publish(f"{now:%H:%M}, {under_way} runs under way ({perf_counter() - begun:.0f} s)")
            now += self.tick
        self.seen.unanswered = sum(asked < END - LAST_ASKED for asked in self._asked.values())
        return self.seen

    # --- what is requested ------------------------------------------------------------------------------------------------

    async def _fire_schedules(self, now: datetime) -> None:
        ticks: list[tuple[Any, Any]] = []
        if now == SIX:
            ticks += [(schedules.sync_all_mail, MailDue()), (schedules.sync_all_contacts, ContactsDue()),
                      (schedules.sync_all_calendars, CalendarDue())]  # fmt: skip
        if now >= FIRST_SCAN and (now - FIRST_SCAN) % timedelta(minutes=10) == timedelta(0):
            ticks.append((schedules.scan_all_calendars, PrepDue()))
        for handle, tick in ticks:
            begun = perf_counter()
            await handle(self.context, tick)
            self.seen.longest_schedule_seconds = max(self.seen.longest_schedule_seconds, perf_counter() - begun)

    async def _press_sync_now(self, account_id: AccountId) -> None:
        async with self.context.db.acquire() as connection:
            for kind in ("mail", "calendar"):
                self._asked.setdefault((account_id, kind), self.clock.now)
                await self.context.queue.enqueue(connection, [RunRequest(account_id, kind, "user")])

    # --- who carries it out -----------------------------------------------------------------------------------------------

    async def _acquire(self, replica: Replica) -> None:
        """As the worker does: again and again, until there is nothing due or no room."""
        acquired = None
        while acquired is None or acquired:
            async with self.context.db.acquire() as connection:
                acquired = await leases.acquire(connection, replica.name, replica.capacity(), list(replica.under_way))
                due = await connection.fetch(
                    "SELECT run_id, due_at FROM runs WHERE run_id = ANY ($1::uuid[])", [lease.run_id for lease in acquired]
                )  # fmt: skip
            for row in due:
                self._due.setdefault(row["run_id"], row["due_at"])
            begun = [
                self.calls.resumed(paused, lease)
                if (paused := self._paused.pop(lease.run_id, None))
                else self.calls.work(lease, self._due[lease.run_id])
                for lease in acquired
            ]
            replica.under_way.update({work.lease.run_id: work for work in begun})
            await self._call_all([(replica, work) for work in begun])

    async def _renew(self) -> None:
        for replica in self.replicas:
            held = [work.lease for work in replica.under_way.values()]
            async with self.context.db.acquire() as connection:
                ours, _ = await leases.renew(connection, held)
            assert len(ours) == len(held), "nobody takes over what is renewed"

    # --- what it does -----------------------------------------------------------------------------------------------------

    async def _call_all(self, begun: Sequence[tuple[Replica, Work]]) -> None:
        for number in range(0, len(begun), CALLS_AT_ONCE):
            await asyncio.gather(*(self._call(*each) for each in begun[number : number + CALLS_AT_ONCE]))

    async def _call(self, replica: Replica, work: Work) -> None:
        """The next call of a run, at the moment that the quota gives it, or else the pause that the run makes."""
        units, now = work.calls[0], self.clock.now
        wait = timedelta(0)
        if work.api:
            limiter, google = (
                (self.gmail, self.seen.gmail) if work.api == "gmail" else (self.calendar, self.seen.calendar)
            )
            try:
                priority = priority_of(work.lease.kind, work.lease.reason)
                wait = timedelta(seconds=await limiter.reserve(work.lease.account_id, units, priority))
            except Throttled as refused:
                await self._pause(replica, work, refused)
                return
            google.send(now + wait, units)
            google.wait(work.waits_since, now + wait)
        work.calls.pop(0)
        heapq.heappush(self._returns, (now + wait + GOOGLE, next(self._numbers), replica, work))

    async def _pause(self, replica: Replica, work: Work, refused: Throttled) -> None:
        """As runs/outcome.py."""
        async with self.context.db.acquire() as connection:
            stuck_since, pauses = await runs.get_stall(connection, work.lease)
            since = stuck_since or self.clock.now
            decision = retry_decision(refused, self.clock.now, since, pauses, self.chance)
            assert isinstance(decision, Pause), "nothing is stuck for hours"
            await runs.pause(connection, work.lease, decision, since if decision.stuck else None)
        del replica.under_way[work.lease.run_id]
        self._paused[work.lease.run_id] = work
        self.seen.put_off += 1

    async def _take_returns(self, now: datetime) -> None:
        """Calls that Google has replied to by now: the next ones, and the ends of runs that have none left."""
        further, ended = [], []
        while self._returns and self._returns[0][0] <= now:
            _, _, replica, work = heapq.heappop(self._returns)
            if work.calls:
                work.waits_since = now
                further.append((replica, work))
            else:
                del replica.under_way[work.lease.run_id]
                ended.append(work)
        await self._call_all(further)
        if ended:
            await self._end(ended)

    # --- how it ends ------------------------------------------------------------------------------------------------------

    async def _end(self, ended: Sequence[Work]) -> None:
        """As runs.end, runs.delete_if_unreported and scan_if_due write it, many at a time; by `conclude` itself where more follows."""
        calendars = [work.lease.run_id for work in ended if work.lease.kind == "calendar"]
        unreported = [work.lease.run_id for work in ended if work.lease.reason == "poll" and not work.found]
        reported = [work.lease.run_id for work in ended if work.lease.reason != "poll" or work.found]
        async with self.context.db.acquire() as connection:
            scanned = await connection.fetch(_SCAN, calendars)
            over = [*await connection.fetch(_DELETE, unreported), *await connection.fetch(_COMPLETE, reported)]
        self.seen.scans += [row["late"] for row in scanned]
        left = {work.lease.run_id: work for work in ended}
        for row in over:
            del left[row["run_id"]]
        for work in left.values():
            await self._conclude(work)
        for work in ended:
            self._note_end(work)

    async def _conclude(self, work: Work) -> None:
        async with self.context.db.acquire() as connection:
            account = await account_store.get_account(connection, work.lease.account_id)
        assert account is not None, "nobody disconnects"
        engine = Engine(self.context.settings, self.context.db, self.context.bus, cast(GoogleAccounts, None))
        await conclude(Run(engine, work.lease, account, cast(Any, NoGoogle())), self.context.queue, None)

    def _note_end(self, work: Work) -> None:
        lease, now = work.lease, self.clock.now
        self._due.pop(lease.run_id, None)
        if asked := self._asked.pop((lease.account_id, lease.kind), None):
            self.seen.pressed.append(now - asked)
        if lease.reason == "schedule" or (now > SIX and lease.reason == "user"):
            self.seen.served[lease.kind].add(lease.account_id)
        if lease.reason == "schedule":
            self.seen.waits[lease.kind].append(now - work.wanted)
            self.seen.ended_at[lease.kind] = now

    async def _scan_overdue(self) -> None:
        """As calendar/prep_scan.py: with what is known, where a calendar was not read in a minute."""
        async with self.context.db.acquire() as connection:
            overdue = await prep_scans.list_overdue(connection, PATIENCE)
            await connection.execute(
                "UPDATE runs SET scan_due = NULL WHERE run_id = ANY ($1::uuid[])", [run_id for run_id, _ in overdue]
            )
        self.seen.scans_without_calendar += len(overdue)


_SCAN = """
    WITH due AS (SELECT run_id, now() - scan_due AS late FROM runs WHERE run_id = ANY ($1::uuid[]) AND scan_due <= now())
    UPDATE runs SET scan_due = NULL FROM due WHERE runs.run_id = due.run_id RETURNING due.late
"""
_DELETE = "DELETE FROM runs WHERE run_id = ANY ($1::uuid[]) AND again IS NULL AND scan_due IS NULL RETURNING run_id"
_COMPLETE = """
    UPDATE runs SET state = 'completed', finished_at = now(), lease_until = NULL
    WHERE run_id = ANY ($1::uuid[]) AND again IS NULL AND scan_due IS NULL RETURNING run_id
"""


def _is_time(now: datetime, every: timedelta) -> bool:
    return (now - BEGIN) % every == timedelta(0)
