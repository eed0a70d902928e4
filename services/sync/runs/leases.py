"""The leases that this process holds, renewed together every few seconds, however many they are, and whatever the event loop does.

Renewing has a thread of its own with an event loop and a connection of its own: a run that keeps the process's loop busy costs neither
itself nor the others their leases. A loop that does not come back for minutes is given up, and its runs pass on to another replica.
"""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from libs.common.bus import OUTAGES
from libs.common.config import Settings
from libs.common.db import Pool, open_pool
from libs.common.ids import RunId
from libs.common.log import get_logger
from services.sync.store import leases
from services.sync.store.leases import LEASE, RunLease

RENEW_EVERY_SECONDS = 3.0
GIVE_UP_STALLED_AFTER_SECONDS = 180.0


@dataclass
class _HeldLease:
    lease: RunLease
    lose: Callable[[], object]
    renewed_at: float  # as all times here, on the clock that both threads read


@dataclass
class HeldLeases:
    """Each is renewed until it is lost: taken over, cancelled, or not renewable for as long as a lease lasts."""

    settings: Settings
    _held: dict[RunId, _HeldLease] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _alive_at: float = 0.0

    @contextmanager
    def holding(self, lease: RunLease, lose: Callable[[], object]) -> Iterator[None]:
        """Keep a lease that was just acquired. `lose` is called once, where it is lost."""
        with self._lock:
            self._held[lease.run_id] = _HeldLease(lease, lose, time.monotonic())
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(lease.run_id, None)

    async def keep_renewing(self) -> None:
        """Runs until cancelled."""
        loop = asyncio.get_running_loop()
        thread = _LoopThread(lambda: self._keep_renewing(loop))
        self._alive_at = time.monotonic()
        thread.start()
        try:
            while True:
                await asyncio.sleep(RENEW_EVERY_SECONDS)
                self._alive_at = time.monotonic()
        finally:
            await asyncio.shield(asyncio.to_thread(thread.end))

    # --- in the thread ------------------------------------------------------------------------------------------------------

    async def _keep_renewing(self, owner: asyncio.AbstractEventLoop) -> None:
        """`owner`: the loop on which the runs work."""
        pool: Pool | None = None
        try:
            while True:
                begun = time.monotonic()
                renewing = self._renewable(begun)
                try:
                    if renewing:
                        pool = pool or await open_pool(self.settings.model_copy(update={"pool_size": 1}))
                        await self._renew_all(pool, renewing, owner)
                except OUTAGES as error:
                    get_logger().warning("lease_not_renewed", error=type(error).__name__)
                    self._lose([held for held in renewing if begun - held.renewed_at > LEASE.total_seconds()], owner)
                except Exception:
                    get_logger().exception("lease_not_renewed")  # the loop has to outlive it
                await asyncio.sleep(begun + RENEW_EVERY_SECONDS - time.monotonic())
        finally:
            if pool is not None:
                pool.terminate()
                await asyncio.sleep(0)  # its sockets are closed by the loop

    def _renewable(self, now: float) -> list[_HeldLease]:
        if now - self._alive_at > GIVE_UP_STALLED_AFTER_SECONDS:
            return []
        with self._lock:
            return list(self._held.values())

    async def _renew_all(self, pool: Pool, renewing: list[_HeldLease], owner: asyncio.AbstractEventLoop) -> None:
        """What is being written just now is renewed the moment that it is written: its lease may have ended meanwhile."""
        begun = time.monotonic()
        async with asyncio.timeout(RENEW_EVERY_SECONDS):
            written = await self._renew(pool, renewing, owner, wait=False)
        if written:
            with suppress(TimeoutError):  # the next round begins
                async with asyncio.timeout(begun + RENEW_EVERY_SECONDS - time.monotonic()):
                    await self._renew(pool, written, owner, wait=True)

    async def _renew(
        self, pool: Pool, renewing: list[_HeldLease], owner: asyncio.AbstractEventLoop, *, wait: bool
    ) -> list[_HeldLease]:
        """Those that are ours and could not be renewed, because they are being written."""
        begun = time.monotonic()
        async with pool.acquire() as connection:
            ours, renewed = await leases.renew(connection, [held.lease for held in renewing], wait=wait)
        for held in renewing:
            held.renewed_at = begun if held.lease.run_id in renewed else held.renewed_at
        self._lose([held for held in renewing if held.lease.run_id not in ours], owner)
        return [held for held in renewing if held.lease.run_id in ours - renewed]

    def _lose(self, lost: list[_HeldLease], owner: asyncio.AbstractEventLoop) -> None:
        for held in lost:
            with self._lock:
                is_held = self._held.get(held.lease.run_id) is held
                if is_held:
                    del self._held[held.lease.run_id]
            if is_held:
                with suppress(RuntimeError):  # the loop was closed meanwhile: nothing works on it any more
                    owner.call_soon_threadsafe(held.lose)


class _LoopThread:
    """A thread with an event loop, on which one coroutine runs until it is ended."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=lambda: context.run(self._run), name="leases", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Cancel the coroutine, and wait until it has ended."""
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join()
        self._loop.close()

    def _cancel(self) -> None:
        assert self._task is not None, "the task was made before the loop began to run"
        self._task.cancel()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._work())
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
