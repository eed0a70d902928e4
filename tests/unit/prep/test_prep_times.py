"""Lengths, dates and "ago" at each border, to the letter."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.prep.domain.dossier import collect
from services.prep.domain.mail import subject
from services.prep.domain.rules import MAX_GUESTS, is_useful, minutes_until
from services.prep.domain.talking_points.personal_facts import OPEN_DAYS, SILENCE_DAYS
from services.prep.domain.talking_points.points import fact_points
from services.prep.domain.times import ago, counted, day, for_days, length, span, zone_of
from tests.support.meetings import NOW, guest, interaction, known, meeting

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (-5, ""), (0, ""), (0.99, ""), (1, "1 minute"), (2, "2 minutes"), (59, "59 minutes"), (59.99, "59 minutes"), (60, "1 hour"),
        (61, "1 hour 1 minute"), (62, "1 hour 2 minutes"), (119, "1 hour 59 minutes"), (120, "2 hours"), (1439, "23 hours 59 minutes"),
        (1440, "1 day"), (1441, "1 day 1 minute"), (1500, "1 day 1 hour"), (2880, "2 days"), (2941, "2 days 1 hour 1 minute"),
    ],
)  # fmt: skip
def test_a_length_is_in_days_hours_and_minutes(minutes: float, text: str) -> None:
    assert length(timedelta(minutes=minutes)) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (0, ""), (1, "1 day"), (2, "2 days"), (13, "13 days"), (14, "2 weeks"), (20, "2 weeks"), (21, "3 weeks"), (59, "8 weeks"),
        (60, "2 months"), (89, "2 months"), (90, "3 months"), (364, "12 months"), (729, "24 months"), (730, "2 years"),
        (1094, "2 years"), (1095, "3 years"),
    ],
)  # fmt: skip
def test_a_number_of_days_is_in_the_largest_unit_that_is_precise_enough(days: int, text: str) -> None:
    assert for_days(days) == text


@pytest.mark.parametrize(
    ("number", "text"), [(-1, ""), (0, ""), (1, "1 thing"), (2, "2 things"), (21, "21 things"), (1000, "1000 things")]
)
def test_only_a_single_thing_is_singular(number: int, text: str) -> None:
    assert counted(number, "thing") == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [  # the reader's now: 24 November 2026, 00:30 in Berlin
        ("2026-11-24T10:00+01:00", "today"), ("2026-11-24T00:00+01:00", "today"), ("2026-11-23T23:59:59+01:00", "yesterday"),
        ("2026-11-23T00:00+01:00", "yesterday"), ("2026-11-22T23:59:59+01:00", "2 days ago"), ("2026-11-11T12:00+01:00", "13 days ago"),
        ("2026-11-10T12:00+01:00", "2 weeks ago"), ("2026-09-26T12:00+02:00", "8 weeks ago"), ("2026-09-25T12:00+02:00", "2 months ago"),
        ("2024-11-25T12:00+01:00", "24 months ago"), ("2024-11-24T12:00+01:00", "2 years ago"),
    ],
)  # fmt: skip
def test_ago_goes_by_the_days_of_the_reader(moment: str, text: str) -> None:
    now = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    assert ago(datetime.fromisoformat(moment), now, BERLIN) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 3, 3, 22, 59, tzinfo=UTC), "3 Mar 2026"),
        (datetime(2026, 3, 3, 23, 0, tzinfo=UTC), "4 Mar 2026"),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), "1 Jan 2027"),
        (datetime(2026, 6, 30, 21, 59, tzinfo=UTC), "30 Jun 2026"),
        (datetime(2026, 6, 30, 22, 0, tzinfo=UTC), "1 Jul 2026"),
    ],
)
def test_a_day_is_the_day_of_the_reader(moment: datetime, text: str) -> None:
    assert day(moment, BERLIN) == text


@pytest.mark.parametrize(
    ("start", "minutes", "zone", "event_zone", "text"),
    [
        ("2026-11-24T14:00+01:00", 45, "Europe/Berlin", "Europe/Berlin", "Tuesday 24 November 2026, 14:00–14:45 (Europe/Berlin)"),
        ("2026-11-24T14:00+01:00", 45, "Europe/Berlin", "", "Tuesday 24 November 2026, 14:00–14:45 (Europe/Berlin)"),
        ("2026-11-24T14:00+01:00", 45, "Europe/Berlin", "Not/AZone", "Tuesday 24 November 2026, 14:00–14:45 (Europe/Berlin)"),
        ("2026-11-24T14:00+01:00", 45, "Europe/Berlin", "Europe/Paris", "Tuesday 24 November 2026, 14:00–14:45 (Europe/Berlin)"),
        ("2026-11-24T14:00+01:00", 45, "Nowhere", "", "Tuesday 24 November 2026, 13:00–13:45 (UTC)"),
        ("2026-11-24T14:00+01:00", 45, "Europe/Berlin", "UTC", "Tuesday 24 November 2026, 14:00–14:45 (13:00 UTC)"),
        ("2026-11-24T00:30+01:00", 30, "Europe/Berlin", "America/New_York",
         "Tuesday 24 November 2026, 00:30–01:00 (Monday 18:30 America/New_York)"),
        ("2026-11-24T22:00+01:00", 30, "Europe/Berlin", "Asia/Tokyo", "Tuesday 24 November 2026, 22:00–22:30 (Wednesday 06:00 Asia/Tokyo)"),
        ("2026-11-24T23:30+01:00", 29, "Europe/Berlin", "", "Tuesday 24 November 2026, 23:30–23:59 (Europe/Berlin)"),
        ("2026-11-24T23:30+01:00", 30, "Europe/Berlin", "",
         "Tuesday 24 November 2026, 23:30 – Wednesday 25 November, 00:00 (Europe/Berlin)"),
        # The same clock most of the year, but not in the weeks when one of them has changed its clocks already.
        ("2026-03-10T14:00+01:00", 30, "Europe/Berlin", "America/New_York", "Tuesday 10 March 2026, 14:00–14:30 (09:00 America/New_York)"),
        ("2026-03-29T01:30+01:00", 60, "Europe/Berlin", "", "Sunday 29 March 2026, 01:30–03:30 (Europe/Berlin)"),
        ("2026-10-25T02:30+02:00", 60, "Europe/Berlin", "", "Sunday 25 October 2026, 02:30–02:30 (Europe/Berlin)"),
    ],
)  # fmt: skip
def test_a_span_is_in_the_zone_of_the_reader(start: str, minutes: int, zone: str, event_zone: str, text: str) -> None:
    starts_at = datetime.fromisoformat(start)
    assert span(starts_at, starts_at + timedelta(minutes=minutes), zone, event_zone) == text


def test_the_first_zone_that_is_one_counts() -> None:
    assert zone_of("", "Not/AZone", "Asia/Tokyo", "Europe/Berlin")[1] == "Asia/Tokyo"
    assert zone_of("", "../etc/passwd") == (UTC, "UTC")


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(-1, 0), (0, 0), (29, 0), (30, 1), (89, 1), (90, 2), (2100, 35), (2129, 35), (2130, 36)]
)
def test_minutes_until_are_rounded_half_up(seconds: int, minutes: int) -> None:
    assert minutes_until(NOW + timedelta(seconds=seconds), NOW) == minutes


@pytest.mark.parametrize(("seconds", "useful"), [(301, True), (300, True), (299, False), (-1, False)])
def test_a_brief_is_useful_until_five_minutes_before(seconds: int, useful: bool) -> None:
    assert is_useful(NOW + timedelta(seconds=seconds), NOW) == useful


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0, "Meeting prep: x in 0 minutes"), (1, "Meeting prep: x in 1 minute"), (35, "Meeting prep: x in 35 minutes")],
)
def test_a_subject_has_the_true_number_of_minutes(minutes: int, text: str) -> None:
    assert subject("x", minutes) == text


def first_point(days: int, **fields: object) -> str:
    mail = interaction("Hello — Is it May or June?", days, to_me=True, open=True, thread="t", **fields)
    attendee = known(last=(mail,), bios={}, last_contact_at=NOW - timedelta(days=days))
    return fact_points(collect(meeting(), [(guest(attendee.address), attendee)]), NOW)[0].text


def test_a_mail_without_a_reply_may_be_open_for_sixty_days_and_silence_begins_after_ninety() -> None:
    assert (OPEN_DAYS, SILENCE_DAYS, MAX_GUESTS) == (60, 90, 20)
    assert first_point(60).startswith("Ada Lovelace asked")
    assert first_point(60, direction="outbound").startswith("You asked Ada Lovelace")
    assert first_point(61).startswith("This is your first meeting")
    assert first_point(61, direction="outbound").startswith("This is your first meeting")
    silent = known(met_before=True, last=(interaction("Hello", 90),), last_contact_at=NOW - timedelta(days=90))
    later = silent.model_copy(update={"last_contact_at": NOW - timedelta(days=91)})
    texts = [fact_points(collect(meeting(), [(guest(found.address), found)]), NOW)[0].text for found in (silent, later)]
    assert ["not been in touch" in text for text in texts] == [False, True]
