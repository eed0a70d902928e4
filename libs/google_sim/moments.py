"""The EventDateTime of Calendar v3 as an instant, as a wall time and as a zone. Pure."""

from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def zone(name: object, default: str = "UTC") -> tzinfo:
    """Return the named time zone; `default`, then UTC, where the name is none."""
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


def whole_day(written: datetime, own: tzinfo) -> datetime:
    """The day, as a wall time, that an instant means in a series of whole days. `own`: the calendar's zone.

    Programs write the midnight that begins the day in the calendar's zone ("20260104T230000Z" is 5 January in Berlin), or
    that of another zone; else the instant counts.
    """
    local = written.astimezone(own).replace(tzinfo=None)
    is_midnight_elsewhere = written.time() == time() and local.time() != time()
    return datetime.combine(written if is_midnight_elsewhere else local, time())
