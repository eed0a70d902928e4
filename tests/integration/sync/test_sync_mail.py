"""A mailbox is read, followed, and reconciled, whatever Google does meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from libs.common.events import AccountIdentified, MessageRemoved, SyncFailed, UserDeleted
from libs.common.requests import AuditAccount, ExplainMessage, ListRuns
from libs.common.service import opened
from libs.google_sim.faults import Rule
from libs.google_sim.oracle import gmail_optimum
from libs.local.servers import Nats
from services.sync.domain import fetching as fetching_rules
from services.sync.domain.fetching import Wanted
from services.sync.domain.history import Touched
from services.sync.mail import backlog
from services.sync.store import accounts, ledger
from tests.conftest import ServiceSettings
from tests.support.sync_stage import SyncStage, maya, message, sync_stage

MESSAGES = [message(n, age=timedelta(hours=n), thread=n // 3) for n in range(300)]


@pytest_asyncio.fixture
async def stage(service_settings: ServiceSettings, nats_server: Nats) -> AsyncIterator[SyncStage]:
    async with sync_stage(service_settings, nats_server.admin_url, maya(MESSAGES)) as made:
        yield made


async def test_a_first_sync_publishes_every_message_once_at_the_lowest_price(stage: SyncStage) -> None:
    async with stage.replica():
        await stage.first_sync("mail")
    assert set(stage.timeline()) == {resource["id"] for resource in MESSAGES}
    keys = [event.key() for event in stage.published if event.subject == "message.ingested"]
    assert len(keys) == len(set(keys)) == len(MESSAGES)
    gmail = [
        counter
        for methods in stage.google.world.counters.methods.values()
        for name, counter in methods.items()
        if name.startswith("gmail.") and "sendAs" not in name and "history" not in name
    ]
    best = gmail_optimum(stage.account.snapshot(), datetime.now(UTC))
    assert sum(counter.units for counter in gmail) == best["units"]
    assert sum(counter.requests for counter in gmail) == best["requests"]


async def test_each_group_is_full_as_long_as_more_is_pending_and_nothing_is_fetched_twice(
    stage: SyncStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group of the few that the one before left over is a whole way to Google and back for nothing."""
    for module in (backlog, fetching_rules):
        monkeypatch.setattr(module, "LARGEST_GROUP", 40)
    groups: list[int] = []
    next_group = backlog.Backlog.next_group

    async def counted(pending: backlog.Backlog) -> list[Wanted]:
        group = await next_group(pending)
        groups.append(len(group))
        return group

    monkeypatch.setattr(backlog.Backlog, "next_group", counted)
    async with stage.replica():
        await stage.first_sync("mail")
    assert set(stage.timeline()) == {resource["id"] for resource in MESSAGES}
    first, *full, last, _ = groups[: groups.index(0) + 1]
    assert sum((first, *full, last)) == len(MESSAGES)
    assert all(40 <= size <= 42 for size in full), "whole threads of three"


async def test_nothing_new_costs_one_request_and_two_units(stage: SyncStage) -> None:
    async with stage.replica():
        await stage.first_sync("mail", "contacts", "calendar")
        stage.google.world.counters.reset()
        end = await stage.sync()
    assert stage.cost() == (1, 2)
    assert (end.new, end.updated, end.removed) == (0, 0, 0)


async def test_new_trashed_restored_and_deleted_mail_is_followed(stage: SyncStage) -> None:
    mailbox = stage.account.mailbox
    first, second = MESSAGES[0]["id"], MESSAGES[1]["id"]
    async with stage.replica():
        await stage.first_sync("mail")
        added = mailbox.add(message(9_001, historyId="0"))
        mailbox.relabel(first, ["TRASH"], ["INBOX"])
        mailbox.delete(second)
        end = await stage.sync()
        assert (end.new, end.removed) == (1, 2)
        assert added.id in stage.timeline()
        assert first not in stage.timeline()
        assert second not in stage.timeline()
        assert [event.reason for event in stage.received(MessageRemoved)] == ["trash", "deleted"]
        mailbox.relabel(first, [], ["TRASH"])
        await stage.sync()
        assert first in stage.timeline()
        why = await stage.request(
            ExplainMessage(user_id=stage.user_id, account_id=stage.account_id, message_id="<1@example.org>")
        )
        assert (why.state, why.gmail_id) == ("gone", second)


async def test_spam_and_drafts_stay_out_for_a_stated_reason(stage: SyncStage) -> None:
    mailbox = stage.account.mailbox
    async with stage.replica():
        await stage.first_sync("mail")
        spam = mailbox.add(message(9_002, labelIds=["SPAM"]))
        draft = mailbox.add(message(9_003, labelIds=["DRAFT"]))
        mailbox.delete(draft.id)
        await stage.sync()
        assert not {spam.id, draft.id} & set(stage.timeline())
        assert stage.received(MessageRemoved) == []
        why = await stage.request(
            ExplainMessage(user_id=stage.user_id, account_id=stage.account_id, message_id=spam.id)
        )
        assert (why.state, why.rule) == ("filtered", "spam")
        mailbox.relabel(spam.id, ["INBOX"], ["SPAM"])
        await stage.sync()
        assert spam.id in stage.timeline()


async def test_an_expired_history_is_reconciled_in_both_directions(stage: SyncStage) -> None:
    mailbox = stage.account.mailbox
    async with stage.replica():
        await stage.first_sync("mail")
        added = mailbox.add(message(9_004))
        mailbox.delete(MESSAGES[5]["id"])
        mailbox.relabel(MESSAGES[6]["id"], ["TRASH"], ["INBOX"])
        mailbox.expire_history()
        end = await stage.sync()
        assert (end.new, end.removed) == (1, 2)
        expected = {resource["id"] for resource in MESSAGES} - {MESSAGES[5]["id"], MESSAGES[6]["id"]} | {added.id}
        assert set(stage.timeline()) == expected
        mailbox.relabel(MESSAGES[6]["id"], [], ["TRASH"])
        await stage.sync()
        assert MESSAGES[6]["id"] in stage.timeline()


async def test_a_longer_lookback_lists_only_what_is_missing(stage: SyncStage) -> None:
    older, oldest = message(9_100, age=timedelta(days=500)), message(9_101, age=timedelta(days=900))
    stage.account.mailbox.load([older, oldest])
    async with stage.replica():
        await stage.first_sync()  # of everything: what is counted below is the longer lookback's
        for lookback, found in ((730, older), (0, oldest)):
            assert found["id"] not in stage.timeline()
            ends = len(stage.ended("mail"))
            stage.google.world.counters.reset()
            await stage.change_settings(mail_lookback_days=lookback)
            await stage.until(lambda ends=ends: len(stage.ended("mail")) > ends)  # type: ignore[misc]
            assert stage.ended("mail")[-1].new == 1
            assert found["id"] in stage.timeline()
            assert stage.cost() == (3, 5 + 20 + 2), "one page of what is older, one message, the history"
    assert len(stage.timeline()) == len(MESSAGES) + 2


async def test_a_shorter_lookback_keeps_what_is_recorded_and_a_rule_for_contacts_requests_nothing_of_google(
    stage: SyncStage,
) -> None:
    async with stage.replica():
        await stage.first_sync()  # of everything: what is counted from here on is the settings' and the sync's
        stage.google.world.counters.reset()
        await stage.change_settings(mail_lookback_days=1)
        for creation in ("sent_only", "none", "everyone", "people"):
            await stage.change_settings(contact_creation=creation, own_addresses=("me@work.example",))
        await stage.sync()
        assert stage.cost() == (1, 2), "the history, and nothing but the history"
        assert len(stage.timeline()) == len(MESSAGES)
        late = stage.account.mailbox.add(message(9_102, age=timedelta(days=2)))
        await stage.sync()
        assert late.id not in stage.timeline(), "from now on the new bound counts"
        await stage.change_settings(mail_lookback_days=365)
        await stage.sync()
        assert late.id in stage.timeline(), "and is taken back with the setting"


async def test_messages_that_cannot_be_read_are_set_aside_and_the_others_go_on(stage: SyncStage) -> None:
    broken = [
        message(9_201, internalDate="yesterday", historyId="1"),
        message(9_202, payload="no object"),
        {name: value for name, value in message(9_203).items() if name != "id"},
    ]
    stage.preferences = stage.preferences.model_copy(
        update={"gmail": stage.preferences.gmail.model_copy(update={"mail_lookback_days": 0})}
    )
    stage.account.mailbox.load(broken)
    async with stage.replica():
        await stage.first_sync("mail")
        audit = await stage.request(AuditAccount(user_id=stage.user_id, account_id=stage.account_id))
    assert audit.by_state == {"recorded": len(MESSAGES), "set_aside": 3}
    assert audit.complete == 1.0


async def test_throttling_and_faults_lose_nothing(stage: SyncStage) -> None:
    stage.google.world.faults.set(
        [
            Rule("messages.get|threads.get", "403rate", 0.05),
            Rule("messages.list", "retry_after", first=1),
            Rule("threads.get", "5xx", 0.03),
            Rule("threads.get", "truncated", 0.02),
            Rule("threads.get", "reset", 0.02),
            Rule("threads.get", "401", 0.02),
        ],
        1,
    )
    async with stage.replica():
        await stage.first_sync("mail", seconds=100)
    assert set(stage.timeline()) == {resource["id"] for resource in MESSAGES}


async def test_messages_that_one_change_touched_are_all_read_however_many(stage: SyncStage) -> None:
    """They share a history id, and so their place in the queue: a group must not end among them."""
    async with opened("sync", stage.settings) as resources, resources.db.acquire() as connection:
        await accounts.upsert_account(connection, stage.connected())
        together = [Touched(f"m{n}", f"t{n}", 7, "fetch") for n in range(5)]
        await ledger.add_touched(connection, stage.account_id, [*together, Touched("m9", "t9", 6, "fetch")])
        first, last = await ledger.list_pending(connection, stage.account_id, None, 2, ())
        second, _ = await ledger.list_pending(connection, stage.account_id, last, 2, ())
    assert {wanted.gmail_id for wanted in first} == {change.gmail_id for change in together}
    assert [wanted.gmail_id for wanted in second] == ["m9"]


async def test_aliases_that_google_does_not_list_today_stay_the_users(
    stage: SyncStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.google.retries.RETRY_BUDGET_SECONDS", 0.1)
    stage.account.aliases.append("sales@example.com")
    async with stage.replica():
        await stage.first_sync("mail")
        stage.google.world.faults.set([Rule("sendAs", "400precondition")], 0)
        await stage.sql("UPDATE accounts SET aliases_due = true")
        await stage.sync()
    identified = [event.addresses for event in stage.received(AccountIdentified)]
    assert len(identified) == 2
    assert set(identified[0]) == set(identified[1]) == {"maya@example.com", "sales@example.com"}


async def test_a_message_deleted_before_it_was_read_is_skipped(stage: SyncStage) -> None:
    stage.google.world.faults.set([Rule("messages/0000000000000001|threads/0000000000000000", "404")], 0)
    async with stage.replica():
        await stage.first_sync("mail")
    end = stage.ended("mail")[0]
    assert (end.new, end.skipped) == (len(MESSAGES) - 1, {"gone": 1})


async def test_a_missing_permission_is_reported_when_the_user_requests_a_sync(stage: SyncStage) -> None:
    stage.granted = frozenset({"openid"})
    async with stage.replica():
        await stage.connect()
        async with asyncio.timeout(10):
            while not await stage.sql("SELECT FROM accounts"):
                await asyncio.sleep(0.05)
        assert await stage.sql("SELECT * FROM runs") == []
        await stage.request_sync("mail")
        await stage.until(lambda: bool(stage.received(SyncFailed)))
        runs = await stage.request(ListRuns(user_id=stage.user_id, account_id=stage.account_id))
    assert [run.code for run in runs.items] == ["missing_scope"]


async def test_polling_finds_new_mail_and_leaves_no_trace_when_there_is_none(stage: SyncStage) -> None:
    stage.settings = stage.settings.model_copy(update={"mail_poll_seconds": 1})
    async with stage.replica(), stage.replica():
        await stage.first_sync()  # of everything: what is counted below is the polls'
        added = stage.account.mailbox.add(message(9_301))
        await stage.until(lambda: added.id in stage.timeline(), 10)
        await stage.until(lambda: len(stage.ended("mail")) == 2)
        stage.google.world.counters.reset()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await stage.until(lambda: stage.cost()[0] >= 3)
        requests, units = stage.cost()
        seconds = loop.time() - begun
    assert requests <= 1 + seconds / 0.9, "one poll a second for both replicas together"
    assert units == 2 * requests
    assert [end.reason for end in stage.ended("mail")] == ["connected", "poll"]
    kept = await stage.sql("SELECT reason FROM runs WHERE kind = 'mail' AND finished_at IS NOT NULL ORDER BY run_id")
    assert [row["reason"] for row in kept] == ["connected", "poll"]


async def test_a_user_who_leaves_takes_everything_along(stage: SyncStage) -> None:
    async with stage.replica():
        await stage.first_sync("mail")
        await stage.auth.publish(UserDeleted(user_id=stage.user_id, account_ids=(stage.account_id,)))
        async with asyncio.timeout(10):
            while await stage.sql("SELECT user_id FROM accounts UNION SELECT user_id FROM preferences"):
                await asyncio.sleep(0.05)
    assert await stage.sql("SELECT 1 FROM messages LIMIT 1") == []
