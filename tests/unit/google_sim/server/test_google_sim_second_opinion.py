"""The expansion of series against recurring-ical-events, which reads the same rules its own way.

Left out is where the library differs from RFC 5545: rules that end before they begin, instances over a change of clocks (it
keeps the wall time of their end, not their length), and RDATEs whose wall time is another instance's UTC time.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from libs.google_sim.account import CalendarData, Resource
from libs.google_sim.recurrence import expand

FIRST_DAY = date(2025, 1, 1)
DAYS = 500
NOW = datetime(2025, 6, 1, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Adelaide", "UTC")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

Instances = set[tuple[datetime, datetime]]


@st.composite
def rules(draw: st.DrawFn) -> str:
    """An RRULE of those that calendars offer, with or without an end."""
    frequency = draw(st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "YEARLY")))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 3))}"]
    if frequency == "WEEKLY":
        parts.append(f"BYDAY={','.join(draw(st.sets(st.sampled_from(WEEKDAYS), min_size=1, max_size=3)))}")
    elif frequency == "MONTHLY" and draw(st.booleans()):
        parts.append(f"BYDAY={draw(st.sampled_from((-1, 1, 2, 4)))}{draw(st.sampled_from(WEEKDAYS))}")
    elif frequency == "MONTHLY":
        parts.append(f"BYMONTHDAY={draw(st.sampled_from((-1, 1, 15, 28, 31)))}")
    end = draw(st.sampled_from(("", "COUNT", "UNTIL")))
    if end == "COUNT":
        parts.append(f"COUNT={draw(st.integers(1, 40))}")
    elif end == "UNTIL":
        parts.append(f"UNTIL={FIRST_DAY + timedelta(days=draw(st.integers(61, DAYS))):%Y%m%d}T120000Z")
    return f"RRULE:{';'.join(parts)}"


@settings(max_examples=100, deadline=None)
@given(
    rule=rules(),
    zone=st.sampled_from(ZONES),
    first=st.integers(0, 60),
    hour=st.integers(6, 22),
    minutes=st.sampled_from((0, 30, 90)),
    excluded=st.sets(st.integers(0, 120), max_size=4),
    added=st.dictionaries(st.integers(61, 200), st.sampled_from((None, 15, 240)), max_size=3),
    window=st.tuples(st.integers(0, DAYS), st.integers(1, 200)),
)
def test_a_series_has_the_instances_that_the_library_finds(
    rule: str,
    zone: str,
    first: int,
    hour: int,
    minutes: int,
    excluded: set[int],
    added: dict[int, int | None],
    window: tuple[int, int],
) -> None:
    begins = datetime.combine(FIRST_DAY + timedelta(days=first), time(hour))
    at_that_hour = [
        begins.replace(tzinfo=None) - timedelta(days=first) + timedelta(days=day) for day in sorted(excluded)
    ]
    lines = [rule, *(f"EXDATE;TZID={zone}:{wall:%Y%m%dT%H%M%S}" for wall in at_that_hour)]
    for day, length in added.items():
        start = f"{FIRST_DAY + timedelta(days=day):%Y%m%d}T051700"  # an hour that is no instant of the rule
        lines.append(
            f"RDATE;TZID={zone}:{start}" if length is None else f"RDATE;VALUE=PERIOD;TZID={zone}:{start}/PT{length}M"
        )
    lower = datetime.combine(FIRST_DAY + timedelta(days=window[0]), time(), UTC)
    upper = lower + timedelta(days=window[1])
    assert ours(begins, zone, minutes, lines, lower, upper) == theirs(begins, zone, minutes, lines, lower, upper)


def ours(begins: datetime, zone: str, minutes: int, lines: list[str], lower: datetime, upper: datetime) -> Instances:
    start = begins.replace(tzinfo=ZoneInfo(zone))
    end = start.astimezone(UTC) + timedelta(minutes=minutes)
    event: Resource = {
        "id": "series",
        "start": {"dateTime": start.isoformat(), "timeZone": zone},
        "end": {"dateTime": end.isoformat(), "timeZone": zone},
        "recurrence": lines,
    }
    found = expand(CalendarData("c", "c", events=[event]), lower, upper, now=NOW)
    return {(instant(instance["start"]["dateTime"]), instant(instance["end"]["dateTime"])) for instance in found}


def theirs(begins: datetime, zone: str, minutes: int, lines: list[str], lower: datetime, upper: datetime) -> Instances:
    event = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", "BEGIN:VEVENT", "UID:1",
        f"DTSTART;TZID={zone}:{begins:%Y%m%dT%H%M%S}", f"DURATION:PT{minutes}M", *lines, "END:VEVENT", "END:VCALENDAR", "",
    ]  # fmt: skip
    calendar = Calendar.from_ical("\r\n".join(event))
    found = recurring_ical_events.of(calendar).between(lower, upper)
    return {(instant(event["DTSTART"].dt), instant(event["DTEND"].dt)) for event in found}


def instant(when: str | datetime) -> datetime:
    return (datetime.fromisoformat(when) if isinstance(when, str) else when).astimezone(UTC)
