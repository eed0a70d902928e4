"""Instants and lengths in the words of a brief. Zones that nobody knows are UTC."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo


def zone_of(name: str) -> tuple[tzinfo, str]:
    """The zone and the name to show; UTC where the name is unknown or no name at all."""
    try:
        return ZoneInfo(name), name
    except (KeyError, ValueError, OSError):  # unknown, a path that leads out, a folder
        return UTC, "UTC"


def span(starts_at: datetime, ends_at: datetime, zone_name: str) -> str:
    """`Tuesday 24 November 2026, 14:30–15:00 (Europe/Berlin)`, with the end's date where that is another day."""
    zone, shown = zone_of(zone_name)
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%A} {end.day} {end:%B}, {end:%H:%M}"
    dash = "–" if end.date() == start.date() else " – "
    return f"{start:%A} {start.day} {start:%B %Y}, {start:%H:%M}{dash}{until} ({shown})"


def length(duration: timedelta) -> str:
    """`30 minutes`, `1 hour 15 minutes`, `2 days`; empty for no time at all."""
    minutes = int(duration.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    parts = (counted(days, "day"), counted(hours, "hour"), counted(rest, "minute"))
    return " ".join(part for part in parts if part)


def counted(number: int, thing: str) -> str:
    """`1 day`, `3 days`; empty for none."""
    if number <= 0:
        return ""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def day(moment: datetime, zone: tzinfo) -> str:
    """`3 Mar 2026`."""
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b %Y}"


def ago(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """How long ago by the calendar of the zone: `today`, `yesterday`, `5 days ago`, `3 weeks ago`, `2 years ago`."""
    days = (now.astimezone(zone).date() - moment.astimezone(zone).date()).days
    if days <= 0:
        return "today"
    return "yesterday" if days == 1 else f"{for_days(days)} ago"


def for_days(days: int) -> str:
    """A number of days in the largest unit that is precise enough."""
    if days < 14:
        return counted(days, "day")
    if days < 60:
        return counted(days // 7, "week")
    if days < 730:
        return counted(days // 30, "month")
    return counted(days // 365, "year")
