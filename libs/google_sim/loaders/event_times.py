"""iCalendar's dates, zones, durations and rules in the form of Calendar v3."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from libs.google_sim.account import Resource
from libs.google_sim.loaders.content_lines import Block, Line

_DURATION = re.compile(r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_DATE_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z)?)?")


@dataclass(frozen=True)
class Zones:
    """The IANA zone of each TZID that a calendar uses, and the zone of its floating times."""

    by_tzid: dict[str, str]
    default: str

    @classmethod
    def of(cls, calendar: Block) -> "Zones":
        named = calendar.text("X-WR-TIMEZONE")
        by_tzid: dict[str, str] = {}
        for block in calendar.blocks:
            if block.name == "VTIMEZONE" and (tzid := block.text("TZID")):
                by_tzid[tzid] = iana_zone(tzid) or iana_zone(block.text("X-LIC-LOCATION")) or _standard_offset(block)
        return cls(by_tzid, by_tzid.get(named) or iana_zone(named) or "UTC")

    def zone(self, tzid: str) -> str:
        return self.by_tzid.get(tzid) or iana_zone(tzid) or "UTC" if tzid else self.default


def iana_zone(name: str) -> str:
    """The IANA name of a zone written as IANA, as Windows, or with a vendor's path before it; "" if unknown."""
    name = name.strip().strip('"')
    tail = "/".join(name.split("/")[-2:])
    longer_tail = "/".join(name.split("/")[-3:])
    for candidate in (name, WINDOWS_TO_OLSON.get(name, ""), longer_tail, tail):
        if candidate and _zone_info(candidate):
            return candidate
    return ""


def _zone_info(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found, a path outside, a folder
        return None


def _standard_offset(zone: Block) -> str:
    """A zone nobody knows, by the offset of its standard time, which IANA can say for whole hours only."""
    for part in zone.blocks:
        match = re.fullmatch(r"([+-])(\d\d)00(?:00)?", part.text("TZOFFSETTO")) if part.name == "STANDARD" else None
        if match and 0 < int(match[2]) <= 12:
            return f"Etc/GMT{'-' if match[1] == '+' else '+'}{int(match[2])}"
    return "UTC"


def moment(line: Line, zones: Zones) -> Resource | None:
    """`{"date"}` or `{"dateTime", "timeZone"}` of a date property; None if it is no date."""
    return _moment(line.value.strip(), line.param("TZID"), zones)


def _moment(written: str, tzid: str, zones: Zones) -> Resource | None:
    match = _DATE_TIME.match(written)
    if match is None:
        return None
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
        if match[4] is None:
            return {"date": day.isoformat()}
        zone = "UTC" if match[7] else zones.zone(tzid)
        second = min(int(match[6] or 0), 59)  # leap seconds
        clock = time(int(match[4]), int(match[5]), second, tzinfo=ZoneInfo(zone))
        return _zoned(datetime.combine(day, clock), zone)
    except (ValueError, OverflowError):
        return None


def _zoned(local: datetime, zone: str) -> Resource:
    offset = local.utcoffset() or timedelta()
    whole = timedelta(
        minutes=round(offset.total_seconds() / 60)
    )  # RFC 3339 has no seconds in offsets (local mean time)
    shown = local.replace(tzinfo=timezone(whole) if whole else UTC)
    return {"dateTime": shown.isoformat().replace("+00:00", "Z"), "timeZone": zone}


def end_of(block: Block, start: Resource, zones: Zones) -> Resource:
    """DTEND, else DTSTART with DURATION, else a day for dates and no time at all for times."""
    line = block.first("DTEND")
    end = moment(line, zones) if line else None
    if end is not None and ("date" in end) == ("date" in start):
        return end
    length = _duration(block.text("DURATION"))
    try:
        if "date" in start:
            days = max(1, (length or timedelta(days=1)).days)
            return {"date": (date.fromisoformat(start["date"]) + timedelta(days=days)).isoformat()}
        return _zoned(datetime.fromisoformat(start["dateTime"]) + (length or timedelta()), start["timeZone"])
    except OverflowError:
        return dict(start)


def _duration(written: str) -> timedelta | None:
    match = _DURATION.fullmatch(written.strip().upper())
    if match is None:
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    try:
        length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None
    return -length if match[1] == "-" else length


def recurrence(block: Block, zones: Zones) -> list[str]:
    """RRULE, EXRULE, RDATE and EXDATE as Calendar v3 writes them, zones by their IANA names."""
    rules = [f"{line.name}:{line.value.strip()}" for name in ("RRULE", "EXRULE") for line in block.all(name)]
    for line in (line for name in ("RDATE", "EXDATE") for line in block.all(name)):
        value = line.value.strip()
        if not value:
            continue
        kind = f";VALUE={line.param('VALUE').upper()}" if line.param("VALUE") else ""
        local = "T" in value and not value.endswith("Z")
        zone = f";TZID={zones.zone(line.param('TZID'))}" if local else ""
        rules.append(f"{line.name}{kind}{zone}:{value}")
    return rules if block.first("RRULE") or block.first("RDATE") else []
