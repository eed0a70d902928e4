"""The relationship score, rule by rule."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contacts.domain.scoring import Touch, next_change, score

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


def touches(direction: str, *days_ago: float, platform: str = "email", counted: bool = True) -> list[Touch]:
    return [Touch(NOW - timedelta(days=days), direction, platform, counted) for days in days_ago]


def times(days_ago: float, count: int) -> tuple[float, ...]:
    return (days_ago,) * count


@pytest.mark.parametrize(
    ("told", "reciprocity"),
    [
        ([], 0),
        (touches("inbound", *times(10, 9)), 0),
        (touches("inbound", *times(10, 8)) + touches("outbound", 10), 1),  # 0.5, half up
        (touches("inbound", *times(10, 9)) + touches("outbound", 10), 0),  # 0.44
        (touches("inbound", 10, 10) + touches("outbound", 10), 2),
        (touches("inbound", 10) + touches("outbound", 364), 4),
        (touches("inbound", *times(10, 1)) + touches("outbound", *times(400, 10)), 2),  # 10 × 0.05
        (touches("inbound", *times(2000, 5)) + touches("outbound", *times(2000, 5)), 0),  # older than five years
        (touches("mutual", 10), 4),
    ],
)
def test_reciprocity_is_the_balance_of_both_directions(told: list[Touch], reciprocity: int) -> None:
    assert score(told, NOW).reciprocity == reciprocity


@pytest.mark.parametrize(
    ("told", "recency"),
    [
        (touches("inbound", 7), 3),
        (touches("inbound", 7.01), 2),
        (touches("inbound", 30), 2),
        (touches("inbound", 90), 1),
        (touches("inbound", 90.01), 0),
        (touches("outbound", 1), 2),  # half of 3, half up
        (touches("outbound", 20), 1),
        (touches("outbound", 80), 1),
        (touches("outbound", 1) + touches("inbound", 300), 0),
        (touches("mutual", 1), 3),
        (touches("mutual", -1), 0),
        (touches("participant", 1), 0),
        (touches("inbound", 1, counted=False), 0),
    ],
)
def test_recency_is_how_fresh_their_last_sign_is(told: list[Touch], recency: int) -> None:
    assert score(told, NOW).recency == recency


@pytest.mark.parametrize(
    ("told", "frequency"),
    [
        (touches("inbound", *times(30, 8)), 2),
        (touches("inbound", *times(30, 7)), 1),
        (touches("inbound", *times(60, 10)), 1),
        (touches("inbound", *times(60, 9)), 0),
        (touches("inbound", *times(200, 30)), 1),
        (touches("inbound", *times(700, 60)), 1),
        (touches("inbound", *times(1800, 150)), 1),
        (touches("inbound", *times(1800, 149)), 0),
    ],
)
def test_frequency_weighs_by_age(told: list[Touch], frequency: int) -> None:
    assert score(told, NOW).frequency == frequency


def test_breadth_asks_for_two_platforms() -> None:
    assert score(touches("inbound", 1) + touches("mutual", 1, platform="calendar"), NOW).breadth == 1
    assert score(touches("inbound", 1) + touches("mutual", -1, platform="calendar"), NOW).breadth == 0


@pytest.mark.parametrize(
    ("count", "first", "tenure"), [(50, 730, 2), (50, 729, 1), (49, 730, 1), (20, 365, 1), (19, 800, 0), (20, 364, 0)]
)
def test_tenure_asks_for_many_and_for_long(count: int, first: int, tenure: int) -> None:
    assert score(touches("inbound", first, *times(1, count - 1)), NOW).tenure == tenure


@pytest.mark.parametrize(
    ("told", "total", "label"),
    [
        ([], 0, "Cold"),
        (touches("mutual", 5), 7, "Strong"),
        (touches("mutual", 100), 4, "Warm"),
        (touches("mutual", *times(5, 60), 800) + touches("inbound", 1, platform="telegram"), 10, "Strong"),
    ],
)
def test_the_total_is_the_sum_and_at_most_ten(told: list[Touch], total: int, label: str) -> None:
    whole = score(told, NOW)
    assert (whole.total, whole.label) == (total, label)


a_touch = st.builds(
    Touch,
    occurred_at=st.integers(-100, 3000).map(lambda days: NOW - timedelta(days=days, minutes=7)),
    direction=st.sampled_from(["inbound", "outbound", "mutual", "participant"]),
    platform=st.sampled_from(["email", "calendar", "telegram"]),
    counted=st.booleans(),
)


@given(st.lists(a_touch, max_size=40))
def test_the_score_knows_no_order_and_stays_in_its_bounds(told: list[Touch]) -> None:
    whole = score(told, NOW)
    assert score(told[::-1], NOW) == whole
    parts = (whole.reciprocity, whole.recency, whole.frequency, whole.breadth, whole.tenure)
    assert all(0 <= part <= most for part, most in zip(parts, (4, 3, 2, 1, 2), strict=True))
    assert whole.total == min(10, sum(parts))


@given(st.lists(a_touch, max_size=10), st.integers(0, 4000))
def test_nothing_changes_before_the_next_change(told: list[Touch], later_hours: int) -> None:
    change = next_change(told, NOW)
    later = NOW + timedelta(hours=later_hours)
    if change is None or later < change:
        assert score(told, later) == score(told, NOW)
