"""What Gmail lists, what the ledger has and what contacts hold are compared, and made the same; and why a message is (not) here."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from libs.common.errors import Refused
from libs.common.events import AuditDue, SyncCompleted, SyncFailed
from libs.common.requests import (
    DeleteContact,
    ListRuns,
    RetryMessages,
    StartAudit,
)
from libs.common.service import opened, started
from libs.google_sim.faults import Rule
from services.sync.__main__ import wire
from services.sync.handlers import audits
from services.sync.mail import audit, why
from tests.conftest import own_nats_server
from tests.support.audit_stage import IDS, AuditStage, stage
from tests.support.sync_stage import ADDRESS, message

__all__ = ["stage"]  # fixtures

nats_server = own_nats_server  # what the test before left unacknowledged would be waited for here, for half a minute


async def test_an_audit_heals_what_is_missing_and_what_is_too_much_and_reports_it(stage: AuditStage) -> None:
    async with stage.sync.replica():
        await stage.sync.first_sync("mail")
        assert (await stage.result()).summary == "This mailbox was not audited yet; that is done once a day."
        content = await stage.audit()
        assert content.summary == "All 60 messages that Gmail lists are accounted for."
        assert (content.last and content.last.units, content.last and content.last.complete) == (5 + 2, 1.0)

        unseen = {stage.add_unseen(1_000, labelIds=["SENT"]), stage.add_unseen(1_001)}
        await stage.sync.sql("DELETE FROM messages WHERE gmail_id = $1", IDS[3])
        await stage.sync.sql("UPDATE messages SET state = 'gone', revision = 5 WHERE gmail_id = $1", IDS[4])
        await stage.sync.sql("UPDATE messages SET state = 'filtered', rule = 'spam' WHERE gmail_id = $1", IDS[5])
        stage.delete_unseen(IDS[6])
        mailbox = stage.sync.account.mailbox
        mailbox.relabel(IDS[7], ["TRASH"], ["INBOX"])
        mailbox.history.pop()
        arrived = mailbox.add(message(1_002)).id

        found = await stage.audit()
        assert found.last is not None
        assert (found.last.healed_added, found.last.healed_removed, found.last.unhealed) == (5, 2, 0)
        assert found.summary == (
            "All 61 messages that Gmail lists are accounted for; 5 were missing and have been fetched; "
            "2 were not in Gmail any more and have been taken out."
        )
        assert (found.last.listed, found.last.recorded, found.last.complete) == (61, 61, 1.0)
        expected = {*IDS, *unseen, arrived} - {IDS[6], IDS[7]}
        await stage.sync.until(lambda: set(stage.sync.timeline()) == expected)
        await stage.until_held(expected)
        [contact] = (await stage.why(IDS[8])).contacts
        await stage.sync.request(DeleteContact(user_id=stage.sync.user_id, contact_id=contact.id))
        found = await stage.audit()
        assert found.last is not None
        assert (found.last.healed_added, found.last.healed_removed) == (0, 0), "what the user deleted stays deleted"
        assert (await stage.why(IDS[8])).contacts == ()
        assert (await stage.why(IDS[7])).rule == "trash"
        assert (await stage.why(IDS[6])).state == "gone"
        assert await stage.sync.sql("SELECT FROM audit_pages UNION ALL SELECT FROM audit_missing") == []


async def test_what_contacts_lost_is_published_again(stage: AuditStage) -> None:
    old = message(2_000, age=timedelta(days=300))
    stage.sync.account.mailbox.add(old)
    async with stage.sync.replica():
        await stage.sync.first_sync("mail")
        await stage.until_held({*IDS, old["id"]})
        # A dead letter, a restored backup, an interaction that is gone, and one that has left the lookback meanwhile.
        await stage.forget(IDS[0], old["id"])
        await stage.sql("UPDATE sightings SET revision = 1 WHERE ref = $1", IDS[1])
        await stage.sql(
            "DELETE FROM interactions WHERE id = (SELECT interaction_id FROM sightings WHERE ref = $1)", IDS[2]
        )
        await stage.sync.change_settings(mail_lookback_days=100)
        # A removal that never arrived.
        stage.sync.account.mailbox.relabel(IDS[3], ["TRASH"], ["INBOX"])
        await stage.sync.sync()
        await stage.until_held(set(IDS) - {IDS[0], IDS[3]})
        lost = await stage.sql("SELECT fact FROM sightings WHERE ref = $1", IDS[4])
        await stage.sql("UPDATE sightings SET fact = $2, revision = 1 WHERE ref = $1", IDS[3], lost[0]["fact"])

        found = await stage.audit()
        assert found.last is not None
        assert (found.last.healed_added, found.last.healed_removed, found.last.unhealed) == (4, 1, 0)
        await stage.until_held({*IDS, old["id"]} - {IDS[3]})
        shown = await stage.sql("SELECT FROM interactions WHERE platform = 'email'")
        assert len(shown) == len(IDS)

        stage.sync.published.clear()
        assert (await stage.audit()).summary == "All 60 messages that Gmail lists are accounted for."
        assert stage.sync.timeline() == {}, "nothing is published where nothing is missing"

        # Each audit tries again, a bounded number of times.
        await stage.sync.sql("UPDATE messages SET retries = 7 WHERE gmail_id = $1", IDS[0])
        await stage.forget(IDS[0], IDS[1])
        found = await stage.audit()
        assert found.last is not None
        assert (found.last.healed_added, found.last.unhealed) == (1, 1), "who was mended too often is given up"
        await stage.sync.until(
            lambda: any(completed.skipped == {"unhealed": 1} for completed in stage.sync.received(SyncCompleted)),
            seconds=5,
        )
        assert found.summary.startswith(
            "98.3 % of the 60 messages that Gmail lists are accounted for, 1 is still missing"
        )
        assert (again := (await stage.audit()).last) is not None
        assert again.unhealed == 1
        await stage.sync.sync()  # events come in their order: that of the second audit is there with this one's
        reports = [completed.skipped for completed in stage.sync.received(SyncCompleted) if completed.skipped]
        assert reports == [{"unhealed": 1}], "what can not be mended is reported once"


async def test_what_is_on_its_way_to_contacts_is_not_lost(stage: AuditStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "QUIET_PAUSES_SECONDS", (0.05, 0.05))
    async with stage.sync.replica():
        await stage.sync.first_sync("mail")
        await stage.until_held(set(IDS))
        connection = await asyncpg.connect(stage.contacts.postgres_url)
        try:
            # The lock under which contacts record for a user: what comes now waits.
            await connection.execute(
                "SELECT pg_advisory_lock(hashtextextended('contacts.user:' || $1::uuid::text, 0))", stage.sync.user_id
            )
            late = stage.sync.account.mailbox.add(message(2_500)).id
            await stage.sync.sync()
            assert late not in await stage.held()
            found = await stage.audit()
        finally:
            await connection.close()
        assert found.last is not None
        assert (found.last.healed_added, found.last.unhealed, found.last.complete) == (0, 0, 1.0)
        await stage.until_held({*IDS, late})
        rows = await stage.sync.sql("SELECT retries FROM messages WHERE gmail_id = $1", late)
        assert [row["retries"] for row in rows] == [0]


async def test_an_audit_survives_its_holder_and_an_expired_history(
    stage: AuditStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.google.gmail.PAGE_SIZE", 10)
    unseen: set[str] = set()
    async with stage.sync.replica():
        await stage.sync.first_sync("mail")
    stage.sync.google.world.faults.set([Rule("messages.list", "latency", milliseconds=150)], 0)
    killed = asyncio.Event()

    async def abruptly() -> None:
        async with opened("sync", stage.sync.settings) as resources, started(resources, wire):
            await killed.wait()
            resources.db.terminate()

    unseen.add(stage.add_unseen(3_000))
    async with stage.sync.idle() as context:
        await audits.start_audit(context, StartAudit(user_id=stage.sync.user_id, account_id=stage.sync.account_id))
    replica = asyncio.create_task(abruptly())

    async def has_listed_some() -> bool:
        return len(await stage.sync.sql("SELECT FROM audit_pages")) >= 2

    await stage.until(has_listed_some)
    killed.set()
    await asyncio.gather(replica, return_exceptions=True)
    await stage.sync.sql("UPDATE runs SET lease_until = now() WHERE state = 'running'")
    pages = len(await stage.sync.sql("SELECT FROM audit_pages"))
    assert 2 <= pages < 7
    stage.sync.google.world.counters.reset()
    stage.sync.account.mailbox.delete(IDS[9])
    stage.sync.account.mailbox.expire_history()
    unseen.add(stage.add_unseen(3_001))
    stage.sync.google.world.faults.set([], 0)
    async with stage.sync.replica(), stage.sync.replica():
        await stage.until(lambda: stage.has_ended(1))
        found = await stage.result()
    assert found.last is not None
    assert found.last.complete == 1.0
    listings = stage.sync.google.world.counters.methods[ADDRESS]["gmail.users.messages.list"].requests
    assert listings <= 7 + (7 - pages) + 1, (
        "the reconciliation lists all, the audit goes on with the page that was in hand"
    )
    assert set(stage.sync.timeline()) == {*IDS, *unseen} - {IDS[9]}
    assert await stage.ended() == 1


async def test_audits_are_silent_where_all_is_well_and_shown_where_they_healed(
    stage: AuditStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "LOOK_EVERY_SECONDS", 0.1)
    monkeypatch.setattr(audits, "SPREAD_SECONDS", 0)
    async with stage.sync.replica(), stage.sync.replica():
        await stage.sync.first_sync("mail")
        async with stage.sync.idle() as context:
            await audits.audit_all(context, AuditDue())
            await stage.until(lambda: stage.has_ended(1))
            unseen = stage.add_unseen(4_000)
            await audits.audit_all(context, AuditDue())
            await stage.until(lambda: stage.has_ended(2))
        await stage.sync.until(lambda: len(stage.sync.ended("mail")) == 2)
        await stage.sync.at_rest()  # both replicas may have requested a run for the audit
        runs = await stage.sync.request(ListRuns(user_id=stage.sync.user_id, account_id=stage.sync.account_id))
    assert unseen in stage.sync.timeline()
    assert [(run.reason, run.new) for run in runs.items if run.kind == "mail"] == [("repair", 1), ("connected", 60)]


async def test_why_explains_what_became_of_every_message(stage: AuditStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(why, "GMAIL_SECONDS", 1.5)
    mailbox, twin = stage.sync.account.mailbox, message(5_000)
    mailbox.load([message(5_001, payload="no object", internalDate="1")])
    mailbox.add({**twin, "id": "00000000000013aa"})
    mailbox.add(twin)
    days = stage.sync.preferences.gmail.mail_lookback_days
    old = mailbox.add(message(5_002, age=timedelta(days=days + 10))).id
    slashed = message(5_003)
    slashed["payload"]["headers"][3]["value"] = "<a/b c=@example.org>"
    mailbox.add(slashed)
    async with stage.sync.replica():
        await stage.sync.first_sync("mail")
        await stage.until_held({*IDS, "00000000000013aa", twin["id"], slashed["id"]})
        recorded = await stage.why("<1@example.org>")
        assert (recorded.state, recorded.gmail_id, recorded.asked_gmail) == ("recorded", IDS[1], False)
        assert [contact.name for contact in recorded.contacts] == ["Person 1"]
        assert (await stage.why("1@example.org")).gmail_id == (await stage.why(IDS[1])).gmail_id == IDS[1]
        assert (await stage.why("<a/b c=@example.org>")).gmail_id == slashed["id"]
        copies = await stage.why("<5000@example.org>")
        assert (copies.state, copies.copies) == ("recorded", 2)
        assert copies.explanation.endswith(
            "2 messages of this mailbox carry this Message-ID; this is about one of them."
        )

        # What the ledger does not know, Gmail is asked about.
        lookback = await stage.why("<5002@example.org>")
        assert (lookback.state, lookback.rule, lookback.asked_gmail) == ("filtered", "lookback", True)
        assert lookback.explanation == (
            "It is older than the 365 days of mail that are imported. Raise mail_lookback_days to include it."
        )
        assert (await stage.why(old)).rule == "lookback"
        for number, label in ((5_010, "DRAFT"), (5_011, "CHAT"), (5_012, "SPAM")):
            hidden = stage.add_unseen(number, labelIds=[label])
            assert [(await stage.why(message_id)).rule for message_id in (hidden, f"<{number}@example.org>")] == [
                label.lower()
            ] * 2
        nowhere = await stage.why("<nobody@example.org>")
        assert (nowhere.state, nowhere.asked_gmail) == ("unknown", True)
        assert nowhere.explanation.startswith("There is no such message in this mailbox")
        assert (await stage.why("00000000deadbeef")).explanation == nowhere.explanation
        unsearchable = await stage.why("a b) OR in:inbox")
        assert (unsearchable.state, unsearchable.asked_gmail) == ("unknown", False)
        assert "Gmail can't be searched for a Message-ID like this" in unsearchable.explanation

        # What should be here and is not, is fetched.
        unseen = stage.add_unseen(5_020)
        found = await stage.why("<5020@example.org>")
        assert (found.state, found.gmail_id, found.asked_gmail) == ("pending", unseen, True)
        await stage.sync.until(lambda: unseen in stage.sync.timeline())

        # What waits for its turn.
        stage.sync.google.world.faults.set([Rule("history", "latency", milliseconds=30_000)], 0)
        await stage.sync.sql("UPDATE messages SET state = 'pending', position = 7 WHERE gmail_id = ANY ($1)", IDS[:2])
        await stage.sync.sql("UPDATE messages SET state = 'pending', position = 9 WHERE gmail_id = $1", IDS[2])
        waiting = await stage.why(IDS[2])
        assert (waiting.state, waiting.ahead) == ("pending", 2)
        assert waiting.explanation.endswith("2 messages are read before it.")

        # Google is away, or does not let us in.
        stage.sync.google.world.faults.set([Rule("gmail", "5xx")], 0)
        away = await stage.why("<5030@example.org>")
        assert (away.state, away.asked_gmail) == ("unknown", False)
        assert away.explanation == "It is not known here. Gmail could not be asked just now; try again in a minute."
        assert (await stage.why("<1@example.org>")).gmail_id == IDS[1], "what is known is explained all the same"
        stage.sync.google.world.faults.set([Rule("gmail", "401")], 0)
        stage.sync.refusal = Refused(409, "reauth_required", "Google asks you to sign in again.")
        assert "connected again" in (await stage.why("<5030@example.org>")).explanation


async def test_what_was_set_aside_is_tried_again_by_hand_and_by_the_audit(
    stage: AuditStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.google.retries.RETRY_BUDGET_SECONDS", 0.1)
    stage.sync.google.world.faults.set([Rule(f"messages/({IDS[1]}|{IDS[2]})", "400precondition")], 0)

    async def retry(message_id: str | None = None) -> int:
        command = RetryMessages(user_id=stage.sync.user_id, account_id=stage.sync.account_id, message_id=message_id)
        return (await stage.sync.request(command)).messages

    async with stage.sync.replica():
        await stage.sync.first_sync("mail")
        refused = await stage.why(IDS[1])
        assert (refused.state, refused.explanation[:52]) == (
            "set_aside",
            "It could not be read and was set aside: Gmail does n",
        )
        found = await stage.audit()
        assert found.summary.endswith("accounted for. 2 could not be read and were set aside.")
        assert found.by_rule == {"refused": 2}
        rows = await stage.sync.sql("SELECT retries FROM messages WHERE state = 'set_aside'")
        assert [row["retries"] for row in rows] == [1, 1]
        for wrong, code in (("<0@example.org>", "not_set_aside"), ("<nobody@example.org>", "not_found")):
            with pytest.raises(Refused) as raised:
                await retry(wrong)
            assert raised.value.code == code
        stage.sync.google.world.faults.set([], 0)
        assert await retry(IDS[1]) == 1
        await stage.sync.until(lambda: IDS[1] in stage.sync.timeline())
        await stage.sync.sql("UPDATE messages SET retries = 7 WHERE gmail_id = $1", IDS[2])
        await stage.audit()
        assert IDS[2] not in stage.sync.timeline(), "the audit has tried often enough"
        assert await retry() == 1
        await stage.sync.until(lambda: IDS[2] in stage.sync.timeline())
        assert await retry() == 0


async def test_a_run_waits_for_the_end_of_the_quota_day_however_long_it_is(stage: AuditStage) -> None:
    stage.sync.google.world.faults.set([Rule("messages.get|batch", "daily", skip=2)], 0)
    async with stage.sync.replica():
        await stage.sync.connect()

        async def waits() -> bool:
            return bool(await stage.sync.sql("SELECT FROM runs WHERE kind = 'mail' AND state = 'waiting'"))

        await stage.until(waits)
        [row] = await stage.sync.sql("SELECT *, due_at - now() AS wait FROM runs WHERE kind = 'mail'")
        assert (row["code"], row["stuck_since"], row["pauses"]) == ("daily_quota", None, 0)
        assert "because Gmail's daily quota for this Google Cloud project is used up" in row["error"]
        assert timedelta(0) < row["wait"] < timedelta(hours=25)
        stage.sync.google.world.faults.set([], 0)
        await stage.sync.sql("UPDATE runs SET due_at = now() WHERE kind = 'mail'")  # the next day
        await stage.sync.until(lambda: bool(stage.sync.ended("mail")))
    [end] = stage.sync.ended("mail")
    assert isinstance(end, SyncCompleted)
    assert set(stage.sync.timeline()) == set(IDS)


async def test_an_account_revoked_amid_the_listing_ends_with_the_true_reason_and_goes_on_from_there(
    stage: AuditStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.google.gmail.PAGE_SIZE", 10)
    stage.sync.google.world.faults.set([Rule("messages.list", "401", skip=3)], 0)
    async with stage.sync.replica():
        stage.sync.no_renewal = Refused(
            409, "reauth_required", "You took back PingCRM's access in your Google account."
        )
        await stage.sync.connect()
        await stage.sync.until(lambda: bool(stage.sync.ended("mail")))
        [end] = stage.sync.ended("mail")
        assert isinstance(end, SyncFailed)
        assert (end.code, end.error) == ("reauth_required", "You took back PingCRM's access in your Google account.")
        kept = len(await stage.sync.sql("SELECT FROM messages"))
        stage.sync.google.world.faults.set([], 0)
        stage.sync.google.world.counters.reset()
        await stage.sync.connect()
        await stage.sync.until(lambda: len(stage.sync.ended("mail")) == 2)
    assert kept == 30
    assert set(stage.sync.timeline()) == set(IDS)
    listed = stage.sync.google.world.counters.methods[ADDRESS]["gmail.users.messages.list"].requests
    assert listed == 3, "three of six pages were listed before"
