"""Calendars as Exchange, Apple and others write them: what a person would see of each event."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.google_sim.account import CalendarData, Resource
from libs.google_sim.loaders import load_calendar
from libs.google_sim.recurrence import expand

OWNER = "me@home.example"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
US_RULES = (
    ("STANDARD", "-0400", "-0500", "FREQ=YEARLY;BYDAY=1SU;BYMONTH=11"),
    ("DAYLIGHT", "-0500", "-0400", "FREQ=YEARLY;BYDAY=2SU;BYMONTH=3"),
)


def load(tmp_path: Path, *lines: str | bytes, zone: str = "Europe/Berlin") -> CalendarData:
    path = tmp_path / "calendar.ics"
    written = [line if isinstance(line, bytes) else line.encode() for line in lines]
    path.write_bytes(
        b"\r\n".join([b"BEGIN:VCALENDAR", f"X-WR-TIMEZONE:{zone}".encode(), *written, b"END:VCALENDAR", b""])
    )
    (calendar,) = load_calendar(path, OWNER)
    return calendar


def event(*lines: str | bytes) -> list[str | bytes]:
    return ["BEGIN:VEVENT", "UID:1@x.org", *lines, "END:VEVENT"]


def vtimezone(tzid: str, *observances: tuple[str, str, str, str]) -> list[str]:
    lines = ["BEGIN:VTIMEZONE", f"TZID:{tzid}"]
    for name, before, after, rule in observances:
        lines += [f"BEGIN:{name}", "DTSTART:16010101T020000", f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}"]
        lines += [*([f"RRULE:{rule}"] if rule else []), f"END:{name}"]
    return [*lines, "END:VTIMEZONE"]


def times(calendar: CalendarData) -> list[tuple[str, str]]:
    """Start and end of each instance, as the calendar shows them."""
    shown = expand(calendar, None, None, now=NOW)
    return sorted((_time(instance["start"]), _time(instance["end"])) for instance in shown)


def starts(calendar: CalendarData) -> list[str]:
    return [start for start, _ in times(calendar)]


def _time(when: Resource) -> Any:
    return when.get("dateTime") or when["date"]


@pytest.mark.parametrize(
    ("tzid", "zone", "winter", "summer"),
    [
        ("W. Europe Standard Time", "Europe/Berlin", "+01:00", "+02:00"),
        ("Eastern Standard Time", "America/New_York", "-05:00", "-04:00"),
        ("India Standard Time", "Asia/Calcutta", "+05:30", "+05:30"),
    ],
)
def test_a_meeting_in_a_zone_under_exchanges_name_is_at_its_hour_in_winter_and_summer(
    tmp_path: Path, tzid: str, zone: str, winter: str, summer: str
) -> None:
    calendar = load(
        tmp_path,
        *event(f"DTSTART;TZID={tzid}:20260105T100000", "RRULE:FREQ=MONTHLY;INTERVAL=6;COUNT=2", "DURATION:PT1H"),
    )
    assert calendar.events[0]["start"]["timeZone"] == zone
    assert starts(calendar) == [f"2026-01-05T10:00:00{winter}", f"2026-07-05T10:00:00{summer}"]


def test_a_meeting_in_exchanges_customized_zone_changes_its_clocks_as_the_file_defines(tmp_path: Path) -> None:
    calendar = load(
        tmp_path,
        *vtimezone("Customized Time Zone", *US_RULES),
        *event('DTSTART;TZID="Customized Time Zone":20260302T100000', "RRULE:FREQ=WEEKLY;COUNT=3"),
    )
    assert starts(calendar) == ["2026-03-02T10:00:00-05:00", "2026-03-09T10:00:00-04:00", "2026-03-16T10:00:00-04:00"]
    assert calendar.events[0]["start"]["timeZone"] == "America/New_York"


def test_an_abbreviation_means_what_the_file_defines(tmp_path: Path) -> None:
    calendar = load(tmp_path, *vtimezone("EST", *US_RULES), *event("DTSTART;TZID=EST:20260705T100000"))
    assert starts(calendar) == ["2026-07-05T10:00:00-04:00"]


@pytest.mark.parametrize(
    ("offset", "shown", "zone"),
    [
        ("+0530", "+05:30", "Asia/Calcutta"),
        ("+0545", "+05:45", "Asia/Katmandu"),
        ("-0930", "-09:30", "Pacific/Marquesas"),
        ("+0300", "+03:00", "Etc/GMT-3"),
    ],
)
def test_a_zone_of_its_own_name_with_half_an_hour_is_at_its_hour(
    tmp_path: Path, offset: str, shown: str, zone: str
) -> None:
    calendar = load(
        tmp_path,
        *vtimezone("Our office", ("STANDARD", offset, offset, "")),
        *event("DTSTART;TZID=Our office:20260105T100000"),
    )
    assert calendar.events[0]["start"] == {"dateTime": f"2026-01-05T10:00:00{shown}", "timeZone": zone}


def test_a_zone_that_no_place_on_earth_has_still_gives_the_right_instants(tmp_path: Path) -> None:
    calendar = load(
        tmp_path,
        *vtimezone("Ship", ("STANDARD", "+0720", "+0720", "")),
        *event("DTSTART;TZID=Ship:20260105T100000", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Ship:20260106T100000"),
    )
    assert calendar.events[0]["start"]["dateTime"] == "2026-01-05T10:00:00+07:20"
    assert starts(calendar) == ["2026-01-05T02:40:00+00:00", "2026-01-07T02:40:00+00:00"]


def test_two_files_may_call_different_zones_by_one_name(tmp_path: Path) -> None:
    west = load(tmp_path, *vtimezone("Ours", *US_RULES), *event("DTSTART;TZID=Ours:20260105T100000"))
    east = load(
        tmp_path, *vtimezone("Ours", ("STANDARD", "+0900", "+0900", "")), *event("DTSTART;TZID=Ours:20260105T100000")
    )
    assert (starts(west), starts(east)) == (["2026-01-05T10:00:00-05:00"], ["2026-01-05T10:00:00+09:00"])


@pytest.mark.parametrize(
    "damage",
    [
        ["BEGIN:STANDARD", "RRULE:FREQ=SECONDLY", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "DTSTART:16010101T020000"],
        ["BEGIN:STANDARD", "TZOFFSETTO:+0100"],
        ["BEGIN:STANDARD", "DTSTART:never", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100"],
    ],
)
def test_a_zone_that_is_damaged_counts_by_its_standard_offset(tmp_path: Path, damage: list[str]) -> None:
    zone = ["BEGIN:VTIMEZONE", "TZID:Ours", *damage, "END:STANDARD", "END:VTIMEZONE"]
    calendar = load(tmp_path, *zone, *event("DTSTART;TZID=Ours:20260705T100000"))
    assert starts(calendar) == ["2026-07-05T10:00:00+01:00"]


@pytest.mark.parametrize(
    ("zone", "excluded"),
    [
        ("Europe/Berlin", "EXDATE:20260105T230000Z"),
        ("Europe/Berlin", "EXDATE;TZID=Europe/Berlin:20260106T000000"),
        ("Europe/Berlin", "EXDATE:20260106T000000Z"),
        ("America/New_York", "EXDATE:20260106T050000Z"),
        ("America/New_York", "EXDATE:20260106T000000Z"),
        ("America/New_York", "EXDATE;VALUE=DATE:20260106"),
        ("Asia/Tokyo", "EXDATE:20260105T150000Z"),
    ],
)
def test_a_day_of_a_whole_day_series_is_off_even_where_it_is_written_as_an_instant(
    tmp_path: Path, zone: str, excluded: str
) -> None:
    calendar = load(tmp_path, *event("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;COUNT=3", excluded), zone=zone)
    assert starts(calendar) == ["2026-01-05", "2026-01-07"]


def test_a_whole_day_series_ends_on_the_day_that_its_instant_means(tmp_path: Path) -> None:
    calendar = load(tmp_path, *event("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;UNTIL=20260106T230000Z"))
    assert starts(calendar) == ["2026-01-05", "2026-01-06", "2026-01-07"]


@pytest.mark.parametrize(
    ("series", "instance", "moved"),
    [
        ("DTSTART;VALUE=DATE:20260105", "RECURRENCE-ID:20260105T230000Z", "DTSTART;VALUE=DATE:20260110"),
        ("DTSTART;TZID=Europe/Berlin:20260105T100000", "RECURRENCE-ID;VALUE=DATE:20260106", "DTSTART:20260110T120000Z"),
    ],
)
def test_a_moved_instance_is_not_shown_twice_even_where_its_day_is_written_as_an_instant(
    tmp_path: Path, series: str, instance: str, moved: str
) -> None:
    calendar = load(tmp_path, *event(moved, instance), *event(series, "RRULE:FREQ=DAILY;COUNT=3"))
    assert [start[:10] for start in starts(calendar)] == ["2026-01-05", "2026-01-07", "2026-01-10"]


def test_further_dates_may_be_periods_of_a_length_of_their_own(tmp_path: Path) -> None:
    calendar = load(
        tmp_path,
        *event(
            "DTSTART:20260105T100000Z",
            "DTEND:20260105T110000Z",
            "RDATE;VALUE=PERIOD:20260106T100000Z/PT2H,20260107T100000Z/20260107T133000Z,broken,20260108T100000Z/never",
        ),
    )
    assert times(calendar) == [
        ("2026-01-05T10:00:00+00:00", "2026-01-05T11:00:00+00:00"),
        ("2026-01-06T10:00:00+00:00", "2026-01-06T12:00:00+00:00"),
        ("2026-01-07T10:00:00+00:00", "2026-01-07T13:30:00+00:00"),
    ]


def test_a_long_period_is_found_by_its_end(tmp_path: Path) -> None:
    calendar = load(tmp_path, *event("DTSTART:20260105T100000Z", "RDATE;VALUE=PERIOD:20260110T100000Z/P10D"))
    window = datetime(2026, 1, 19, tzinfo=UTC), datetime(2026, 1, 20, tzinfo=UTC)
    (found,) = expand(calendar, *window, now=NOW)
    assert found["end"]["dateTime"] == "2026-01-20T10:00:00+00:00"


def test_one_broken_date_of_many_costs_only_itself(tmp_path: Path) -> None:
    calendar = load(
        tmp_path,
        *event(
            "DTSTART:20260105T100000Z", "RRULE:FREQ=DAILY;COUNT=4", "EXDATE:20260106T100000Z,2026xx,20260108T100000Z,"
        ),
    )
    assert [start[:10] for start in starts(calendar)] == ["2026-01-05", "2026-01-07"]


@pytest.mark.parametrize(
    "damage",
    [
        "no property here",
        "DTSTAMP:2026xx",
        "DURATION:forever",
        "SEQUENCE:many",
        "SEQUENCE:-1",
        "RECURRENCE-ID:never",
        'ATTENDEE;CN="x:mailto:',
        "X-A;Bü=1:3",
        "SUMMARY\x00:x",
        "RRULE:FREQ=SOMETIMES;X",
        "DTEND:99999999",
        "CREATED:20260105T240000Z",
    ],
)
def test_a_damaged_line_of_an_event_costs_only_itself(tmp_path: Path, damage: str) -> None:
    calendar = load(tmp_path, *event("DTSTART:20260105T100000Z", damage, "SUMMARY:Lunch", "LOCATION:Café"))
    (found,) = calendar.events
    assert (found["summary"], found["location"], starts(calendar)[0][:16]) == ("Lunch", "Café", "2026-01-05T10:00")


def test_an_event_that_was_never_closed_does_not_swallow_the_next(tmp_path: Path) -> None:
    unclosed = event("DTSTART:20260105T100000Z", "BEGIN:VALARM", "TRIGGER:-PT5M")[:-1]
    calendar = load(tmp_path, *unclosed, *event("DTSTART:20260106T100000Z"), *event("DTSTART:20260107T100000Z"))
    assert [start[:10] for start in starts(calendar)] == ["2026-01-05", "2026-01-06", "2026-01-07"]


@pytest.mark.parametrize(
    "line",
    [
        "LOCATION;ENCODING=QUOTED-PRINTABLE:a=0D=0AEND:VEVENT=0D=0ABEGIN:VEVENT",
        "DTEND;ENCODING=QUOTED-PRINTABLE:20260105T110000Z=0AEND:VEVENT",
        "EXDATE;ENCODING=QUOTED-PRINTABLE:20260105=0AEND:VEVENT",
        b"LOCATION;CHARSET=cp037:\xff\x25END:VEVENT\x25",
    ],
)
def test_a_line_can_not_smuggle_other_lines_into_its_event(tmp_path: Path, line: str | bytes) -> None:
    (found,) = load(tmp_path, *event("DTSTART:20260105T100000Z", line, "SUMMARY:Lunch")).events
    assert (found["summary"], found["start"]["dateTime"]) == ("Lunch", "2026-01-05T10:00:00Z")


def test_a_zone_can_not_smuggle_in_a_rule_that_never_ends(tmp_path: Path) -> None:
    observance = [
        "BEGIN:STANDARD",
        "DTSTART;ENCODING=QUOTED-PRINTABLE:16010101T000000=0ARRULE:FREQ=3DSECONDLY",
        "TZOFFSETFROM:+0100",
        "TZOFFSETTO:+0100",
        "END:STANDARD",
    ]
    zone = ["BEGIN:VTIMEZONE", "TZID:Ours", *observance, "END:VTIMEZONE"]
    calendar = load(tmp_path, *zone, *event("DTSTART;TZID=Ours:20260105T100000"))
    assert starts(calendar) == ["2026-01-05T10:00:00+01:00"]


@pytest.mark.parametrize(
    ("written", "start"),
    [
        ("DTSTART:20260105T1000Z", "2026-01-05T10:00:00Z"),
        ("DTSTART:2026-01-05T10:00:00Z", "2026-01-05T10:00:00Z"),
        ("DTSTART:20260105T095960Z", "2026-01-05T09:59:59Z"),
        ("DTSTART;VALUE=DATE:20260105T000000", "2026-01-05"),
        ("DTSTART:20260105", "2026-01-05"),
        ("DTSTART;VALUE=DATE-TIME;TZID=Asia/Tokyo:20260105T100000Z", "2026-01-05T10:00:00Z"),
    ],
)
def test_a_start_that_is_nearly_right_is_read(tmp_path: Path, written: str, start: str) -> None:
    (found,) = load(tmp_path, *event(written)).events
    assert _time(found["start"]) == start


@pytest.mark.parametrize(
    "written",
    [
        "SUMMARY:Frühstück".encode("latin-1"),
        b"SUMMARY;CHARSET=ISO-8859-1:" + "Frühstück".encode("latin-1"),
        "SUMMARY:Frühstück".encode().replace(b"\xc3\xbc", b"\xc3\r\n \xbc", 1),
        "SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Fr=C3=BChst=C3=BCck",
        "SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=windows-1252:Fr=FChst=FCck",
    ],
)
def test_a_title_is_read_in_the_encoding_of_its_line(tmp_path: Path, written: str | bytes) -> None:
    (found,) = load(tmp_path, *event("DTSTART:20260105T100000Z", written, "LOCATION:Süd")).events
    assert (found["summary"], found["location"]) == ("Frühstück", "Süd")


def test_a_calendar_in_utf_16_is_read(tmp_path: Path) -> None:
    path = tmp_path / "outlook.ics"
    lines = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "DTSTART:20260105T100000Z", "SUMMARY:Frühstück", "END:VEVENT", ""]
    path.write_bytes("\r\n".join(lines).encode("utf-16"))
    assert load_calendar(path, OWNER)[0].events[0]["summary"] == "Frühstück"


def test_a_guest_with_a_comma_in_an_unquoted_name_keeps_it(tmp_path: Path) -> None:
    (found,) = load(tmp_path, *event("DTSTART:20260105T100000Z", "ATTENDEE;CN=Doe, Ann:mailto:ann@x.org")).events
    assert found["attendees"][0]["displayName"] == "Doe, Ann"


def test_a_rule_of_millions_of_instances_ends(tmp_path: Path) -> None:
    started = datetime.now(UTC)
    for rule in (
        "FREQ=SECONDLY",
        "FREQ=MINUTELY",
        "FREQ=DAILY",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;COUNT=999999999",
    ):
        calendar = load(tmp_path, *event("DTSTART:19000101T100000Z", f"RRULE:{rule}"))
        window = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
        assert len(expand(calendar, *window, now=NOW)) in (0, 1, 31)
    assert datetime.now(UTC) - started < timedelta(seconds=10)
