"""Many runs in one process: which of them publishes and writes next."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

from libs.common.ids import RunId

AT_ONCE = 8
FIRST_PAGE = 500  # messages: every run gets these before any gets more; from then on they take turns
ARRIVAL_SECONDS = 5.0


@dataclass
class FairSemaphore:
    """So many runs publish and write at the same time what they have fetched; of those that wait, the one that has least is next.

    A run that has something, but not yet a first page, also lets those that are just beginning catch up: many imports that begin
    together get on together. None waits for a beginner longer than `arrival_seconds`.
    """

    at_once: int = AT_ONCE
    arrival_seconds: float = ARRIVAL_SECONDS
    _arriving: set[RunId] = field(default_factory=set)
    _all_arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _taken: int = 0
    _requested: int = 0
    _waiting: list[tuple[int, int, "asyncio.Future[None]"]] = field(default_factory=list)

    @contextmanager
    def arriving(self, run_id: RunId) -> Iterator[None]:
        """A first import begins. It is waited for until its first slot, the end of this block, or for `arrival_seconds`."""
        self._arriving.add(run_id)
        self._all_arrived.clear()
        deadline = asyncio.get_running_loop().call_later(self.arrival_seconds, self._arrived, run_id)
        try:
            yield
        finally:
            deadline.cancel()
            self._arrived(run_id)

    def _arrived(self, run_id: RunId) -> None:
        self._arriving.discard(run_id)
        if not self._arriving:
            self._all_arrived.set()

    @asynccontextmanager
    async def slot(self, run_id: RunId, done: int, more: int) -> AsyncIterator[None]:
        """Wait for a slot, and hold it, to add `more` messages to those that the run has `done`."""
        self._arrived(run_id)
        if 0 < done < FIRST_PAGE and self._arriving:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.arrival_seconds):
                    await self._all_arrived.wait()
        await self._acquire(min(done + more, FIRST_PAGE))
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, rank: int) -> None:
        if self._taken < self.at_once:
            self._taken += 1
            return
        self._requested += 1
        granted = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, self._requested, granted))
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self._release()  # it was granted just now, and is not wanted any more
            raise

    def _release(self) -> None:
        while self._waiting:
            *_, granted = heapq.heappop(self._waiting)
            if not granted.done():
                granted.set_result(None)
                return
        self._taken -= 1
