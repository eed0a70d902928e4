"""The runs that this process holds, kept together: one statement every few seconds, however many they are."""

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
class _Held:
    lease: RunLease
    lose: Callable[[], object]
    renewed_at: float


@dataclass
class Leases:
    """Each run that is held is renewed until it is lost: taken, called off, or not renewable for as long as a lease lasts."""

    db: Pool
    _held: dict[RunId, _Held] = field(default_factory=dict)

    @contextmanager
    def held(self, lease: RunLease, lose: Callable[[], object]) -> Iterator[None]:
        """Keep the lease of a run that was just claimed. `lose` is called once, where it is lost."""
        self._held[lease.run_id] = _Held(lease, lose, asyncio.get_running_loop().time())
        try:
            yield
        finally:
            self._held.pop(lease.run_id, None)

    async def keep(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(RENEW_EVERY_SECONDS)
            if self._held:
                await self._renew()

    async def _renew(self) -> None:
        now = asyncio.get_running_loop().time()
        asked = list(self._held.values())
        try:
            async with asyncio.timeout(RENEW_EVERY_SECONDS), self.db.acquire() as connection:
                renewed = await leases.renew(connection, [one.lease for one in asked])
        except OUTAGES as error:
            get_logger().warning("lease_not_renewed", error=type(error).__name__)
            lost = [one for one in asked if now - one.renewed_at > LEASE.total_seconds()]
        else:
            for one in asked:
                one.renewed_at = now if one.lease.run_id in renewed else one.renewed_at
            lost = [one for one in asked if one.lease.run_id not in renewed]
        for one in lost:
            if self._held.pop(one.lease.run_id, None):
                one.lose()
