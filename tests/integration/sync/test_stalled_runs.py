"""A run that keeps its process busy for longer than a lease costs neither itself nor the others their leases."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from libs.common.cache import open_cache
from libs.common.config import Settings
from libs.common.db import Pool, open_pool
from libs.common.events import KINDS, AccountConnected
from libs.common.google.api import Google
from libs.common.google.tokens import KeptTokens
from libs.common.ids import AccountId, UserId, new_id
from libs.common.scopes import ALL
from libs.common.service import Resources, opened
from services.sync.context import Context, GoogleAccounts
from services.sync.domain.capacity import Capacity
from services.sync.domain.runs import RunRequest
from services.sync.runs.leases import HeldLeases
from services.sync.runs.queue import RunQueue
from services.sync.runs.run import Engine, Run
from services.sync.runs.worker import Worker
from services.sync.store import accounts, leases, runs
from services.sync.store.leases import RunLease
from tests.conftest import ServiceSettings

# In place of 10: the stall below is three times as long, as 30 s are. No shorter: a busy machine may stand still for a second or two.
LEASE_SECONDS = 3.0
STALL_SECONDS = 3 * LEASE_SECONDS


@pytest.fixture(autouse=True)
def _short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("services.sync.store.leases", "services.sync.runs.leases"):
        monkeypatch.setattr(f"{module}.LEASE", timedelta(seconds=LEASE_SECONDS))
    monkeypatch.setattr("services.sync.runs.leases.RENEW_EVERY_SECONDS", LEASE_SECONDS / 3)


@dataclass
class Rival:
    """Another replica, in a thread of its own: it looks for runs that nobody holds, as long as this process is stalled too."""

    settings: Settings
    taken: list[str] = field(default_factory=list)
    looked_at: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def looking(self) -> Iterator[None]:
        thread = threading.Thread(target=lambda: asyncio.run(self._look()))
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    async def _look(self) -> None:
        connection = await asyncpg.connect(self.settings.postgres_url)
        while not self._stop.is_set():
            acquired = await leases.acquire(connection, "rival", Capacity.beside([]))
            self.taken += [lease.kind for lease in acquired]
            self.looked_at.append(time.monotonic())
            await asyncio.sleep(0.05)
        await connection.close()


def sleeping() -> None:
    time.sleep(STALL_SECONDS)


def computing() -> None:
    ends_at, rounds = time.monotonic() + STALL_SECONDS, 0
    while time.monotonic() < ends_at:
        rounds += 1


async def request_runs(db: Pool) -> AccountId:
    """A run of each kind, of an account of nobody's."""
    account_id = AccountId(new_id())
    connected = AccountConnected(
        user_id=UserId(new_id()),
        account_id=account_id,
        address="maya@example.com",
        scopes=frozenset(ALL),
        again=False,
        at=datetime.now(UTC),
    )
    async with db.acquire() as connection:
        await accounts.upsert_account(connection, connected)
        await runs.insert_requests(connection, [RunRequest(account_id, kind, "user") for kind in KINDS])
    return account_id


@asynccontextmanager
async def engine_of(r: Resources) -> AsyncIterator[Engine]:
    async with await open_pool(r.settings) as pool:
        google = Google(r.settings, r.http, open_cache(r.settings, "sync"))
        yield Engine(r.settings, pool, r.bus, GoogleAccounts(google, KeptTokens(r.bus)))


@pytest.mark.parametrize("stall", [sleeping, computing])
async def test_a_stall_of_three_leases_leaves_every_run_with_its_holder(
    service_settings: ServiceSettings, stall: Callable[[], None]
) -> None:
    settings = service_settings("sync").model_copy(
        update={"gmail_units_per_minute": 0, "gmail_project_units_per_minute": 0}
    )
    under_way, finished = asyncio.Event(), []

    async def stalled(run: Run) -> None:
        await under_way.wait()
        await asyncio.sleep(0.2)
        stall()
        finished.append(run.lease.kind)

    async def waiting(run: Run) -> None:
        while not finished:
            await asyncio.sleep(0.05)
        finished.append(run.lease.kind)

    async def writing(run: Run) -> None:
        async with run.writing():  # its row is locked for as long as the stall lasts
            under_way.set()
            while not finished:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)  # time for others to take it
        async with run.writing():
            finished.append(run.lease.kind)

    async with opened("sync", settings) as r, r.bus, engine_of(r) as engine:
        await request_runs(r.db)
        context = Context(r.settings, r.db, r.bus, RunQueue())
        worker = Worker(context, engine, work={"mail": stalled, "contacts": waiting, "calendar": writing})
        rival = Rival(settings)
        working = asyncio.create_task(worker.keep_running())
        await under_way.wait()
        with rival.looking():
            async with asyncio.timeout(60):
                while await r.db.fetchval("SELECT count(*) FROM runs WHERE finished_at IS NULL"):
                    await asyncio.sleep(0.05)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        ended = await r.db.fetch("SELECT kind, state, fence FROM runs ORDER BY kind")
    slices = {int((moment - rival.looked_at[0]) / LEASE_SECONDS) for moment in rival.looked_at}
    assert slices >= {0, 1, 2}, "it looked all the time, for three leases"
    assert rival.taken == []
    assert sorted(finished) == ["calendar", "contacts", "mail"]
    assert [(row["state"], row["fence"]) for row in ended] == [("completed", 1)] * 3, "each was acquired once"


async def test_a_replica_does_not_take_its_own_run_from_itself(service_settings: ServiceSettings) -> None:
    async with opened("sync", service_settings("sync")) as r, r.db.acquire() as connection:
        await request_runs(r.db)
        acquired = await leases.acquire(connection, "a", Capacity.beside([]))
        assert len(acquired) == 3
        await connection.execute("UPDATE runs SET lease_until = now() - interval '1 minute'")
        own_ids = [lease.run_id for lease in acquired]
        assert await leases.acquire(connection, "a", Capacity.beside([]), own_ids[:2]) != []
        await connection.execute("UPDATE runs SET lease_until = now() - interval '1 minute'")
        assert await leases.acquire(connection, "a", Capacity.beside([]), own_ids) == []


async def _renewed(db: Pool, lease: RunLease) -> None:
    """Wait until the lease ends later than it does now."""
    query = "SELECT lease_until FROM runs WHERE run_id = $1"
    ends_at = await db.fetchval(query, lease.run_id)
    async with asyncio.timeout(30):
        while await db.fetchval(query, lease.run_id) == ends_at:
            await asyncio.sleep(0.02)


async def test_a_process_that_never_comes_back_loses_its_runs(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.sync.runs.leases.GIVE_UP_STALLED_AFTER_SECONDS", 1.0)
    async with opened("sync", service_settings("sync")) as r:
        await request_runs(r.db)
        async with r.db.acquire() as connection:
            acquired = await leases.acquire(connection, "a", Capacity.beside([]))
        held = HeldLeases(r.settings)
        renewing = asyncio.create_task(held.keep_renewing())
        with held.holding(acquired[0], lambda: None):
            for _ in range(2):
                await _renewed(r.db, acquired[0])
            rival = Rival(r.settings)
            with rival.looking():
                time.sleep(1.0 + 2 * LEASE_SECONDS)
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
    assert acquired[0].kind in rival.taken


async def test_a_lease_that_another_replica_took_is_given_up(service_settings: ServiceSettings) -> None:
    async with opened("sync", service_settings("sync")) as r:
        await request_runs(r.db)
        async with r.db.acquire() as connection:
            acquired = await leases.acquire(connection, "a", Capacity.beside([]))
        held, lost = HeldLeases(r.settings), asyncio.Event()
        renewing = asyncio.create_task(held.keep_renewing())
        with held.holding(acquired[0], lost.set), held.holding(acquired[1], lambda: pytest.fail("it is ours")):
            await r.db.execute("UPDATE runs SET fence = fence + 1 WHERE run_id = $1", acquired[0].run_id)
            async with asyncio.timeout(5):
                await lost.wait()
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
