"""What a run works with: its lease, its account, its line to Google, and the fenced transactions it writes in."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from libs.common.bus import Bus
from libs.common.cache import Cache
from libs.common.config import Settings
from libs.common.db import Connection, Pool
from libs.common.errors import Outage
from libs.common.events import SyncProgressed
from libs.common.google.api import Google, GoogleAccount
from libs.common.google.errors import PageExpired
from libs.common.google.tokens import KeptTokens
from libs.common.log import get_logger
from services.sync.domain.estimate import UNKNOWN, WorkEstimate, eta_seconds, waiting
from services.sync.domain.plan import Prices, group_size
from services.sync.runs.fair_semaphore import Turns, Writer
from services.sync.store import leases, runs
from services.sync.store.accounts import Account
from services.sync.store.leases import RunLease
from services.sync.store.runs import Count, Tally

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
class Sync:
    """What the service's handlers and runs share. `wake`: a run was queued here; `owed`: a fact is in the outbox.

    Runs have connections of their own, `run_db`: however many there are, who asks, claims or renews does not wait behind them.
    """

    settings: Settings
    db: Pool
    run_db: Pool
    cache: Cache
    bus: Bus
    google: Google
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    outbox_pending: asyncio.Event = field(default_factory=asyncio.Event)
    share: Share = field(default_factory=Share)
    turns: Turns = field(default_factory=Turns)

    @cached_property
    def writer(self) -> Writer:
        return Writer(self.run_db)

    @cached_property
    def tokens(self) -> KeptTokens:
        return KeptTokens(self.bus)

    @cached_property
    def prices(self) -> Prices:
        units = self.settings.gmail_units
        return Prices(units["messages.get"], units["threads.get"])


@dataclass
class Run:
    """One run under way."""

    sync: Sync
    lease: RunLease
    account: Account
    google: GoogleAccount
    done: int = 0
    estimate: WorkEstimate = UNKNOWN
    _done_here: int = 0
    _shown_at: float = -1.0
    _restarts: int = 0

    def __post_init__(self) -> None:
        self._began = asyncio.get_running_loop().time()

    @property
    def db(self) -> Pool:
        return self.sync.run_db

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        """A transaction that only the holder of the run can commit. LeaseLost: we are not any more."""
        async with self.db.acquire() as connection, connection.transaction():
            await leases.hold(connection, self.lease)
            yield connection

    async def count(self, connection: Connection, tally: Tally, left: int = 0) -> None:
        """Add to the run's numbers, in the transaction of what was done; `left` items are known to be still to do."""
        await runs.count(connection, self.lease, self.counted(tally, left))

    def counted(self, tally: Tally, left: int) -> Count:
        """What is to be added to the run's numbers for this."""
        self.done += tally.done
        self._done_here += tally.done
        return Count(tally, left, self.eta_seconds(left), self.note(left))

    async def set_estimate(self, connection: Connection, estimate: WorkEstimate) -> None:
        """What is still to do, as far as it can be told by now."""
        self.estimate = estimate
        units = self.google.usage.units + estimate.units
        left = estimate.messages
        await runs.set_estimate(connection, self.lease, left, units, self.eta_seconds(left), self.note(left))

    def eta_seconds(self, left: int) -> float | None:
        """How long the rest takes; None before anything tells."""
        elapsed = asyncio.get_running_loop().time() - self._began
        units = left * self.estimate.units // self.estimate.messages if self.estimate.messages else 0
        return eta_seconds(left, self._done_here, elapsed, units, self.google.throttle.units_per_second)

    def note(self, left: int) -> str:
        """Why it does not go faster."""
        return waiting(self.eta_seconds(left)) if left and self.google.throttle.waiting else ""

    @property
    def group_size(self) -> int:
        return group_size(self.sync.share.runs, held_back=self.google.throttle.waiting)

    async def show(self, done: int, total: int, note: str = "") -> None:
        """Tell whoever looks how far we are, at most twice a second. Nobody waits for it, so its loss is no failure."""
        now = asyncio.get_running_loop().time()
        if now - self._shown_at < PROGRESS_EVERY_SECONDS and done < total:
            return
        self._shown_at = now
        try:
            await self.sync.bus.publish(
                SyncProgressed(
                    user_id=self.lease.user_id,
                    account_id=self.lease.account_id,
                    run_id=self.lease.run_id,
                    kind=self.lease.kind,
                    done=done,
                    total=total,
                    eta_seconds=self.eta_seconds(total - done),
                    note=note or self.note(total - done),
                )
            )
        except Outage as outage:
            get_logger().debug("progress_unsaid", error=str(outage))

    def begin_again(self, expired: PageExpired) -> None:
        """A listing begins again. Outage: it did so too often in this run, without a pause it might for ever."""
        self._restarts += 1
        if self._restarts > MAX_RESTARTS:
            raise Outage("Google keeps forgetting the page that a listing has come to.") from expired

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)
