"""How a run ends: what follows its work, what is written and reported of it, and when it is put off instead."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from libs.common.errors import Outage, Refused
from libs.common.events import Reason
from libs.common.google.errors import DailyLimit, Forbidden
from libs.common.ids import AccountId
from services.sync.calendar.prep_scan import scan_if_due
from services.sync.domain.runs import RunRequest, Tally
from services.sync.runs import worker as workers
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
from tests.support.sync_tables import NOW

Work = Callable[[Run], Awaitable[None]]


@pytest_asyncio.fixture
async def parts(emptied_database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parts]:
    monkeypatch.setattr(workers, "LOOK_EVERY_SECONDS", 60.0)  # who is not woken sleeps for longer than the test
    async with sync_parts(emptied_database, lambda: NoGoogle(3, 40)) as made:
        yield made


# --- the end of a run ---------------------------------------------------------------------------------------------------

Outcome = tuple[str, str, Any]  # state, code, number of events in the outbox


async def carry_out(
    parts: Parts, work: Work, reason: Reason, *, change: dict[str, Any] | None = None, state: str = ""
) -> list[str]:
    """Request one run, and carry it out to its end; what happened, in order."""
    happened: list[str] = []
    pending, ended = asyncio.Event(), asyncio.Event()

    async def observed(run: Run) -> None:
        happened.append("work")
        try:
            await work(run)
        finally:
            if change:
                sets = ", ".join(f"{name} = ${number}" for number, name in enumerate(change, start=1))
                await parts.context.db.execute(f"UPDATE runs SET {sets}", *change.values())

    async def after_work(_: Run) -> None:
        assert (await only_run(parts))["state"] == "running", "before its end"
        happened.append("after work")
        ended.set()

    async def after_change(_: Run, __: Any) -> None:
        happened.append("after change")

    await requested(parts, reason=reason)
    worker = worker_of(
        parts, observed, after_work={"mail": after_work}, after_change={"mail": after_change}, outbox_pending=pending
    )
    async with working(worker):
        async with asyncio.timeout(30):
            await ended.wait()
            while worker._under_way:
                await asyncio.sleep(0.01)
    if pending.is_set():
        happened.append("outbox")
    return happened


async def finds(run: Run) -> None:
    async with run.step() as step:
        step.count(Tally(done=2, new=2))


async def test_a_run_that_ends_well_is_written_down_and_reported_where_somebody_waits_for_it(parts: Parts) -> None:
    assert await carry_out(parts, nothing, "user") == ["work", "after work", "outbox"]
    row = await only_run(parts)
    assert (row["state"], row["requests"], row["units"], row["code"]) == ("completed", 3, 40, "")
    [event] = await parts.fetch("SELECT subject, payload FROM outbox")
    assert (event["subject"], event["payload"]["address"]) == ("sync.completed", "maya@example.com")
    assert event["payload"]["run_id"] == str(row["run_id"])


@pytest.mark.parametrize("reason", ["poll", "push", "repair"])
async def test_a_look_that_found_nothing_leaves_no_trace(parts: Parts, reason: Reason) -> None:
    assert await carry_out(parts, nothing, reason) == ["work", "after work"]
    assert await parts.fetch("SELECT FROM runs UNION ALL SELECT FROM outbox") == []


async def test_a_look_that_found_something_is_reported_and_followed_up(parts: Parts) -> None:
    assert await carry_out(parts, finds, "poll") == ["work", "after work", "after change", "outbox"]
    row = await only_run(parts)
    assert (row["state"], row["new"], row["total"]) == ("completed", 2, 2)
    [event] = await parts.fetch("SELECT payload FROM outbox")
    assert (event["payload"]["new"], event["payload"]["reason"]) == (2, "poll")


async def test_what_was_wanted_meanwhile_follows_a_run_that_ended_well(parts: Parts) -> None:
    calls = 0

    async def once(_: Run) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            await asyncio.Event().wait()
        await parts.context.db.execute("UPDATE runs SET again = 'repair'")

    await requested(parts)
    async with working(worker_of(parts, once)):
        await until_runs_are(parts, "completed")
        await until_runs_are(parts, "running")
    rows = await parts.fetch("SELECT reason, state FROM runs ORDER BY run_id")
    assert [tuple(row) for row in rows] == [("user", "completed"), ("repair", "running")]


@pytest.mark.parametrize("reason", ["user", "push"])
async def test_a_scan_whose_moment_is_still_to_come_has_a_run_of_its_own_at_that_moment(
    parts: Parts, reason: Reason
) -> None:
    account_id = await requested(parts, "calendar", reason)
    async with parts.context.db.acquire() as connection:
        await parts.context.queue.enqueue(
            connection, [RunRequest(account_id, "calendar", "poll", timedelta(hours=1), scan=True)]
        )
    [before] = await parts.fetch("SELECT scan_due FROM runs")
    async with working(worker_of(parts, nothing, after_work={"calendar": scan_if_due})):
        async with asyncio.timeout(30):
            while await parts.fetch("SELECT FROM runs WHERE finished_at IS NULL AND reason = $1", reason):
                await asyncio.sleep(0.01)
    [row] = await parts.fetch(
        "SELECT reason, state, due_at, scan_due, now() AS now FROM runs WHERE finished_at IS NULL"
    )
    assert (row["reason"], row["state"]) == ("poll", "queued")
    assert abs(row["due_at"] - before["scan_due"]) < timedelta(seconds=1)
    assert row["scan_due"] == row["due_at"]
    assert not await parts.fetch("SELECT FROM runs WHERE finished_at IS NOT NULL AND scan_due IS NOT NULL")
    assert parts.bus.published == [], "what starts soon is published then"


def refuses(error: Exception) -> Work:
    async def work(run: Run) -> None:
        await finds(run)
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (Refused(403, "reauth_required", "Sign in again."), "reauth_required", "Sign in again."),
        (Forbidden("forbidden", "Google says no."), "forbidden", "Google says no."),
        (
            ValueError("a bug"),
            "internal",
            "Something went wrong here; it is in the log. Nothing that was read is lost.",
        ),
    ],
)
async def test_a_refusal_and_a_bug_end_the_run_with_what_it_had_found_and_the_scan_goes_ahead(
    parts: Parts, error: Exception, code: str, sentence: str
) -> None:
    change = {"again": "user"}
    assert await carry_out(parts, refuses(error), "user", change=change) == [
        "work",
        "after work",
        "after change",
        "outbox",
    ]
    row = await only_run(parts)
    assert [row[name] for name in ("state", "code", "error", "new", "units")] == ["failed", code, sentence, 2, 40]
    [event] = await parts.fetch("SELECT subject, payload FROM outbox")
    assert (event["subject"], event["payload"]["code"]) == ("sync.failed", code)


async def test_a_run_that_fails_because_its_account_is_gone_is_not_reported(parts: Parts) -> None:
    await carry_out(parts, refuses(Refused(409, "disconnected", "It was disconnected.")), "user")
    assert (await only_run(parts))["state"] == "failed"
    assert await parts.fetch("SELECT FROM outbox") == []


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("user", Outage("Google is away.")),
        ("schedule", OSError("reset")),
        ("repair", asyncpg.InterfaceError("closed")),
        ("poll", Outage("Away.")),
    ],
)
async def test_an_outage_puts_the_run_off_and_it_is_known_since_when(
    parts: Parts, reason: Reason, error: Exception
) -> None:
    async def work(_: Run) -> None:
        raise error

    assert await carry_out(parts, work, reason) == ["work", "after work"]
    row = await only_run(parts)
    assert [row[name] for name in ("state", "code", "lease_until", "pauses", "requests", "units")] == [
        "waiting",
        "waiting",
        None,
        1,
        3,
        40,
    ]
    assert timedelta(seconds=3) < row["due_at"] - row["stuck_since"] < timedelta(seconds=7)
    assert await parts.fetch("SELECT FROM outbox") == []


async def test_what_has_been_stuck_for_hours_goes_on_from_when_it_began_and_then_fails(parts: Parts) -> None:
    async def work(_: Run) -> None:
        raise Outage("Google is away.")

    await carry_out(parts, work, "user", change={"stuck_since": NOW - timedelta(hours=5), "pauses": 3})
    row = await only_run(parts)
    assert (row["state"], row["stuck_since"], row["pauses"], row["units"]) == (
        "waiting",
        NOW - timedelta(hours=5),
        4,
        40,
    )
    await parts.context.db.execute("DELETE FROM accounts")
    await carry_out(parts, work, "user", change={"stuck_since": NOW - timedelta(hours=7)})
    row = await only_run(parts)
    assert (row["state"], row["code"], row["error"]) == (
        "failed", "unavailable", "Tried for 6 hours. The last answer was: Google is away.",
    )  # fmt: skip


async def test_the_end_of_the_quotas_day_is_waited_for_and_counts_as_no_trouble(parts: Parts) -> None:
    ends_at = datetime.now(UTC) + timedelta(hours=9)

    async def work(_: Run) -> None:
        raise DailyLimit(ends_at - timedelta(hours=9), timedelta(hours=9))

    await carry_out(parts, work, "user", change={"stuck_since": NOW - timedelta(hours=7), "pauses": 3})
    row = await only_run(parts)
    assert [row[name] for name in ("state", "code", "stuck_since", "pauses")] == ["waiting", "daily_quota", None, 0]
    assert ends_at <= row["due_at"] <= ends_at + timedelta(minutes=15)


async def test_progress_is_published_where_it_changed_and_its_loss_is_no_failure(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(run: Run) -> None:
        parts.bus.failure = Outage("The bus is away.")
        await run.publish_progress(5)
        parts.bus.failure = None
        monkeypatch.setattr("services.sync.runs.run.PROGRESS_EVERY_SECONDS", 1000.0)
        await run.publish_progress(5)
        await run.publish_progress(4)
        await finds(run)

    await carry_out(parts, work, "user")
    published = [event.model_dump(mode="json") for event in parts.bus.published]
    row = await only_run(parts)
    assert [(event["done"], event["total"]) for event in published] == [(2, 2)], "seldom, and in the end in any case"
    assert {(event["run_id"], event["kind"], event["account_id"]) for event in published} == {
        (str(row["run_id"]), "mail", str(row["account_id"]))
    }


async def test_a_run_of_an_account_that_is_gone_does_nothing(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its account was deleted between the lease and the work."""
    done: list[AccountId] = []

    async def work(run: Run) -> None:
        done.append(run.lease.account_id)

    gone, acquire = await requested(parts), leases.acquire

    async def too_late(*arguments: Any) -> list[RunLease]:
        found = await acquire(*arguments)
        await parts.context.db.execute("DELETE FROM accounts WHERE account_id = $1", gone)
        return found

    monkeypatch.setattr(leases, "acquire", too_late)
    there = await requested(parts, "contacts")
    async with working(worker_of(parts, work)):
        await until_runs_are(parts, "completed")
    assert done == [there]
    [event] = await parts.fetch("SELECT payload FROM outbox")
    assert event["payload"]["account_id"] == str(there)
