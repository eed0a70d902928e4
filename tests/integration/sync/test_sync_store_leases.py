"""The leases of runs, statement by statement: who may take a run, and that nobody else writes anything of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from libs.common.config import Settings
from libs.common.db import Connection, open_pool
from libs.common.events import Kind
from libs.common.ids import UserId, new_id
from services.sync.domain.capacity import Capacity
from services.sync.domain.runs import Pause, Progress, Tally
from services.sync.store import leases, runs
from services.sync.store.leases import LEASE, LeaseLost, RunLease
from tests.support.database import Database
from tests.support.sync_tables import NOW, add_account, add_run, run_row

MAYA, OLGA = UserId(new_id()), UserId(new_id())
HOUR = timedelta(hours=1)
PLENTY = Capacity(100, 100, 100, 100)


async def test_a_run_is_taken_once_it_is_due_and_nobody_holds_it(connection: Connection) -> None:
    columns: dict[str, dict[str, Any]] = {
        "queued": {"state": "queued", "due_at": NOW - HOUR, "started_at": NOW - 3 * HOUR},
        "put off until now": {"state": "waiting", "due_at": NOW - HOUR, "started_at": NOW - 3 * HOUR},
        "held by who died": {"state": "running", "lease_until": NOW - HOUR, "started_at": NOW - 3 * HOUR},
        "held": {"state": "running", "lease_until": NOW + HOUR},
        "not due yet": {"state": "queued", "due_at": NOW + HOUR},
        "over": {"state": "completed"},
    }
    sorts: tuple[tuple[bool, Kind], ...] = ((False, "mail"), (True, "mail"), (True, "contacts"), (False, "calendar"))
    for first, kind in sorts:
        made = {
            name: await add_run(connection, await add_account(connection, MAYA), kind, first=first, **values)
            for name, values in columns.items()
        }
        taken = {lease.run_id: lease for lease in await leases.acquire(connection, "me", PLENTY)}
        assert set(taken) == {made[name].run_id for name in ("queued", "put off until now", "held by who died")}
        for name in ("queued", "put off until now", "held by who died"):
            row = await run_row(connection, made[name].run_id)
            assert (row["state"], row["holder"], row["fence"]) == ("running", "me", 4)
            assert row["lease_until"] == row["now"] + LEASE
            assert row["started_at"] == (row["now"] if name == "queued" else NOW - 3 * HOUR), "with all its pauses"
            assert taken[row["run_id"]].fence == 4
            assert (taken[row["run_id"]].first, taken[row["run_id"]].kind) == (first, kind)
        assert await leases.acquire(connection, "another", PLENTY) == []


SORTS: dict[str, tuple[bool, Kind]] = {
    "incremental": (False, "mail"), "initial_mail": (True, "mail"), "initial_other": (True, "contacts"),
    "calendars": (False, "calendar"),
}  # fmt: skip


@pytest.mark.parametrize("sort", SORTS)
async def test_of_each_sort_no_more_are_taken_than_there_is_room_for_and_who_waits_longest_comes_first(
    connection: Connection, sort: str
) -> None:
    async def waiting(name: str, hours: int) -> RunLease:
        first, kind = SORTS[name]
        account_id = await add_account(connection, MAYA)
        return await add_run(connection, account_id, kind, first=first, state="queued", due_at=NOW - hours * HOUR)

    room = Capacity(*(int(name == sort) for name in SORTS))
    for name in set(SORTS) - {sort}:
        await waiting(name, 9)  # longer, and not of this sort
    young, own, old = await waiting(sort, 1), await waiting(sort, 4), await waiting(sort, 3)
    assert await leases.acquire(connection, "me", Capacity(0, 0, 0, 0)) == []
    for expected in (old, young):
        [taken] = await leases.acquire(connection, "me", room, [own.run_id])
        assert taken.run_id == expected.run_id
    assert await leases.acquire(connection, "me", room, [own.run_id]) == []
    [taken] = await leases.acquire(connection, "me", room)
    assert taken.run_id == own.run_id


@pytest.mark.parametrize(("first", "kind"), [(False, "mail"), (True, "mail"), (True, "calendar")])
async def test_of_two_replicas_that_look_at_the_same_time_one_gets_the_run(
    emptied_database: Database, first: bool, kind: Kind
) -> None:
    pool = await open_pool(Settings(postgres_url=emptied_database.url_for("sync")))
    try:
        async with pool.acquire() as mine, pool.acquire() as theirs:
            await add_run(mine, await add_account(mine, MAYA), kind, first=first, state="queued")
            await theirs.execute("SET lock_timeout = '200ms'")
            async with mine.transaction():
                assert len(await leases.acquire(mine, "me", PLENTY)) == 1
                assert await leases.acquire(theirs, "they", PLENTY) == [], "it does not wait either"
            assert await leases.acquire(theirs, "they", PLENTY) == []
    finally:
        await pool.close()


async def test_who_writes_holds_the_run_until_the_commit_and_its_lease_is_renewed_then(
    emptied_database: Database,
) -> None:
    pool = await open_pool(Settings(postgres_url=emptied_database.url_for("sync")))
    try:
        async with pool.acquire() as mine, pool.acquire() as theirs:
            lease = await add_run(mine, await add_account(mine, MAYA), lease_until=NOW - HOUR)
            free = await add_run(mine, await add_account(mine, MAYA), lease_until=NOW - HOUR)
            await theirs.execute("SET lock_timeout = '200ms'")
            for hold in (leases.hold(mine, lease), runs.add_progress(mine, lease, Progress(Tally(done=1)))):
                async with mine.transaction():
                    await hold
                    taken = await leases.acquire(theirs, "they", PLENTY)
                    assert [found.run_id for found in taken] == [free.run_id], "the other one"
                    await theirs.execute(
                        "UPDATE runs SET lease_until = $2, fence = 3 WHERE run_id = $1", free.run_id, NOW - HOUR
                    )
                    renewed = await leases.renew(theirs, [lease, free])
                    assert renewed == ({lease.run_id, free.run_id}, {free.run_id})
                    await theirs.execute("UPDATE runs SET lease_until = $2 WHERE run_id = $1", free.run_id, NOW - HOUR)
                    with pytest.raises(asyncpg.LockNotAvailableError):
                        await leases.renew(theirs, [lease], wait=True)
            assert await leases.renew(theirs, [lease], wait=True) == ({lease.run_id}, {lease.run_id})
            row = await run_row(theirs, lease.run_id)
            assert LEASE - timedelta(seconds=5) < row["lease_until"] - row["now"] <= LEASE
    finally:
        await pool.close()


async def test_a_lease_is_renewed_for_its_length_and_released_at_once(connection: Connection) -> None:
    lease = await add_run(connection, await add_account(connection, MAYA), lease_until=NOW - HOUR)
    assert await leases.renew(connection, [lease]) == ({lease.run_id}, {lease.run_id})
    row = await run_row(connection, lease.run_id)
    assert row["lease_until"] == row["now"] + LEASE
    await leases.hold(connection, lease)
    await leases.release(connection, lease)
    row = await run_row(connection, lease.run_id)
    assert (row["lease_until"], row["state"]) == (None, "running")
    [taken] = await leases.acquire(connection, "another", PLENTY)
    assert taken.run_id == lease.run_id


@pytest.mark.parametrize("failure", [None, ("broken", "So.")])
async def test_who_has_ended_a_run_does_not_lose_it_before_what_follows_is_done(
    connection: Connection, failure: tuple[str, str] | None
) -> None:
    lease = await add_run(connection, await add_account(connection, MAYA))
    await runs.end(connection, lease, failure=failure)
    ended = await connection.fetch("SELECT * FROM runs")
    for wait in (False, True):
        assert await leases.renew(connection, [lease], wait=wait) == ({lease.run_id}, set())
    assert await connection.fetch("SELECT * FROM runs") == ended


Write = Callable[[Connection, RunLease], Awaitable[Any]]
WRITES: dict[str, Write] = {
    "hold": leases.hold,
    "renew": lambda c, lease: leases.renew(c, [lease]),
    "renew after a write": lambda c, lease: leases.renew(c, [lease], wait=True),
    "release": leases.release,
    "add_progress": lambda c, lease: runs.add_progress(c, lease, Progress(Tally(done=1))),
    "add_progress_of_all": lambda c, lease: runs.add_progress_of_all(c, [(lease, Progress(Tally(done=1)))]),
    "set_estimate": lambda c, lease: runs.set_estimate(c, lease, Progress(Tally(), 5), 7),
    "add_cost": lambda c, lease: runs.add_cost(c, lease, 1, 2),
    "pause": lambda c, lease: runs.pause(c, lease, Pause(NOW), NOW),
    "end": runs.end,
    "fail": lambda c, lease: runs.end(c, lease, failure=("broken", "So.")),
    "delete_if_unreported": runs.delete_if_unreported,
}
# What a run that has ended, or that waits, lets nobody do any more either, though its fence is the same. Renewing writes nothing
# either, but tells whose the run still is: the test above.
ONLY_UNDER_WAY = set(WRITES) - {"set_estimate", "add_cost", "renew", "renew after a write"}


@pytest.mark.parametrize("write", WRITES)
async def test_who_comes_late_with_a_lost_lease_writes_nothing(connection: Connection, write: str) -> None:
    account_id = await add_account(connection, MAYA)
    lost = [await add_run(connection, account_id, reason="poll", lease_until=NOW + HOUR)]
    await connection.execute("UPDATE runs SET fence = fence + 1")
    if write in ONLY_UNDER_WAY:
        lost += [
            await add_run(connection, account_id, kind, reason="poll", state=state, lease_until=NOW + HOUR)
            for kind, state in (("contacts", "completed"), ("calendar", "waiting"))
        ]
    before = await connection.fetch("SELECT * FROM runs ORDER BY run_id")
    for lease in lost:
        result = await _lost_or_result(WRITES[write](connection, lease))
        assert result in (None, False, set(), (set(), set()))
        assert await connection.fetch("SELECT * FROM runs ORDER BY run_id") == before
    if write in ("hold", "add_progress", "end", "fail"):
        for lease in lost:
            with pytest.raises(LeaseLost):
                await WRITES[write](connection, lease)


async def test_who_writes_in_the_moment_in_which_the_lease_passes_on_writes_nothing(emptied_database: Database) -> None:
    pool = await open_pool(Settings(postgres_url=emptied_database.url_for("sync")))
    try:
        async with pool.acquire() as mine, pool.acquire() as theirs, pool.acquire() as watching:
            own_pid = await mine.fetchval("SELECT pg_backend_pid()")
            for write in set(WRITES) - {"renew"}:  # that one waits for nobody
                await watching.execute("DELETE FROM accounts")
                lease = await add_run(mine, await add_account(mine, MAYA), reason="poll", lease_until=NOW + HOUR)
                async with theirs.transaction():
                    await theirs.execute("UPDATE runs SET fence = fence + 1, holder = 'they'")
                    after = await theirs.fetchrow("SELECT * FROM runs")
                    writing = asyncio.create_task(_lost_or_result(WRITES[write](mine, lease)))
                    async with asyncio.timeout(10):
                        while not await watching.fetchval("SELECT pg_blocking_pids($1) <> '{}'", own_pid):
                            await asyncio.sleep(0.01)
                result = await writing
                assert result in (None, False, set(), ({lease.run_id}, set())), (
                    f"{write}: it may be ours still, but is not renewed"
                )
                assert await watching.fetchrow("SELECT * FROM runs") == after, write
    finally:
        await pool.close()


async def _lost_or_result(write: Awaitable[Any]) -> Any:
    try:
        return await write
    except LeaseLost:
        return None
