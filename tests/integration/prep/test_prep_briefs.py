"""Briefs on real servers: sent once, by whichever instance, for the time at which the meeting is; skipped with a reason; purged."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from libs.common.cache import Cache
from libs.common.claude import Claude
from libs.common.errors import Refused, Throttled
from libs.common.events import (
    AccountDisconnected,
    Meeting,
    MeetingUpcoming,
    PrepFailed,
    PrepSent,
    PrepSkipped,
    UserDeleted,
)
from libs.common.ids import MeetingId, new_id
from libs.common.preferences import GmailPreferences
from libs.common.requests import DryRunPreps, GetPreps, PreviewPrep, SendPrep
from libs.common.scopes import ALL, GMAIL_READ, GMAIL_SEND
from libs.common.service import Resources
from libs.google_sim.gmail.mailbox import headers
from libs.local.servers import Nats
from services.prep.context import Context
from services.prep.leasing import acquire_lease
from services.prep.store.preps import StoredPrep
from tests.conftest import ServiceSettings, own_nats_server
from tests.support.bus import handled
from tests.support.database import Database
from tests.support.fake_claude import FakeClaude, Mode, points, run_claude
from tests.support.meetings import ME, MEETING_ID, USER_ID, account, guest, me
from tests.support.prep_stage import Stage, set_stage, upcoming

nats_server = own_nats_server  # every test publishes the same meeting


@pytest_asyncio.fixture
async def claude() -> AsyncIterator[FakeClaude]:
    async with run_claude() as fake:
        yield fake


@pytest_asyncio.fixture
async def stage(service_settings: ServiceSettings, database: Database, claude: FakeClaude) -> AsyncIterator[Stage]:
    async with set_stage(service_settings, database.admin_url, claude) as ready:
        yield ready


async def test_a_brief_goes_from_the_account_to_itself(stage: Stage) -> None:
    async with stage.prep():
        await stage.publish_upcoming(upcoming())
        (row,) = await stage.settled()
        (sent,) = await stage.received(PrepSent)
    (mail,) = stage.mails
    headers = {name.lower(): value for name, value in mail.headers}
    assert (row["state"], row["gmail_id"]) == ("sent", mail.id)
    assert headers["subject"] == "Meeting prep: Pricing review in 35 minutes"
    assert (headers["from"], headers["to"]) == (ME, ME)
    assert headers["x-pingcrm-prep"] == row["token"]
    assert row["token"] in mail.text
    assert row["token"] in mail.html
    assert "Ada Lovelace" in mail.html
    assert "not written by AI" in mail.html
    assert (sent.ai, sent.title) == (False, "Pricing review")


async def test_a_brief_gives_the_time_of_its_reader(stage: Stage) -> None:
    """An event that names UTC, in a calendar in Kathmandu (5:45 ahead); then in New York, by the user's own setting."""
    event = upcoming(time_zone="UTC", calendar_time_zone="Asia/Kathmandu")
    utc, there = event.starts_at, event.starts_at + timedelta(hours=5, minutes=45)
    stage.meetings = [event]
    async with stage.prep():
        await stage.publish_upcoming(event)
        await stage.settled()
        (mail,) = stage.mails
        weekday = "" if there.date() == utc.date() else f"{utc:%A} "
        for face in (mail.text, mail.html):
            assert f"{there:%A} {there.day} {there:%B %Y}, {there:%H:%M}–" in face or f"{there:%H:%M} – " in face
            assert f"({weekday}{utc:%H:%M} UTC)" in face
        stage.preferences = GmailPreferences(time_zone="America/New_York")
        preview = await stage.request(PreviewPrep(user_id=USER_ID, meeting_id=event.meeting_id))
        here = event.starts_at.astimezone(ZoneInfo("America/New_York"))
        assert f", {here:%H:%M}" in preview.text
        assert f"{utc:%H:%M} UTC)" in preview.text
        assert f"{there:%H:%M}" not in preview.text


LeaseOutcome = Literal["acquired", "settled", "busy"]


class LeaseOutcomes(list[LeaseOutcome]):
    """What became of each attempt to acquire a lease, and a way to wait for so many."""

    async def until(self, wanted: int, seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while len(self) < wanted:
                await asyncio.sleep(0.02)


@pytest.fixture
def leases(monkeypatch: pytest.MonkeyPatch) -> LeaseOutcomes:
    outcomes = LeaseOutcomes()

    async def observed(context: Context, about: Meeting) -> StoredPrep | None:
        try:
            stored = await acquire_lease(context, about)
        except Throttled:
            outcomes.append("busy")
            raise
        outcomes.append("acquired" if stored else "settled")
        return stored

    monkeypatch.setattr("services.prep.briefing.acquire_lease", observed)
    return outcomes


async def test_two_instances_and_repeated_events_send_a_single_email(stage: Stage, leases: LeaseOutcomes) -> None:
    brief = upcoming()
    async with stage.prep(), stage.prep():
        await asyncio.gather(*(stage.publish_upcoming(brief) for _ in range(6)))
        await stage.settled()
        await leases.until(6)
        assert sum(outcome == "acquired" for outcome in leases) == 1
        await stage.publish_upcoming(brief)
        await leases.until(7)
        assert leases[6] == "settled"
        await stage.received(PrepSent)
    assert len(stage.mails) == 1
    assert len(await stage.received(PrepSent)) == 1


def dedup_key(resources: Resources, brief: Meeting) -> tuple[Cache, str]:
    """Where the key of a brief is, and its name there. On the server it is `meeting_prep:{account}:{event}:{start}`."""
    key = f"{brief.account_id}:{brief.event_id}:{brief.starts_at.isoformat()}"
    return resources.cache.in_namespace("meeting_prep"), key


async def test_the_row_alone_keeps_it_to_a_single_email_when_redis_has_forgotten(
    stage: Stage, leases: LeaseOutcomes
) -> None:
    brief = upcoming()
    async with stage.prep() as resources:
        await stage.publish_upcoming(brief)
        await stage.settled()
        keys, key = dedup_key(resources, brief)
        assert await resources.cache.client.get(f"meeting_prep:{key}") is not None
        await keys.release(key)
        await stage.publish_upcoming(brief)
        await leases.until(2)
        assert leases == ["acquired", "settled"]
    assert len(stage.mails) == 1


async def test_a_dedup_key_in_redis_without_a_row_is_honoured(stage: Stage, leases: LeaseOutcomes) -> None:
    brief = upcoming()
    async with stage.prep() as resources:
        keys, key = dedup_key(resources, brief)
        await keys.put(key, "somebody", timedelta(hours=1))
        await stage.publish_upcoming(brief)
        await leases.until(1)
        assert leases == ["busy"]
    assert stage.mails == []
    assert await stage.rows() == []


async def test_the_dedup_key_of_a_holder_who_died_does_not_block(stage: Stage) -> None:
    brief = upcoming()
    async with stage.prep() as resources:
        keys, key = dedup_key(resources, brief)
        await keys.put(key, (brief.starts_at - timedelta(hours=1)).isoformat(), timedelta(hours=1))
        await stage.publish_upcoming(brief)
        await stage.settled()
    assert len(stage.mails) == 1


async def test_a_crash_between_sending_and_storing_does_not_send_twice(stage: Stage) -> None:
    brief = upcoming()
    async with stage.prep():
        await stage.publish_upcoming(brief)
        await stage.settled()
        # As a process leaves it that dies right after Gmail took the brief: handed over, lease over, nothing published.
        await stage.execute(
            "UPDATE prep.preps SET state = 'sending', gmail_id = NULL, leased_until = now() - interval '1 s'"
        )
        await stage.publish_upcoming(brief)
        (row,) = await stage.settled()
    assert (row["state"], row["attempts"], row["gmail_id"]) == ("sent", 2, stage.mails[0].id)
    assert len(stage.mails) == 1


async def test_a_lost_response_of_gmail_does_not_send_twice(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.prep.briefing.UNCONFIRMED_PAUSE", timedelta(seconds=1))
    stage.fault("messages.send", "lost_send", first=1)
    async with stage.prep():
        await stage.publish_upcoming(upcoming())
        (row,) = await stage.settled()
        await stage.received(PrepSent)
    assert (row["state"], row["attempts"]) == ("sent", 2)
    assert len(stage.mails) == 1


async def test_a_hundred_lost_responses_are_a_hundred_emails_though_no_search_finds_them_yet(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.prep.briefing.UNCONFIRMED_PAUSE", timedelta(milliseconds=50))
    stage.fault("messages.send", "lost_send")
    stage.meetings = [
        upcoming(meeting_id=MeetingId(new_id()), event_id=f"e{number}", title=f"Review {number}")
        for number in range(100)
    ]
    async with stage.prep():
        await stage.buses["sync"].publish(*(MeetingUpcoming(meeting=due) for due in stage.meetings))
        rows = await stage.settled(100, seconds=150)
    assert [row["state"] for row in rows] == ["sent"] * 100
    assert len({row["gmail_id"] for row in rows}) == len(stage.mails) == 100
    sent = stage.google.world.accounts[ME].mailbox.messages.values()
    tokens = [value for mail in sent for name, value in headers(mail.resource) if name == "x-pingcrm-prep"]
    assert sorted(tokens) == sorted(row["token"] for row in rows)


async def test_a_brief_that_was_thrown_away_at_once_is_not_sent_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.prep.briefing.UNCONFIRMED_PAUSE", timedelta(seconds=1))
    stage.fault("messages.send", "lost_send")
    async with stage.prep():
        await stage.publish_upcoming(upcoming())
        async with asyncio.timeout(10):
            while not stage.mails:
                await asyncio.sleep(0.01)
        stage.google.world.accounts[ME].mailbox.relabel(stage.mails[0].id, ["TRASH"], ["INBOX"])
        (row,) = await stage.settled()
    assert (row["state"], len(stage.mails)) == ("sent", 1)


async def test_a_send_that_never_arrived_is_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.prep.briefing.UNCONFIRMED_PAUSE", timedelta(seconds=1))
    stage.fault("messages.send", "5xx", first=2)
    async with stage.prep():
        await stage.publish_upcoming(upcoming())
        (row,) = await stage.settled()
    assert (row["state"], row["attempts"]) == ("sent", 3)
    assert len(stage.mails) == 1


async def test_without_permission_to_search_a_lost_response_is_reported_and_not_sent_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.prep.briefing.UNCONFIRMED_PAUSE", timedelta(seconds=1))
    stage.account = account(scopes=frozenset(ALL) - {GMAIL_READ})
    stage.fault("messages.send", "lost_send", first=1)
    async with stage.prep():
        await stage.publish_upcoming(upcoming())
        (row,) = await stage.settled()
        (failed,) = await stage.received(PrepFailed)
    assert row["state"] == "failed"
    assert "may have arrived" in failed.error
    assert len(stage.mails) == 1


async def test_what_could_not_be_sent_in_time_has_failed_with_a_sentence(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.prep.briefing.UNCONFIRMED_PAUSE", timedelta(seconds=2))
    stage.fault("messages.send", "5xx")
    async with stage.prep():
        await stage.publish_upcoming(upcoming(minutes=5.03))
        (row,) = await stage.settled()
        (failed,) = await stage.received(PrepFailed)
    assert row["state"] == "failed"
    assert failed.error == "The brief could not be sent in time. Gmail did not confirm that it sent the brief."


async def test_a_moved_meeting_is_briefed_for_its_new_time(stage: Stage) -> None:
    published, current = upcoming(minutes=38), upcoming(minutes=33)
    async with stage.prep():
        await stage.publish_upcoming(published, current=current)
        rows = await stage.settled(2)
    assert [(row["starts_at"], row["state"], row["reason"]) for row in rows] == [
        (current.starts_at, "sent", ""), (published.starts_at, "skipped", "moved"),
    ]  # fmt: skip
    assert [dict(mail.headers)["Subject"] for mail in stage.mails] == ["Meeting prep: Pricing review in 33 minutes"]


async def test_a_meeting_moved_to_tomorrow_waits_for_its_day(stage: Stage) -> None:
    published = upcoming(minutes=38)
    async with stage.prep():
        await stage.publish_upcoming(published, current=upcoming(minutes=24 * 60))
        (row,) = await stage.settled()
    assert (row["starts_at"], row["reason"]) == (published.starts_at, "moved")
    assert stage.mails == []


async def test_a_cancelled_meeting_is_not_briefed(stage: Stage) -> None:
    async with stage.prep():
        await stage.publish_upcoming(upcoming(), current="cancelled")
        (row,) = await stage.settled()
        (skipped,) = await stage.received(PrepSkipped)
    assert row["reason"] == skipped.reason == "cancelled"
    assert stage.mails == []


async def test_a_skip_is_published_once_and_decided_again(stage: Stage, nats_server: Nats) -> None:
    stage.preferences = GmailPreferences(meeting_prep_enabled=False)
    brief = upcoming()
    async with stage.prep():
        await stage.publish_upcoming(brief)
        await stage.received(PrepSkipped)
        await stage.publish_upcoming(brief)
        await handled(nats_server, "prep", MeetingUpcoming)
        assert stage.settings_requests == 2
        stage.preferences = GmailPreferences()
        await stage.publish_upcoming(brief)
        await stage.received(PrepSent)
    assert len(stage.mails) == 1
    assert len(await stage.received(PrepSkipped)) == 1


async def test_without_gmail_send_nothing_is_sent(stage: Stage) -> None:
    stage.account = account(scopes=frozenset(ALL) - {GMAIL_SEND})
    async with stage.prep():
        await stage.publish_upcoming(upcoming())
        (row,) = await stage.settled()
        with pytest.raises(Refused) as raised:
            await stage.request(SendPrep(user_id=USER_ID, meeting_id=MEETING_ID))
    assert (row["reason"], raised.value.code, raised.value.status) == ("missing_scope", "missing_scope", 403)
    assert stage.mails == []


async def test_points_come_from_claude_and_rest_on_what_is_shown(stage: Stage) -> None:
    stage.claude.reply = lambda _: points(
        ("Bring the numbers for the second engine.", ["I1"]), ("Thank her for <b>London</b>.", ["I2"]),
        ("She weaves algebraic patterns: ask how.", ["B1"]), ("Invented.", ["I9"]),
    )  # fmt: skip
    async with stage.prep(key=True):
        await stage.publish_upcoming(upcoming())
        (row,) = await stage.settled()
        (sent,) = await stage.received(PrepSent)
    (mail,) = stage.mails
    assert "Bring the numbers for the second engine." in mail.html
    assert "Thank her for &lt;b&gt;London&lt;/b&gt;." in mail.html
    assert "Invented" not in mail.html
    assert "not written by AI" not in mail.html
    assert (row["ai"], row["input_tokens"], row["output_tokens"]) == (True, 1200, 150)
    assert sent.cost_usd == row["cost_usd"] == pytest.approx(0.00195)


@pytest.mark.parametrize("mode", ["refusal", "malformed", "error", "slow"])
async def test_without_a_reply_of_claude_the_brief_goes_out_in_time(
    stage: Stage, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the four only the slow one uses its time up; on a busy machine the others need some to be asked at all.
    seconds = 0.5 if mode == "slow" else 5.0
    monkeypatch.setattr(Claude, "from_settings", partial(Claude.from_settings, seconds=seconds))
    stage.claude.mode = mode
    async with stage.prep(key=True):
        await stage.publish_upcoming(upcoming())
        (row,) = await stage.settled()
    assert (row["state"], row["ai"]) == ("sent", False)
    assert "not written by AI" in stage.mails[0].html
    assert stage.claude.requests


async def test_a_preview_shows_and_sends_nothing(stage: Stage) -> None:
    async with stage.prep():
        stage.meetings = [upcoming(minutes=35)]
        brief = await stage.request(PreviewPrep(user_id=USER_ID, meeting_id=MEETING_ID))
        with pytest.raises(Refused) as raised:
            await stage.request(PreviewPrep(user_id=USER_ID, meeting_id=MeetingId(new_id())))
    assert brief.subject == "Meeting prep: Pricing review in 35 minutes"
    assert 3 <= len(brief.points) <= 5
    assert "Ada Lovelace" in brief.html
    assert raised.value.status == 404
    assert stage.mails == []
    assert await stage.rows() == []


async def test_send_now_sends_whatever_was_sent_before(stage: Stage) -> None:
    async with stage.prep():
        await stage.publish_upcoming(upcoming())
        await stage.settled()
        prep = await stage.request(SendPrep(user_id=USER_ID, meeting_id=MEETING_ID))
        latest = await stage.request(GetPreps(user_id=USER_ID, meeting_ids=(MEETING_ID,)))
    assert prep.state == "sent"
    assert latest.items == (prep,)
    assert len(stage.mails) == 2


async def test_send_now_refuses_where_nobody_else_is_invited(stage: Stage) -> None:
    async with stage.prep():
        stage.meetings = [upcoming(guests=(me(), guest("room@r.example", resource=True)))]
        with pytest.raises(Refused, match="no_guests"):
            await stage.request(SendPrep(user_id=USER_ID, meeting_id=MEETING_ID))


async def test_a_dry_run_shows_what_would_have_been_sent(stage: Stage) -> None:
    past = [
        upcoming(minutes=-60, meeting_id=new_id(), event_id="a"),
        upcoming(minutes=-120, meeting_id=new_id(), event_id="b", guests=(me(),)),
        upcoming(minutes=-180, meeting_id=new_id(), event_id="c", guests=(me(), guest("stranger@elsewhere.example"))),
        upcoming(minutes=-40 * 24 * 60, meeting_id=new_id(), event_id="d"),
    ]
    async with stage.prep():
        stage.meetings = past
        run = await stage.request(DryRunPreps(user_id=USER_ID, days=30))
    assert [(line.would_send, line.reason) for line in run.items] == [
        (True, ""),
        (False, "no_guests"),
        (False, "nobody_known"),
    ]


async def test_purging_an_account_or_deleting_a_user_removes_the_briefs(stage: Stage, nats_server: Nats) -> None:
    async with stage.prep():
        await stage.publish_upcoming(upcoming())
        await stage.settled()
        await stage.disconnect(purge=False)
        await handled(nats_server, "prep", AccountDisconnected)
        assert len(await stage.rows()) == 1
        await stage.disconnect(purge=True)
        await handled(nats_server, "prep", AccountDisconnected)
        assert await stage.rows() == []
        await stage.publish_upcoming(upcoming(event_id="another"))
        await stage.settled()
        await stage.delete_user()
        await handled(nats_server, "prep", UserDeleted)
        assert await stage.rows() == []


async def test_a_user_who_is_gone_leaves_no_trace(stage: Stage, nats_server: Nats) -> None:
    stage.user_exists = False
    async with stage.prep():
        await stage.publish_upcoming(upcoming())
        await handled(nats_server, "prep", MeetingUpcoming)
        assert stage.settings_requests == 1
    assert await stage.rows() == []
    assert stage.mails == []
