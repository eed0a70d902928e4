"""Events of Google's calendars as they are read, and the meetings that they become."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest

from libs.common.events import Guest, Meeting
from libs.common.ids import AccountId, MeetingId, UserId
from libs.common.resources.calendar import CalendarEvent, EventPerson, EventTime, read_event
from services.sync.domain.meetings import MAX_GUESTS, CalendarOf, Moment, Window, meeting, moment, upcoming

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
USER, ACCOUNT = UserId(UUID(int=1)), AccountId(UUID(int=2))
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
