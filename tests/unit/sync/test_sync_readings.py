"""Google's resources as they are read and what becomes of them, each as a whole."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest

from libs.common.events import Guest, Meeting, MessageIngested, PersonImported
from libs.common.ids import AccountId, MeetingId, UserId
from libs.common.resources.calendar import CalendarEvent, Channel, EventPerson, EventTime, read_channel, read_event
from libs.common.resources.gmail import (
    Change,
    GmailMessage,
    MessageRef,
    Watch,
    read_changes,
    read_message,
    read_ref,
    read_watch,
)
from libs.common.resources.people import Card, read_card
from libs.common.resources.reading import flag, integer, mapping, mappings, storable, text, texts
from services.sync.domain.fetching import (
    RETRY_DELAYS,
    Fetch,
    Fetched,
    FetchOutcome,
    Prices,
    Wanted,
    by_thread,
    failed,
    fetch_outcome,
    fetches,
    group_size,
    single_fetches,
    unreadable,
    unrecordable,
)
from services.sync.domain.history import NEVER_PUBLISHED, Touched, touched
from services.sync.domain.ledger import PutOff, Settled
from services.sync.domain.mail import Me
from services.sync.domain.meetings import MAX_GUESTS, CalendarOf, Moment, Window, meeting, moment, upcoming
from services.sync.domain.people import fingerprint, imported, is_imported
from services.sync.domain.runs import Tally

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
USER, ACCOUNT = UserId(UUID(int=1)), AccountId(UUID(int=2))
ME = Me(USER, ACCOUNT, frozenset({"maya@x.example"}))
SENT_MS = int(NOW.timestamp() * 1000)
RESOURCE: dict[str, Any] = {
    "id": "m1", "threadId": "t1", "historyId": "9", "labelIds": ["INBOX", 5, "UNREAD"], "internalDate": str(SENT_MS),
    "snippet": "Hi &amp; bye",
    "payload": {"mimeType": "Text/Plain", "headers": [
        {"name": " From ", "value": "Ann <a@x.example>"}, {"name": "FROM", "value": "b\x00@x.example"}, {"name": 5, "value": "x"},
        {"name": "To", "value": 5}, "odd", {"name": "Message-ID", "value": "<id@x>"},
    ]},
}  # fmt: skip


def test_a_message_is_read_whole() -> None:
    assert read_message(RESOURCE) == GmailMessage(
        "m1", "t1", 9, frozenset({"INBOX", "UNREAD"}), SENT_MS, "text/plain",
        {"from": ("Ann <a@x.example>", "b@x.example"), "message-id": ("<id@x>",)}, "Hi &amp; bye",
    )  # fmt: skip
    assert read_message({}) == GmailMessage(None, "", None, frozenset(), None, "", None, "")
    assert read_message({"id": "", "payload": {}}) == GmailMessage(None, "", None, frozenset(), None, "", {}, "")
    assert read_message({"id": "m1"}).thread_id == "m1"
    assert read_message({"id": 5, "threadId": "t"}) == GmailMessage(None, "t", None, frozenset(), None, "", None, "")


def test_the_end_of_a_watch_is_in_milliseconds() -> None:
    assert read_watch({"historyId": "7", "expiration": str(SENT_MS)}) == Watch(7, NOW)
    epoch = datetime.fromtimestamp(0, UTC)
    assert read_watch({}) == Watch(0, epoch)
    assert read_watch({"expiration": 10**30}) == Watch(0, epoch)


def test_a_channel_is_read_with_its_end() -> None:
    assert read_channel({"resourceId": "r", "expiration": "1772625600000"}) == Channel("r", NOW)
    assert read_channel({}) == Channel("", datetime(1970, 1, 1, tzinfo=UTC))


def test_a_history_record_names_its_changes() -> None:
    def item(gmail_id: str, **more: Any) -> dict[str, Any]:
        return {
            "message": {"id": gmail_id, "threadId": f"t{gmail_id}", "labelIds": ["OWN"]},
            "labelIds": ["OTHER"],
            **more,
        }

    record = {
        "id": "12", "messagesAdded": [item("a")], "messagesDeleted": [item("d")], "labelsAdded": [item("l")],
        "labelsRemoved": [item("u"), {"message": {"threadId": "t"}}, {}],
    }  # fmt: skip
    assert read_changes(record) == [
        Change(12, "added", "a", "ta", frozenset({"OWN"})),
        Change(12, "deleted", "d", "td", frozenset({"OTHER"})),
        Change(12, "labelled", "l", "tl", frozenset({"OTHER"})),
        Change(12, "unlabelled", "u", "tu", frozenset({"OTHER"})),
    ]
    assert read_changes({"messagesAdded": [item("a")]})[0].history_id == 0
    assert read_ref({"id": "m"}) == MessageRef("m", "m")
    assert read_ref({"id": "m", "threadId": "t"}) == MessageRef("m", "t")


@pytest.mark.parametrize(
    ("value", "number"),
    [("12", 12), (12, 12), (-3, -3), ("x", None), (True, None), (None, None), (1.5, None), ("", None), ([], None)],
)
def test_numbers_may_be_written_as_text(value: object, number: int | None) -> None:
    assert integer(value) == number


def test_what_is_of_another_type_reads_as_empty() -> None:
    assert mapping({"a": 1}) == {"a": 1}
    assert mapping([1]) == {}
    assert list(mappings([{"a": 1}, 5, {"b": 2}])) == [{"a": 1}, {"b": 2}]
    assert list(mappings({"a": 1})) == []
    assert list(texts(["a", 5, "b\x00"])) == ["a", "b"]
    assert list(texts("ab")) == []
    assert (text(5), text("a\x00b"), text("é\x00\ud800")) == ("", "ab", "é?")
    assert (storable("a\x00b"), storable("é\x00\ud800")) == ("ab", "é?")
    assert [flag(value) for value in (True, False, 1, "true", None)] == [True, False, False, False, False]


EVENT: dict[str, Any] = {
    "id": "e1", "status": "confirmed", "eventType": "default", "iCalUID": "uid", "summary": " Long\n lunch ",
    "location": " Café\t Nero", "visibility": "private", "start": {"dateTime": "2026-03-05T12:00:00+01:00", "timeZone": "Europe/Paris"},
    "end": {"dateTime": "2026-03-05T13:00:00+01:00"}, "originalStartTime": {"dateTime": "2026-03-05T10:00:00Z"},
    "hangoutLink": "https://meet.example/old",
    "conferenceData": {"entryPoints": [
        {"entryPointType": "phone", "uri": "https://phone.example"}, {"entryPointType": "video", "uri": "tel:1"},
        {"entryPointType": "video", "uri": "https://video.example"},
    ]},
    "organizer": {"email": "o@x.example", "displayName": " Olga\n O "},
    "attendees": [
        {"email": "maya@x.example", "responseStatus": "tentative", "self": True, "organizer": True, "optional": True, "resource": True},
        {"email": "b@x.example", "displayName": "n" * 301}, "odd", {"displayName": "no address"},
    ],
    "attendeesOmitted": True, "guestsCanSeeOtherGuests": False,
}  # fmt: skip
GUEST_FLAGS = {"answer": "tentative", "me": True, "organizer": True, "optional": True, "resource": True}


def test_an_event_is_read_whole() -> None:
    assert read_event(EVENT) == CalendarEvent(
        event_id="e1", status="confirmed", event_type="default", ical_uid="uid", title="Long lunch", place="Café Nero",
        visibility="private", start=EventTime("", "2026-03-05T12:00:00+01:00", "Europe/Paris"),
        end=EventTime("", "2026-03-05T13:00:00+01:00", ""), original_start=EventTime("", "2026-03-05T10:00:00Z", ""),
        video_url="https://video.example", organizer=EventPerson("o@x.example", "Olga O"),
        attendees=(
            EventPerson("maya@x.example", "", "tentative", True, True, True, True),
            EventPerson("b@x.example", "n" * 300),
            EventPerson("", "no address"),
        ),
        attendees_omitted=True, guests_see_each_other=False,
    )  # fmt: skip
    assert read_event({}) == CalendarEvent("")
    assert read_event({"start": {"date": "2026-03-05"}}).start == EventTime("2026-03-05", "", "")
    assert (
        read_event({"hangoutLink": "https://h.example/" + "x" * 2_000}).video_url
        == ("https://h.example/" + "x" * 2_000)[:2_000]
    )
    long = read_event({"summary": "s" * 1_001, "location": "l" * 1_001})
    assert (len(long.title), len(long.place)) == (1_000, 1_000)


CALENDAR = CalendarOf(USER, ACCOUNT, "work", "Europe/Stockholm", frozenset({"maya@x.example"}))
WINDOW = Window.around(NOW, 30, 60)


def read_meeting(**changes: Any) -> Meeting | None:
    return meeting(read_event({**EVENT, **changes}), CALENDAR, WINDOW)


def test_an_event_becomes_a_meeting_whole() -> None:
    starts_at = datetime(2026, 3, 5, 11, tzinfo=UTC)
    assert read_meeting() == Meeting(
        meeting_id=MeetingId(UUID(int=0)), user_id=USER, account_id=ACCOUNT, calendar_id="work", event_id="e1", ical_uid="uid",
        original_start="2026-03-05T10:00:00+00:00", revision=0, title="Long lunch", starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1), all_day=False, start_date=None, end_date=None, time_zone="Europe/Paris",
        place="Café Nero", video_url="https://video.example", private=True, organizer=Guest(address="o@x.example", name="Olga O"),
        guests=(Guest(address="maya@x.example", **GUEST_FLAGS), Guest(address="b@x.example", name="n" * 300)),
        guests_total=2, guests_hidden=True, my_answer="tentative",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "private"),
    [({"visibility": "confidential"}, True), ({"visibility": "public"}, False), ({"visibility": "default"}, False)],
)
def test_confidential_is_private_too(changes: dict[str, Any], private: bool) -> None:
    found = read_meeting(**changes)
    assert found is not None
    assert found.private is private


@pytest.mark.parametrize("event_type", ["", "default", "fromGmail", None])
def test_only_these_types_are_meetings(event_type: str | None) -> None:
    assert read_meeting(eventType=event_type) is not None
    for other in ("outOfOffice", "workingLocation", "focusTime", "birthday"):
        assert read_meeting(eventType=other) is None
    assert read_meeting(status="cancelled") is None
    assert read_meeting(status="tentative") is not None


def test_guests_are_cut_and_counted() -> None:
    many = [{"email": f"g{number}@x.example"} for number in range(MAX_GUESTS + 1)]
    found = read_meeting(attendees=many, organizer={"displayName": "no address"}, originalStartTime=None, end=None)
    assert found is not None
    assert (len(found.guests), found.guests_total, found.guests[-1].address) == (400, 401, "g399@x.example")
    assert (found.organizer, found.original_start, found.my_answer) == (None, "", "accepted")
    assert found.ends_at == found.starts_at
    long = read_meeting(attendees=[{"email": "x" * 400 + "@x.example", "responseStatus": "odd"}])
    assert long is not None
    assert (len(long.guests[0].address), long.guests[0].answer, long.guests[0].me) == (320, "needsAction", False)
    for answer in ("accepted", "declined", "tentative", "needsAction"):
        alone = read_meeting(attendees=[{"email": "MAYA@x.example", "responseStatus": answer}])
        assert alone is not None
        assert (alone.guests[0].answer, alone.my_answer, alone.guests[0].me) == (answer, answer, True)


def test_the_window_holds_its_beginning_and_not_its_end() -> None:
    window = Window.around(NOW, 1, 2)
    assert window == Window(NOW - timedelta(days=1), NOW + timedelta(days=2))
    tick = timedelta(microseconds=1)
    assert [window.holds(NOW + shift) for shift in (-timedelta(days=1), -timedelta(days=1) - tick)] == [True, False]
    assert [window.holds(NOW + shift) for shift in (timedelta(days=2), timedelta(days=2) - tick)] == [False, True]
    assert Window.around(NOW, 0, 2).holds(datetime.min.replace(tzinfo=UTC))
    assert upcoming(NOW, 5, 90) == (NOW + timedelta(minutes=5), NOW + timedelta(minutes=90))


@pytest.mark.parametrize("ahead_minutes", [-25, -5, 0, 5, 60])
def test_a_clock_that_is_wrong_moves_briefs_by_as_much_and_loses_none(ahead_minutes: int) -> None:
    """Scans come every ten minutes by the server's clock; what they look for goes by ours."""
    for minute in range(60):
        starts_at = NOW + timedelta(hours=5, minutes=minute)
        leads = []
        for number in range(40):
            scan_at = NOW + timedelta(minutes=10 * number)
            start, end = upcoming(scan_at + timedelta(minutes=ahead_minutes), 5, 40)
            if start <= starts_at < end:
                leads.append(starts_at - scan_at)
        assert timedelta(minutes=30 + ahead_minutes) <= max(leads) < timedelta(minutes=40 + ahead_minutes)


@pytest.mark.parametrize(
    ("when", "read"),
    [
        (EventTime(), None),
        (EventTime(date_time="odd"), None),
        (EventTime(date="odd"), None),
        (EventTime(date="0001-01-01"), None),
        (EventTime(date_time="2026-03-05T12:00:00Z"), Moment(NOW + timedelta(days=1), "Europe/Stockholm")),
        (EventTime(date_time="2026-03-05T13:00:00"), Moment(NOW + timedelta(days=1), "Europe/Stockholm")),
        (EventTime(date_time="2026-03-05T07:00:00", time_zone="America/New_York"),
         Moment(NOW + timedelta(days=1), "America/New_York")),
        (EventTime(date_time="2026-03-05T12:00:00Z", time_zone="No/Where"), Moment(NOW + timedelta(days=1), "Europe/Stockholm")),
        (EventTime(date="2026-03-05", time_zone="America/New_York"),
         Moment(datetime(2026, 3, 4, 23, tzinfo=UTC), "Europe/Stockholm", date(2026, 3, 5))),
    ],
)  # fmt: skip
def test_a_moment_is_read_in_its_zone_else_in_the_calendar_s(when: EventTime, read: Moment | None) -> None:
    assert moment(when, "Europe/Stockholm") == read


def test_without_any_zone_it_is_utc() -> None:
    assert moment(EventTime(date="2026-03-04"), "") == Moment(datetime(2026, 3, 4, tzinfo=UTC), "UTC", date(2026, 3, 4))


def test_a_whole_day_begins_with_its_first_instant_in_every_zone_also_where_clocks_change_at_midnight() -> None:
    tried = set[str]()
    for name in available_timezones():
        for day in days_of_change(ZoneInfo(name)):
            found = moment(EventTime(date=day.isoformat()), name)
            assert found is not None
            assert found.instant.astimezone(ZoneInfo(name)).date() == day, f"{name} {day}"
            assert (found.instant - timedelta(seconds=1)).astimezone(ZoneInfo(name)).date() < day, f"{name} {day}"
            tried.add(name)
    assert {"Africa/Cairo", "America/Havana", "Asia/Beirut", "Europe/Berlin", "America/Santiago"} <= tried


def days_of_change(zone: ZoneInfo) -> Iterator[date]:
    """The days of three years on which the clocks of a zone change."""

    def offset(day: date) -> timedelta | None:
        return datetime.combine(day, time(12), zone).utcoffset()

    monday = date(2024, 1, 1)
    for week in (monday + timedelta(weeks=number) for number in range(3 * 53)):
        if offset(week) != offset(week + timedelta(weeks=1)):
            days = (week + timedelta(days=number) for number in range(1, 8))
            yield from (day for day in days if offset(day) != offset(day - timedelta(days=1)))


@pytest.mark.parametrize(
    ("start", "end", "last"),
    [("2026-03-05", "2026-03-07", date(2026, 3, 7)), ("2026-03-05", "2026-03-05", date(2026, 3, 6)),
     ("2026-03-05", "2026-03-04", date(2026, 3, 6)), ("2026-03-05", "odd", date(2026, 3, 6))],
)  # fmt: skip
def test_whole_days_end_with_an_exclusive_date(start: str, end: str, last: date) -> None:
    found = read_meeting(start={"date": start}, end={"date": end})
    assert found is not None
    assert (found.all_day, found.start_date, found.end_date) == (True, date(2026, 3, 5), last)
    timed = read_meeting(start={"date": start}, end={"dateTime": "2026-03-09T00:00:00Z"})
    assert timed is not None
    assert timed.end_date == date(2026, 3, 6)


def test_the_last_day_of_the_calendar_has_no_next() -> None:
    eternal = meeting(read_event({"id": "e", "start": {"date": "9999-12-31"}}), replace(CALENDAR, time_zone="UTC"),
                      Window(None, datetime.max.replace(tzinfo=UTC)))  # fmt: skip
    assert eternal is not None
    assert eternal.end_date == date.max


PERSON: dict[str, Any] = {
    "resourceName": "people/c1",
    "metadata": {"deleted": True, "previousResourceNames": ["people/c0", 5]},
    "names": [{"displayName": "Late"}, {"displayName": " ", "unstructuredName": " Ann\n Lee ", "metadata": {"primary": True}}],
    "emailAddresses": [{"value": " b@x.example "}, {"value": "a@x.example", "metadata": {"primary": True}}, {"value": "b@x.example"},
                       {"value": ""}],
    "phoneNumbers": [{"value": "1"}, {"value": " 030 5 ", "canonicalForm": "+49305", "metadata": {"primary": True}}, {"value": "1"}],
    "urls": [{"value": "https://x.example"}],
    "organizations": [{"department": "odd"}, {"name": " Acme ", "title": " CTO "}, {"name": "Late"}],
    "photos": [{"url": "https://drawn.example", "default": True}, {"url": "http://plain.example"}, {"url": "https://p.example"}],
    "birthdays": [{"date": {"month": 2}}, {"date": {"year": 2000, "month": 2, "day": 3}}],
}  # fmt: skip


def test_a_card_is_read_whole() -> None:
    assert read_card(PERSON) == Card(
        resource_name="people/c1", deleted=True, former_names=("people/c0",), name="Ann Lee", emails=("a@x.example", "b@x.example"),
        phones=("030 5", "1"), organization="Acme", title="CTO", photo_url="https://p.example", birthday="2000-02-03",
        urls=("https://x.example",), canonical_phones=("+49305", ""),
    )  # fmt: skip
    assert read_card({}) == Card("")


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ([{"displayName": " A\n B ", "unstructuredName": "C"}], "A B"),
        ([{"givenName": " A ", "familyName": " B "}], "A B"),
        ([{"familyName": "B"}], "B"),
        ([{"givenName": 5}, {"displayName": "Next"}], "Next"),
        ([], ""),
    ],
)
def test_a_name_is_the_first_that_is_one(names: list[dict[str, Any]], name: str) -> None:
    assert read_card({"names": names}).name == name


@pytest.mark.parametrize(
    ("birthday", "text_of_it"),
    [
        ({"date": {"month": 2, "day": 3}}, "--02-03"),
        ({"date": {"year": 0, "month": 12, "day": 31}}, "--12-31"),
        ({"date": {"year": 33, "month": 4, "day": 3}}, "0033-04-03"),
        ({"date": {"year": "x", "month": 4, "day": 3}}, "--04-03"),
        ({"date": {"year": 2000, "day": 3}, "text": " spring "}, "spring"),
        ({"date": {"year": 2000, "month": 3}, "text": "x" * 101}, "x" * 100),
        ({"text": " "}, ""),
    ],
)
def test_a_birthday_may_have_no_year(birthday: dict[str, Any], text_of_it: str) -> None:
    assert read_card({"birthdays": [birthday]}).birthday == text_of_it


@pytest.mark.parametrize("only", ["name", "organization", "title"])
def test_any_one_thing_is_enough_to_know_somebody_by(only: str) -> None:
    assert is_imported(Card("people/c1", **{only: "x"}))
    assert not is_imported(Card("people/c1", deleted=True, **{only: "x"}))
    assert read_card({"organizations": [{"name": "A"}]}).organization == "A"
    assert read_card({"organizations": [{"title": "T"}]}).title == "T"


def test_nothing_else_is_enough() -> None:
    assert is_imported(Card("people/c1", emails=("a",)))
    assert is_imported(Card("people/c1", phones=("1",)))
    assert not is_imported(Card("people/c1", photo_url="p", birthday="b", urls=("u",), former_names=("f",)))


def test_a_fingerprint_knows_every_field() -> None:
    card = Card("people/c1")
    changed = [
        replace(card, **{field.name: ("x",) if isinstance(getattr(card, field.name), tuple) else "x"})
        for field in fields(card)
    ]
    prints = {fingerprint(found) for found in (card, *changed)}
    assert len(prints) == len(fields(card)) + 1
    assert {len(found) for found in prints} == {32}
    assert fingerprint(Card("\ud800")), "a lone surrogate has a fingerprint too"


def test_a_card_is_imported_whole_and_cut() -> None:
    many = tuple(str(number) for number in range(101))
    card = Card("people/c1", False, many, "n" * 301, ("e" * 321, *many), ("p" * 101, *many), "o" * 301, "t" * 301, "u" * 2_001, "b",
                ("l" * 2_001, *many), ("c" * 101, *many))  # fmt: skip
    assert imported(card, USER, ACCOUNT, 4) == PersonImported(
        user_id=USER, account_id=ACCOUNT, resource_name="people/c1", revision=4, name="n" * 300, emails=("e" * 320, *many[:99]),
        phones=("p" * 100, *many[:99]), organization="o" * 300, title="t" * 300, photo_url="u" * 2_000, birthday="b",
        urls=("l" * 2_000, *many[:99]), former_names=many[:100], canonical_phones=("c" * 100, *many[:99]),
    )  # fmt: skip


def outcome(wanted: Wanted, **changes: Any) -> FetchOutcome:
    return fetch_outcome(Fetched(wanted, read_message({**RESOURCE, **changes})), ME, NOW - timedelta(days=30), ())


def test_a_recorded_message_is_settled_as_its_event_is() -> None:
    found = outcome(Wanted("m1", "t1"))
    assert isinstance(found.event, MessageIngested)
    assert found.event.revision == 9
    assert found == FetchOutcome(
        Settled("m1", "recorded", 9, "", "", "id@x", NOW), found.event, Tally(done=1, new=1)
    )  # fmt: skip
    assert outcome(Wanted("m1", "t1", 9)).settled.revision == 10
    assert outcome(Wanted("m1", "t1", 9)).tally == Tally(done=1, updated=1)
    assert outcome(Wanted("m1", "t1"), historyId=None).settled.revision == 1


def test_what_is_not_recorded_is_settled_with_its_rule_or_reason() -> None:
    old = str(SENT_MS - 31 * 86_400_000)
    assert outcome(Wanted("m1", "t1", 3), internalDate=old) == FetchOutcome(
        Settled("m1", "filtered", 3, "lookback", "", "id@x", NOW - timedelta(days=31)),
        None,
        Tally(1, skipped={"lookback": 1}),
    )
    assert outcome(Wanted("m1", "t1", 3), internalDate="x") == FetchOutcome(
        Settled("m1", "set_aside", 3, "", "Gmail's answer has no internalDate that is a number."), None,
        Tally(1, skipped={"set_aside": 1}),
    )  # fmt: skip
    aside = Tally(1, skipped={"set_aside": 1})
    wanted = Wanted("m1", "t1", 3)
    assert fetch_outcome(Fetched(wanted, None, "No.", "rule"), ME, None, ()) == FetchOutcome(
        Settled("m1", "set_aside", 3, "rule", "No."), None, aside
    )
    assert Fetched(wanted, None).refusal == ""
    assert fetch_outcome(Fetched(wanted, None), ME, None, ()) == FetchOutcome(
        Settled("m1", "gone", 3, "", "deleted in Gmail before it was read"), None, Tally(1, skipped={"gone": 1})
    )
    assert unreadable(wanted, "KeyError") == FetchOutcome(
        Settled("m1", "set_aside", 3, "", "Reading it failed: KeyError."), None, aside
    )
    assert unrecordable(outcome(wanted), "DataError") == FetchOutcome(
        Settled("m1", "set_aside", 9, "", "Recording it failed: DataError."), None, aside
    )
    assert Fetched(wanted, None).rule == "refused"


def test_a_message_that_gmail_stumbles_over_is_tried_for_a_week() -> None:
    assert [delay.total_seconds() / 3_600 for delay in RETRY_DELAYS] == [0, 0, 0, 1, 6, *[24] * 7]
    last = len(RETRY_DELAYS) - 1
    assert failed(Wanted("m1", "t1", 0, 3), "It broke.") == PutOff(
        "m1", timedelta(hours=1), "Gmail gives out others, and for this one an error: It broke."
    )
    assert isinstance(failed(Wanted("m1", "t1", 0, last), "It broke."), PutOff)
    lost = Wanted("m1", "t1", 0, last + 1)
    assert failed(lost, "It broke.") == Fetched(
        lost, None, "Gmail gave only errors for it, for a week. The last one was: It broke.", "unavailable"
    )


def test_a_call_names_what_it_fetches() -> None:
    thread = (Wanted("a", "t"), Wanted("b", "t"))
    assert fetches(thread, Prices(20, 40)) == [Fetch(thread, True, 40)]
    assert fetches(thread, Prices(20, 41)) == single_fetches(thread, Prices(20, 41)) == [
        Fetch(thread[:1], False, 20), Fetch(thread[1:], False, 20),
    ]  # fmt: skip
    assert Fetch(thread, True, 40).resource_id == "t"
    assert Fetch(thread[:1], False, 20).resource_id == "a"
    assert by_thread([Wanted("a", "t"), Wanted("c", "u"), Wanted("b", "t")]) == [list(thread), [Wanted("c", "u")]]
    assert Wanted("a", "t") == Wanted("a", "t", 0, 0)


@pytest.mark.parametrize(
    ("runs", "held_back", "size"),
    [
        (0, False, 300),
        (10, False, 300),
        (11, False, 272),
        (200, False, 15),
        (201, False, 15),
        (59, True, 50),
        (61, True, 49),
    ],
)
def test_a_group_is_a_share_of_what_all_take(runs: int, held_back: bool, size: int) -> None:
    assert group_size(runs, held_back=held_back) == size


@pytest.mark.parametrize(
    ("kind", "labels", "wanted"),
    [
        ("deleted", {"SPAM"}, Touched("m", "t", 5, "remove")),
        ("added", {"INBOX"}, Touched("m", "t", 5, "fetch")),
        ("added", {"CHAT"}, Touched("m", "t", 5, "hide", "chat")),
        ("labelled", {"SPAM"}, Touched("m", "t", 5, "hide", "spam")),
        ("labelled", {"STARRED"}, None),
        ("unlabelled", {"DRAFT"}, Touched("m", "t", 5, "fetch")),
        ("unlabelled", {"STARRED"}, None),
    ],
)
def test_each_change_means_one_thing(kind: Any, labels: set[str], wanted: Touched | None) -> None:
    assert touched([Change(5, kind, "m", "t", frozenset(labels))]) == ([wanted] if wanted else [])


def test_the_last_change_of_a_message_counts_and_comes_in_its_own_place() -> None:
    changes = [Change(at, "added", gmail_id, "t", frozenset()) for at, gmail_id in ((1, "a"), (2, "b"), (3, "a"))]
    assert touched(changes) == [Touched("b", "t", 2, "fetch"), Touched("a", "t", 3, "fetch")]
    assert NEVER_PUBLISHED == ("draft", "chat", "lookback", "prep_email")
