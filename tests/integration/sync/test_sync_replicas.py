"""A run survives its holder: it is cut off, taken over, shared, put off, and called off, and nothing is lost or doubled."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from libs.common.errors import Refused
from libs.common.events import (
    AccountConnected,
    AccountDisconnected,
    AccountReauthRequired,
    MessageIngested,
    SettingsChanged,
    SyncFailed,
    SyncRequested,
    UserDeleted,
)
from libs.common.google.errors import PageExpired
from libs.common.google.gmail import Gmail
from libs.common.preferences import Preferences
from libs.common.resources.gmail import MessagePage
from libs.common.service import opened, started
from libs.google_sim.faults import Rule
from libs.local.servers import Nats
from services.sync.__main__ import wire
from services.sync.context import Context
from services.sync.domain import fetching
from services.sync.domain.capacity import Capacity
from services.sync.domain.runs import Progress, RunRequest, Tally
from services.sync.handlers import accounts, requests
from services.sync.runs.queue import RunQueue
from services.sync.store import leases, runs
from services.sync.store.leases import LeaseLost
from tests.conftest import ServiceSettings
from tests.support.sync_stage import SyncStage, maya, message, sync_stage

MESSAGES = [message(n, age=timedelta(hours=n)) for n in range(700)]
IDS = {resource["id"] for resource in MESSAGES}


@pytest_asyncio.fixture
async def stage(
    service_settings: ServiceSettings, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SyncStage]:
    monkeypatch.setattr(fetching, "LARGEST_GROUP", 50)  # so that there is something left when a replica dies
    async with sync_stage(service_settings, nats_server.admin_url, maya(MESSAGES)) as made:
        yield made


async def _abruptly(stage: SyncStage, moment: asyncio.Event) -> None:
    """A replica that is gone from one moment to the next: nothing is finished, nothing released."""
    async with opened("sync", stage.settings) as resources, started(resources, wire):
        await moment.wait()
        resources.db.terminate()


async def test_a_killed_backfill_goes_on_where_it_was(stage: SyncStage) -> None:
    stage.google.world.faults.set([Rule("messages.get", "latency", milliseconds=100)], 0)
    for part in (0.2, 0.6):
        killed = asyncio.Event()
        replica = asyncio.create_task(_abruptly(stage, killed))
        if part == 0.2:
            await asyncio.sleep(0.5)
            await stage.connect()
        await stage.until(lambda part=part: len(stage.timeline()) > part * len(MESSAGES))  # type: ignore[misc]
        killed.set()
        await asyncio.gather(replica, return_exceptions=True)
        assert len(stage.timeline()) < len(MESSAGES)
        assert stage.ended("mail") == []
    async with stage.replica():
        await stage.until(lambda: bool(stage.ended("mail")), 40)
    assert set(stage.timeline()) == IDS
    end = stage.ended("mail")[0]
    assert (end.new, end.first) == (len(MESSAGES), True)
    # What was published twice was published with the same key: the stream keeps it once.
    assert len({event.key() for event in stage.received(MessageIngested)}) == len(MESSAGES)
    requests = stage.google.world.counters.methods["maya@example.com"]["gmail.users.messages.get"].requests
    assert requests < len(MESSAGES) + 2 * 2 * 150  # at most the groups in hand were fetched again


async def test_two_replicas_never_walk_one_mailbox(stage: SyncStage) -> None:
    async with stage.replica(), stage.replica():
        await stage.first_sync("mail")
        await asyncio.gather(*(stage.request_sync("mail") for _ in range(5)))
        await stage.until(lambda: len(stage.ended("mail")) >= 2)
    counter = stage.google.world.counters.methods["maya@example.com"]["gmail.users.messages.get"]
    assert counter.requests == len(MESSAGES)
    assert set(stage.timeline()) == IDS


async def test_who_lost_the_lease_can_write_nothing(stage: SyncStage) -> None:
    async with opened("sync", stage.settings) as resources, resources.db.acquire() as connection:
        await connection.execute(
            "INSERT INTO accounts VALUES ($1, $2, 'maya@example.com', $3, 'active', '{}', false, now())",
            stage.account_id, stage.user_id, sorted(stage.granted),
        )  # fmt: skip
        await runs.insert_requests(connection, [RunRequest(stage.account_id, "mail", "user")])
        [first] = await leases.acquire(connection, "first", Capacity.beside([]))
        assert await leases.acquire(connection, "second", Capacity.beside([])) == []
        await connection.execute("UPDATE runs SET lease_until = now() - interval '1 second'")
        [second] = await leases.acquire(connection, "second", Capacity.beside([]))
        assert second.fence == first.fence + 1
        async with connection.transaction():
            await leases.hold(connection, second)
        assert await leases.renew(connection, [first, second]) == ({second.run_id}, {second.run_id})
        for write in (
            leases.hold(connection, first),
            runs.add_progress(connection, first, Progress(Tally(done=1))),
            runs.end(connection, first, failure=("failed", "It failed.")),
        ):
            with pytest.raises(LeaseLost):
                await write


async def test_a_run_requested_meanwhile_follows_at_once(stage: SyncStage) -> None:
    stage.google.world.faults.set([Rule("messages.get", "latency", milliseconds=5)], 0)
    async with stage.replica():
        await stage.connect()
        await stage.until(lambda: len(stage.timeline()) > 100)
        await stage.request_sync("mail")
        await stage.request_sync("mail")
        await stage.until(lambda: len(stage.ended("mail")) == 2)
        await stage.at_rest()
    assert [end.reason for end in stage.ended("mail")] == ["connected", "user"]


async def test_an_outage_puts_the_run_off_and_it_goes_on(stage: SyncStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.common.google.retries.RETRY_BUDGET_SECONDS", 1.0)
    monkeypatch.setattr("services.sync.domain.runs.FIRST_PAUSE", timedelta(seconds=1))
    stage.google.world.faults.set([Rule("gmail", "5xx", skip=200)], 0)
    async with stage.replica():
        await stage.connect()
        async with asyncio.timeout(20):
            while not await stage.sql("SELECT 1 FROM runs WHERE kind = 'mail' AND state = 'waiting'"):
                await asyncio.sleep(0.1)
        got = len(stage.timeline())
        assert got > 0
        stage.google.world.faults.set([], 0)
        await stage.until(lambda: bool(stage.ended("mail")))
    assert set(stage.timeline()) == IDS


async def test_a_dead_refresh_token_ends_the_run_and_reconnecting_resumes_it(stage: SyncStage) -> None:
    stage.google.world.faults.set([Rule("messages.get", "latency", milliseconds=100)], 0)
    async with stage.replica():
        await stage.connect()
        await stage.until(lambda: len(stage.timeline()) > 100)
        stage.refusal = Refused(409, "reauth_required", "Google asks you to sign in again.")
        await stage.auth.publish(
            AccountReauthRequired(
                user_id=stage.user_id, account_id=stage.account_id, address="maya@example.com",
                reason="You changed your password.", at=datetime.now(UTC),
            )
        )  # fmt: skip
        await stage.until(lambda: bool(stage.received(SyncFailed)))
        failure = stage.received(SyncFailed)[0]
        assert (failure.code, failure.error) == ("reauth_required", "You changed your password.")
        stage.refusal = None
        got = len(stage.timeline())
        await stage.connect()
        await stage.until(lambda: len(stage.ended("mail")) == 2)
    assert got < len(MESSAGES)
    assert set(stage.timeline()) == IDS


async def test_disconnecting_stops_the_work_at_once_and_purging_deletes_what_was_kept(stage: SyncStage) -> None:
    stage.google.world.faults.set([Rule("messages.get", "latency", milliseconds=100)], 0)
    async with stage.replica():
        await stage.connect()
        await stage.until(lambda: len(stage.timeline()) > 100)
        await stage.auth.publish(
            AccountDisconnected(user_id=stage.user_id, account_id=stage.account_id, purge=True, at=datetime.now(UTC))
        )
        async with asyncio.timeout(10):
            while await stage.sql("SELECT 1 FROM accounts"):
                await asyncio.sleep(0.05)
        await stage.until_no_run_is_carried_out()
        await stage.at_rest()
        assert len(stage.timeline()) < len(MESSAGES)
        for table in ("runs", "cursors", "messages", "people", "meetings"):
            assert await stage.sql(f"SELECT 1 FROM {table} LIMIT 1") == []
        assert stage.ended("mail") == []


@pytest.mark.parametrize("end", ["disconnect", "purge", "delete"])
async def test_a_connection_delivered_after_its_end_brings_nothing_back(stage: SyncStage, end: str) -> None:
    """After a time away everything is delivered at once, and the slow connection comes in after the quick end."""
    user_id, account_id, at = stage.user_id, stage.account_id, datetime.now(UTC)
    async with opened("sync", stage.settings) as r, r.bus:
        context = Context(r.settings, r.db, r.bus, RunQueue())
        if end == "delete":
            await accounts.forget_user(context, UserDeleted(user_id=user_id, account_ids=(account_id,)))
        else:
            event = AccountDisconnected(user_id=user_id, account_id=account_id, purge=end == "purge", at=at)
            await accounts.disconnect(context, event)
        connected = AccountConnected(
            user_id=user_id, account_id=account_id, address="maya@example.com", scopes=stage.granted, again=False,
            at=at - timedelta(minutes=1),
        )  # fmt: skip
        await accounts.connect(context, connected)
        await requests.request_run(
            context, SyncRequested(user_id=user_id, account_id=account_id, kind="mail", reason="user")
        )
        if end == "delete":
            changed = SettingsChanged(user_id=user_id, version=9, before=Preferences(), after=Preferences())
            await accounts.change_settings(context, changed)
            assert await stage.sql("SELECT 1 FROM preferences") == []
        assert await stage.sql("SELECT 1 FROM accounts WHERE state = 'active' OR address <> ''") == []
        assert await stage.sql("SELECT 1 FROM runs") == []
        if end == "disconnect":
            await accounts.connect(context, connected.model_copy(update={"at": at + timedelta(minutes=1)}))
            assert len(await stage.sql("SELECT 1 FROM accounts WHERE state = 'active'")) == 1


async def test_a_purge_is_final_even_where_the_clocks_disagree(stage: SyncStage) -> None:
    async with stage.replica():
        await stage.connect()
        async with asyncio.timeout(10):
            while not await stage.sql("SELECT 1 FROM accounts"):
                await asyncio.sleep(0.05)
        earlier = datetime.now(UTC) - timedelta(minutes=1)
        await stage.auth.publish(
            AccountDisconnected(user_id=stage.user_id, account_id=stage.account_id, purge=True, at=earlier)
        )
        async with asyncio.timeout(10):
            while await stage.sql("SELECT 1 FROM accounts"):
                await asyncio.sleep(0.05)


async def test_a_listing_that_google_cannot_go_on_with_is_put_off(
    stage: SyncStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[str | None] = []
    list_messages = Gmail.list_messages

    async def forgetful(gmail: Gmail, query: str, page: str | None = None) -> MessagePage:
        pages.append(page)
        if page is not None:
            raise PageExpired("Gmail does not know the page any more.")
        return await list_messages(gmail, query)

    monkeypatch.setattr(Gmail, "list_messages", forgetful)
    async with stage.replica():
        await stage.connect()
        async with asyncio.timeout(10):
            while not await stage.sql("SELECT 1 FROM runs WHERE kind = 'mail' AND state = 'waiting'"):
                await asyncio.sleep(0.1)
        assert len(pages) < 10
        monkeypatch.setattr(Gmail, "list_messages", list_messages)
        await stage.until(lambda: bool(stage.ended("mail")))
    assert set(stage.timeline()) == IDS
