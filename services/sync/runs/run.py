"""One run under way: its lease, its account, its line to Google, and the fenced transactions that it writes in."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.db import Connection, Pool
from libs.common.errors import Outage
from libs.common.events import SyncProgressed
from libs.common.google.api import GoogleAccount
from libs.common.google.calendar import Calendar
from libs.common.google.errors import PageExpired
from libs.common.google.gmail import Gmail
from libs.common.google.people import People
from libs.common.google.quota import Priority
from libs.common.log import get_logger
from services.sync.context import GoogleAccounts
from services.sync.domain.estimate import UNKNOWN, WorkEstimate, eta_seconds, shown_total, waiting
from services.sync.domain.fetching import Prices, fetch_size, group_size
from services.sync.domain.ledger import Settled
from services.sync.domain.runs import Progress, Tally, priority_of
from services.sync.runs.batch_writer import Batch, BatchWriter
from services.sync.runs.fair_semaphore import FairSemaphore
from services.sync.store import accounts, leases, runs
from services.sync.store.accounts import Account
from services.sync.store.leases import RunLease

PROGRESS_EVERY_SECONDS = 0.5
MAX_RESTARTS = 3


@dataclass
class Share:
    """How many runs of this process read mail just now: what there is is shared evenly between them, also by those that are to
    fetch only in a moment."""

    runs: int = 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        self.runs += 1
        try:
            yield
        finally:
            self.runs -= 1


@dataclass(frozen=True)
class Engine:
    """What all runs of a process have in common.

    `db`: connections of their own. However many runs there are, requests, acquiring and renewing do not wait behind them.
    """

    settings: Settings
    db: Pool
    bus: Bus
    google: GoogleAccounts
    share: Share = field(default_factory=Share)
    semaphore: FairSemaphore = field(default_factory=FairSemaphore)

    @cached_property
    def writer(self) -> BatchWriter:
        return BatchWriter(self.db)

    @cached_property
    def prices(self) -> Prices:
        units = self.settings.gmail_units
        return Prices(units["messages.get"], units["threads.get"])


@dataclass
class Step:
    """A transaction of a run. What is counted in it is committed with it, or not at all."""

    connection: Connection
    tally: Tally | None = None

    def count(self, tally: Tally) -> None:
        self.tally = tally


@dataclass
class Run:
    """What the work of a run is handed."""

    engine: Engine
    lease: RunLease
    account: Account
    google: GoogleAccount
    estimate: WorkEstimate = UNKNOWN
    _published_at: float = -1.0
    _published: tuple[int, int] = (0, 0)  # done, total
    _restarts: int = 0

    def __post_init__(self) -> None:
        self._began = asyncio.get_running_loop().time()
        self.done = self.lease.done
        self._shown = (
            self.done,
            max(self.lease.total, self.done),
        )  # done and total, as they were last written or published

    @property
    def db(self) -> Pool:
        return self.engine.db

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    # --- reading ----------------------------------------------------------------------------------------------------------

    def gmail(self, priority: Priority = "live") -> Gmail:
        """The mailbox. `backfill` lets all that is `live` go first, in this run and in others."""
        return self.google.at(priority if self._priority == "live" else self._priority).gmail

    @property
    def calendar(self) -> Calendar:
        return self.google.at(self._priority).calendar

    @property
    def _priority(self) -> Priority:
        return priority_of(self.lease.kind, self.lease.reason)

    @property
    def people(self) -> People:
        return self.google.people

    @property
    def group_size(self) -> int:
        """How many messages it should record at a time."""
        return group_size(self.engine.share.runs, held_back=self.google.throttle.waiting)

    @property
    def fetch_size(self) -> int:
        """How many messages it should fetch at a time."""
        return fetch_size(self.engine.share.runs, held_back=self.google.throttle.waiting)

    def begin_again(self, expired: PageExpired) -> None:
        """A listing begins again. Outage: it did so too often in this run, without a pause it might for ever."""
        self._restarts += 1
        if self._restarts > MAX_RESTARTS:
            raise Outage("Google keeps forgetting the page that a listing has come to.") from expired

    # --- writing ----------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        """A transaction that only the holder of the run's lease can commit. LeaseLost: we are not any more."""
        async with self.db.acquire() as connection, connection.transaction():
            await leases.hold(connection, self.lease)
            yield connection

    @asynccontextmanager
    async def writing_account(self) -> AsyncIterator[Connection]:
        """As `writing`, for what is written into the account's row: that is locked before the run's, as everywhere."""
        async with self.db.acquire() as connection, connection.transaction():
            await accounts.lock_account(connection, self.lease.account_id)
            await leases.hold(connection, self.lease)
            yield connection

    @asynccontextmanager
    async def step(self, *, publish_progress: bool = False) -> AsyncIterator[Step]:
        """As `writing`; what is counted is added to the run's numbers in the same transaction. Then progress may be published."""
        progress: Progress | None = None
        async with self.writing() as connection:
            step = Step(connection)
            yield step
            if step.tally is not None:
                progress = self._progress(step.tally, left=max(self._shown[1] - self.done - step.tally.done, 0))
                await runs.add_progress(connection, self.lease, progress)
        if progress is not None:
            self._count(progress)
        if publish_progress:
            await self.publish_progress()

    async def settle(self, settled: list[Settled], tally: Tally, left: int) -> None:
        """Write down what became of messages and count them, together with what other runs have done. `left` are still to do."""
        progress = self._progress(tally, left)
        await self.engine.writer.write(Batch(self.lease, progress, settled))
        self._count(progress)

    async def set_estimate(self, connection: Connection, estimate: WorkEstimate) -> int:
        """What is still to do, as far as it is known by now. The total, with what is done: in a transaction that holds the run's lease
        both are of the same moment, whatever is settled meanwhile.
        """
        self.estimate = estimate
        done = await runs.get_done(connection, self.lease)
        left = shown_total(done, done + estimate.messages, *self._shown) - done
        progress = Progress(Tally(), left, self.eta_seconds(estimate.messages), self.note(estimate.messages))
        await runs.set_estimate(connection, self.lease, progress, self.google.usage.units + estimate.units)
        return done + estimate.messages

    # --- how far it is ----------------------------------------------------------------------------------------------------

    def _progress(self, tally: Tally, left: int) -> Progress:
        """What is to be added to the run's numbers for this, and what is left then, as far as it is shown."""
        done = self.done + tally.done
        shown = shown_total(done, done + left, *self._shown) - done
        return Progress(tally, shown, self.eta_seconds(shown), self.note(shown))

    def _count(self, progress: Progress) -> None:
        """This is written down."""
        self.done += progress.tally.done
        self._shown = self.done, self.done + progress.left

    def eta_seconds(self, left: int) -> float | None:
        """How long the rest takes; None as long as nothing is known."""
        elapsed = asyncio.get_running_loop().time() - self._began
        units = left * self.estimate.units // self.estimate.messages if self.estimate.messages else 0
        return eta_seconds(left, self.done - self.lease.done, elapsed, units, self.google.throttle.units_per_second)

    def note(self, left: int) -> str:
        """Why it does not go faster."""
        return waiting(self.eta_seconds(left)) if left and self.google.throttle.waiting else ""

    async def publish_progress(self, left: int = 0) -> None:
        """Publish how far the run is, at most twice a second. No decision depends on it, so its loss is no failure."""
        progress, now = self._progress(Tally(), left), asyncio.get_running_loop().time()
        if now - self._published_at < PROGRESS_EVERY_SECONDS and progress.left > 0:
            return
        self._published_at, self._published = now, (self.done, self.done + progress.left)
        self._count(progress)
        lease = self.lease
        try:
            await self.engine.bus.publish(
                SyncProgressed(
                    user_id=lease.user_id, account_id=lease.account_id, run_id=lease.run_id, kind=lease.kind, done=self.done,
                    total=self.done + progress.left, eta_seconds=progress.eta_seconds, note=progress.note,
                )
            )  # fmt: skip
        except Outage as outage:
            get_logger().debug("progress_unsaid", error=str(outage))

    async def publish_end(self) -> None:
        """All is done: where anything was published of the run, so is that. Some of what was to do may have gone meanwhile."""
        if self._published_at >= 0 and self._published != (self.done, self.done):
            await self.publish_progress()
