"""Taking runs, and letting go of them: a replica that stops, or loses a lease, leaves everything to others at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.sync.domain.capacity import Capacity
from services.sync.runs import worker as workers
from services.sync.runs.leases import HeldLeases
from services.sync.runs.run import Run
from services.sync.store import leases
from services.sync.store.leases import RunLease
from tests.support.database import Database
from tests.support.sync_parts import (
    NoGoogle,
    Parts,
    nothing,
    only_run,
    requested,
    sync_parts,
    until_runs_are,
    worker_of,
    working,
)

Work = Callable[[Run], Awaitable[None]]


@pytest_asyncio.fixture
async def parts(emptied_database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parts]:
    monkeypatch.setattr(workers, "LOOK_EVERY_SECONDS", 60.0)  # who is not woken sleeps for longer than the test
    async with sync_parts(emptied_database, lambda: NoGoogle(3, 40)) as made:
        yield made


# --- taking runs --------------------------------------------------------------------------------------------------------


async def test_what_was_requested_while_it_looked_is_looked_for_at_once(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0
    acquire = leases.acquire

    async def slowly(*arguments: Any) -> list[RunLease]:
        nonlocal looked
        looked += 1
        found = await acquire(*arguments)
        if looked == 1:
            await requested(parts)
        return found

    monkeypatch.setattr(leases, "acquire", slowly)
    async with working(worker_of(parts, nothing)):
        await until_runs_are(parts, "completed")


async def test_a_run_that_ends_makes_room_for_one_that_waits(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.sync.domain.capacity.MAX_INITIAL_MAIL", 1)
    under_way = most = 0

    async def alone(_: Run) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1

    for _ in range(3):
        await requested(parts)
    async with working(worker_of(parts, alone)):
        await until_runs_are(parts, "completed", 3)
    assert most == 1


@pytest.mark.parametrize("error", [OSError("reset"), asyncpg.InterfaceError("closed"), ValueError("a bug")])
async def test_a_database_that_was_away_ends_no_worker(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    acquire, tries = leases.acquire, 0

    async def failing_once(*arguments: Any) -> list[RunLease]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise error
        return await acquire(*arguments)

    monkeypatch.setattr(leases, "acquire", failing_once)
    monkeypatch.setattr(workers, "LOOK_EVERY_SECONDS", 0.01)
    await requested(parts)
    async with working(worker_of(parts, nothing)):
        await until_runs_are(parts, "completed")


async def test_a_worker_that_is_late_with_its_leases_does_not_take_its_own_runs_again(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LOOK_EVERY_SECONDS", 0.01)
    begun = 0

    async def long(_: Run) -> None:
        nonlocal begun
        begun += 1
        await asyncio.Event().wait()

    looked = asyncio.Event()
    acquire = leases.acquire

    async def watched(*arguments: Any) -> list[RunLease]:
        found = await acquire(*arguments)
        if begun and not found and await parts.fetch("SELECT FROM runs WHERE lease_until < now()"):
            looked.set()
        return found

    monkeypatch.setattr(leases, "acquire", watched)
    await requested(parts)
    async with working(worker_of(parts, long)):
        await until_runs_are(parts, "running")
        await parts.context.db.execute("UPDATE runs SET lease_until = now() - interval '1 second'")
        async with asyncio.timeout(30):
            await looked.wait()
    assert begun == 1


# --- stopping -----------------------------------------------------------------------------------------------------------


async def test_a_worker_that_stops_leaves_its_runs_to_others_at_once(parts: Parts) -> None:
    begun, cancelled = asyncio.Event(), []

    async def long(run: Run) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            cancelled.append(run.lease.run_id)
            raise

    await requested(parts)
    async with working(worker_of(parts, long)):
        await begun.wait()
        row = await only_run(parts)
        assert row["lease_until"] is not None
    row = await only_run(parts)
    assert (row["state"], row["lease_until"]) == ("running", None)
    assert cancelled == [row["run_id"]], "the work has ended before the lease was released"
    async with parts.context.db.acquire() as connection:
        assert len(await leases.acquire(connection, "another", Capacity(9, 9, 9, 9))) == 1


async def test_what_a_worker_was_just_taking_when_it_stopped_is_released_too(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, go_on = asyncio.Event(), asyncio.Event()
    acquire = leases.acquire

    async def slowly(*arguments: Any) -> list[RunLease]:
        found = await acquire(*arguments)
        taken.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(leases, "acquire", slowly)
    await requested(parts)
    async with working(worker_of(parts, nothing)) as task:
        await taken.wait()
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(task, return_exceptions=True)
    row = await only_run(parts)
    assert (row["state"], row["lease_until"]) == ("running", None)


async def test_a_lease_that_cannot_be_renewed_for_its_length_is_given_up(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away: another replica may have reached it."""
    monkeypatch.setattr("services.sync.runs.leases.LEASE", timedelta(seconds=0.5))
    monkeypatch.setattr("services.sync.runs.leases.RENEW_EVERY_SECONDS", 0.05)
    await requested(parts)
    async with parts.context.db.acquire() as connection:
        [lease] = await leases.acquire(connection, "me", Capacity(9, 9, 9, 9))
    held = HeldLeases(
        parts.context.settings.model_copy(update={"postgres_url": "postgresql://nobody@127.0.0.1:1/nothing"})
    )
    lost, loop = asyncio.Event(), asyncio.get_running_loop()
    renewing = asyncio.create_task(held.keep_renewing())
    begun = loop.time()
    with held.holding(lease, lost.set):
        async with asyncio.timeout(30):
            await lost.wait()
    assert loop.time() - begun >= 0.5, "it was not lost before"
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)


async def test_a_run_whose_lease_is_lost_is_called_off_and_written_by_nobody(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.sync.runs.leases.RENEW_EVERY_SECONDS", 0.05)
    begun, called_off = asyncio.Event(), asyncio.Event()

    async def long(_: Run) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            called_off.set()

    await requested(parts)
    async with working(worker_of(parts, long)):
        await begun.wait()
        await parts.context.db.execute("UPDATE runs SET fence = fence + 1, lease_until = now() + interval '1 hour'")
        async with asyncio.timeout(30):
            await called_off.wait()
        before = await only_run(parts)
    assert await only_run(parts) == before, "it is not released either: another one has it"
    assert (before["state"], before["lease_until"] > datetime.now(UTC)) == ("running", True)
