"""iCalendar's dates, durations and recurrence in the form of Calendar v3."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Event, vBroken

from libs.google_sim.account import Resource
from libs.google_sim.loaders.content_lines import Component, Line
from libs.google_sim.loaders.zones import Zones
from libs.google_sim.moments import whole_day

DATE_NAMES = frozenset(
    {"DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE", "CREATED", "DTSTAMP", "LAST-MODIFIED"}
)  # fmt: skip
_TZID = "X-TZID"
_DATE_TIME = re.compile(r"(\d{8})(?:T(\d{4})(\d\d)?(Z?))?")
_EXTENDED = re.compile(r"\d{4}-\d\d-\d\d(?:T[\d:]{5,8}Z?)?")


def date_lines(line: Line) -> Iterator[str]:
    """A date property as icalendar is to read it: each date by itself, so that a broken one costs no other.

    Its zone is hidden from the library, which knows one zone for each name in all files; here each file has its own.
    """
    kind = line.param("VALUE").upper()
    tzid = line.param("TZID").replace('"', "")
    parameters = f";VALUE={kind}" if kind in ("DATE", "PERIOD") else ""
    parameters += f';{_TZID}="{tzid}"' if tzid else ""
    for text in line.value.split(","):
        moments = [_repaired("".join(moment.split()), whole_day=kind == "DATE") for moment in text.split("/")]
        yield f"{line.name}{parameters}:{'/'.join(moments)}"


def _repaired(text: str, *, whole_day: bool) -> str:
    """A date or time in the basic format, with seconds, none of them a leap second; other text as it is."""
    if _EXTENDED.fullmatch(text):
        text = text.replace("-", "").replace(":", "")
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return text
    if whole_day or match[2] is None:
        return match[1]
    return f"{match[1]}T{match[2]}{min(int(match[3] or 0), 59):02}{match[4]}"


def values_of(event: Event, name: str) -> list[Any]:
    """The values of a property that icalendar could read."""
    values = event.get(name, [])
    return [value for value in (values if isinstance(values, list) else [values]) if not isinstance(value, vBroken)]


def moment(value: Any, zones: Zones) -> Resource | None:
    """`{"date"}` or `{"dateTime", "timeZone"}` of a date that icalendar read; None if it is none."""
    when = getattr(value, "dt", None)
    if not isinstance(when, datetime):
        return {"date": when.isoformat()} if isinstance(when, date) else None
    tzid = _tzid_of(value)
    try:
        if when.tzinfo is not None:
            return _zoned(when.astimezone(UTC), "UTC")
        return _zoned(when.replace(tzinfo=zones.tzinfo(tzid)), zones.zone(tzid))
    except (ValueError, OverflowError):
        return None


def _tzid_of(value: Any) -> str:
    return str(value.params.get(_TZID, ""))


def _zoned(local: datetime, zone: str) -> Resource:
    offset = local.utcoffset() or timedelta()
    # RFC 3339 has no seconds in offsets (local mean time)
    whole = timedelta(minutes=round(offset.total_seconds() / 60))
    shown = local.replace(tzinfo=timezone(whole) if whole else UTC)
    return {"dateTime": shown.isoformat().replace("+00:00", "Z"), "timeZone": zone}


def end_of(end: Any, duration: Any, start: Resource, zones: Zones) -> Resource:
    """DTEND, else DTSTART with DURATION, else a day for dates and no time at all for times."""
    until = moment(end, zones)
    if until is not None and ("date" in until) == ("date" in start):
        return until
    length = getattr(duration, "dt", None)
    if not isinstance(length, timedelta):
        length = timedelta(days=1) if "date" in start else timedelta()
    try:
        if "date" in start:
            return {"date": (date.fromisoformat(start["date"]) + timedelta(days=max(1, length.days))).isoformat()}
        return _zoned(datetime.fromisoformat(start["dateTime"]) + length, start["timeZone"])
    except OverflowError:
        return dict(start)


def like_start(original: Resource, start: Resource, zones: Zones) -> Resource:
    """Which instance a RECURRENCE-ID means: a day in a series of whole days, else a time, even if written otherwise."""
    if ("date" in original) == ("date" in start):
        return original
    try:
        if "date" in start:
            written = datetime.fromisoformat(original["dateTime"])
            return {"date": whole_day(written, ZoneInfo(zones.default)).date().isoformat()}
        first = datetime.fromisoformat(start["dateTime"]).astimezone(ZoneInfo(start["timeZone"]))
        that_day = datetime.combine(date.fromisoformat(original["date"]), first.time(), first.tzinfo)
        return _zoned(that_day, start["timeZone"])
    except (ValueError, OverflowError):
        return original


def recurrence(component: Component, event: Event, zones: Zones) -> list[str]:
    """RRULE, EXRULE, RDATE and EXDATE as Calendar v3 writes them, zones by their IANA names; [] for a single event."""
    rules = [f"{name}:{line.value.strip()}" for name in ("RRULE", "EXRULE") for line in component.all(name)]
    dates: dict[str, list[str]] = {}
    for name in ("RDATE", "EXDATE"):
        for value in _date_values(event, name):
            parameters, text = _date_text(value, zones)
            dates.setdefault(f"{name}{parameters}", []).append(text)
    if not component.first("RRULE") and not component.first("RDATE"):
        return []
    return [*rules, *(f"{head}:{','.join(texts)}" for head, texts in dates.items())]


def _date_values(event: Event, name: str) -> Iterator[Any]:
    for dates in values_of(event, name):
        for value in dates.dts:
            value.params[_TZID] = dates.params.get(_TZID, "")
            yield value


def _date_text(value: Any, zones: Zones) -> tuple[str, str]:
    """The parameters and the text of one RDATE or EXDATE."""
    if isinstance(value.dt, tuple):
        start, end = value.dt
        parameters, text = _moment_text(start, _tzid_of(value), zones)
        length = end if isinstance(end, timedelta) else end - start
        return f";VALUE=PERIOD{parameters}", f"{text}/PT{int(length.total_seconds())}S"
    if not isinstance(value.dt, datetime):
        return ";VALUE=DATE", f"{value.dt:%Y%m%d}".zfill(8)
    return _moment_text(value.dt, _tzid_of(value), zones)


def _moment_text(when: datetime, tzid: str, zones: Zones) -> tuple[str, str]:
    if when.tzinfo is None and tzid in zones.defined:
        when = when.replace(tzinfo=zones.tzinfo(tzid))
    if when.tzinfo is not None:
        return "", f"{when.astimezone(UTC):%Y%m%dT%H%M%S}".zfill(15) + "Z"
    return f";TZID={zones.zone(tzid)}", f"{when:%Y%m%dT%H%M%S}".zfill(15)
