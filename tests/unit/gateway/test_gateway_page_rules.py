"""What pages decide before they are rendered: the first run, briefs in words, what was asked about a missing email."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from libs.common.events import Guest, Meeting
from libs.common.ids import AccountId, ContactId, MeetingId, RunId, UserId
from libs.common.requests import Counts, MeetingForecast, MeetingGuest, Prep, Run
from services.gateway.domain.accounts import AccountView
from services.gateway.domain.asked_message import message_id_in
from services.gateway.domain.brief_scheme import in_scheme
from services.gateway.domain.first_run import is_first_run, is_read, steps
from services.gateway.domain.meetings import (
    SKIP_WORDS,
    GuestText,
    brief_line,
    brief_link,
    brief_outlook,
    brief_text,
    guest_texts,
    is_first_meeting,
    meeting_view,
    skip_words,
)
from services.gateway.pages.meeting_rows import meeting_row
from services.gateway.pages.render import HERE
from services.prep import rendering
from services.prep.domain.rules import SkipReason

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
ACCOUNT, MEETING = AccountId(UUID(int=2)), MeetingId(UUID(int=3))
COUNTS = Counts(contacts=12, messages=1204, meetings=7, imported=3, other=0)
NOTHING = Counts(contacts=0, messages=0, meetings=0, imported=0, other=0)


def account(**run: Any) -> AccountView:
    mail = Run(
        id=RunId(UUID(int=9)), account_id=ACCOUNT, kind="mail", reason="connected", state="running", first=True, started_at=NOW,
    ).model_copy(update=run)  # fmt: skip
    return AccountView(
        id=ACCOUNT, address="a@example.com", name="", status="active", status_reason="", scopes=[], missing=[], reconnect=None,
        connected_at=NOW, syncs={"mail": mail} if run else {},
    )  # fmt: skip


READING, READ = account(done=1204, total=12_345, eta_seconds=1080.0), account(state="completed")


@pytest.mark.parametrize(
    ("accounts", "read"),
    [([], False), ([account()], False), ([READING], False), ([READ], True), ([READING, READ], True), ([account(first=False)], True)],
)  # fmt: skip
def test_mail_is_read_once_its_first_run_has_ended_whatever_runs_later(accounts: list[AccountView], read: bool) -> None:
    assert is_read(accounts) is read


@pytest.mark.parametrize(
    ("accounts", "days", "sent", "leads"),
    [
        ([], 0, False, True), ([], 400, True, True), ([READING], 30, True, True), ([READ], 1, False, True), ([READ], 1, True, False),
        ([READ], 7, False, False), ([READ], 6.99, False, True),
    ],
)  # fmt: skip
def test_the_first_run_ends_with_the_first_brief_or_after_a_week(
    accounts: list[AccountView], days: float, sent: bool, leads: bool
) -> None:
    assert is_first_run(accounts, NOW - timedelta(days=days), NOW, brief_sent=sent) is leads


@pytest.mark.parametrize(
    ("accounts", "counts", "states", "text"),
    [
        ([], None, ["now", "later", "later"], "Your mail is being read"),
        ([account()], None, ["done", "now", "later"], "Your mail is being read"),
        ([READING], NOTHING, ["done", "now", "later"], "Your mail is being read: 1,204 of 12,345, about 18 min left"),
        ([READING], COUNTS, ["done", "now", "later"],
         "Your mail is being read: 1,204 of 12,345, about 18 min left. 1,204 messages, 7 meetings and 12 people are here so far"),
        ([READ], COUNTS, ["done", "done", "now"], "Your mail is read: 1,204 messages, 7 meetings and 12 people are here"),
        ([READ], Counts(contacts=1, messages=1, meetings=1, imported=0, other=0), ["done", "done", "now"],
         "Your mail is read: 1 message, 1 meeting and 1 person are here"),
        ([READ], None, ["done", "done", "now"], "Your mail is read"),
    ],
)  # fmt: skip
def test_the_steps_follow_from_what_is_there_with_a_count(
    accounts: list[AccountView], counts: Counts | None, states: list[str], text: str
) -> None:
    found = steps(accounts, counts, "It comes at noon.")
    assert [step.state for step in found] == states
    assert found[1].text == text
    assert found[2].text == "It comes at noon."


def meeting(**changes: Any) -> Meeting:
    starts_at = changes.pop("starts_at", NOW + timedelta(hours=2))
    fields: dict[str, Any] = {
        "meeting_id": MEETING, "user_id": UserId(UUID(int=1)), "account_id": ACCOUNT, "calendar_id": "c", "event_id": "e", "revision": 1,
        "title": "Coffee", "starts_at": starts_at, "ends_at": starts_at + timedelta(minutes=45),
        "guests": (Guest(address="amara@x.example", name="Amara"), Guest(address="me@x.example", me=True)),
    }  # fmt: skip
    return Meeting(**fields | changes)


def prep(state: Any, reason: str = "") -> Prep:
    return Prep(meeting_id=MEETING, account_id=ACCOUNT, starts_at=NOW, state=state, reason=reason, at=NOW)


def forecast(reason: str = "", *guests: MeetingGuest) -> MeetingForecast:
    """Of a brief that comes in an hour, 13:00 UTC."""
    brief_at = None if reason else NOW + timedelta(hours=1)
    return MeetingForecast(meeting_id=MEETING, would_send=not reason, reason=reason, brief_at=brief_at, guests=guests)


def test_every_reason_not_to_brief_has_its_words() -> None:
    assert set(SKIP_WORDS) == set(get_args(SkipReason))
    assert skip_words("Gmail did not take it.") == "Gmail did not take it."


@pytest.mark.parametrize(
    ("state", "gmail_id", "link"),
    [
        ("sent", "18c0ffee", "https://mail.google.com/mail/?authuser=maya%2Bx%40x.example#all/18c0ffee"),
        ("sent", "", ""),
        ("sent", "18c0/../ffee", ""),
        ("failed", "18c0ffee", ""),
    ],
)
def test_a_brief_that_was_sent_is_found_in_the_gmail_of_its_account(state: str, gmail_id: str, link: str) -> None:
    assert brief_link(prep(state).model_copy(update={"gmail_id": gmail_id}), "maya+x@x.example") == link
    assert brief_link(None, "maya+x@x.example") == ""


OVER = MeetingForecast(meeting_id=MEETING, would_send=True, brief_at=NOW)
EARLY = MeetingForecast(meeting_id=MEETING, would_send=True, brief_at=NOW + timedelta(hours=10, minutes=59))


@pytest.mark.parametrize(
    ("changes", "stored", "expected", "line", "text"),
    [
        ({}, None, None, "brief not known at the moment", "not known at the moment"),
        ({}, None, forecast(), "brief at 14:00", "at 14:00"),
        ({"starts_at": NOW + timedelta(hours=12)}, None, EARLY, "brief at 23:59 the day before", "at 23:59 the day before"),
        ({}, None, forecast("nobody_known"), "no brief: nobody you know", "none: nobody you know"),
        ({}, None, forecast("declined"), "no brief: you declined", "none: you declined"),
        ({}, None, OVER, "brief on its way", "on its way"),
        ({"starts_at": NOW}, None, forecast("too_late"), "no brief",
         "none was sent: PingCRM did not know of the meeting in time, or could not read the calendar"),
        ({"starts_at": NOW, "all_day": True}, None, None, "", "none: it lasts all day"),
        ({"all_day": True}, None, forecast("all_day"), "", "none: it lasts all day"),
        ({"all_day": True}, None, None, "", "none: it lasts all day"),
        ({"all_day": True}, prep("sent"), None, "brief sent", "sent"),
        ({}, prep("sent"), forecast(), "brief sent", "sent"),
        ({}, prep("sending"), None, "brief being sent", "being sent"),
        ({}, prep("skipped", "private"), None, "no brief: it is marked private", "not sent: it is marked private"),
        ({"starts_at": NOW}, prep("failed", "Gmail refused."), None, "brief could not be sent: Gmail refused.",
         "could not be sent: Gmail refused."),
    ],
)  # fmt: skip
def test_what_becomes_of_a_brief_is_in_words_and_in_the_readers_zone(
    changes: dict[str, Any], stored: Prep | None, expected: MeetingForecast | None, line: str, text: str
) -> None:
    view = meeting_view(meeting(**changes), stored)
    outlook = brief_outlook(view, expected, NOW)
    assert brief_line(view, outlook, BERLIN) == line
    assert brief_text(outlook, view.starts_at, BERLIN) == text


AMARA = MeetingGuest(address="amara@x.example", name="Amara")
PRIYA = MeetingGuest(
    address="p@x.example",
    name="Priya",
    contact_id=ContactId(UUID(int=7)),
    label="Strong",
    score=8,
    known=True,
    met_before=True,
)


def test_a_line_has_its_guests_with_their_relationship_and_whether_they_were_ever_met() -> None:
    view = meeting_view(meeting(), None)
    assert guest_texts(view, None) == [GuestText("Amara")], "without me"
    assert guest_texts(view, forecast("", PRIYA, AMARA)) == [
        GuestText("Priya", "Strong", PRIYA.contact_id), GuestText("Amara"),
    ]  # fmt: skip
    assert [is_first_meeting(found) for found in (None, forecast(), forecast("", AMARA), forecast("", AMARA, PRIYA))] == [
        False, False, True, False,
    ]  # fmt: skip
    row = meeting_row(view, forecast("", *[AMARA] * 5), NOW, BERLIN)
    assert (len(row.guests), row.more, row.first, row.length) == (3, 2, True, "45 min")
    over = meeting_row(
        meeting_view(meeting(starts_at=NOW - timedelta(hours=1)), None), forecast("", AMARA), NOW, BERLIN
    )
    assert not over.first, "what is over is nobody's first meeting any more"


@pytest.mark.parametrize(
    ("entered", "message_id"),
    [
        ("<a.b@mail.example>", "<a.b@mail.example>"), (" a.b@mail.example ", "a.b@mail.example"), ("18c2f0a1b2c3d4e5", "18c2f0a1b2c3d4e5"),
        ("Message-ID: <a@b>", "<a@b>"), ("rfc822msgid:a@b", "a@b"), ("The contract", None), ("Lunch @ noon", None), ("", None),
        ("deadbeef", None), ("ask ann@x.example about it", None), ("18C2F0A1B2C3D4E5", None),
    ],
)  # fmt: skip
def test_what_was_entered_is_an_id_or_words_of_a_subject(entered: str, message_id: str | None) -> None:
    assert message_id_in(entered) == message_id


def test_a_brief_is_shown_in_light_and_in_dark_by_its_own_rules() -> None:
    html = (Path(rendering.__file__).parent / "templates" / "brief.html").read_text()
    assert html.count("@media (prefers-color-scheme: dark)") == 1
    assert "@media all {" in in_scheme(html, "dark")
    assert "@media not all {" in in_scheme(html, "light")
    for scheme in ("light", "dark"):
        assert "prefers-color-scheme" not in in_scheme(html, scheme)  # type: ignore[arg-type]


def test_every_part_of_a_page_that_is_live_fetches_itself_anew_where_events_were_missed_and_stays_the_same_element() -> (
    None
):
    """An element that is replaced instead of morphed takes along what it still had to fetch."""
    templates = sorted((HERE / "templates").glob("*.html"))
    live = [
        (path.name, tag) for path in templates for tag in re.findall(r"<\w+ [^<]*? from:body[^<]*?>", path.read_text())
    ]
    assert len(live) >= 10
    assert [name for name, tag in live if "resync from:body" not in tag or 'hx-swap="outerMorph"' not in tag] == []
