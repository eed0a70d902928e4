"""Which run is next, how many runs a process takes, and that no run fails for another's mistake."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast
from uuid import uuid4

import pytest

from libs.common.db import Connection, Pool
from libs.common.events import Kind, Reason
from libs.common.ids import AccountId, RunId, UserId
from services.sync.domain.capacity import (
    MAX_CALENDARS,
    MAX_INITIAL_MAIL,
    MAX_INITIAL_OTHER,
    MAX_RUNS,
    MIN_AT_ONCE,
    Capacity,
)
from services.sync.domain.ledger import Settled
from services.sync.domain.runs import EndedRun, Progress, RunRequest, Tally, priority_of
from services.sync.runs.batch_writer import Batch, BatchWriter
from services.sync.runs.fair_semaphore import FIRST_PAGE, FairSemaphore
from services.sync.runs.queue import RunQueue
from services.sync.store import ledger, runs
from services.sync.store.leases import LeaseLost, RunLease

MAYA, NOAH, OLGA = (RunId(uuid4()) for _ in range(3))


async def _settle() -> None:
    """Let everything go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


# --- the semaphore --------------------------------------------------------------------------------------------------------


async def test_of_those_that_wait_the_one_that_will_have_least_goes_first() -> None:
    semaphore, order = FairSemaphore(at_once=1), []

    async def write(done: int, more: int) -> None:
        async with semaphore.slot(MAYA, done, more):
            order.append(done + more)

    async with semaphore.slot(NOAH, 0, 15):
        waiting = [asyncio.create_task(write(done, more)) for done, more in ((60, 40), (85, 3), (0, 15), (900, 300))]
        await _settle()
        assert order == []
    await asyncio.gather(*waiting)
    assert order == [15, 88, 100, 1200]


async def test_behind_the_first_page_slots_are_granted_in_the_order_of_arrival() -> None:
    semaphore, order = FairSemaphore(at_once=1), []

    async def write(done: int) -> None:
        async with semaphore.slot(MAYA, done, 300):
            order.append(done)

    async with semaphore.slot(NOAH, 0, 15):
        waiting = [asyncio.create_task(write(done)) for done in (9_000, FIRST_PAGE, 4_000)]
        await _settle()
    await asyncio.gather(*waiting)
    assert order == [9_000, FIRST_PAGE, 4_000]


async def test_a_slot_that_is_not_wanted_any_more_passes_on() -> None:
    semaphore = FairSemaphore(at_once=1)

    async def write() -> None:
        async with semaphore.slot(MAYA, 0, 15):
            pass

    async with semaphore.slot(NOAH, 0, 15):
        waiting = [asyncio.create_task(write()) for _ in range(3)]
        await _settle()
        waiting[0].cancel()
    waiting[1].cancel()  # it was granted the slot just now
    await asyncio.wait_for(waiting[2], 1)
    await asyncio.wait_for(write(), 1)


async def test_who_had_something_lets_those_that_begin_catch_up() -> None:
    semaphore, has_more = FairSemaphore(), asyncio.Event()

    async def more() -> None:
        async with semaphore.slot(MAYA, 50, 50):
            has_more.set()

    with semaphore.arriving(NOAH), semaphore.arriving(OLGA):
        going_on = asyncio.create_task(more())
        async with semaphore.slot(NOAH, 0, 50):
            pass
        await _settle()
        assert not has_more.is_set()
        async with semaphore.slot(OLGA, 0, 50):
            await _settle()
            assert has_more.is_set()
    await going_on


@pytest.mark.parametrize("done", [0, FIRST_PAGE])
async def test_neither_beginners_nor_those_with_a_first_page_wait_for_others_to_begin(done: int) -> None:
    semaphore = FairSemaphore()
    with semaphore.arriving(NOAH):
        async with asyncio.timeout(1), semaphore.slot(MAYA, done, 50):
            pass


async def test_a_beginner_that_does_not_get_on_or_ends_is_not_waited_for() -> None:
    semaphore = FairSemaphore(arrival_seconds=0.02)
    with semaphore.arriving(NOAH):
        async with asyncio.timeout(1), semaphore.slot(MAYA, 50, 50):
            pass
    semaphore = FairSemaphore()
    with semaphore.arriving(NOAH):
        pass
    async with asyncio.timeout(1), semaphore.slot(MAYA, 50, 50):
        pass


# --- capacity -------------------------------------------------------------------------------------------------------------


def _under_way(**numbers: int) -> list[tuple[bool, Kind]]:
    sorts: dict[str, tuple[bool, Kind]] = {
        "incremental": (False, "mail"),
        "initial_mail": (True, "mail"),
        "initial_other": (True, "contacts"),
        "calendars": (False, "calendar"),
    }
    return [sorts[name] for name, number in numbers.items() for _ in range(number)]


@pytest.mark.parametrize(
    ("under_way", "capacity"),
    [
        (_under_way(), Capacity(MIN_AT_ONCE, MIN_AT_ONCE, MAX_INITIAL_OTHER, MIN_AT_ONCE)),
        (_under_way(initial_mail=100), Capacity(100, 100, MAX_INITIAL_OTHER, MAX_CALENDARS)),
        (_under_way(initial_mail=MAX_INITIAL_MAIL - 1),
         Capacity(MAX_RUNS - MAX_INITIAL_MAIL + 1, 1, MAX_INITIAL_OTHER, MAX_CALENDARS)),
        (_under_way(initial_mail=MAX_INITIAL_MAIL + 5, initial_other=MAX_INITIAL_OTHER),
         Capacity(MAX_RUNS - MAX_INITIAL_MAIL - 5 - MAX_INITIAL_OTHER, 0, 0, MAX_CALENDARS)),
        (_under_way(incremental=MAX_RUNS), Capacity(0, MAX_INITIAL_MAIL, MAX_INITIAL_OTHER, MAX_CALENDARS)),
        (_under_way(calendars=MAX_CALENDARS), Capacity(MAX_CALENDARS, MAX_CALENDARS, MAX_INITIAL_OTHER, 0)),
        (_under_way(incremental=MAX_RUNS, calendars=MAX_CALENDARS), Capacity(0, MAX_INITIAL_MAIL, MAX_INITIAL_OTHER, 0)),
    ],
    ids=["at rest", "with many others", "nearly full", "full of first imports", "full of incremental runs", "full of calendars", "full"],
)  # fmt: skip
def test_a_process_takes_more_the_more_it_has_until_it_is_full(
    under_way: list[tuple[bool, Kind]], capacity: Capacity
) -> None:
    assert Capacity.beside(under_way) == capacity


def test_first_imports_leave_capacity_for_incremental_runs() -> None:
    full = Capacity.beside(_under_way(initial_mail=MAX_INITIAL_MAIL, initial_other=MAX_INITIAL_OTHER))
    assert full.is_full_for(True, "mail")
    assert full.is_full_for(True, "calendar")
    assert not full.is_full_for(False, "mail")


def test_neither_calendars_nor_mail_that_wait_for_their_quota_keep_the_other_from_getting_on() -> None:
    calendars = Capacity.beside(_under_way(calendars=MAX_CALENDARS))
    assert calendars.is_full_for(False, "calendar")
    assert not calendars.is_full_for(False, "mail")
    mail = Capacity.beside(_under_way(incremental=MAX_RUNS))
    assert mail.is_full_for(False, "mail")
    assert not mail.is_full_for(False, "calendar")


# --- whose calls go first -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "reason", "priority"),
    [
        *((kind, "schedule", "backfill") for kind in ("mail", "contacts", "calendar")),
        ("calendar", "poll", "backfill"),
        ("mail", "poll", "live"),
        *((kind, reason, "live") for kind in ("mail", "calendar") for reason in ("user", "push", "connected", "settings", "repair")),
    ],
)  # fmt: skip
def test_what_is_requested_for_all_accounts_lets_go_first_what_somebody_waits_for(
    kind: Kind, reason: Reason, priority: str
) -> None:
    assert priority_of(kind, reason) == priority


# --- the queue ------------------------------------------------------------------------------------------------------------


async def test_the_worker_is_woken_once_what_was_enqueued_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    inserted: list[RunRequest] = []

    async def insert_requests(_: Any, wanted: Sequence[RunRequest]) -> None:
        inserted.extend(wanted)

    monkeypatch.setattr(runs, "insert_requests", insert_requests)
    queue, request = RunQueue(), RunRequest(AccountId(uuid4()), "mail", "user")

    async def is_woken() -> bool:
        try:
            async with asyncio.timeout(0.02):
                await queue.wait(1)
        except TimeoutError:
            return False
        queue.forget_wakes()
        return True

    async with queue.transaction(cast(Pool, _Database())) as connection:
        await queue.enqueue(connection, [request])
        assert not await is_woken(), "not before the commit"
    assert await is_woken()
    async with queue.transaction(cast(Pool, _Database())) as connection:
        await queue.enqueue(connection, [])
    assert not await is_woken(), "not for nothing"

    async def enqueue_and_fail() -> None:
        async with queue.transaction(cast(Pool, _Database())) as connection:
            await queue.enqueue(connection, [request])
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await enqueue_and_fail()
    assert not await is_woken(), "not for what was rolled back"
    await queue.enqueue(cast(Connection, _Database()), [request])
    assert await is_woken(), "outside of a transaction at once"
    assert inserted == [request] * 3


# --- the end of a run -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "state", "found", "unhealed", "is_reported"),
    [
        ("user", "completed", 0, 0, True),
        ("schedule", "failed", 0, 0, True),
        ("poll", "completed", 0, 0, False),
        ("poll", "completed", 1, 0, True),
        ("push", "failed", 0, 0, False),  # the next scheduled run reports what is wrong
        ("push", "failed", 1, 0, True),
        ("repair", "completed", 0, 0, False),
        ("repair", "completed", 0, 2, True),
        ("repair", "failed", 0, 0, True),
    ],
)
def test_a_run_is_reported_where_somebody_waits_for_it_or_it_found_something(
    reason: Reason, state: Literal["completed", "failed"], found: int, unhealed: int, is_reported: bool
) -> None:
    skipped = {"unhealed": unhealed} if unhealed else {}
    began = datetime.now(UTC)
    ended = EndedRun(
        MAYA, UserId(uuid4()), AccountId(uuid4()), "mail", reason, state, False, began, began + timedelta(seconds=2),
        new=found, updated=0, removed=0, skipped=skipped, requests=1, units=2, code="", error="", again=None,
    )  # fmt: skip
    assert ended.is_reported is is_reported
    assert ended.event("maya@example.com").subject == f"sync.{state}"


# --- the writer -----------------------------------------------------------------------------------------------------------


class _Database:
    """As much of a pool and of a connection as is needed here."""

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["_Database"]:
        yield self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        await asyncio.sleep(0)
        yield

    def is_in_transaction(self) -> bool:
        return False


def _batch(gmail_id: str) -> Batch:
    lease = RunLease(
        RunId(uuid4()), 1, UserId(uuid4()), AccountId(uuid4()), "mail", "connected", True, datetime.now(UTC), 0, ""
    )
    return Batch(lease, Progress(Tally(done=1)), [Settled(gmail_id, "gone", 0)])


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The Gmail ids that were settled, by transaction. A run with a note is not held any more, "broken" can't be written."""
    settled: list[list[str]] = []

    async def add_progress_of_all(_: Any, progresses: Sequence[tuple[RunLease, Progress]]) -> set[RunId]:
        return {lease.run_id for lease, progress in progresses if not progress.note}

    async def settle(_: Any, wanted: Sequence[tuple[AccountId, Settled]]) -> None:
        ids = [message.gmail_id for _, message in wanted]
        if "broken" in ids:
            raise ValueError("broken")
        settled.append(ids)

    monkeypatch.setattr(runs, "add_progress_of_all", add_progress_of_all)
    monkeypatch.setattr(ledger, "settle", settle)
    return settled


async def test_what_comes_during_a_write_is_written_together(transactions: list[list[str]]) -> None:
    writer = BatchWriter(cast(Pool, _Database()))
    await asyncio.gather(*(writer.write(_batch(gmail_id)) for gmail_id in ("a", "b", "c")))
    assert [gmail_id for some in transactions for gmail_id in some] == ["a", "b", "c"]
    assert len(transactions) < 3


async def test_a_run_that_cannot_be_written_fails_alone(transactions: list[list[str]]) -> None:
    writer = BatchWriter(cast(Pool, _Database()))
    results = await asyncio.gather(
        *(writer.write(_batch(gmail_id)) for gmail_id in ("a", "broken", "b")), return_exceptions=True
    )
    assert [type(result) for result in results] == [type(None), ValueError, type(None)]
    assert sorted(gmail_id for some in transactions for gmail_id in some) == ["a", "b"]


async def test_of_a_run_that_was_lost_nothing_is_written(transactions: list[list[str]]) -> None:
    writer = BatchWriter(cast(Pool, _Database()))
    lost = replace(_batch("b"), progress=Progress(Tally(done=1), note="lost"))
    results = await asyncio.gather(writer.write(lost), writer.write(_batch("a")), return_exceptions=True)
    assert [type(result) for result in results] == [LeaseLost, type(None)]
    assert transactions == [["a"]]
