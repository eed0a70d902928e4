"""Reading a group of messages keeps nobody waiting, and one message spoils none of the others."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from libs.common.ids import AccountId, UserId
from libs.common.resources.gmail import GmailMessage, read_message
from services.sync.domain import mail as rules
from services.sync.domain.estimate import shown_total
from services.sync.domain.fetching import (
    RETRY_DELAYS,
    UNAVAILABLE,
    Fetched,
    Wanted,
    failed,
    fetch_outcome,
    unrecordable,
)
from services.sync.domain.ledger import PutOff
from services.sync.mail import reading
from tests.support.sync_stage import message

ME = rules.Me(UserId(uuid4()), AccountId(uuid4()), frozenset({"maya@example.com"}))
READ = rules.read


def fetched(number: int) -> Fetched:
    found = read_message(message(number))
    return Fetched(Wanted(found.gmail_id or "", found.thread_id), found)


async def count_turns(stop: asyncio.Event) -> int:
    """How often the event loop was to be had."""
    turns = 0
    while not stop.is_set():
        await asyncio.sleep(0)
        turns += 1
    return turns


async def test_others_go_on_while_a_group_of_slow_messages_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(*arguments: object) -> rules.Outcome:
        time.sleep(0.01)
        return READ(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rules, "read", slowly)
    stop = asyncio.Event()
    others = asyncio.create_task(count_turns(stop))
    outcomes = await reading.read_group([fetched(number) for number in range(60)], ME, None)
    stop.set()
    assert [outcome.settled.state for outcome in outcomes] == ["recorded"] * 60
    assert await others >= 60 / 3, "a slice of 25 ms is over after three messages of 10 ms at the latest"


async def test_a_message_that_takes_long_is_named_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(found: GmailMessage, *arguments: object) -> rules.Outcome:
        time.sleep(0.02 if found.gmail_id == f"{2:016x}" else 0)
        return READ(found, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rules, "read", slowly)
    monkeypatch.setattr(reading, "SLOW_SECONDS", 0.02)
    with capture_logs() as lines:
        await reading.read_group([fetched(number) for number in range(4)], ME, None)
    slow = [line for line in lines if line["event"] == "message_slow"]
    assert [line["gmail_id"] for line in slow] == [f"{2:016x}"]
    assert slow[0]["ms"] >= 20


async def test_a_message_at_which_reading_fails_is_set_aside_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def picky(found: GmailMessage, *arguments: object) -> rules.Outcome:
        if found.gmail_id == f"{1:016x}":
            raise RecursionError("private words")
        return READ(found, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rules, "read", picky)
    with capture_logs():
        outcomes = await reading.read_group([fetched(number) for number in range(3)], ME, None)
    assert [outcome.settled.state for outcome in outcomes] == ["recorded", "set_aside", "recorded"]
    assert outcomes[1].settled.reason == "Reading it failed: RecursionError."
    assert outcomes[1].tally.skipped == {"set_aside": 1}


def test_a_message_that_gmail_gives_only_errors_for_is_tried_soon_then_daily_for_a_week_then_set_aside() -> None:
    wanted, delays = Wanted("m", "t"), []
    while isinstance(judged := failed(wanted, "Google answered 500."), PutOff):
        delays.append(judged.delay)
        wanted = replace(wanted, failures=wanted.failures + 1)
    assert delays[0] == timedelta(0)
    assert delays == sorted(delays)
    assert sum(delay == timedelta(days=1) for delay in delays) == 7
    assert len(delays) == len(RETRY_DELAYS)
    outcome = fetch_outcome(judged, ME, None, ())
    assert (outcome.settled.state, outcome.settled.rule) == ("set_aside", UNAVAILABLE)
    assert "Google answered 500." in outcome.settled.reason


def test_what_cannot_be_recorded_keeps_nothing_that_may_have_been_the_cause() -> None:
    outcome = unrecordable(fetch_outcome(fetched(1), ME, datetime(2000, 1, 1, tzinfo=UTC), ()), "DataError")
    settled = outcome.settled
    assert (settled.state, settled.rfc_message_id, settled.occurred_at) == ("set_aside", None, None)
    assert settled.revision > 0, "its event may be on the bus: the next one is newer"
    assert outcome.event is None


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 10_000)), max_size=40))
def test_the_bar_never_runs_back_whatever_comes_to_be_known(steps: list[tuple[int, int]]) -> None:
    done = total = 0
    for more, left in steps:
        done_before, total_before = done, total
        done += more
        total = shown_total(done, done + left, done_before, total_before)
        assert done <= total <= done + left
        assert done * total_before >= done_before * total, "the share only grows"
    assert shown_total(done, done, done, total) == done, "at the end they are equal"
