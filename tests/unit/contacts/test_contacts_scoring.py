"""The relationship score, rule by rule."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.interaction_times import Line, next_change, score

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


def interactions(direction: str, *days_ago: float, platform: str = "email", counted: bool = True) -> list[Line]:
    return [Line(NOW - timedelta(days=days), direction, platform, counted) for days in days_ago]


def times(days_ago: float, count: int) -> tuple[float, ...]:
    return (days_ago,) * count


@pytest.mark.parametrize(
    ("history", "reciprocity"),
    [
        ([], 0),
        (interactions("inbound", *times(10, 9)), 0),
        (interactions("inbound", *times(10, 8)) + interactions("outbound", 10), 1),  # 0.5, half up
        (interactions("inbound", *times(10, 9)) + interactions("outbound", 10), 0),  # 0.44
        (interactions("inbound", 10, 10) + interactions("outbound", 10), 2),
        (interactions("inbound", 10) + interactions("outbound", 364), 4),
        (interactions("inbound", *times(10, 1)) + interactions("outbound", *times(400, 10)), 2),  # 10 × 0.05
        (
            interactions("inbound", *times(2000, 5)) + interactions("outbound", *times(2000, 5)),
            0,
        ),  # older than five years
        (interactions("mutual", 10), 4),
    ],
)
def test_reciprocity_is_the_balance_of_both_directions(history: list[Line], reciprocity: int) -> None:
    assert score(history, NOW).reciprocity == reciprocity


@pytest.mark.parametrize(
    ("history", "recency"),
    [
        (interactions("inbound", 7), 3),
        (interactions("inbound", 7.01), 2),
        (interactions("inbound", 30), 2),
        (interactions("inbound", 90), 1),
        (interactions("inbound", 90.01), 0),
        (interactions("outbound", 1), 2),  # half of 3, half up
        (interactions("outbound", 20), 1),
        (interactions("outbound", 80), 1),
        (interactions("outbound", 1) + interactions("inbound", 300), 0),
        (interactions("mutual", 1), 3),
        (interactions("mutual", -1), 0),
        (interactions("participant", 1), 0),
        (interactions("inbound", 1, counted=False), 0),
    ],
)
def test_recency_is_how_fresh_their_last_sign_is(history: list[Line], recency: int) -> None:
    assert score(history, NOW).recency == recency


@pytest.mark.parametrize(
    ("history", "frequency"),
    [
        (interactions("inbound", *times(30, 8)), 2),
        (interactions("inbound", *times(30, 7)), 1),
        (interactions("inbound", *times(60, 10)), 1),
        (interactions("inbound", *times(60, 9)), 0),
        (interactions("inbound", *times(200, 30)), 1),
        (interactions("inbound", *times(700, 60)), 1),
        (interactions("inbound", *times(1800, 150)), 1),
        (interactions("inbound", *times(1800, 149)), 0),
    ],
)
def test_frequency_weighs_by_age(history: list[Line], frequency: int) -> None:
    assert score(history, NOW).frequency == frequency


def test_breadth_asks_for_two_platforms() -> None:
    assert score(interactions("inbound", 1) + interactions("mutual", 1, platform="calendar"), NOW).breadth == 1
    assert score(interactions("inbound", 1) + interactions("mutual", -1, platform="calendar"), NOW).breadth == 0


@pytest.mark.parametrize(
    ("count", "first", "tenure"), [(50, 730, 2), (50, 729, 1), (49, 730, 1), (20, 365, 1), (19, 800, 0), (20, 364, 0)]
)
def test_tenure_asks_for_many_and_for_long(count: int, first: int, tenure: int) -> None:
    assert score(interactions("inbound", first, *times(1, count - 1)), NOW).tenure == tenure


@pytest.mark.parametrize(
    ("history", "total", "label"),
    [
        ([], 0, "Cold"),
        (interactions("mutual", 5), 7, "Strong"),
        (interactions("mutual", 100), 4, "Warm"),
        (interactions("mutual", *times(5, 60), 800) + interactions("inbound", 1, platform="telegram"), 10, "Strong"),
    ],
)
def test_the_total_is_the_sum_and_at_most_ten(history: list[Line], total: int, label: str) -> None:
    whole = score(history, NOW)
    assert (whole.total, whole.label) == (total, label)


an_interaction = st.builds(
    Line,
    occurred_at=st.integers(-100, 3000).map(lambda days: NOW - timedelta(days=days, minutes=7)),
    direction=st.sampled_from(["inbound", "outbound", "mutual", "participant"]),
    platform=st.sampled_from(["email", "calendar", "telegram"]),
    counted=st.booleans(),
)


@given(st.lists(an_interaction, max_size=40))
def test_the_score_knows_no_order_and_stays_in_its_bounds(history: list[Line]) -> None:
    whole = score(history, NOW)
    assert score(history[::-1], NOW) == whole
    parts = (whole.reciprocity, whole.recency, whole.frequency, whole.breadth, whole.tenure)
    assert all(0 <= part <= most for part, most in zip(parts, (4, 3, 2, 1, 2), strict=True))
    assert whole.total == min(10, sum(parts))


@given(st.lists(an_interaction, max_size=10), st.integers(0, 4000))
def test_nothing_changes_before_the_next_change(history: list[Line], later_hours: int) -> None:
    change = next_change(history, NOW)
    later = NOW + timedelta(hours=later_hours)
    if change is None or later < change:
        assert score(history, later) == score(history, NOW)
