"""One message fails alone: whatever it does, the mailbox goes on, and it is set aside with its reason and can be tried again."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from libs.common.bus import Bus
from libs.common.errors import PayloadTooLarge
from libs.common.events import Event, MessageIngested, SyncProgressed
from libs.common.requests import AuditAccount, ExplainMessage, RetryMessages, Why
from libs.google_sim.faults import Rule
from libs.local.servers import Nats
from services.sync.domain import fetching
from services.sync.domain.fetching import RETRY_DELAYS
from services.sync.runs.batch_writer import Batch, BatchWriter
from services.sync.store import ledger
from tests.conftest import ServiceSettings
from tests.support.sync_stage import SyncStage, maya, message, sync_stage

MESSAGES = [message(n, age=timedelta(hours=n), thread=n // 4) for n in range(200)]
IDS = [resource["id"] for resource in MESSAGES]
POISONED = IDS[101]


@pytest_asyncio.fixture
async def stage(service_settings: ServiceSettings, nats_server: Nats) -> AsyncIterator[SyncStage]:
    async with sync_stage(service_settings, nats_server.admin_url, maya(MESSAGES)) as made:
        yield made


async def explain(stage: SyncStage, message_id: str) -> Why:
    return await stage.request(
        ExplainMessage(user_id=stage.user_id, account_id=stage.account_id, message_id=message_id)
    )


async def retry(stage: SyncStage, message_id: str | None = None) -> int:
    command = RetryMessages(user_id=stage.user_id, account_id=stage.account_id, message_id=message_id)
    return (await stage.request(command)).messages


async def at_rest(stage: SyncStage) -> None:
    async with asyncio.timeout(20):
        while await stage.sql("SELECT FROM runs WHERE finished_at IS NULL"):
            await asyncio.sleep(0.02)


async def test_a_message_id_of_a_thousand_chinese_characters_is_recorded_and_found_again(stage: SyncStage) -> None:
    written = "".join(random.Random(1).choices([chr(code) for code in range(0x4E00, 0x9FA5)], k=980))
    resource = message(900)
    resource["payload"]["headers"][3]["value"] = f"<{written}@example.org>"
    stage.account.mailbox.load([resource])
    async with stage.replica():
        await stage.first_sync("mail")
        assert len(stage.timeline()) == len(MESSAGES) + 1
        why = await explain(stage, f"<{written}@example.org>")
        assert (why.state, why.gmail_id) == ("recorded", resource["id"])


@pytest.mark.parametrize("at", ["settling", "publishing"])
async def test_a_message_that_cannot_be_recorded_is_set_aside_and_comes_back_when_it_can(
    stage: SyncStage, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    settle, publish = ledger.settle, Bus.publish

    async def picky_settle(connection: Any, settled: Sequence[Any]) -> None:
        if any(message.gmail_id == POISONED and message.state == "recorded" for _, message in settled):
            raise asyncpg.ProgramLimitExceededError("index row size 2960 exceeds btree version 4 maximum 2704")
        await settle(connection, settled)

    async def picky_publish(bus: Bus, *events: Event) -> None:
        if any(isinstance(event, MessageIngested) and event.gmail_id == POISONED for event in events):
            raise PayloadTooLarge("message.ingested", 9_000_000, 8_000_000)
        await publish(bus, *events)

    with monkeypatch.context() as patch:
        if at == "settling":
            patch.setattr(ledger, "settle", picky_settle)
        else:
            patch.setattr(Bus, "publish", picky_publish)
        async with stage.replica():
            await stage.first_sync("mail")
            end = stage.ended("mail")[0]
            assert (end.new, end.skipped) == (len(MESSAGES) - 1, {"set_aside": 1})
            why = await explain(stage, POISONED)
            assert why.state == "set_aside"
            assert "Recording it failed: P" in why.explanation
            patch.undo()
            assert await retry(stage, POISONED) == 1
            await at_rest(stage)
            assert (await explain(stage, POISONED)).state == "recorded"
    assert set(stage.timeline()) == set(IDS)


async def test_a_message_that_gmail_gives_only_errors_for_holds_up_nobody_and_is_set_aside_after_a_week(
    stage: SyncStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "LARGEST_GROUP", 50)
    monkeypatch.setattr("libs.common.google.retries.RETRY_BUDGET_SECONDS", 0.2)
    monkeypatch.setattr("libs.common.google.retries.FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("services.sync.domain.runs.FIRST_PAUSE", timedelta(milliseconds=50))
    thread = next(resource["threadId"] for resource in MESSAGES if resource["id"] == POISONED)
    stage.google.world.faults.set([Rule(f"messages/{POISONED}|threads/{thread}", "5xx", status=500)], 0)
    async with stage.replica():
        await stage.first_sync("mail")
        end = stage.ended("mail")[0]
        assert (end.new, end.skipped) == (len(MESSAGES) - 1, {})
        assert set(stage.timeline()) == set(IDS) - {POISONED}
        why = await explain(stage, POISONED)
        assert why.state == "pending"
        assert "Google answered 500. That is tried again for a week." in why.explanation
        [row] = await stage.sql("SELECT failures, due_at - now() AS delay FROM messages WHERE state = 'pending'")
        assert row["failures"] == 4
        assert timedelta(minutes=58) < row["delay"] <= RETRY_DELAYS[3]
        stage.google.world.counters.reset()
        await stage.sync()
        assert stage.cost() == (1, 2), "it is not tried before its time"

        for failures in range(
            row["failures"], len(RETRY_DELAYS)
        ):  # alone in its group: others are looked at for comparison
            [row] = await stage.sql("UPDATE messages SET due_at = now() WHERE state = 'pending' RETURNING failures")
            assert row["failures"] == failures
            await stage.sync()
        assert (await explain(stage, POISONED)).state == "pending"
        await stage.sql("UPDATE messages SET due_at = now() WHERE state = 'pending'")
        assert (await stage.sync()).skipped == {"set_aside": 1}
        audit = await stage.request(AuditAccount(user_id=stage.user_id, account_id=stage.account_id))
        assert audit.by_rule == {"unavailable": 1}

        stage.google.world.faults.set([], 0)
        assert await retry(stage) == 1
        await stage.until(lambda: set(stage.timeline()) == set(IDS))


async def test_a_gmail_that_is_away_is_waited_for_and_counts_against_no_message(
    stage: SyncStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.google.retries.RETRY_BUDGET_SECONDS", 0.2)
    monkeypatch.setattr("libs.common.google.retries.FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("services.sync.domain.runs.FIRST_PAUSE", timedelta(milliseconds=50))
    async with stage.replica():
        stage.google.world.faults.set([Rule("messages.get|threads.get", "5xx")], 0)
        await stage.connect()
        async with asyncio.timeout(20):
            while not await stage.sql("SELECT FROM runs WHERE kind = 'mail' AND pauses >= 2"):
                await asyncio.sleep(0.05)
        assert await stage.sql("SELECT FROM messages WHERE failures > 0") == []
        stage.google.world.faults.set([], 0)
        await stage.until(lambda: bool(stage.ended("mail")))
    assert set(stage.timeline()) == set(IDS)


@pytest.mark.parametrize(("latency_ms", "arriving"), [(5, 0), (60, 0), (5, 10)])
async def test_the_bar_of_a_first_import_never_runs_back_and_ends_full(
    stage: SyncStage, monkeypatch: pytest.MonkeyPatch, latency_ms: int, arriving: int
) -> None:
    """The listing ends while a group is about to be written down; messages go meanwhile, and others come."""
    write = BatchWriter.write

    async def slowly(writer: BatchWriter, batch: Batch) -> None:
        await asyncio.sleep(0.05)
        await write(writer, batch)

    monkeypatch.setattr(BatchWriter, "write", slowly)
    monkeypatch.setattr(fetching, "LARGEST_GROUP", 20)
    monkeypatch.setattr("services.sync.runs.run.PROGRESS_EVERY_SECONDS", 0.0)
    mailbox = stage.account.mailbox
    mailbox.load([message(number, age=timedelta(hours=number)) for number in range(200, 900)])
    latency = [Rule("messages.list", "latency", milliseconds=300), Rule("get", "latency", milliseconds=latency_ms)]
    stage.google.world.faults.set(latency, 0)
    async with stage.replica():
        await stage.connect()
        await stage.until(lambda: len(stage.timeline()) > 100)
        for number in range(700, 720):
            mailbox.delete(f"{number:016x}")
        for number in range(2_000, 2_000 + arriving):
            mailbox.add(message(number))
        await stage.until(lambda: bool(stage.ended("mail")), 40)
        [run] = await stage.sql("SELECT done, total FROM runs WHERE kind = 'mail' ORDER BY run_id LIMIT 1")
    bars = [(event.done, event.total) for event in stage.received(SyncProgressed) if event.kind == "mail"]
    assert len(bars) > 10
    for (done, total), (next_done, next_total) in pairwise(bars):
        assert done <= next_done
        assert done * next_total <= next_done * total, f"from {done} of {total} to {next_done} of {next_total}"
    assert bars[-1][0] == bars[-1][1] == run["done"] == run["total"]
