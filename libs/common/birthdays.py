"""Birthdays as they are stored: `YYYY-MM-DD`, `--MM-DD` where the year is not known, or whatever somebody typed. Pure."""

import re
from dataclasses import dataclass
from datetime import date

_WRITTEN = re.compile(r"(?:(\d{4})|-)-(\d\d)-(\d\d)", re.ASCII)
_LEAP_YEAR = 2000  # has every day on which somebody can be born


@dataclass(frozen=True)
class Birthday:
    """A day of the calendar: `month` 1 to 12, `day` 1 to 31, and the `year`, 1 to 9999, where it is known."""

    month: int
    day: int
    year: int | None = None


def read_birthday(text: str) -> Birthday | None:
    """The birthday that stands there; None where it is written another way, or no such day was or will be."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        return None
    year, month, day = written.groups()
    try:
        date(int(year or _LEAP_YEAR), int(month), int(day))
    except ValueError:
        return None
    return Birthday(int(month), int(day), int(year) if year else None)
