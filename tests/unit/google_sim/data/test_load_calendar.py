import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.google_sim.account import AccountData, CalendarData
from libs.google_sim.loaders import LoadError, load_calendar, shift_to_now
from libs.google_sim.loaders.content_lines import components, split
from libs.google_sim.loaders.zones import Zones, iana_zone
from libs.google_sim.recurrence import expand
from tests.support.strategies import hostile_forms

OWNER = "me@home.example"


def load(tmp_path: Path, *lines: str, head: str = "X-WR-TIMEZONE:Europe/Stockholm") -> CalendarData:
    path = tmp_path / "calendar.ics"
    path.write_text("\r\n".join(("BEGIN:VCALENDAR", head, *lines, "END:VCALENDAR", "")))
    (calendar,) = load_calendar(path, OWNER)
    return calendar


def event(*lines: str, start: str = "DTSTART:20260105T100000Z") -> list[str]:
    return ["BEGIN:VEVENT", "UID:1@x.org", start, *lines, "END:VEVENT"]


def test_an_event_becomes_a_resource_as_the_calendar_shows_it(tmp_path: Path) -> None:
    calendar = load(
        tmp_path,
        *event(
            r"SUMMARY:Tea\, cake and a very lo",
            " ng title",
            "DTEND:20260105T113000Z",
            "LOCATION:Vete-Katten",
            "STATUS:TENTATIVE",
            'ORGANIZER;CN="Doe, Ann":mailto:Ann@x.org',
            "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@x.org",
            "ATTENDEE;PARTSTAT=DECLINED;CN=Me:MAILTO:me@home.example",
            "ATTENDEE;CUTYPE=ROOM:mailto:room@x.org",
            "CLASS:PRIVATE",
            "DESCRIPTION:Join https://meet.google.com/abc-defg-hij now",
        ),
    )
    (found,) = calendar.events
    assert found["summary"] == "Tea, cake and a very long title"
    assert found["start"] == {"dateTime": "2026-01-05T10:00:00Z", "timeZone": "UTC"}
    assert found["end"]["dateTime"] == "2026-01-05T11:30:00Z"
    assert (found["status"], found["visibility"]) == ("tentative", "private")
    assert found["organizer"] == {"email": "ann@x.org", "displayName": "Doe, Ann"}
    assert found["attendees"] == [
        {"email": "ann@x.org", "responseStatus": "accepted", "organizer": True},
        {"email": OWNER, "displayName": "Me", "self": True, "responseStatus": "declined"},
        {"email": "room@x.org", "responseStatus": "needsAction", "resource": True},
    ]
    assert (
        found["conferenceData"]["entryPoints"][0]["uri"]
        == found["hangoutLink"]
        == "https://meet.google.com/abc-defg-hij"
    )
    assert (calendar.id, calendar.primary, calendar.time_zone) == (OWNER, True, "Europe/Stockholm")


TIMES = [
    # DTSTART, further line, start, end
    ("DTSTART;VALUE=DATE:20260105", "", {"date": "2026-01-05"}, {"date": "2026-01-06"}),
    ("DTSTART;VALUE=DATE:20260105", "DURATION:P3D", {"date": "2026-01-05"}, {"date": "2026-01-08"}),
    ("DTSTART:20260105T100000", "DURATION:PT45M", "2026-01-05T10:00:00+01:00", "2026-01-05T10:45:00+01:00"),
    ("DTSTART;TZID=America/New_York:20260105T100000", "", "2026-01-05T10:00:00-05:00", "2026-01-05T10:00:00-05:00"),
    (
        "DTSTART;TZID=W. Europe Standard Time:20260705T100000",
        "",
        "2026-07-05T10:00:00+02:00",
        "2026-07-05T10:00:00+02:00",
    ),
    (
        "DTSTART;TZID=/citadel.org/20250101/Asia/Tokyo:20260105T100000",
        "",
        "2026-01-05T10:00:00+09:00",
        "2026-01-05T10:00:00+09:00",
    ),
    ("DTSTART;TZID=Nowhere:20260105T100000", "", "2026-01-05T10:00:00Z", "2026-01-05T10:00:00Z"),
]


@pytest.mark.parametrize(("start", "more", "begins", "ends"), TIMES)
def test_starts_and_ends_are_read_in_their_zone(
    tmp_path: Path, start: str, more: str, begins: object, ends: object
) -> None:
    (found,) = load(tmp_path, *event(more, start=start)).events
    assert found["start"].get("dateTime", found["start"]) == begins
    assert found["end"].get("dateTime", found["end"]) == ends


def test_a_zone_of_unknown_name_counts_by_its_standard_offset(tmp_path: Path) -> None:
    zone = ["BEGIN:VTIMEZONE", "TZID:Ours", "BEGIN:STANDARD", "TZOFFSETTO:+0300", "END:STANDARD", "END:VTIMEZONE"]
    (found,) = load(tmp_path, *zone, *event(start="DTSTART;TZID=Ours:20260105T100000")).events
    assert found["start"] == {"dateTime": "2026-01-05T10:00:00+03:00", "timeZone": "Etc/GMT-3"}
    assert iana_zone("Eastern Standard Time") == "America/New_York"
    assert Zones({}, "UTC").zone("../../etc/passwd") == "UTC"


def test_a_series_keeps_its_rule_and_its_exceptions(tmp_path: Path) -> None:
    calendar = load(
        tmp_path,
        *event("RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE;TZID=W. Europe Standard Time:20260112T110000", "SUMMARY:Weekly"),
        *event("RECURRENCE-ID:20260119T100000Z", "SUMMARY:Moved", start="DTSTART:20260120T080000Z"),
    )
    master, exception = calendar.events
    assert master["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE;TZID=Europe/Berlin:20260112T110000"]
    assert exception["id"] == f"{master['id']}_20260119T100000Z"
    assert exception["recurringEventId"] == master["id"]
    starts = sorted(instance["start"]["dateTime"] for instance in expand(calendar, None, None))
    assert starts == ["2026-01-05T10:00:00+00:00", "2026-01-20T08:00:00Z", "2026-01-26T10:00:00+00:00"]


def test_an_exception_without_its_series_is_an_event_of_its_own(tmp_path: Path) -> None:
    (found,) = load(tmp_path, *event("RECURRENCE-ID:20260119T100000Z")).events
    assert "recurringEventId" not in found


def test_events_with_one_uid_or_none_stay_apart(tmp_path: Path) -> None:
    bare = ["BEGIN:VEVENT", "DTSTART:20260105T100000Z", "END:VEVENT"]
    events = load(tmp_path, *event(), *event(), *bare, *event(start="DTSTART:whenever")).events
    assert len({event["id"] for event in events}) == len(events) == 3


def test_resources_are_served_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "calendar.jsonl"
    path.write_text(json.dumps({"id": "a", "start": 7}) + "\n\n" + json.dumps({"id": "a"}))
    (calendar,) = load_calendar(path, OWNER)
    assert calendar.events == [{"id": "a", "start": 7}, {"id": "av"}]
    with pytest.raises(LoadError, match="no calendar file"):
        load_calendar(tmp_path / "calendar.csv", OWNER)


def test_old_data_moves_to_the_present_and_meetings_keep_their_weekday() -> None:
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    event = {"id": "e", "start": {"dateTime": "2020-01-06T10:00:00+00:00"}, "end": {"date": "2020-01-07"}}
    account = AccountData(
        OWNER,
        "Me",
        "1",
        [],
        [{"internalDate": "1000"}, {"internalDate": "5000"}, {"internalDate": None}],
        [CalendarData(OWNER, OWNER, events=[event])],
    )
    shift_to_now(account, now)
    assert [message["internalDate"] for message in account.messages] == [
        str(int(now.timestamp() * 1000) - 4000),
        str(int(now.timestamp() * 1000)),
        None,
    ]
    moved = datetime.fromisoformat(account.calendars[0].events[0]["start"]["dateTime"])
    assert (moved - datetime(2020, 1, 6, 10, tzinfo=UTC)) % timedelta(weeks=1) == timedelta()


@given(
    st.lists(
        st.sampled_from(
            [
                "BEGIN:VEVENT",
                "END:VEVENT",
                "BEGIN:VCALENDAR",
                "END:VCALENDAR",
                "BEGIN:VALARM",
                "DTSTART:99990101T000000Z",
                "UID:1",
                "DTSTART;TZID=Europe/Paris:00010101T000000",
                "DURATION:P99999999W",
                "RECURRENCE-ID:20260101",
                "DTEND:00010101",
                "SEQUENCE:²",
                "RRULE:",
                'ATTENDEE;CN="x:mailto:',
                "ORGANIZER:",
                " folded",
                "DTSTART",
                "X;Y",
                ";;:",
                "DTSTART:20260230T000000",
                "\x00",
            ]
        )
        | st.builds(
            lambda name, form: f"{name}:{form}", st.sampled_from(["SUMMARY", "ATTENDEE", "RRULE"]), hostile_forms()
        ),
        max_size=20,
    )
)
def test_no_calendar_crashes_the_load(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("ics") / "c.ics"
    path.write_bytes("\n".join(["BEGIN:VCALENDAR", *lines]).encode())
    for calendar in load_calendar(path, OWNER):
        json.dumps(calendar.events)
        list(expand(calendar, None, None))


@given(
    st.lists(st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120), max_size=5)
)
def test_written_titles_load_as_they_were(titles: list[str]) -> None:
    escaped = [title.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;") for title in titles]
    folded = [
        "\r\n ".join(f"SUMMARY:{text}"[start : start + 60] for start in range(0, len(text) + 8, 60)) for text in escaped
    ]
    lines = [line for summary in folded for line in ("BEGIN:VEVENT", summary, "END:VEVENT")]
    raw = "\r\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR"]).encode()
    (calendar,) = components(raw, "VCALENDAR")
    assert [component.text("SUMMARY") for component in calendar.components] == [title.strip() for title in titles]


def test_structured_values_part_only_at_bare_separators() -> None:
    assert split(r"a\;b;c;;", ";") == ["a;b", "c", "", ""]
    assert split("", ";") == [""]
