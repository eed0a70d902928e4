"""Carrying out runs: acquire their leases, do the work, and end, put off or fail what was begun."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from libs.common.bus import OUTAGES
from libs.common.counters import RUNS
from libs.common.errors import Outage, Refused
from libs.common.events import Kind
from libs.common.fault_points import reached
from libs.common.ids import new_id
from libs.common.log import error_text, get_logger, traced
from services.sync.context import Context
from services.sync.domain.capacity import Capacity
from services.sync.domain.runs import QUIET_WHEN_WELL, EndedRun
from services.sync.runs.leases import HeldLeases
from services.sync.runs.outcome import conclude, translated
from services.sync.runs.run import Engine, Run
from services.sync.store import accounts, leases, runs
from services.sync.store.leases import LeaseLost, RunLease

# From so many first imports on, a replica pauses after each further one, so that others get theirs.
EAGER_FIRSTS, PAUSE_PER_FIRST_SECONDS = 8, 0.002
LOOK_EVERY_SECONDS = 1.0
# To look for runs costs about as much as a short run does: where many end, one look finds work for all who have room.
ROOM_SECONDS = 0.03
RELEASE_SECONDS = 3.0

Work: TypeAlias = Callable[[Run], Awaitable[None]]


@dataclass(frozen=True)
class Worker:
    """Carries out the runs that this process can get hold of.

    work: what the runs of each kind do. after_work: what follows it, whatever came of it. after_change: what follows the end of
    a run that found something. outbox_pending: is set where an event was added to the outbox.
    """

    context: Context
    engine: Engine
    work: Mapping[Kind, Work]
    after_work: Mapping[Kind, Work] = field(default_factory=dict)
    after_change: Mapping[Kind, Callable[[Run, EndedRun], Awaitable[None]]] = field(default_factory=dict)
    outbox_pending: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: dict["asyncio.Task[None]", RunLease] = field(default_factory=dict)

    async def keep_running(self) -> None:
        """Acquire and carry out runs until cancelled. What is under way then passes on to another replica at once."""
        holder = f"{socket.gethostname()}:{os.getpid()}:{new_id().hex[-8:]}"
        held, queue = HeldLeases(self.context.settings), self.context.queue
        renewal = asyncio.create_task(held.keep_renewing(), name="leases")
        try:
            while True:
                queue.forget_wakes()
                acquired = await self._acquire(holder, self._capacity())
                for lease in acquired:
                    task = asyncio.create_task(self._carry_out(held, lease), name=f"run {lease.run_id}")
                    self._under_way[task] = lease
                    task.add_done_callback(self._make_room)
                if acquired:
                    await self._leave_some_to_others(acquired)
                else:
                    await queue.wait(LOOK_EVERY_SECONDS)
        finally:
            tasks = [renewal, *self._under_way]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _capacity(self) -> Capacity:
        return Capacity.beside([(lease.first, lease.kind) for lease in self._under_way.values()])

    async def _leave_some_to_others(self, acquired: list[RunLease]) -> None:
        firsts = sum(lease.first for lease in acquired)
        if sum(lease.first for lease in self._under_way.values()) - firsts >= EAGER_FIRSTS:
            await asyncio.sleep(firsts * PAUSE_PER_FIRST_SECONDS)

    def _make_room(self, done: "asyncio.Task[None]") -> None:
        """A run ended: where there was no capacity for another, there is now."""
        before = self._capacity()
        lease = self._under_way.pop(done)
        if before.is_full_for(lease.first, lease.kind):
            self.context.queue.wake_within(ROOM_SECONDS)

    async def _acquire(self, holder: str, capacity: Capacity) -> list[RunLease]:
        """Where this is cancelled in the middle, what was acquired passes on at once, not at the end of a lease that nobody holds."""
        acquiring = asyncio.create_task(self._try_to_acquire(holder, capacity))
        try:
            return await asyncio.shield(acquiring)
        except asyncio.CancelledError:
            for lease in await acquiring:
                await self._release(lease)
            raise

    async def _try_to_acquire(self, holder: str, capacity: Capacity) -> list[RunLease]:
        try:
            async with self.context.db.acquire() as connection:
                under_way = [lease.run_id for lease in self._under_way.values()]
                return await leases.acquire(connection, holder, capacity, under_way)
        except OUTAGES as error:
            get_logger().warning("claim_unavailable", error=type(error).__name__)
        except Exception:
            get_logger().exception("claim_failed")  # the loop has to outlive it
        return []

    async def _carry_out(self, held: HeldLeases, lease: RunLease) -> None:
        """One run, its lease kept for as long as it works. Never raises, but for cancellation."""
        about = {"account": str(lease.account_id), "user": str(lease.user_id), "run": str(lease.run_id)}
        with traced(lease.trace, span=f"run {lease.kind}", kind=lease.kind, **about):
            work = asyncio.create_task(self._work(lease))
            try:
                with held.holding(lease, work.cancel):
                    await asyncio.wait({work})
                if work.cancelled():
                    get_logger().warning("lease_lost")
                else:
                    work.result()
            except asyncio.CancelledError:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                await asyncio.shield(self._release(lease))
                raise
            except LeaseLost:
                get_logger().info("run_called_off")
            except OUTAGES as error:
                get_logger().warning("run_interrupted", error=error_text(error))
            except Exception:
                get_logger().exception("run_broke")

    async def _release(self, lease: RunLease) -> None:
        try:
            async with asyncio.timeout(RELEASE_SECONDS), self.context.db.acquire() as connection:
                await leases.release(connection, lease)
        except OUTAGES as error:
            get_logger().info("release_failed", error=type(error).__name__)  # the lease ends by itself in seconds

    async def _work(self, lease: RunLease) -> None:
        """Do the work of a run and what follows it, and conclude it whatever came of it."""
        async with self.engine.db.acquire() as connection:
            account = await accounts.get_account(connection, lease.account_id)
        if account is None:
            return
        run = Run(self.engine, lease, account, self.engine.google.open(lease.account_id))
        error: Exception | None = None
        try:
            await self.work[lease.kind](run)
            await run.publish_end()
        except LeaseLost:
            raise
        except Exception as caught:
            error = translated(caught)
            if not isinstance(error, Outage | Refused):
                get_logger().exception("run_error")
        if step := self.after_work.get(lease.kind):
            await step(run)
        if error is None and lease.reason in QUIET_WHEN_WELL and await self._deleted(lease):
            return
        await reached("sync.run.worked")
        ended = await conclude(run, self.context.queue, error)
        if ended is None:
            return
        await reached("sync.run.concluded")
        if ended.found_something and (follow_up := self.after_change.get(lease.kind)):
            await follow_up(run, ended)
        if ended.is_reported:
            self.outbox_pending.set()

    async def _deleted(self, lease: RunLease) -> bool:
        """Most runs are looks at mailboxes in which nothing has happened: they end with one statement."""
        async with self.engine.db.acquire() as connection:
            deleted = await runs.delete_if_unreported(connection, lease)
        if deleted:
            RUNS.labels(lease.kind, "completed", "").inc()
        return deleted
