"""The starts of a series: what its RRULE, EXRULE, RDATE and EXDATE lines come to. Pure.

Limits, so that any rule ends in finite time: a rule without COUNT and UNTIL runs up to the horizon; rules finer than daily, and
rules that can't be read or can never match, leave the series with its first instance and its RDATEs.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby, islice
from typing import NamedTuple, cast

from dateutil.rrule import rrule, rrulestr
from icalendar import vDuration

from libs.google_sim.moments import Moment, whole_day, zone

_MAX_EXCLUDED = 20_000
_read_duration = cast(Callable[[str], timedelta], vDuration.from_ical)  # the library has no types for it
_FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Bounds(NamedTuple):
    """Wall times in the zone of a series: `lower` to `upper`, and where a rule without an end of its own ends."""

    lower: datetime
    upper: datetime
    horizon: datetime


@dataclass(frozen=True)
class Dates:
    """The single dates of a series, on its clock. `lengths`: of the RDATEs that are periods, by their start."""

    added: frozenset[datetime]
    excluded: frozenset[datetime]
    lengths: dict[datetime, timedelta]

    @classmethod
    def of(cls, recurrence: object, start: Moment) -> "Dates":
        """The RDATE and EXDATE lines, and the first start itself; what can't be read is left out."""
        added, excluded, lengths = {start.wall}, set[datetime](), dict[datetime, timedelta]()
        for name, parameters, value in _content_lines(recurrence):
            if name not in ("RDATE", "EXDATE"):
                continue
            for wall, length in _dates(parameters, value, start):
                (added if name == "RDATE" else excluded).add(wall)
                if name == "RDATE" and length is not None:
                    lengths[wall] = length
        return cls(frozenset(added), frozenset(excluded), lengths)


def starts(recurrence: object, start: Moment, dates: Dates, bounds: Bounds) -> Iterator[datetime]:
    """Wall-clock starts of a series in order, each once, within the bounds."""
    excluded = set(dates.excluded)
    rules: list[Iterable[datetime]] = []
    for name, _, value in _content_lines(recurrence):
        if name in ("RRULE", "EXRULE") and (rule := _rule(value, start, bounds.lower)) is not None:
            ends_itself = "COUNT=" in value.upper() or "UNTIL=" in value.upper()
            ending = _until(rule, bounds.upper if ends_itself else min(bounds.upper, bounds.horizon))
            if name == "RRULE":
                rules.append(ending)
            else:
                excluded.update(islice(ending, _MAX_EXCLUDED))
    for wall, _ in groupby(heapq.merge(sorted(dates.added), *rules)):
        if wall > bounds.upper:
            return
        if wall >= bounds.lower and wall not in excluded:
            yield wall


def _until(rule: Iterable[datetime], last: datetime) -> Iterator[datetime]:
    for wall in rule:
        if wall > last:
            return
        yield wall


def _content_lines(recurrence: object) -> Iterator[tuple[str, dict[str, str], str]]:
    """Name, parameters and value of each line of an event's `recurrence`."""
    for line in recurrence if isinstance(recurrence, list) else ():
        head, _, value = line.partition(":") if isinstance(line, str) else ("", "", "")
        name, *parameters = head.split(";")
        pairs = (parameter.partition("=") for parameter in parameters)
        yield name.strip().upper(), {key.upper(): text.strip('"') for key, _, text in pairs}, value.strip()


def _dates(parameters: dict[str, str], value: str, start: Moment) -> Iterator[tuple[datetime, timedelta | None]]:
    """The wall times of an RDATE or EXDATE line, and of periods their lengths; what can't be read is left out."""
    own = zone(parameters["TZID"], str(start.zone)) if "TZID" in parameters else start.zone
    for text in value.split(","):
        begins, _, ends = text.partition("/")
        wall = _parsed(begins, own, start)
        if wall is not None:
            yield wall, _length(wall, ends, own, start) if ends else None


def _length(wall: datetime, ends: str, own: tzinfo, start: Moment) -> timedelta | None:
    """How long a period is that ends at a time, or after a duration; None where it can't be read, or is negative."""
    until = _parsed(ends, own, start)
    try:
        if until is not None:
            length = until.replace(tzinfo=start.zone).astimezone(UTC) - wall.replace(tzinfo=start.zone).astimezone(UTC)
        else:
            length = _read_duration(ends.strip())
    except (ValueError, OverflowError):
        return None
    return length if length >= timedelta() else None


def _parsed(text: str, own: tzinfo, start: Moment) -> datetime | None:
    """An iCalendar DATE or DATE-TIME on the series' clock; a date means the series' time on that day."""
    text = text.strip()
    try:
        if len(text) == 8:
            day = datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 — wall time by design
            return datetime.combine(day, start.wall.time())
        read = datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007
        aware = read.replace(tzinfo=UTC if text.endswith("Z") else own)
        local = aware.astimezone(start.zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return whole_day(aware, start.zone) if start.all_day else local


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
