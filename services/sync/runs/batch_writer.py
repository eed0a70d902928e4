"""Many runs in one process: what several of them have done is written down in one transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from libs.common.db import Pool, retry_conflicts
from services.sync.domain.ledger import Settled
from services.sync.domain.runs import Progress
from services.sync.store import ledger, runs
from services.sync.store.leases import LeaseLost, RunLease

WRITTEN_TOGETHER = 1_000  # messages in one transaction, about


@dataclass(frozen=True)
class Batch:
    """What became of one group of messages of one run."""

    lease: RunLease
    progress: Progress
    settled: Sequence[Settled]


@dataclass
class BatchWriter:
    """Writes what several runs have done in one transaction: while one is under way, the next one gathers.

    What fails together is tried again one by one, so that no run fails because of another.
    """

    db: Pool
    _waiting: list[tuple[Batch, "asyncio.Future[None]"]] = field(default_factory=list)
    _writing: "asyncio.Task[None] | None" = None

    async def write(self, batch: Batch) -> None:
        """Settle messages and count them, fenced by the lease. LeaseLost: it is not ours any more, and nothing of it was written."""
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((batch, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await written

    async def _write_all(self) -> None:
        while self._waiting:
            together = self._next_together()
            try:
                await self._write(together)
            except Exception as error:
                if len(together) == 1:
                    _fail(together[0][1], error)
                else:
                    await self._write_each(together)

    def _next_together(self) -> list[tuple[Batch, "asyncio.Future[None]"]]:
        together: list[tuple[Batch, asyncio.Future[None]]] = []
        while self._waiting and sum(len(batch.settled) for batch, _ in together) < WRITTEN_TOGETHER:
            together.append(self._waiting.pop(0))
        return together

    async def _write_each(self, together: Sequence[tuple[Batch, "asyncio.Future[None]"]]) -> None:
        for batch, written in together:
            try:
                await self._write([(batch, written)])
            except Exception as error:
                _fail(written, error)

    @retry_conflicts
    async def _write(self, together: Sequence[tuple[Batch, "asyncio.Future[None]"]]) -> None:
        async with self.db.acquire() as connection, connection.transaction():
            held = await runs.add_progress_of_all(connection, [(batch.lease, batch.progress) for batch, _ in together])
            await ledger.settle(
                connection,
                [(batch.lease.account_id, message) for batch, _ in together if batch.lease.run_id in held
                 for message in batch.settled],
            )  # fmt: skip
        for batch, written in together:
            if batch.lease.run_id not in held:
                _fail(written, LeaseLost())
            elif not written.done():
                written.set_result(None)


def _fail(written: "asyncio.Future[None]", error: Exception) -> None:
    if not written.done():
        written.set_exception(error)
