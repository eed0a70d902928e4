"""The leases that this process holds, renewed together: one statement every few seconds, however many they are."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from libs.common.bus import OUTAGES
from libs.common.db import Pool
from libs.common.ids import RunId
from libs.common.log import get_logger
from services.sync.store import leases
from services.sync.store.leases import LEASE, RunLease

RENEW_EVERY_SECONDS = 3.0


@dataclass
class _HeldLease:
    lease: RunLease
    lose: Callable[[], object]
    renewed_at: float


@dataclass
class HeldLeases:
    """Each is renewed until it is lost: taken over, cancelled, or not renewable for as long as a lease lasts."""

    db: Pool
    _held: dict[RunId, _HeldLease] = field(default_factory=dict)

    @contextmanager
    def holding(self, lease: RunLease, lose: Callable[[], object]) -> Iterator[None]:
        """Keep a lease that was just acquired. `lose` is called once, where it is lost."""
        self._held[lease.run_id] = _HeldLease(lease, lose, asyncio.get_running_loop().time())
        try:
            yield
        finally:
            self._held.pop(lease.run_id, None)

    async def keep_renewing(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(RENEW_EVERY_SECONDS)
            if self._held:
                await self._renew()

    async def _renew(self) -> None:
        now = asyncio.get_running_loop().time()
        renewing = list(self._held.values())
        try:
            async with asyncio.timeout(RENEW_EVERY_SECONDS), self.db.acquire() as connection:
                renewed = await leases.renew(connection, [held.lease for held in renewing])
        except OUTAGES as error:
            get_logger().warning("lease_not_renewed", error=type(error).__name__)
            lost = [held for held in renewing if now - held.renewed_at > LEASE.total_seconds()]
        else:
            for held in renewing:
                held.renewed_at = now if held.lease.run_id in renewed else held.renewed_at
            lost = [held for held in renewing if held.lease.run_id not in renewed]
        for held in lost:
            if self._held.pop(held.lease.run_id, None):
                held.lose()
