"""The numbers behind a score, and the score month by month."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from libs.common.requests import MonthScore, ScoreNumbers
from services.contacts.domain.relationships import (
    continued,
    detailed_relationship,
    relationship,
    score_history,
    score_numbers,
)
from services.contacts.domain.scoring import label, totals_of
from tests.support.interaction_times import Line, score, times_of

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


def ago(days: float, direction: str, platform: str = "email", counted: bool = True) -> Line:
    return Line(NOW - timedelta(days=days), direction, platform, counted)


LINES = [
    ago(6, "inbound"), ago(40, "inbound"), ago(400, "inbound"), ago(8, "outbound"), ago(20, "mutual", "calendar"),
    ago(21, "mutual", "note"), ago(-3, "mutual", "calendar"), ago(1, "inbound", counted=False), ago(1, "participant"),
]  # fmt: skip


def test_the_numbers_are_counted_as_the_parts_look_at_them() -> None:
    assert score_numbers(times_of(LINES), NOW) == ScoreNumbers(
        they_wrote=3, you_wrote=1, meetings=1, they_wrote_in_year=2, you_wrote_in_year=1, meetings_in_year=1, in_month=4,
        in_quarter=5, in_all=6, platforms=("calendar", "email", "note"), last_from_them_at=NOW - timedelta(days=6),
        last_from_you_at=NOW - timedelta(days=8),
    )  # fmt: skip
    known = relationship(times_of(LINES), NOW)
    assert (known.first_at, known.last_at) == (NOW - timedelta(days=400), NOW - timedelta(days=6))
    assert (known.next_meeting_at, known.lines) == (NOW + timedelta(days=3), 9)
    assert score_numbers(times_of([]), NOW) == ScoreNumbers()


def test_the_history_is_the_score_at_the_end_of_each_month() -> None:
    random = Random(7)
    lines = [ago(random.uniform(-10, 900), random.choice(["inbound", "outbound", "mutual"])) for _ in range(60)]
    ends = [datetime(2025, month, 1, tzinfo=UTC) for month in range(8, 13)]
    ends += [datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 7)]
    expected = [score(lines, end - timedelta(microseconds=1)).total for end in ends] + [score(lines, NOW).total]
    history = score_history(times_of(lines), NOW)
    assert [entry.score for entry in history] == expected
    assert [entry.month for entry in history] == [
        *(f"2025-{n:02}" for n in range(7, 13)),
        *(f"2026-{n:02}" for n in range(1, 7)),
    ]
    assert len(set(expected)) > 2


@pytest.mark.parametrize("days", [0, 1, 16, 100, 500])
def test_a_stored_history_goes_on_with_the_score_that_it_has(days: int) -> None:
    """Nothing is due for them: the only contact is older than five years."""
    times, later = times_of([ago(2000, "mutual"), ago(2001, "mutual", "calendar")]), NOW + timedelta(days=days)
    known = detailed_relationship(times, NOW)
    assert known.due_at is None
    assert continued(known, later) == score_history(times, later)
    assert continued(known, NOW)[-1] == MonthScore(month="2026-06", score=known.score.total)


def test_every_score_is_within_the_bounds_of_its_label() -> None:
    for total in range(11):
        lowest, highest = totals_of(label(total))
        assert lowest <= total <= highest
    assert [totals_of(name) for name in ("Strong", "Warm", "Cold")] == [(7, 10), (4, 6), (0, 3)]
