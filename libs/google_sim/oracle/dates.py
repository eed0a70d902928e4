"""The Date header by docs/rules.md: the moment that it names."""

import re
from datetime import UTC, datetime, timedelta

MAX_LENGTH = 100
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_ZONES = {
    "ut": 0,
    "utc": 0,
    "gmt": 0,
    "z": 0,
    "est": -5,
    "edt": -4,
    "cst": -6,
    "cdt": -5,
    "mst": -7,
    "mdt": -6,
    "pst": -8,
    "pdt": -7,
}
_DATE = re.compile(
    r"(?:[a-z]{3,9},? )?(?P<day>[0-9]{1,2}) (?P<month>[a-z]{3})[a-z]* (?P<year>[0-9]{4}|[0-9]{2})"
    r" (?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?(?: (?P<zone>[a-z]+|[+-][0-9]{4}))?(?: .*)?",
    re.IGNORECASE,
)


def dated(written: str) -> str:
    """The moment to the second in UTC; what names none as it is written; `none` where nothing is."""
    text = " ".join(written[:MAX_LENGTH].split())
    found = _DATE.fullmatch(text)
    month = found["month"].lower() if found else ""
    if found is None or month not in _MONTHS:
        return text or "none"
    year = int(found["year"])
    century = 0 if len(found["year"]) == 4 else 1900 if year > 68 else 2000
    try:
        clock = datetime(
            year + century, _MONTHS.index(month) + 1, int(found["day"]), int(found["hour"]), int(found["minute"]),
            int(found["second"] or 0), tzinfo=UTC,
        )  # fmt: skip
        return (clock - _offset(found["zone"] or "")).isoformat()
    except (ValueError, OverflowError):
        return text


def _offset(zone: str) -> timedelta:
    """How far a zone's clocks are ahead of UTC. One that nobody knows is UTC."""
    if zone[:1] in ("+", "-"):
        ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
        return ahead if zone[0] == "+" else -ahead
    return timedelta(hours=_ZONES.get(zone.lower(), 0))
