"""An account here is what it is at `auth`, in whatever order its events come, and where one is lost."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from libs.common.events import AccountDisconnected, AccountIdentified, AccountReauthRequired, SyncCompleted, UserDeleted
from libs.common.preferences import GmailPreferences, Preferences
from libs.common.scopes import CALENDAR_READ
from libs.local.servers import Nats
from services.sync.handlers import accounts
from services.sync.handlers.account_states import compare_accounts
from tests.conftest import ServiceSettings, own_nats_server
from tests.support.sync_stage import SyncStage, maya, message, sync_stage

nats_server = own_nats_server
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def stage(service_settings: ServiceSettings, nats_server: Nats) -> AsyncIterator[SyncStage]:
    messages = [message(n, age=timedelta(hours=n)) for n in range(5)]
    async with sync_stage(service_settings, nats_server.admin_url, maya(messages)) as made:
        yield made


async def held(stage: SyncStage) -> tuple[str, int]:
    """State and sequence of the one account."""
    [row] = await stage.sql("SELECT state, sequence FROM accounts")
    return row["state"], row["sequence"]


def reauth_required(stage: SyncStage, **changes: Any) -> AccountReauthRequired:
    fields = {
        "user_id": stage.user_id,
        "account_id": stage.account_id,
        "address": "maya@example.com",
        "reason": "Gone.",
    }
    return AccountReauthRequired.model_validate({**fields, "at": NOW, **changes})


def disconnected(stage: SyncStage, *, purge: bool = False, **changes: Any) -> AccountDisconnected:
    fields = {"user_id": stage.user_id, "account_id": stage.account_id, "purge": purge, "at": NOW}
    return AccountDisconnected.model_validate({**fields, **changes})


# --- the order of events ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backwards", [False, True])
async def test_an_account_that_was_connected_again_stays_connected_however_the_clocks_go(
    stage: SyncStage, backwards: bool
) -> None:
    """The machine that connected it is an hour behind the one that disconnected it."""
    async with stage.idle() as context:

        async def end() -> None:
            await accounts.disconnect(context, disconnected(stage, sequence=2, at=NOW + timedelta(hours=1)))

        async def begin() -> None:
            await accounts.connect(context, stage.connected(sequence=3, at=NOW))

        await accounts.connect(context, stage.connected(sequence=1, at=NOW - timedelta(days=1)))
        for step in (begin, end) if backwards else (end, begin):
            await step()
    assert await held(stage) == ("active", 3)


async def test_a_late_report_of_a_dead_permission_does_not_stop_an_account_that_was_renewed(stage: SyncStage) -> None:
    async with stage.idle() as context:
        await accounts.connect(context, stage.connected(sequence=3, at=NOW))
        await accounts.stop_until_reauthorized(context, reauth_required(stage, sequence=2, at=NOW + timedelta(hours=1)))
        assert await held(stage) == ("active", 3)
        await accounts.stop_until_reauthorized(context, reauth_required(stage, sequence=4, at=NOW - timedelta(hours=1)))
        assert await held(stage) == ("reauth_required", 4)


async def test_a_purge_is_not_lifted_by_a_later_connection_of_the_same_account(stage: SyncStage) -> None:
    async with stage.idle() as context:
        await accounts.connect(context, stage.connected(sequence=1))
        await accounts.disconnect(context, disconnected(stage, purge=True, sequence=2))
        await accounts.connect(context, stage.connected(sequence=3, at=datetime.now(UTC) + timedelta(days=1)))
    assert await stage.sql("SELECT FROM accounts") == []


async def test_events_of_before_the_upgrade_are_ordered_by_their_time_and_lose_against_counted_ones(
    stage: SyncStage,
) -> None:
    async with stage.idle() as context:
        await accounts.connect(context, stage.connected(at=NOW))
        await accounts.disconnect(context, disconnected(stage, at=NOW - timedelta(hours=1)))
        assert await held(stage) == ("active", 0)
        await accounts.disconnect(context, disconnected(stage, sequence=2, at=NOW - timedelta(days=1)))
        assert await held(stage) == ("disconnected", 2)
        await accounts.connect(context, stage.connected(at=NOW + timedelta(hours=1)))
        assert await held(stage) == ("disconnected", 2)


async def test_each_reading_of_the_aliases_counts_higher_than_the_one_before(stage: SyncStage) -> None:
    async with stage.replica():
        await stage.first_sync("mail")
        await stage.sql("UPDATE accounts SET aliases_due = true")
        await stage.sync()
    assert [event.revision for event in stage.received(AccountIdentified)] == [1, 2]


# --- lost events --------------------------------------------------------------------------------------------------------


async def test_an_account_whose_connection_was_lost_is_synced_after_the_next_start(stage: SyncStage) -> None:
    stage.state = stage.state_at(1)
    async with stage.replica():
        await stage.until(lambda: bool(stage.ended("mail")))
        assert len(stage.timeline()) == 5
        # The event comes after all: the account is connected once, and read once.
        await stage.auth.publish(stage.connected(sequence=1))
        await stage.sync()
    reasons = [end.reason for end in stage.ended("mail")]
    assert reasons == ["connected", "user"]


async def test_sync_now_syncs_an_account_whose_connection_was_lost(stage: SyncStage) -> None:
    async with stage.replica():
        stage.state = stage.state_at(1)
        await stage.request_sync("mail")
        await stage.until(lambda: bool(stage.ended("mail")))
    # The first import, and a run for the request where that had begun without it.
    assert {type(end) for end in stage.ended("mail")} == {SyncCompleted}
    assert len(stage.timeline()) == 5


async def test_sync_now_syncs_an_account_that_was_renewed_without_a_word(stage: SyncStage) -> None:
    async with stage.replica():
        async with stage.idle() as context:
            await accounts.connect(context, stage.connected(sequence=1))
            await accounts.stop_until_reauthorized(context, reauth_required(stage, sequence=2))
        stage.published.clear()
        stage.state = stage.state_at(3)
        await stage.request_sync("mail")
        await stage.until(lambda: any(isinstance(end, SyncCompleted) for end in stage.ended("mail")))
    assert await held(stage) == ("active", 3)


async def test_sync_now_of_an_account_that_nobody_knows_is_no_error(stage: SyncStage) -> None:
    async with stage.replica():
        await stage.request_sync("mail")
        stage.state = stage.state_at(1)
        await stage.request_sync("calendar")
        await stage.until(lambda: bool(stage.ended("calendar")))
    assert await stage.sql("SELECT FROM runs WHERE state = 'failed'") == []


@pytest.mark.parametrize("lost", ["disconnected", "reauth_required", "purged", "deleted"])
async def test_the_lost_end_of_an_account_is_made_good(stage: SyncStage, lost: str) -> None:
    async with stage.idle() as context:
        await accounts.connect(context, stage.connected(sequence=1))
        status = "purged" if lost == "deleted" else lost
        stage.state = stage.state_at(2, status, user_deleted=lost == "deleted")
        await compare_accounts(context)
        assert await stage.sql("SELECT FROM runs WHERE finished_at IS NULL") == []
        if status == "purged":
            assert await stage.sql("SELECT FROM accounts") == []
            await accounts.connect(context, stage.connected(sequence=3))
            assert await stage.sql("SELECT FROM accounts") == []
        else:
            assert await held(stage) == (status, 2)
        assert bool(await stage.sql("SELECT FROM preferences")) == (lost != "deleted")


async def test_a_permission_that_was_taken_back_without_a_word_is_noticed(stage: SyncStage) -> None:
    async with stage.idle() as context:
        await accounts.connect(context, stage.connected(sequence=1))
        stage.state = stage.state_at(2, scopes=stage.granted - {CALENDAR_READ})
        await compare_accounts(context)
    [row] = await stage.sql("SELECT scopes FROM accounts")
    assert CALENDAR_READ not in row["scopes"]


async def test_an_upgrade_takes_over_the_count_and_syncs_nothing_again(stage: SyncStage) -> None:
    async with stage.idle() as context:
        await accounts.connect(context, stage.connected(at=NOW))
        await stage.sql("DELETE FROM runs")
        stage.state = stage.state_at(1)
        await compare_accounts(context)
    assert await held(stage) == ("active", 1)
    assert await stage.sql("SELECT FROM runs") == []


async def test_a_lost_change_of_settings_is_made_good(stage: SyncStage) -> None:
    async with stage.idle() as context:
        await accounts.connect(context, stage.connected(sequence=1))
        stage.settings_version, stage.state = 2, stage.state_at(1, settings_version=2)
        stage.preferences = Preferences(gmail=GmailPreferences(mail_lookback_days=0, calendar_ids=("team@x.example",)))
        for wanted in ({"mail", "calendar"}, set()):
            await stage.sql("DELETE FROM runs")
            await compare_accounts(context)
            assert {row["kind"] for row in await stage.sql("SELECT kind FROM runs WHERE reason = 'settings'")} == wanted
    [row] = await stage.sql("SELECT version, gmail ->> 'mail_lookback_days' AS days FROM preferences")
    assert (row["version"], row["days"]) == (2, "0")


async def test_what_follows_counts_also_after_auth_was_restored_from_a_backup(stage: SyncStage) -> None:
    async with stage.idle() as context:
        await accounts.connect(context, stage.connected(sequence=7))
        stage.state = stage.state_at(2, "reauth_required")
        await compare_accounts(context)
        assert await held(stage) == ("reauth_required", 2)
        await accounts.connect(context, stage.connected(sequence=3))
    assert await held(stage) == ("active", 3)


async def test_a_deleted_user_is_no_lost_account(stage: SyncStage) -> None:
    async with stage.idle() as context:
        await accounts.forget_user(context, UserDeleted(user_id=stage.user_id, account_ids=(stage.account_id,)))
        stage.state = stage.state_at(5)
        await compare_accounts(context)
    assert await stage.sql("SELECT FROM accounts") == []
