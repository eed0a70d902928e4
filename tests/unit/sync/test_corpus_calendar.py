"""Real calendars through the whole path: the local Google, the edge, what we read of an event, and the rule what a meeting is.

No event is lost, and the instances of each series and their times are those that recurring-ical-events finds by itself.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from icalendar import Calendar

from libs.common.events import Meeting
from libs.common.ids import AccountId, UserId, new_id
from libs.google_sim.account import AccountData, Resource
from libs.google_sim.loaders import load_calendar
from services.sync.domain.meetings import CalendarOf, Window, meeting
from tests.support.google_edge import edge
from tests.support.sync_stage import ADDRESS

pytestmark = pytest.mark.corpus

EVERY = Window(None, datetime(9999, 1, 1, tzinfo=UTC))
COMPARED = timedelta(days=200)
"""Of each series its first days."""

Instances = set[tuple[datetime, datetime]]

# What is in some real files and not in the standard, or no longer: the two do not read it alike, and the library is no witness.
NO_WITNESS = re.compile(
    r"FREQ=(?:HOURLY|MINUTELY|SECONDLY|INVALID)|BYMINUTE=|RSCALE"  # nothing that Google's calendars offer
    r"|^EXRULE"  # from before RFC 5545: the library leaves it out
    r"|PERIOD:\d{8}/"  # a period of days
    r"|COUNT=-|\\;"  # no number, and no rule
)


@dataclass
class Series:
    """A series as it is in the file: its master, and what replaces single instances."""

    master: Resource
    exceptions: list[Resource] = field(default_factory=list)

    @property
    def text(self) -> str:
        """As an iCalendar file."""
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test"]
        for event in (self.master, *self.exceptions):
            lines += ["BEGIN:VEVENT", "UID:1", _line("DTSTART", event["start"]), _line("DTEND", event["end"])]
            if "originalStartTime" in event:
                lines.append(_line("RECURRENCE-ID", event["originalStartTime"]))
            if event.get("status") == "cancelled":
                lines.append("STATUS:CANCELLED")
            lines += [*event.get("recurrence", ()), "END:VEVENT"]
        return "\r\n".join([*lines, "END:VCALENDAR", ""])

    @property
    def has_a_witness(self) -> bool:
        """Whether it is made as the standard wants it: else the library has a way of its own, and so have we."""
        originals = [event["originalStartTime"] for event in self.exceptions]
        return (
            not any(NO_WITNESS.search(line) for line in self.master["recurrence"])
            and all(_instant(event["start"]) <= _instant(event["end"]) for event in (self.master, *self.exceptions))
            and all(("date" in original) == ("date" in self.master["start"]) for original in originals)
            and len({_instant(original) for original in originals}) == len(originals)
            and not any(_day(original) in line for original in originals for line in self._lines("EXDATE"))
            and all(self._is_in_its_zone(line) for line in self._lines("EXDATE"))
            and all(self._ends_in_time(line) for line in self._lines("RRULE"))
        )

    def _lines(self, name: str) -> list[str]:
        return [line for line in self.master["recurrence"] if line.startswith(name)]

    def _is_in_its_zone(self, line: str) -> bool:
        """The library compares what clocks show, whatever the zone."""
        return "TZID=" not in line or f"TZID={self.master['start'].get('timeZone')}:" in line

    def _ends_in_time(self, rule: str) -> bool:
        """Not before it begins; and where it has times of day, at a moment and not with a day, or by nobody's clock."""
        until = re.search(r"UNTIL=(\d{8})(T\d{6}Z)?", rule)
        is_by_day = "date" in self.master["start"]
        return until is None or (until[1] >= _day(self.master["start"]) and (is_by_day or bool(until[2])))

    @property
    def begins(self) -> datetime:
        return _instant(self.master["start"])


def _line(name: str, when: Mapping[str, str]) -> str:
    if "date" in when:
        return f"{name};VALUE=DATE:{date.fromisoformat(when['date']):%Y%m%d}"
    moment = datetime.fromisoformat(when["dateTime"])
    if not (zone := when.get("timeZone")) or zone == "UTC":
        return f"{name}:{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{name};TZID={zone}:{moment.astimezone(ZoneInfo(zone)):%Y%m%dT%H%M%S}"


def _day(when: Mapping[str, str]) -> str:
    """As iCalendar writes it."""
    return (when.get("date") or when["dateTime"])[:10].replace("-", "")


def _instant(when: Mapping[str, str]) -> datetime:
    """Days begin at midnight UTC: the calendar's zone."""
    if "date" in when:
        return datetime.combine(date.fromisoformat(when["date"]), time(), UTC)
    return datetime.fromisoformat(when["dateTime"]).astimezone(UTC)


async def meetings_of(data: AccountData) -> list[Meeting]:
    """All that a first run would store, without a window."""
    calendar = CalendarOf(UserId(new_id()), AccountId(new_id()), "primary", "UTC", frozenset({ADDRESS}))
    found: list[Meeting] = []
    async with edge(data) as (account, _, _):
        page = None
        while True:
            read = await account.calendar.events("primary", page=page)
            found += filter(None, (meeting(event, calendar, EVERY) for event in read.events))
            page = read.next_page
            if page is None:
                return found


def series_of(events: Sequence[Resource]) -> list[Series]:
    masters = {
        event["id"]: Series(event) for event in events if event.get("recurrence") and event["status"] != "cancelled"
    }
    for event in events:
        if event.get("recurringEventId") in masters:
            masters[event["recurringEventId"]].exceptions.append(event)
    return list(masters.values())


def found_by_the_library(series: Series, until: datetime) -> Instances:
    """What starts from its first start on."""
    calendar = Calendar.from_ical(series.text)
    found = recurring_ical_events.of(calendar).between(series.begins - timedelta(days=1), until)
    return {
        (_moment(event["DTSTART"].dt), _moment(event["DTEND"].dt))
        for event in found
        if event.get("STATUS") != "CANCELLED" and series.begins <= _moment(event["DTSTART"].dt) < until
    }


def _moment(when: date | datetime) -> datetime:
    if not isinstance(when, datetime):
        return datetime.combine(when, time(), UTC)
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def differing(series: Iterable[Series], ours: Mapping[str, Instances]) -> tuple[int, list[str]]:
    """How many were compared, and where the two do not agree."""
    compared, wrong = 0, []
    for a_series in series:
        if not a_series.has_a_witness:
            continue
        until = a_series.begins + COMPARED
        try:
            theirs = found_by_the_library(a_series, until)
        except (ValueError, OverflowError, KeyError, TypeError, AttributeError):
            continue  # it does not read what is in the file
        compared += 1
        own = {(start, end) for start, end in ours[a_series.master["id"]] if a_series.begins <= start < until}
        if own != theirs:
            rules = a_series.master["recurrence"]
            wrong.append(
                f"{a_series.master['id']} {rules}: ours alone {sorted(own - theirs)[:3]}, theirs {sorted(theirs - own)[:3]}"
            )
    return compared, wrong


@pytest.mark.filterwarnings("ignore:Using both 'count' and 'until'")  # some real rules do
async def test_no_real_event_is_lost_and_series_are_expanded_as_by_another_program(corpus: Path) -> None:
    (calendar,) = load_calendar(corpus / "calendar.jsonl.gz", ADDRESS)
    found = await meetings_of(AccountData(ADDRESS, "Maya", "1" * 21, calendars=[calendar]))
    assert len({meeting.event_id for meeting in found}) == len(found)
    single = {
        event["id"] for event in calendar.events if not event.get("recurrence") and event["status"] != "cancelled"
    }
    assert single <= {meeting.event_id for meeting in found}

    by_series: dict[str, Instances] = defaultdict(set)
    replaced = {event["id"]: event["recurringEventId"] for event in calendar.events if event.get("recurringEventId")}
    for meeting_found in found:
        master = replaced.get(meeting_found.event_id) or meeting_found.event_id.rpartition("_")[0]
        by_series[master].add((meeting_found.starts_at, meeting_found.ends_at))
    compared, wrong = differing(series_of(calendar.events), by_series)
    assert wrong == []
    assert compared > 1_000
