"""The queue of runs: rows in PostgreSQL, and a wake-up for the worker of this process, so that it need not wait for its next look."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from libs.common.db import Connection, Pool
from libs.common.fault_points import reached
from services.sync.domain.runs import RunRequest
from services.sync.store import runs


@dataclass(frozen=True)
class RunQueue:
    """Where runs are requested. A replica that is not woken finds them within a second."""

    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    # The transactions that are open, and whether anything was enqueued in each.
    _transactions: dict[Connection, bool] = field(default_factory=dict)
    _soon: list[asyncio.TimerHandle] = field(default_factory=list)

    @asynccontextmanager
    async def transaction(self, pool: Pool) -> AsyncIterator[Connection]:
        """A transaction that wakes the worker once it is committed, where something was enqueued in it."""
        async with pool.acquire() as connection:
            self._transactions[connection] = False
            try:
                async with connection.transaction():
                    yield connection
                if self._transactions[connection]:
                    self.wake()
            finally:
                del self._transactions[connection]

    async def enqueue(self, connection: Connection, requests: Sequence[RunRequest]) -> None:
        """Request runs. The worker is woken by the commit of `transaction`, or at once where the connection is in none."""
        if not requests:
            return
        await reached("sync.requesting")
        await runs.insert_requests(connection, requests)
        if connection in self._transactions:
            self._transactions[connection] = True
        else:
            assert not connection.is_in_transaction(), (
                "the worker would look before the commit: use RunQueue.transaction"
            )
            self.wake()

    def wake(self) -> None:
        """There may be something to do now."""
        self._woken.set()

    def wake_within(self, seconds: float) -> None:
        """As `wake`, once for all who ask for it meanwhile."""
        if not self._soon:
            self._soon.append(asyncio.get_running_loop().call_later(seconds, self._wake_for_all))

    def _wake_for_all(self) -> None:
        self._soon.clear()
        self.wake()

    def forget_wakes(self) -> None:
        """What was enqueued until now is about to be looked for."""
        self._woken.clear()

    async def wait(self, seconds: float) -> None:
        """Until the worker is woken, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
