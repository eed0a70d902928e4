"""Who is going cold, rule by rule: docs/rules.md, "Going cold"."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.requests import GoingCold
from services.contacts.domain.going_cold import going_cold, usual_interval
from services.contacts.domain.relationships import relationship
from tests.support.interaction_times import Line, times_of

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def exchange(every: int, last_days_ago: float, times: int = 8, direction: str = "") -> list[Line]:
    """They and I write by turns, every so many days, the last time so many days ago."""
    last = NOW - timedelta(days=last_days_ago)
    ways = [direction] if direction else ["inbound", "outbound"]
    return [Line(last - timedelta(days=every * n), ways[n % len(ways)]) for n in range(times)]


def is_cold(lines: Iterable[Line], now: datetime = NOW) -> GoingCold | None:
    return going_cold(times_of(lines), now)


def test_somebody_written_to_every_two_weeks_is_going_cold_after_six() -> None:
    cold = is_cold(exchange(14, 74))
    assert cold == GoingCold(since=NOW - timedelta(days=74 - 42) + SECOND, usual_days=14, was="Strong")
    assert is_cold(exchange(14, 42)) is None
    begins = NOW - timedelta(days=74) + timedelta(days=42) + SECOND
    assert is_cold(exchange(14, 74), begins - SECOND) is None
    assert is_cold(exchange(14, 74), begins) == cold


USUAL = exchange(14, 74)  # every two weeks, and the last time 74 days ago


@pytest.mark.parametrize(
    ("lines", "usual_days"),
    [
        (exchange(1, 31, times=31), 1),  # not before a month, however often they wrote
        (exchange(1, 30, times=31), None),
        (exchange(1, 31, times=30), None),  # all of it within a month
        (exchange(30, 91), 30),
        (exchange(30, 89), None),
        (exchange(14, 365), 14),
        (exchange(14, 366), None),  # it is cold, and no longer going so
        (exchange(14, 74, times=4), 14),
        (exchange(14, 74, times=3), None),  # too few to know what is usual
        (exchange(14, 74, direction="inbound"), None),  # nobody answered
        (
            [*USUAL, *[Line(NOW - timedelta(days=74, minutes=5), "inbound")] * 9],
            14,
        ),  # an exchange in one day counts once
        ([*USUAL, Line(NOW + timedelta(days=2), "mutual", "calendar")], None),  # they meet the day after tomorrow
        ([*USUAL, Line(NOW - timedelta(days=2), "mutual", "calendar")], None),  # they have just met
        ([*USUAL, Line(NOW - timedelta(days=2), "participant")], 14),
        ([*USUAL, Line(NOW - timedelta(days=2), "inbound", counted=False)], 14),
        ([*exchange(7, 130, times=5), *exchange(40, 198, times=4)], 40),  # by time: 28 days of weeks, 160 of forty days
        ([*exchange(7, 130, times=10), *exchange(20, 213, times=3)], 7),  # 63 days of weeks, 60 of twenty days
        ([], None),
    ],
)
def test_what_is_usual_and_what_is_clearly_more(lines: list[Line], usual_days: int | None) -> None:
    cold = is_cold(lines)
    assert (cold.usual_days if cold else None) == usual_days


def bursts(*first_days_ago: int, length: int = 7) -> list[Line]:
    """Exchanges of so many days in a row, each with the last day so many days ago."""
    return [line for days_ago in first_days_ago for line in exchange(1, days_ago, times=length)]


@pytest.mark.parametrize(
    ("lines", "usual_days"),
    [
        (bursts(60), None),  # one lively week
        (bursts(60, 90), None),  # two of them, a month apart
        (bursts(60, 200), None),
        ([*bursts(60), *exchange(1, 110, times=1)], None),  # a week, and a single mail long before
        (bursts(60, 81, length=14), 1),  # two fortnights within five weeks
        (bursts(60, 150, length=14), 77),  # and three months apart: what lay between them
        (bursts(100, 130, 160, 190), 24),  # once a month, in bursts
        (bursts(60, length=31), 1),  # every day for a month
        ([*bursts(60, length=20), *bursts(100, length=20)], 1),  # every day, but for three weeks in the middle
        ([*bursts(60, length=20), *bursts(110, length=20)], 1),
        (exchange(7, 60, times=6), 7),
        (exchange(7, 60, times=5), None),  # four weeks, but not a month
        (exchange(10, 60, times=4), 10),
        (exchange(11, 60, times=3), None),
    ],
)
def test_a_burst_makes_nothing_usual(lines: list[Line], usual_days: int | None) -> None:
    times = times_of(lines)
    assert usual_interval(times, max(line.occurred_at for line in lines)) == usual_days


a_line = st.builds(
    Line,
    occurred_at=st.integers(-20, 500).map(lambda days: NOW - timedelta(days=days, minutes=7)),
    direction=st.sampled_from(["inbound", "outbound", "mutual", "participant"]),
    platform=st.sampled_from(["email", "calendar"]),
    counted=st.sampled_from([True, True, True, False]),
)
histories = st.one_of(
    st.lists(a_line, max_size=12),
    st.builds(exchange, st.integers(1, 60), st.floats(0, 400), st.integers(3, 9)),
)


@given(histories, st.integers(0, 9_000))
def test_nothing_of_a_relationship_is_another_before_it_is_due(lines: list[Line], later_hours: int) -> None:
    known, later = relationship(times_of(lines), NOW), NOW + timedelta(hours=later_hours)
    if known.due_at is None or later < known.due_at:
        afterwards = relationship(times_of(lines), later)
        assert afterwards.model_copy(update={"at": NOW}) == known


@given(histories, st.randoms())
def test_it_depends_on_the_interactions_alone(lines: list[Line], random: Random) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)
    assert relationship(times_of(shuffled), NOW) == relationship(times_of(lines), NOW)
