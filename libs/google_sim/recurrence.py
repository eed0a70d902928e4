"""Recurring events as the instances that `events.list?singleEvents=true` shows. Pure: data and a clock value in, data out.

Limits, so that any file ends in finite time: a rule without COUNT and UNTIL runs up to two years from `now`; a series has at
most 730 instances, counted from the start of the requested window; rules finer than daily, and rules that can't be read, leave
the series with its first instance and its RDATEs.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import groupby, islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from libs.google_sim.account import CalendarData, Resource

HORIZON = timedelta(days=730)
MAX_INSTANCES = 730
_MAX_EXCLUDED = 20_000
_FIRST_WALL, _LAST_WALL = datetime(1, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001 — wall times
_FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@lru_cache(maxsize=1024)
def zone(name: object, default: str = "UTC") -> tzinfo:
    """The named time zone; `default`, then UTC, where the name is none."""
    for candidate in (name, default):
        try:
            if isinstance(candidate, str) and candidate:
                return ZoneInfo(candidate)
        except (KeyError, ValueError, OSError):  # unknown; absolute path; the name of a folder
            continue
    return UTC


class Moment(NamedTuple):
    """A start or an end: the instant in UTC, the wall time in its own zone, and whether it is a whole day."""

    instant: datetime
    wall: datetime
    zone: tzinfo
    all_day: bool

    @property
    def slot(self) -> str:
        """What Google appends to the id of a series' instance: `20240101T100000Z`, or `20240101` for a whole day."""
        return f"{self.wall:%Y%m%d}" if self.all_day else f"{self.instant:%Y%m%dT%H%M%SZ}"


def moment(when: object, time_zone: str) -> Moment | None:
    """An EventDateTime read; None if it can't be. Whole days and floating times are in the calendar's `time_zone`."""
    if not isinstance(when, dict):
        return None
    try:
        if isinstance(when.get("dateTime"), str):
            own = zone(when.get("timeZone"), time_zone)
            read = datetime.fromisoformat(when["dateTime"])
            local = read.astimezone(own) if read.tzinfo else read.replace(tzinfo=own)
            return Moment(local.astimezone(UTC), local.replace(tzinfo=None), own, False)
        if isinstance(when.get("date"), str):
            own = zone(time_zone)
            midnight = datetime.combine(date.fromisoformat(when["date"]), time())
            return Moment(midnight.replace(tzinfo=own).astimezone(UTC), midnight, own, True)
    except (ValueError, OverflowError):
        return None
    return None


@dataclass(frozen=True)
class Window:
    """The requested span. As at Google, `lower` bounds an event's end and `upper` its start, both exclusively."""

    lower: datetime | None
    upper: datetime | None

    def holds(self, start: datetime, end: datetime) -> bool:
        end = max(start, end)
        late_enough = self.lower is None or end > self.lower or start == end == self.lower
        return late_enough and (self.upper is None or start < self.upper)

    @property
    def is_open(self) -> bool:
        return self.lower is None and self.upper is None


def expand(
    calendar: CalendarData, time_min: datetime | None, time_max: datetime | None, *, now: datetime | None = None
) -> list[Resource]:
    """All instances, not cancelled, of a calendar's events that touch the window, in the calendar's order.

    Events without an id don't exist; of two with one id the last one counts. An exception replaces the instance of its
    series, or stands alone where the series is unknown. An event whose start can't be read is only in an open window.
    """
    window = Window(time_min, time_max)
    horizon = (now or datetime.now(UTC)) + HORIZON
    events = {event["id"]: event for event in calendar.events if isinstance(event.get("id"), str) and event["id"]}
    replaced: dict[str, set[str]] = {}
    for event in events.values():
        original = moment(event.get("originalStartTime"), calendar.time_zone)
        if isinstance(event.get("recurringEventId"), str) and original:
            replaced.setdefault(event["recurringEventId"], set()).add(original.slot)
    found: list[Resource] = []
    for event in events.values():
        if event.get("status") == "cancelled":
            continue
        master = event.get("recurringEventId")
        if isinstance(master, str) and events.get(master, {}).get("status") == "cancelled":
            continue
        if event.get("recurrence") and not master:
            slots = replaced.get(event["id"], set())
            instances = _instances(event, calendar.time_zone, window, horizon, slots)
            found.extend(instance for instance in instances if instance["id"] not in events)
        elif touches(event, calendar.time_zone, window):
            found.append(event)
    return found


def touches(event: Resource, time_zone: str, window: Window) -> bool:
    """Whether a single event is in the window."""
    start = moment(event.get("start"), time_zone)
    if start is None:
        return window.is_open
    end = moment(event.get("end"), time_zone) or start
    return window.holds(start.instant, end.instant)


def _instances(
    master: Resource, time_zone: str, window: Window, horizon: datetime, replaced: set[str]
) -> Iterator[Resource]:
    start = moment(master.get("start"), time_zone)
    if start is None:
        return
    end = moment(master.get("end"), time_zone) or start
    length = end.instant - start.instant
    shared = {name: value for name, value in master.items() if name != "recurrence"}
    lower = _wall(window.lower, start.zone, -max(length, timedelta()) - timedelta(days=1))
    upper = _wall(window.upper, start.zone, timedelta(days=1))
    shown = set[str]()  # hours that a clock change skips fall on later ones, which may be in the series too
    for wall in _occurrences(master["recurrence"], start, lower, upper, _wall(horizon, start.zone, timedelta())):
        try:
            begins = wall.replace(tzinfo=start.zone).astimezone(UTC)
            ends = begins + length
        except OverflowError:
            return
        if window.upper is not None and begins >= window.upper:
            return
        if not window.holds(begins, ends):
            continue
        here = Moment(begins, wall, start.zone, start.all_day)
        slot = here.slot
        if slot in shown:
            continue
        if len(shown) == MAX_INSTANCES:
            return
        shown.add(slot)
        if slot in replaced:
            continue
        original = _shown(here, master["start"])
        whole_days = (end.wall - start.wall) if start.all_day else length
        until = Moment(ends, wall + whole_days, end.zone, start.all_day)
        yield {
            **shared,
            "id": f"{master['id']}_{slot}",
            "recurringEventId": master["id"],
            "originalStartTime": original,
            "start": original,
            "end": _shown(until, master["end"] if isinstance(master.get("end"), dict) else master["start"]),
        }


def _wall(instant: datetime | None, own: tzinfo, margin: timedelta) -> datetime:
    """A bound of the window on the clock of a zone, moved out by `margin`; the edge of time where there is none."""
    edge = _LAST_WALL if margin >= timedelta() else _FIRST_WALL
    if instant is None:
        return edge
    try:
        return instant.astimezone(own).replace(tzinfo=None) + margin
    except OverflowError:
        return edge


def _shown(when: Moment, like: Resource) -> Resource:
    """A Moment as an EventDateTime in the form of the master's."""
    if when.all_day:
        return {"date": when.wall.date().isoformat()}
    local = when.instant.astimezone(when.zone)
    offset = local.utcoffset() or timedelta()
    if offset.seconds % 60:  # local mean time of before the zones: RFC 3339 has no seconds in offsets
        local = when.instant
    shown = {"dateTime": local.isoformat()}
    return {**shown, "timeZone": like["timeZone"]} if isinstance(like.get("timeZone"), str) else shown


def _occurrences(
    recurrence: object, start: Moment, lower: datetime, upper: datetime, horizon: datetime
) -> Iterator[datetime]:
    """Wall-clock starts of a series in order, each once, from `lower` to `upper`."""
    added, excluded = [start.wall], set[datetime]()
    rules: list[Iterable[datetime]] = []
    for line in recurrence if isinstance(recurrence, list) else ():
        name, parameters, value = _content_line(line)
        if name == "RDATE":
            added.extend(_dates(parameters, value, start))
        elif name == "EXDATE":
            excluded.update(_dates(parameters, value, start))
        elif name in ("RRULE", "EXRULE") and (rule := _rule(value, start, lower)) is not None:
            bounded = "COUNT=" in value.upper() or "UNTIL=" in value.upper()
            ending = _until(rule, upper if bounded else min(upper, horizon))
            if name == "RRULE":
                rules.append(ending)
            else:
                excluded.update(islice(ending, _MAX_EXCLUDED))
    for wall, _ in groupby(heapq.merge(sorted(added), *rules)):
        if wall > upper:
            return
        if wall >= lower and wall not in excluded:
            yield wall


def _until(rule: Iterable[datetime], last: datetime) -> Iterator[datetime]:
    for wall in rule:
        if wall > last:
            return
        yield wall


def _content_line(line: object) -> tuple[str, dict[str, str], str]:
    head, _, value = line.partition(":") if isinstance(line, str) else ("", "", "")
    name, *parameters = head.split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return name.strip().upper(), {key.upper(): text.strip('"') for key, _, text in pairs}, value.strip()


def _dates(parameters: dict[str, str], value: str, start: Moment) -> Iterator[datetime]:
    """The wall times of an RDATE or EXDATE line; periods by their start; what can't be read is left out."""
    own = zone(parameters["TZID"], str(start.zone)) if "TZID" in parameters else start.zone
    for text in value.split(","):
        wall = _parsed(text.partition("/")[0], own, start)
        if wall is not None:
            yield wall


def _parsed(text: str, own: tzinfo, start: Moment) -> datetime | None:
    """An iCalendar DATE or DATE-TIME on the series' clock; a date means the series' time on that day."""
    text = text.strip()
    try:
        if len(text) == 8:
            day = datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 — wall time by design
            return datetime.combine(day, start.wall.time())
        read = datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007
        if start.all_day:
            return datetime.combine(read, time())
        aware = read.replace(tzinfo=UTC if text.endswith("Z") else own)
        return aware.astimezone(start.zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def _rule(value: str, start: Moment, lower: datetime) -> rrule | None:
    """A rule on the series' clock; None where it can't be read, would never end, or can never match.

    It may leave out occurrences before `lower`.
    """
    parts = dict(part.upper().split("=", 1) for part in value.split(";") if "=" in part)
    if parts.get("FREQ") not in _FREQUENCIES or not _can_match(parts):
        return None
    if "UNTIL" in parts:
        until = _parsed(parts["UNTIL"], start.zone, start)
        if until is None:
            return None
        parts["UNTIL"] = f"{until:%Y%m%dT%H%M%S}".zfill(15)
    try:
        rule = rrulestr(
            ";".join("=".join(pair) for pair in parts.items()), dtstart=_first(parts, start.wall, lower), ignoretz=True
        )
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError):
        return None  # dateutil raises any of these on rules that are none
    return rule if isinstance(rule, rrule) else None


def _first(parts: dict[str, str], first: datetime, lower: datetime) -> datetime:
    """Where to begin counting: whole periods later, if nothing but the time that passes depends on it."""
    days = {"DAILY": 1, "WEEKLY": 7}.get(parts["FREQ"])
    if days is None or "COUNT" in parts or lower <= first:
        return first
    period = timedelta(days=days * int(parts.get("INTERVAL", "1")))
    return first + (lower - first) // period * period


def _can_match(parts: dict[str, str]) -> bool:
    """False for rules that dateutil would try day by day until the year 9999."""
    try:
        days = [int(day) for day in parts.get("BYMONTHDAY", "1").split(",")]
        months = [int(month) for month in parts.get("BYMONTH", "1").split(",")]
        positions = [int(position) for position in parts.get("BYSETPOS", "1").split(",")]
        if int(parts.get("INTERVAL", "1")) < 1 or not all(1 <= month <= 12 for month in months):
            return False
    except ValueError:
        return False
    if parts["FREQ"] == "DAILY" and not {1, -1} & set(positions):
        return False
    return any(abs(day) <= _MONTH_DAYS[month - 1] for day in days for month in months if day)
