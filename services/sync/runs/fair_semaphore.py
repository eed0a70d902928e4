"""Many runs in one process: whose turn it is, and writing down together what they have done."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

from libs.common.db import Pool
from libs.common.ids import RunId
from services.sync.store import ledger, runs
from services.sync.store.leases import LeaseLost, RunLease
from services.sync.store.ledger import Settled
from services.sync.store.runs import Count

TURNS_AT_ONCE = 8
FIRST_PAGE = 500  # messages: everybody gets these before anybody gets more; from then on runs take turns
ARRIVAL_SECONDS = 5.0
WRITTEN_TOGETHER = 1_000  # messages in one transaction, about


@dataclass
class Turns:
    """So many runs say and write what they have fetched at the same time; of those that wait, the one that has least goes first.

    Who has had something, but not yet a first page, also lets those that are just beginning catch up: a crowd that comes together
    gets on together. Nobody waits for a beginner longer than `ARRIVAL_SECONDS`.
    """

    at_once: int = TURNS_AT_ONCE
    arrival_seconds: float = ARRIVAL_SECONDS
    _arriving: set[RunId] = field(default_factory=set)
    _all_here: asyncio.Event = field(default_factory=asyncio.Event)
    _taken: int = 0
    _asked: int = 0
    _waiting: list[tuple[int, int, "asyncio.Future[None]"]] = field(default_factory=list)

    @contextmanager
    def arriving(self, run_id: RunId) -> Iterator[None]:
        """A first import begins: it is waited for until its first turn, the end of this block, or for as long as patience lasts."""
        self._arriving.add(run_id)
        self._all_here.clear()
        lasts = asyncio.get_running_loop().call_later(self.arrival_seconds, self._arrived, run_id)
        try:
            yield
        finally:
            lasts.cancel()
            self._arrived(run_id)

    def _arrived(self, run_id: RunId) -> None:
        self._arriving.discard(run_id)
        if not self._arriving:
            self._all_here.set()

    @asynccontextmanager
    async def turn(self, run_id: RunId, done: int, more: int) -> AsyncIterator[None]:
        """Wait for a turn, and take it, to add `more` messages to those that the run has `done`."""
        self._arrived(run_id)
        if 0 < done < FIRST_PAGE and self._arriving:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.arrival_seconds):
                    await self._all_here.wait()
        async with self._one_of_few(min(done + more, FIRST_PAGE)):
            yield

    @asynccontextmanager
    async def _one_of_few(self, rank: int) -> AsyncIterator[None]:
        if self._taken >= self.at_once:
            self._asked += 1
            given = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (rank, self._asked, given))
            try:
                await given
            except asyncio.CancelledError:
                if given.done() and not given.cancelled():
                    self._pass_on()  # it was given just now, and is not wanted any more
                raise
        else:
            self._taken += 1
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            *_, given = heapq.heappop(self._waiting)
            if not given.done():
                given.set_result(None)
                return
        self._taken -= 1


@dataclass(frozen=True)
class Outcome:
    """What became of one group of messages of one run."""

    lease: RunLease
    count: Count
    settled: Sequence[Settled]


@dataclass
class Writer:
    """Writes what several runs have done in one transaction: while one is under way, the next one gathers.

    What fails together is tried again one by one, so that no run fails because of another.
    """

    db: Pool
    _waiting: list[tuple[Outcome, "asyncio.Future[None]"]] = field(default_factory=list)
    _writing: "asyncio.Task[None] | None" = None

    async def write(self, outcome: Outcome) -> None:
        """Settle messages and count them, fenced by the run. LeaseLost: it is not ours any more, and nothing of it was written."""
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((outcome, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await written

    async def _write_all(self) -> None:
        while self._waiting:
            some: list[tuple[Outcome, asyncio.Future[None]]] = []
            while self._waiting and sum(len(outcome.settled) for outcome, _ in some) < WRITTEN_TOGETHER:
                some.append(self._waiting.pop(0))
            try:
                await self._write(some)
            except Exception as error:
                if len(some) == 1:
                    _fail(some[0][1], error)
                    continue
                for one in some:
                    try:
                        await self._write([one])
                    except Exception as its_error:
                        _fail(one[1], its_error)

    async def _write(self, some: Sequence[tuple[Outcome, "asyncio.Future[None]"]]) -> None:
        async with self.db.acquire() as connection, connection.transaction():
            held = await runs.count_all(connection, [(outcome.lease, outcome.count) for outcome, _ in some])
            await ledger.settle(
                connection,
                [(outcome.lease.account_id, one) for outcome, _ in some for one in outcome.settled
                 if outcome.lease.run_id in held],
            )  # fmt: skip
        for outcome, written in some:
            if outcome.lease.run_id not in held:
                _fail(written, LeaseLost())
            elif not written.done():
                written.set_result(None)


def _fail(written: "asyncio.Future[None]", error: Exception) -> None:
    if not written.done():
        written.set_exception(error)
