"""Runs and their leases, statement by statement: who may take a run, and that nobody else writes anything of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from libs.common.config import Settings
from libs.common.db import Connection, open_pool
from libs.common.events import Kind, Reason
from libs.common.ids import AccountId, RunId, UserId, new_id
from libs.common.log import traced
from libs.common.scopes import ALL, CALENDAR_READ, GMAIL_READ
from services.sync.domain.capacity import Capacity
from services.sync.domain.runs import Pause, Progress, RunRequest, Tally
from services.sync.store import leases, prep_scans, runs
from services.sync.store.leases import LEASE, LeaseLost, RunLease
from tests.support.database import Database
from tests.support.sync_tables import NOW, add_account, add_row

MAYA, OLGA = UserId(new_id()), UserId(new_id())
HOUR = timedelta(hours=1)
PLENTY = Capacity(100, 100, 100)


async def add_run(connection: Connection, account_id: AccountId, kind: Kind = "mail", **columns: Any) -> RunLease:
    """A run, and the lease of who has the fence that stands in its row."""
    values = {
        "run_id": RunId(new_id()), "user_id": MAYA, "account_id": account_id, "kind": kind, "reason": "schedule", "state": "running",
        "fence": 3, **columns,
    }  # fmt: skip
    if values["state"] in ("completed", "failed"):
        values.setdefault("finished_at", NOW)
    await add_row(connection, "runs", **values)
    row = await row_of(connection, values["run_id"])
    return RunLease(**{name: row[name] for name in RunLease.__slots__})


async def row_of(connection: Connection, run_id: RunId) -> dict[str, Any]:
    row = await connection.fetchrow("SELECT *, now() AS now FROM runs WHERE run_id = $1", run_id)
    assert row is not None
    return dict(row)


# --- requests -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "reason", "again", "wanted", "kept", "follows"),
    [
        ("queued", "schedule", None, "user", "user", None),
        ("waiting", "poll", None, "push", "push", None),
        ("queued", "user", None, "schedule", "user", None),
        ("running", "schedule", None, "user", "schedule", "user"),
        ("running", "schedule", None, "poll", "schedule", None),
        ("running", "schedule", "repair", "user", "schedule", "user"),
        ("running", "schedule", "user", "repair", "schedule", "user"),
        ("running", "schedule", "user", "poll", "schedule", "user"),
        ("waiting", "schedule", "user", "repair", "repair", "user"),
    ],
)
async def test_of_two_requests_that_meet_in_one_run_the_more_urgent_counts(
    connection: Connection, state: str, reason: str, again: str | None, wanted: Reason, kept: str, follows: str | None
) -> None:
    account_id = await add_account(connection, MAYA)
    run = await add_run(connection, account_id, state=state, reason=reason, again=again)
    await runs.insert_requests(connection, [RunRequest(account_id, "mail", wanted)])
    row = await row_of(connection, run.run_id)
    assert (row["reason"], row["again"]) == (kept, follows)
    assert await connection.fetchval("SELECT count(*) FROM runs") == 1


@pytest.mark.parametrize(
    ("state", "due", "delay", "becomes"),
    [("queued", HOUR, HOUR / 2, HOUR / 2), ("queued", HOUR / 2, HOUR, HOUR / 2), ("waiting", HOUR, 0 * HOUR, HOUR)],
)
async def test_a_request_brings_a_queued_run_forward_and_leaves_one_that_was_put_off(
    connection: Connection, state: str, due: timedelta, delay: timedelta, becomes: timedelta
) -> None:
    account_id, now = await add_account(connection, MAYA), await connection.fetchval("SELECT now()")
    run = await add_run(connection, account_id, state=state, due_at=now + due)
    await runs.insert_requests(connection, [RunRequest(account_id, "mail", "user", delay)])
    assert (await row_of(connection, run.run_id))["due_at"] == now + becomes


async def test_a_new_run_is_due_after_its_delay_and_the_first_of_its_kind_until_one_has_ended_well(
    connection: Connection,
) -> None:
    account_id, other_id = [await add_account(connection, MAYA) for _ in range(2)]
    await add_run(connection, account_id, "contacts", state="failed")
    await add_run(connection, account_id, "calendar", state="completed")
    await add_run(connection, other_id, "mail", state="completed")
    wanted = [RunRequest(account_id, "mail", "user"), RunRequest(account_id, "contacts", "user", HOUR),
              RunRequest(account_id, "calendar", "poll", scan=True)]  # fmt: skip
    with traced("a" * 32):
        await runs.insert_requests(connection, wanted)
    rows = await connection.fetch("SELECT *, due_at - now() AS delay, now() AS now FROM runs WHERE finished_at IS NULL")
    found = {row["kind"]: row for row in rows}
    assert {kind: row["first"] for kind, row in found.items()} == {"mail": True, "contacts": True, "calendar": False}
    assert {kind: row["delay"] for kind, row in found.items()} == {
        "mail": 0 * HOUR,
        "contacts": HOUR,
        "calendar": 0 * HOUR,
    }
    assert {kind: row["scan_due"] for kind, row in found.items()} == {
        "mail": None,
        "contacts": None,
        "calendar": rows[0]["now"],
    }
    assert {(row["user_id"], row["account_id"], row["state"], row["trace"]) for row in rows} == {
        (MAYA, account_id, "queued", "a" * 32)
    }


async def test_a_prep_scan_waits_since_it_was_first_wanted(connection: Connection) -> None:
    account_id = await add_account(connection, MAYA)
    run = await add_run(connection, account_id, "calendar", scan_due=NOW - HOUR)
    plain = await add_run(connection, account_id, "mail")
    for kind in ("calendar", "mail"):
        await runs.insert_requests(connection, [RunRequest(account_id, kind, "poll", scan=True)])  # type: ignore[arg-type]
        await runs.insert_requests(connection, [RunRequest(account_id, kind, "poll")])  # type: ignore[arg-type]
    assert (await row_of(connection, run.run_id))["scan_due"] == NOW - HOUR
    row = await row_of(connection, plain.run_id)
    assert row["scan_due"] == row["now"]
    overdue = await prep_scans.list_overdue(connection, timedelta(minutes=30))
    assert overdue == [(run.run_id, account_id)]
    assert await prep_scans.is_due(connection, run.run_id)
    await prep_scans.clear(connection, run.run_id)
    assert not await prep_scans.is_due(connection, run.run_id)


async def test_only_accounts_that_are_connected_and_permit_it_are_synced(connection: Connection) -> None:
    active = await add_account(connection, MAYA)
    calendars_only = await add_account(connection, MAYA, scopes=[CALENDAR_READ])
    stopped = [await add_account(connection, MAYA, state=state) for state in ("reauth_required", "disconnected")]
    every = [active, calendars_only, *stopped]
    await runs.insert_requests(connection, [RunRequest(account_id, "mail", "user") for account_id in every])
    assert [row["account_id"] for row in await connection.fetch("SELECT account_id FROM runs")] == [active]
    assert {account_id for account_id, _ in await runs.list_requestable(connection, "mail", 0)} == {active}
    found = await runs.list_requestable(connection, "calendar", 0)
    assert {account_id for account_id, _ in found} == {active, calendars_only}


async def test_each_account_has_a_moment_of_its_own_within_the_spread_that_never_changes(
    connection: Connection,
) -> None:
    for _ in range(200):
        await add_account(connection, OLGA, scopes=[GMAIL_READ])
    found = await runs.list_requestable(connection, "mail", 5)
    assert {delay for _, delay in found} == {timedelta(seconds=number) for number in range(6)}
    assert sorted(await runs.list_requestable(connection, "mail", 5)) == sorted(found)
    assert {delay for _, delay in await runs.list_requestable(connection, "mail", 0)} == {0 * HOUR}


# --- leases -------------------------------------------------------------------------------------------------------------


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
            row = await row_of(connection, made[name].run_id)
            assert (row["state"], row["holder"], row["fence"]) == ("running", "me", 4)
            assert row["lease_until"] == row["now"] + LEASE
            assert row["started_at"] == (row["now"] if name == "queued" else NOW - 3 * HOUR), "with all its pauses"
            assert taken[row["run_id"]].fence == 4
            assert (taken[row["run_id"]].first, taken[row["run_id"]].kind) == (first, kind)
        assert await leases.acquire(connection, "another", PLENTY) == []


SORTS: dict[str, tuple[bool, Kind]] = {
    "incremental": (False, "mail"), "initial_mail": (True, "mail"), "initial_other": (True, "contacts"),
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
    assert await leases.acquire(connection, "me", Capacity(0, 0, 0)) == []
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
            row = await row_of(theirs, lease.run_id)
            assert LEASE - timedelta(seconds=5) < row["lease_until"] - row["now"] <= LEASE
    finally:
        await pool.close()


async def test_a_lease_is_renewed_for_its_length_and_released_at_once(connection: Connection) -> None:
    lease = await add_run(connection, await add_account(connection, MAYA), lease_until=NOW - HOUR)
    assert await leases.renew(connection, [lease]) == ({lease.run_id}, {lease.run_id})
    row = await row_of(connection, lease.run_id)
    assert row["lease_until"] == row["now"] + LEASE
    await leases.hold(connection, lease)
    await leases.release(connection, lease)
    row = await row_of(connection, lease.run_id)
    assert (row["lease_until"], row["state"]) == (None, "running")
    [taken] = await leases.acquire(connection, "another", PLENTY)
    assert taken.run_id == lease.run_id


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
# What a run that has ended, or that waits, lets nobody do any more either, though its fence is the same.
ONLY_UNDER_WAY = set(WRITES) - {"set_estimate", "add_cost"}


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


# --- what a run writes of itself ----------------------------------------------------------------------------------------


async def test_what_runs_have_done_is_added_to_the_numbers_of_each(connection: Connection) -> None:
    numbers = {
        "done": 10, "new": 20, "updated": 30, "removed": 40, "skipped": {"a": 1, "b": 2}, "total": 99, "stuck_since": NOW, "pauses": 4,
    }  # fmt: skip
    made = [await add_run(connection, await add_account(connection, MAYA), **numbers) for _ in range(3)]
    late = RunLease(**{**{name: getattr(made[2], name) for name in RunLease.__slots__}, "fence": 2})
    held = await runs.add_progress_of_all(
        connection,
        [(made[0], Progress(Tally(1, 2, 3, 4, {"b": 5, "c": 6}), 7, 8.0, "So.")), (made[1], Progress(Tally(done=5), 2)),
         (late, Progress(Tally(done=9)))],
    )  # fmt: skip
    assert held == {made[0].run_id, made[1].run_id}
    first, second, third = [await row_of(connection, lease.run_id) for lease in made]
    assert [first[name] for name in ("done", "new", "updated", "removed", "total", "eta_seconds", "note")] == [
        11, 22, 33, 44, 18, 8.0, "So.",
    ]  # fmt: skip
    assert first["skipped"] == {"a": 1, "b": 7, "c": 6}
    assert (first["stuck_since"], first["pauses"]) == (None, 0), "an outage that begins now is a new one"
    assert (second["done"], second["total"], second["skipped"], second["note"]) == (15, 17, {"a": 1, "b": 2}, "")
    assert (third["done"], third["stuck_since"]) == (10, NOW)
    assert await runs.get_done(connection, made[0]) == 11


async def test_what_a_run_comes_to_and_costs_is_written_down(connection: Connection) -> None:
    columns = {"done": 10, "units": 100, "requests": 20, "estimated_units": 1}
    lease = await add_run(connection, await add_account(connection, MAYA), **columns)
    await runs.set_estimate(connection, lease, Progress(Tally(), 5, 6.0, "So."), 7)
    row = await row_of(connection, lease.run_id)
    assert [row[name] for name in ("total", "estimated_units", "eta_seconds", "note", "done")] == [
        15,
        107,
        6.0,
        "So.",
        10,
    ]
    await runs.add_cost(connection, lease, 3, 4)
    row = await row_of(connection, lease.run_id)
    assert (row["requests"], row["units"]) == (23, 104)


@pytest.mark.parametrize(("stuck_since", "pauses"), [(NOW - HOUR, 3), (None, 0)])
async def test_a_run_that_is_put_off_waits_until_then_and_counts_its_pauses(
    connection: Connection, stuck_since: datetime | None, pauses: int
) -> None:
    columns = {
        "lease_until": NOW + HOUR,
        "pauses": 2,
        "eta_seconds": 1.0,
        "note": "waiting",
        "stuck_since": NOW - 2 * HOUR,
    }
    lease = await add_run(connection, await add_account(connection, MAYA), **columns)
    assert await runs.get_stall(connection, lease) == (NOW - 2 * HOUR, 2)
    await runs.pause(connection, lease, Pause(NOW + 2 * HOUR, "daily_quota", "Until tomorrow."), stuck_since)
    row = await row_of(connection, lease.run_id)
    assert [row[name] for name in ("state", "due_at", "code", "error", "lease_until", "eta_seconds", "note")] == [
        "waiting", NOW + 2 * HOUR, "daily_quota", "Until tomorrow.", None, None, "",
    ]  # fmt: skip
    assert await runs.get_stall(connection, lease) == (stuck_since, pauses)
    await runs.delete_run(connection, lease.run_id)
    with pytest.raises(LeaseLost):
        await runs.get_stall(connection, lease)


@pytest.mark.parametrize("failure", [None, ("broken", "So.")])
async def test_a_run_ends_with_what_it_has_done_and_cost(
    connection: Connection, failure: tuple[str, str] | None
) -> None:
    columns = {"done": 10, "total": 30, "requests": 5, "units": 6, "lease_until": NOW + HOUR, "eta_seconds": 1.0, "note": "x",
               "code": "waiting", "error": "Google was away.", "again": "user", "new": 3}  # fmt: skip
    lease = await add_run(connection, await add_account(connection, MAYA), **columns)
    ended = await runs.end(connection, lease, (2, 3), failure)
    row = await row_of(connection, lease.run_id)
    state, total = ("failed", 30) if failure else ("completed", 10)
    assert [row[name] for name in ("state", "total", "requests", "units", "lease_until", "eta_seconds", "note")] == [
        state, total, 7, 9, None, None, "",
    ]  # fmt: skip
    assert row["finished_at"] == row["now"]
    assert (row["code"], row["error"]) == (failure or ("", ""))
    assert (ended.run_id, ended.state, ended.again, ended.new, ended.units) == (lease.run_id, state, "user", 3, 9)
    assert await leases.acquire(connection, "another", PLENTY) == []


@pytest.mark.parametrize(
    ("columns", "is_deleted"),
    [
        *(({"reason": reason}, True) for reason in ("poll", "push", "repair")),
        *(({"reason": reason}, False) for reason in ("user", "connected", "settings", "schedule")),
        *(({"reason": "poll", name: 1}, False) for name in ("new", "updated", "removed")),
        ({"reason": "poll", "again": "user"}, False),
        ({"reason": "repair", "skipped": {"unhealed": 1}}, False),
        ({"reason": "repair", "skipped": {"empty": 1}}, True),
    ],
)
async def test_only_a_run_that_nobody_waits_for_and_that_found_nothing_ends_without_a_trace(
    connection: Connection, columns: dict[str, Any], is_deleted: bool
) -> None:
    lease = await add_run(connection, await add_account(connection, MAYA), **columns)
    assert await runs.delete_if_unreported(connection, lease) == is_deleted
    assert await connection.fetchval("SELECT count(*) FROM runs") == (not is_deleted)


async def test_a_run_that_could_not_begin_has_failed_for_its_reason(connection: Connection) -> None:
    account_id = await add_account(connection, MAYA)
    with traced("a" * 32):
        failed = await runs.insert_failed(
            connection, RunRequest(account_id, "mail", "user"), MAYA, ("missing_scope", "So.")
        )
    row = await row_of(connection, failed.run_id)
    names = ("user_id", "account_id", "kind", "reason", "state", "code", "error", "trace")
    assert [row[name] for name in names] == [
        MAYA,
        account_id,
        "mail",
        "user",
        "failed",
        "missing_scope",
        "So.",
        "a" * 32,
    ]
    assert row["finished_at"] == row["now"]


async def test_who_holds_a_run_that_is_cancelled_has_lost_it_and_unattended_ones_leave_no_trace(
    connection: Connection,
) -> None:
    account_id, other_id = [await add_account(connection, MAYA) for _ in range(2)]
    columns = {"scan_due": NOW, "lease_until": NOW + HOUR, "eta_seconds": 1.0, "note": "x"}
    scheduled = await add_run(connection, account_id, "mail", reason="schedule", **columns)
    polled = await add_run(connection, account_id, "calendar", reason="poll")
    waiting = await add_run(connection, other_id, "contacts", reason="user", state="waiting")
    over = await add_run(connection, other_id, "mail", state="completed", finished_at=NOW - HOUR)
    cancelled = await runs.cancel_runs(connection, [account_id, other_id], "disconnected", "So.")
    assert {(run.run_id, run.state, run.code, run.error) for run in cancelled} == {
        (lease.run_id, "failed", "disconnected", "So.") for lease in (scheduled, waiting)
    }
    row = await row_of(connection, scheduled.run_id)
    assert [row[name] for name in ("state", "fence", "scan_due", "lease_until", "eta_seconds", "note")] == [
        "failed", 4, None, None, None, "",
    ]  # fmt: skip
    assert row["finished_at"] == row["now"]
    with pytest.raises(LeaseLost):
        await leases.hold(connection, scheduled)
    assert await connection.fetchval("SELECT count(*) FROM runs WHERE run_id = $1", polled.run_id) == 0
    assert (await row_of(connection, over.run_id))["state"] == "completed"


async def test_of_runs_that_ended_long_ago_the_oldest_go_first_and_the_last_that_ended_well_stays(
    connection: Connection,
) -> None:
    account_id, other_id = [await add_account(connection, MAYA) for _ in range(2)]
    ended = {
        days: await add_run(connection, account_id, state=state, finished_at=NOW - timedelta(days=days))
        for days, state in (
            (400, "completed"),
            (300, "completed"),
            (350, "failed"),
            (200, "completed"),
            (100, "failed"),
        )
    }
    await add_run(connection, account_id, state="queued")
    elsewhere = [
        await add_run(connection, other_id, state="completed", finished_at=NOW - timedelta(days=500)),
        await add_run(connection, account_id, "contacts", state="failed", finished_at=NOW - timedelta(days=500)),
    ]

    async def left() -> set[int]:
        there = {row["run_id"] for row in await connection.fetch("SELECT run_id FROM runs")}
        assert {lease.run_id for lease in elsewhere} < there
        return {days for days, lease in ended.items() if lease.run_id in there}

    assert await runs.delete_old(connection, timedelta(days=310), 1) == 1
    assert await left() == {350, 300, 200, 100}
    assert await runs.delete_old(connection, timedelta(days=310), 10) == 1
    assert await left() == {300, 200, 100}
    assert await runs.delete_old(connection, timedelta(days=90), 10) == 1
    assert await left() == {200, 100}, "the last one, and the last that ended well"


# --- what people see ----------------------------------------------------------------------------------------------------


async def test_the_history_of_an_account_comes_page_by_page_newest_first_without_looks_that_are_under_way(
    connection: Connection,
) -> None:
    account_id = await add_account(connection, MAYA)
    ended = [
        await add_run(connection, account_id, kind, state="completed", reason=reason)
        for kind, reason in (("mail", "schedule"), ("mail", "poll"), ("contacts", "user"), ("mail", "push"))
    ]
    under_way = await add_run(connection, account_id, "calendar", reason="schedule", state="queued")
    await add_run(connection, account_id, "mail", reason="poll")
    await add_run(connection, account_id, "contacts", reason="push", state="waiting")
    every = [lease.run_id for lease in (under_way, *reversed(ended))]
    first = await runs.list_runs(connection, MAYA, account_id, None, 2)
    assert [run.id for run in first] == every[:2]
    rest = await runs.list_runs(connection, MAYA, account_id, first[-1].id, 9)
    assert [run.id for run in rest] == every[2:]
    latest = await runs.list_latest(connection, MAYA)
    assert {run.kind: run.id for run in latest} == {
        "mail": ended[3].run_id, "contacts": ended[2].run_id, "calendar": under_way.run_id,
    }  # fmt: skip


async def test_the_state_of_a_user_is_the_latest_run_of_each_kind_of_each_account(connection: Connection) -> None:
    first_id, second_id = [await add_account(connection, MAYA, scopes=sorted(ALL)) for _ in range(2)]
    olgas = await add_account(connection, OLGA)
    await add_run(connection, first_id, state="completed")
    newest = [await add_run(connection, account_id) for account_id in (first_id, second_id)]
    await add_run(connection, olgas, user_id=OLGA)
    latest = await runs.list_latest(connection, MAYA)
    assert [(run.account_id, run.id) for run in latest] == [(lease.account_id, lease.run_id) for lease in newest]
