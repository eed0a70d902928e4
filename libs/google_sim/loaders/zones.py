"""The time zones of a calendar file as IANA's: by their name, by Windows' name, or by what their VTIMEZONE defines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from libs.google_sim.loaders.content_lines import Component

_PRODUCT_NAMES = ("X-LIC-LOCATION", "X-MOZILLA-LOCATION")
_OBSERVANCE_LINES = {"DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE"}
_YEARLY_PARTS = {"FREQ", "INTERVAL", "BYMONTH", "BYDAY", "BYMONTHDAY", "UNTIL", "COUNT", "WKST"}
_MOST_OBSERVANCES = 50
_MOST_DEFINITIONS = 50  # of one calendar; further zones of unknown names count by their standard offset
# Weekly, so that rules which change the clocks a week apart differ; the years that most files are about.
_SAMPLES = [datetime(2012, 1, 1, 12) + timedelta(weeks=week) for week in range(52 * 18)]  # noqa: DTZ001 — wall times
_AGREEMENT = 0.75  # of the samples: less is another zone; rules of the year 1990 are not

Offsets = tuple[timedelta | None, ...]


@dataclass(frozen=True)
class Zones:
    """The IANA zone of each TZID that a calendar defines, and the zone of its floating times.

    `defined`: for zones that IANA does not have exactly, what their VTIMEZONE says; it gives the offsets.
    """

    by_tzid: dict[str, str]
    default: str
    defined: dict[str, tzinfo] = field(default_factory=dict)

    @classmethod
    def of(cls, calendar: Component) -> "Zones":
        by_tzid: dict[str, str] = {}
        defined: dict[str, tzinfo] = {}
        for component in calendar.components:
            tzid = component.text("TZID")
            if component.name != "VTIMEZONE" or not tzid or tzid in by_tzid:
                continue
            by_tzid[tzid], definition = _zone(component, tzid, may_define=len(by_tzid) < _MOST_DEFINITIONS)
            if definition is not None:
                defined[tzid] = definition
        named = calendar.text("X-WR-TIMEZONE")
        return cls(by_tzid, by_tzid.get(named) or iana_zone(named) or "UTC", defined)

    def zone(self, tzid: str) -> str:
        """The IANA name of a TZID; "" means the zone of floating times."""
        return self.by_tzid.get(tzid) or iana_zone(tzid) or "UTC" if tzid else self.default

    def tzinfo(self, tzid: str) -> tzinfo:
        """What gives the offsets of a TZID's times."""
        return self.defined.get(tzid) or ZoneInfo(self.zone(tzid))


def iana_zone(name: str) -> str:
    """The IANA name of a zone written as IANA, as Windows, or with a vendor's path before it; "" if unknown."""
    name = name.strip().strip('"')
    parts = name.split("/")
    for candidate in (name, WINDOWS_TO_OLSON.get(name, ""), "/".join(parts[-3:]), "/".join(parts[-2:])):
        if candidate and _is_iana(candidate):
            return candidate
    return ""


def _is_iana(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found, a path outside, a folder
        return False
    return True


def _zone(component: Component, tzid: str, *, may_define: bool) -> tuple[str, tzinfo | None]:
    """The IANA zone of a VTIMEZONE, and its own definition where IANA has no equal.

    A place's name goes before the definition, which may be out of date. An abbreviation does not: "EST" is IANA's zone
    without summer time, and most files that define it mean New York's.
    """
    named = iana_zone(tzid)
    if named and ("/" in named or named == "UTC"):
        return named, None
    for product_name in _PRODUCT_NAMES:
        if place := iana_zone(component.text(product_name)):
            return place, None
    definition = _definition(component) if may_define else None
    if definition is None:
        return named or _by_standard_offset(component), None
    offsets = _offsets(definition)
    nearest, agreement = _nearest(offsets)
    if agreement == 1:
        return nearest, None
    return (nearest if agreement >= _AGREEMENT else _fixed(set(offsets)) or "UTC"), definition


def _definition(component: Component) -> tzinfo | None:
    """What a VTIMEZONE says, as icalendar reads it; None where it can't, or where it would take for ever."""
    observances = [inner for inner in component.components if inner.name in ("STANDARD", "DAYLIGHT")]
    dates = sum(len(line.value.split(",")) for inner in observances for line in inner.all("RDATE"))
    rules = [line.value for inner in observances for line in inner.all("RRULE")]
    if not observances or len(observances) + dates > _MOST_OBSERVANCES or not all(map(_is_yearly, rules)):
        return None
    lines = ["BEGIN:VTIMEZONE", "TZID:zone"]
    for inner in observances:
        rule = inner.text("RRULE").upper()
        kept = [(line.name, "".join(line.value.split())) for line in inner.lines if line.name in _OBSERVANCE_LINES]
        texts = [f"{name}:{_recent(value, rule) if name == 'DTSTART' else value}" for name, value in kept]
        lines += [f"BEGIN:{inner.name}", *texts, f"END:{inner.name}"]
    try:
        read = Timezone.from_ical("\r\n".join([*lines, "END:VTIMEZONE", ""]))
        zone = read.to_tz(lookup_tzid=False) if isinstance(read, Timezone) else None
        return zone if isinstance(zone, tzinfo) and zone.utcoffset(_SAMPLES[0]) is not None else None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError):
        return None  # icalendar and dateutil raise any of these on definitions that are none


def _recent(start: str, rule: str) -> str:
    """The DTSTART of an observance, not centuries ago where nothing but the time to count depends on it."""
    moves = rule and "COUNT=" not in rule and "INTERVAL=" not in rule and start[:4] < "2010" and start[4:8] != "0229"
    return f"2010{start[4:]}" if moves else start


def _is_yearly(rule: str) -> bool:
    parts = dict(part.upper().split("=", 1) for part in rule.split(";") if "=" in part)
    return parts.get("FREQ") == "YEARLY" and _YEARLY_PARTS.issuperset(parts)


def _offsets(zone: tzinfo) -> Offsets:
    return tuple(zone.utcoffset(wall) for wall in _SAMPLES)


@cache
def _iana_by_offsets() -> dict[Offsets, str]:
    """For each way that clocks are set in the world one zone: a fixed offset's, or the one that Windows names."""
    places = [*WINDOWS_TO_OLSON.values(), *sorted(name for name in available_timezones() if "/" in name)]
    found: dict[Offsets, str] = {}
    for name in [*(f"Etc/GMT{hours:+d}" for hours in range(-14, 13) if hours), *places]:
        if _is_iana(name):
            found.setdefault(_offsets(ZoneInfo(name)), name)
    found[(timedelta(),) * len(_SAMPLES)] = "UTC"
    return found


def _nearest(offsets: Offsets) -> tuple[str, float]:
    """The IANA zone that agrees most with these offsets, and in which share of the samples."""
    known = _iana_by_offsets()
    if offsets in known:
        return known[offsets], 1
    best = max(known, key=lambda candidate: _agreement(candidate, offsets))
    return known[best], _agreement(best, offsets)


def _agreement(offsets: Sequence[object], other: Sequence[object]) -> float:
    return sum(a == b for a, b in zip(offsets, other, strict=True)) / len(_SAMPLES)


def _by_standard_offset(component: Component) -> str:
    """The zone of a VTIMEZONE that says no more than its standard offset; "UTC" where it says not even that."""
    for inner in component.components:
        written = inner.text("TZOFFSETTO") if inner.name == "STANDARD" else ""
        sign, digits = written[:1], written[1:5]
        if sign in ("+", "-") and len(digits) == 4 and digits.isascii() and digits.isdecimal():
            offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
            return _fixed({-offset if sign == "-" else offset}) or "UTC"
    return "UTC"


def _fixed(offsets: set[timedelta | None]) -> str:
    """The IANA zone of an offset that never changes; "" where there is none."""
    return _iana_by_offsets().get(tuple(offsets) * len(_SAMPLES), "") if len(offsets) == 1 else ""
