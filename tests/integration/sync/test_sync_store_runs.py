"""Runs, statement by statement: requested, counted, put off, ended, cancelled, shown."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from libs.common.db import Connection
from libs.common.events import Reason
from libs.common.ids import UserId, new_id
from libs.common.log import traced
from libs.common.scopes import ALL, CALENDAR_READ, GMAIL_READ
from services.sync.domain.capacity import Capacity
from services.sync.domain.cursors import MailCursor
from services.sync.domain.runs import Pause, Progress, RunRequest, Tally
from services.sync.store import accounts, cursors, leases, prep_scans, runs
from services.sync.store.leases import LeaseLost, RunLease
from tests.support.sync_tables import NOW, add_account, add_run, run_row

MAYA, OLGA = UserId(new_id()), UserId(new_id())
HOUR = timedelta(hours=1)
PLENTY = Capacity(100, 100, 100, 100)


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
    row = await run_row(connection, run.run_id)
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
    assert (await run_row(connection, run.run_id))["due_at"] == now + becomes


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
    assert (await run_row(connection, run.run_id))["scan_due"] == NOW - HOUR
    row = await run_row(connection, plain.run_id)
    assert row["scan_due"] == row["now"]
    overdue = await prep_scans.list_overdue(connection, timedelta(minutes=30))
    assert overdue == [(run.run_id, account_id)]
    assert await prep_scans.is_due(connection, run.run_id)
    await prep_scans.clear(connection, run.run_id)
    assert not await prep_scans.is_due(connection, run.run_id)


async def test_a_prep_scan_is_due_at_its_moment_and_no_sooner_also_where_its_run_is(connection: Connection) -> None:
    account_id = await add_account(connection, MAYA)
    await add_run(connection, account_id, "calendar", state="completed")
    await runs.insert_requests(connection, [RunRequest(account_id, "calendar", "poll", HOUR, scan=True)])
    await runs.insert_requests(connection, [RunRequest(account_id, "calendar", "user")])
    [lease] = await leases.acquire(connection, "me", PLENTY)
    row = await run_row(connection, lease.run_id)
    assert (row["due_at"], row["scan_due"]) == (row["now"], row["now"] + HOUR)
    assert not await prep_scans.is_due(connection, lease.run_id)
    assert await prep_scans.take_left(connection, lease.run_id) == HOUR
    assert await prep_scans.take_left(connection, lease.run_id) is None
    for minutes, left in ((-1, 0), (0, 0), (1, 1)):
        await connection.execute(
            "UPDATE runs SET scan_due = now() + $2 WHERE run_id = $1", lease.run_id, timedelta(minutes=minutes)
        )
        assert await prep_scans.is_due(connection, lease.run_id) == (minutes <= 0)
        assert await prep_scans.take_left(connection, lease.run_id) == timedelta(minutes=left)


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
    assert [await runs.count_requestable(connection, kind) for kind in ("mail", "calendar")] == [1, 2]  # type: ignore[arg-type]


async def test_each_account_has_a_moment_of_its_own_within_the_spread_that_never_changes(
    connection: Connection,
) -> None:
    for _ in range(200):
        await add_account(connection, OLGA, scopes=[GMAIL_READ])
    found = await runs.list_requestable(connection, "mail", 5)
    assert {delay for _, delay in found} == {timedelta(seconds=number) for number in range(6)}
    assert sorted(await runs.list_requestable(connection, "mail", 5)) == sorted(found)
    assert {delay for _, delay in await runs.list_requestable(connection, "mail", 0)} == {0 * HOUR}


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
    first, second, third = [await run_row(connection, lease.run_id) for lease in made]
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
    row = await run_row(connection, lease.run_id)
    assert [row[name] for name in ("total", "estimated_units", "eta_seconds", "note", "done")] == [
        15,
        107,
        6.0,
        "So.",
        10,
    ]
    await runs.add_cost(connection, lease, 3, 4)
    row = await run_row(connection, lease.run_id)
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
    row = await run_row(connection, lease.run_id)
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
    row = await run_row(connection, lease.run_id)
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
        ({"reason": "poll", "kind": "calendar", "scan_due": NOW}, False),
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
    row = await run_row(connection, failed.run_id)
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
    row = await run_row(connection, scheduled.run_id)
    assert [row[name] for name in ("state", "fence", "scan_due", "lease_until", "eta_seconds", "note")] == [
        "failed", 4, None, None, None, "",
    ]  # fmt: skip
    assert row["finished_at"] == row["now"]
    with pytest.raises(LeaseLost):
        await leases.hold(connection, scheduled)
    assert await connection.fetchval("SELECT count(*) FROM runs WHERE run_id = $1", polled.run_id) == 0
    assert (await run_row(connection, over.run_id))["state"] == "completed"


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


async def test_a_look_at_a_mailbox_that_found_nothing_leaves_its_time_and_a_waiting_run_shows_when_it_goes_on(
    connection: Connection,
) -> None:
    account_id = await add_account(connection, MAYA, scopes=sorted(ALL))
    await connection.execute("UPDATE accounts SET time_zone = 'Europe/Stockholm'")
    await cursors.upsert_cursor(connection, account_id, "mail", MailCursor(1, 365).to_json())
    await add_run(connection, account_id, state="completed")
    assert [run.checked_at for run in await runs.list_latest(connection, MAYA)] == [None]
    poll = await add_run(connection, account_id, reason="poll")
    assert await runs.delete_if_unreported(connection, poll)
    (latest,) = await runs.list_latest(connection, MAYA)
    assert latest.checked_at == await connection.fetchval("SELECT now()")
    token = await cursors.get_cursor(connection, account_id, "mail")
    assert token is not None
    assert MailCursor.from_json(token).history_id == 1, "the cursor is where it was"
    due = await connection.fetchval("SELECT now() + interval '1 hour'")
    await add_run(connection, account_id, "calendar", reason="schedule", state="waiting", due_at=due)
    await add_run(connection, account_id, "contacts", reason="schedule", state="queued", due_at=due)
    resumes = {run.kind: run.resumes_at for run in await runs.list_latest(connection, MAYA)}
    assert resumes == {"mail": None, "calendar": due, "contacts": None}
    assert await accounts.list_time_zones(connection, MAYA) == {account_id: "Europe/Stockholm"}
    assert await accounts.list_time_zones(connection, OLGA) == {}
