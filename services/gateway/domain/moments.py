"""Times in the reader's words and zone: relative up to a week, then the day. Pure."""

from calendar import month_name
from datetime import date, datetime, timedelta
from math import floor
from zoneinfo import ZoneInfo

from libs.common.birthdays import read_birthday
from libs.common.time_zones import known_zone

UTC_ZONE = ZoneInfo("UTC")
WEEK_DAYS = 7


def reader_zone(*names: str) -> ZoneInfo:
    """The first of these zones that there is: that of the browser, that of the settings, that of the calendar; else UTC."""
    return next(filter(None, map(known_zone, names)), UTC_ZONE)


def relative_text(then: datetime, now: datetime, zone: ZoneInfo) -> str:
    """ "in 34 min", "2 hours ago", "yesterday", "6 days ago"; beyond a week the day: "21 Nov", with the year where it is another."""
    seconds = (then - now).total_seconds()
    if abs(seconds) < 60:
        return "now"
    if abs(seconds) < 3600:
        return _directed(_counted(floor(abs(seconds) / 60), "min", "min"), seconds)
    days = (then.astimezone(zone).date() - now.astimezone(zone).date()).days
    if days == 0 or abs(seconds) < 6 * 3600:
        return _directed(_counted(floor(abs(seconds) / 3600), "hour", "hours"), seconds)
    if abs(days) == 1:
        return "yesterday" if days < 0 else "tomorrow"
    if abs(days) <= WEEK_DAYS:
        return _directed(f"{abs(days)} days", seconds)
    return day_text(then.astimezone(zone).date(), now.astimezone(zone).date())


def _counted(count: int, singular: str, plural: str) -> str:
    return f"{count} {singular if count == 1 else plural}"


def _directed(text: str, seconds: float) -> str:
    return f"{text} ago" if seconds < 0 else f"in {text}"


def day_text(day: date, today: date) -> str:
    """ "21 Nov"; "21 Nov 2024" where it is another year."""
    text = f"{day.day} {day:%b}"
    return text if day.year == today.year else f"{text} {day.year}"


def heading_of_day(day: date, today: date) -> str:
    """ "Today", "Tomorrow", "Yesterday", "Friday, 27 November", with the year where it is another."""
    names = {0: "Today", 1: "Tomorrow", -1: "Yesterday"}
    text = f"{day:%A}, {day.day} {day:%B}" + ("" if day.year == today.year else f" {day.year}")
    name = names.get((day - today).days)
    return f"{name} · {text}" if name else text


def whole_days_text(first: date, end: date | None) -> str:
    """What lasts whole days, until before `end`: "Wednesday, 23 December 2026, all day", "23 December 2026 to 2 January 2027"."""
    last = end - timedelta(days=1) if end else first
    if last <= first:
        return f"{first:%A}, {_long_day(first)} {first.year}, all day"
    return f"{_long_day(first)}{'' if first.year == last.year else f' {first.year}'} to {_long_day(last)} {last.year}"


def birthday_text(written: str) -> str:
    """ "21 March 1985"; "21 March" where the year is not known ("--03-21"); what is no such day as it is."""
    birthday = read_birthday(written)
    if birthday is None:
        return written
    text = f"{birthday.day} {month_name[birthday.month]}"
    return f"{text} {birthday.year}" if birthday.year else text


def _long_day(day: date) -> str:
    return f"{day.day} {day:%B}"


def exact_text(then: datetime, zone: ZoneInfo) -> str:
    """ "Friday, 27 November 2026, 16:01", for whoever wants to know exactly."""
    local = then.astimezone(zone)
    return f"{local:%A}, {local.day} {local:%B %Y, %H:%M}"


def clock_text(then: datetime, zone: ZoneInfo) -> str:
    """ "16:01"."""
    return f"{then.astimezone(zone):%H:%M}"


def until_text(then: datetime, now: datetime, zone: ZoneInfo) -> str:
    """When something goes on, of which people wait for the end: "14:20", "tomorrow 09:00", "21 Nov 09:00"."""
    day, today = then.astimezone(zone).date(), now.astimezone(zone).date()
    names = {0: "", 1: "tomorrow "}
    return names.get((day - today).days, f"{day_text(day, today)} ") + clock_text(then, zone)


def day_and_clock(then: datetime, now: datetime, zone: ZoneInfo) -> str:
    """ "today at 14:20", "tomorrow at 09:00", "on 21 Nov at 09:00"."""
    day, today = then.astimezone(zone).date(), now.astimezone(zone).date()
    name = {0: "today", 1: "tomorrow"}.get((day - today).days, f"on {day_text(day, today)}")
    return f"{name} at {clock_text(then, zone)}"


def length_text(length: timedelta) -> str:
    """ "45 min", "1 h", "1 h 30 min"."""
    hours, minutes = divmod(round(length.total_seconds() / 60), 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
