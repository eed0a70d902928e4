"""Times in words, at each border, in the reader's zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.moments import (
    birthday_text,
    clock_text,
    day_and_clock,
    day_text,
    exact_text,
    heading_of_day,
    length_text,
    reader_zone,
    relative_text,
    whole_days_text,
)

STOCKHOLM = ZoneInfo("Europe/Stockholm")
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("away", "text"),
    [
        (timedelta(seconds=59), "now"),
        (timedelta(seconds=-59), "now"),
        (timedelta(minutes=1), "in 1 min"),
        (timedelta(minutes=-34), "34 min ago"),
        (timedelta(minutes=59, seconds=59), "in 59 min"),
        (timedelta(hours=1), "in 1 hour"),
        (timedelta(hours=-2), "2 hours ago"),
        (timedelta(hours=10), "in 10 hours"),
        (timedelta(hours=12), "tomorrow"),
        (timedelta(hours=-12, minutes=-59), "12 hours ago"),
        (timedelta(hours=-14), "yesterday"),
        (timedelta(days=-1), "yesterday"),
        (timedelta(days=2), "in 2 days"),
        (timedelta(days=-7), "7 days ago"),
        (timedelta(days=-8), "19 Nov"),
        (timedelta(days=8), "5 Dec"),
        (timedelta(days=60), "26 Jan 2027"),
        (timedelta(days=-400), "23 Oct 2025"),
    ],
)
def test_relative_up_to_a_week_and_then_the_day(away: timedelta, text: str) -> None:
    assert relative_text(NOW + away, NOW, STOCKHOLM) == text


def test_a_day_is_the_readers_day() -> None:
    then = NOW - timedelta(hours=20)
    assert relative_text(then, NOW, ZoneInfo("Pacific/Auckland")) == "yesterday"
    assert exact_text(then, ZoneInfo("Pacific/Auckland")) == "Friday, 27 November 2026, 05:00"
    assert clock_text(then, STOCKHOLM) == "17:00"


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (date(2026, 11, 27), "Today · Friday, 27 November"),
        (date(2026, 11, 28), "Tomorrow · Saturday, 28 November"),
        (date(2026, 11, 26), "Yesterday · Thursday, 26 November"),
        (date(2026, 11, 30), "Monday, 30 November"),
        (date(2027, 1, 1), "Friday, 1 January 2027"),
    ],
)
def test_a_day_has_a_heading(day: date, text: str) -> None:
    assert heading_of_day(day, NOW.date()) == text


@pytest.mark.parametrize(
    ("hours", "text"), [(1, "today at 14:00"), (10, "today at 23:00"), (11, "tomorrow at 00:00"), (35, "on 29 Nov at 00:00")]
)  # fmt: skip
def test_a_moment_ahead_has_its_day_and_clock(hours: int, text: str) -> None:
    assert day_and_clock(NOW + timedelta(hours=hours), NOW, STOCKHOLM) == text


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (None, "Wednesday, 23 December 2026, all day"), (date(2026, 12, 24), "Wednesday, 23 December 2026, all day"),
        (date(2026, 12, 23), "Wednesday, 23 December 2026, all day"), (date(2026, 12, 26), "23 December to 25 December 2026"),
        (date(2027, 1, 3), "23 December 2026 to 2 January 2027"),
    ],
)  # fmt: skip
def test_what_lasts_whole_days_ends_with_the_last_of_them(end: date | None, text: str) -> None:
    assert whole_days_text(date(2026, 12, 23), end) == text


@pytest.mark.parametrize(
    ("birthday", "text"),
    [
        ("1985-03-21", "21 March 1985"), ("--03-21", "21 March"), ("--02-29", "29 February"), ("1985-02-29", "1985-02-29"),
        ("--13-01", "--13-01"), ("in spring", "in spring"), ("2024-W01-1", "2024-W01-1"), ("", ""),
    ],
)  # fmt: skip
def test_a_birthday_is_a_day_with_its_year_where_that_is_known(birthday: str, text: str) -> None:
    assert birthday_text(birthday) == text


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0 min"), (45, "45 min"), (60, "1 h"), (90, "1 h 30 min"), (1440, "24 h")]
)
def test_how_long_a_meeting_takes(minutes: int, text: str) -> None:
    assert length_text(timedelta(minutes=minutes)) == text


@pytest.mark.parametrize(
    ("browser", "chosen", "zone"),
    [
        ("Europe/Stockholm", "Asia/Tokyo", "Europe/Stockholm"),
        ("", "Asia/Tokyo", "Asia/Tokyo"),
        ("../../../etc/passwd", "", "UTC"),
        ("Mars/Olympus", "Asia/Tokyo", "Asia/Tokyo"),
    ],
)
def test_the_browser_states_the_zone_else_the_settings(browser: str, chosen: str, zone: str) -> None:
    assert reader_zone(browser, chosen).key == zone


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2060, 1, 1)), st.integers(-(10**9), 10**9))  # noqa: DTZ001
def test_the_past_is_never_ahead(now: datetime, seconds: int) -> None:
    moment = now.replace(tzinfo=UTC)
    text = relative_text(moment + timedelta(seconds=seconds), moment, STOCKHOLM)
    assert not (seconds < 0 and (text.startswith("in ") or text == "tomorrow"))
    assert not (seconds > 0 and (text.endswith(" ago") or text == "yesterday"))
    assert day_text(date(2026, 2, 3), date(2026, 1, 1)) == "3 Feb"
