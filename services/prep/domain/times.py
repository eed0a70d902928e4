"""Instants and lengths in the words of a brief. Zones that nobody knows are UTC."""

from datetime import UTC, datetime, timedelta, tzinfo

from libs.common.time_zones import known_zone


def zone_of(*names: str) -> tuple[tzinfo, str]:
    """The first of the names that is a zone, with the name to show; UTC where none is."""
    return next(((zone, name) for name in names if (zone := known_zone(name))), (UTC, "UTC"))


def span(starts_at: datetime, ends_at: datetime, zone_name: str, event_zone_name: str = "") -> str:
    """`Tuesday 24 November 2026, 14:30–15:00 (Europe/Berlin)`, with the end's date where that is another day.

    In the reader's zone. Where the event names another one whose clock shows another time, that is named instead of the reader's zone,
    which needs no name: `09:35–10:20 (08:35 UTC)`.
    """
    zone, shown = zone_of(zone_name)
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%A} {end.day} {end:%B}, {end:%H:%M}"
    dash = "–" if end.date() == start.date() else " – "
    there = starts_at.astimezone(known_zone(event_zone_name) or zone)
    if there.utcoffset() != start.utcoffset():
        weekday = "" if there.date() == start.date() else f"{there:%A} "
        shown = f"{weekday}{there:%H:%M} {event_zone_name}"
    return f"{start:%A} {start.day} {start:%B %Y}, {start:%H:%M}{dash}{until} ({shown})"


def length(duration: timedelta) -> str:
    """`30 minutes`, `1 hour 15 minutes`, `2 days`; empty for no time at all, or less."""
    minutes = max(0, int(duration.total_seconds() // 60))
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
