"""What a run works with: its claim, its account, its line to Google, and the fenced transactions it writes in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from libs.common.bus import Bus
from libs.common.cache import Cache
from libs.common.config import Settings
from libs.common.db import Connection, Pool
from libs.common.errors import Outage
from libs.common.events import SyncProgressed
from libs.common.google.api import Google, GoogleAccount
from libs.common.google.errors import PageExpired
from libs.common.log import get_logger
from services.sync.store import runs
from services.sync.store.accounts import Account
from services.sync.store.runs import Claim, Tally

PROGRESS_EVERY_SECONDS = 0.5
MAX_RESTARTS = 3


@dataclass(frozen=True)
class Sync:
    """What the service's handlers and runs share. `wake`: a run was queued here."""

    settings: Settings
    db: Pool
    cache: Cache
    bus: Bus
    google: Google
    wake: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Job:
    """One run under way."""

    sync: Sync
    claim: Claim
    account: Account
    google: GoogleAccount
    done: int = 0
    _done_here: int = 0
    _shown_at: float = -1.0
    _restarts: int = 0

    def __post_init__(self) -> None:
        self._began = asyncio.get_running_loop().time()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        """A transaction that only the holder of the run can commit. LeaseLost: we are not any more."""
        async with self.sync.db.acquire() as connection, connection.transaction():
            await runs.hold(connection, self.claim)
            yield connection

    async def count(self, connection: Connection, tally: Tally, left: int = 0) -> None:
        """Add to the run's numbers, in the transaction of what was done; `left` items are known to be still to do."""
        self.done += tally.done
        self._done_here += tally.done
        await runs.count(connection, self.claim, tally, left, self.eta_seconds(left))

    def eta_seconds(self, left: int) -> float | None:
        """How long the rest takes at the pace so far; None before anything was done."""
        elapsed = asyncio.get_running_loop().time() - self._began
        return round(left * elapsed / self._done_here, 1) if self._done_here and left else None

    async def show(self, done: int, total: int, note: str = "") -> None:
        """Tell whoever looks how far we are, at most twice a second. Nobody waits for it, so its loss is no failure."""
        now = asyncio.get_running_loop().time()
        if now - self._shown_at < PROGRESS_EVERY_SECONDS and done < total:
            return
        self._shown_at = now
        try:
            await self.sync.bus.say(
                SyncProgressed(
                    user_id=self.claim.user_id,
                    account_id=self.claim.account_id,
                    run_id=self.claim.run_id,
                    kind=self.claim.kind,
                    done=done,
                    total=total,
                    eta_seconds=self.eta_seconds(total - done),
                    note=note,
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
