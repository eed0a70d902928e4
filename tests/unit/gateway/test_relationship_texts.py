"""The relationship in words, to the letter."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from libs.common.requests import ContactSummary, GoingCold, MonthScore, ScoreNumbers
from services.gateway.domain.moments import UTC_ZONE
from services.gateway.domain.relationship_texts import (
    going_cold_text,
    history_line,
    interval_text,
    part_texts,
    relationship_line,
)
from tests.support.gateway.values import contact

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def person(last_days_ago: float | None = None, **numbers: Any) -> Any:
    first = datetime(2024, 8, 31, 23, 0, tzinfo=UTC) if numbers else None
    last = NOW - timedelta(days=last_days_ago) if last_days_ago is not None else None
    changes = {"numbers": ScoreNumbers(**numbers), "first_interaction_at": first, "last_interaction_at": last}
    return contact("Priya").model_copy(update=changes)


@pytest.mark.parametrize(
    ("somebody", "line"),
    [
        (person(6, they_wrote=12, you_wrote=9), "they wrote 12 times, you 9 · last 6 days ago · since Aug 2024"),
        (person(1, they_wrote=1, meetings=2), "they wrote once, you 0 · met twice · last yesterday · since Aug 2024"),
        (person(0.1, you_wrote=1204, meetings=1), "they wrote 0 times, you 1,204 · met once · last 2 hours ago · since Aug 2024"),
        (person(), ""),
    ],
)  # fmt: skip
def test_a_relationship_in_a_line(somebody: Any, line: str) -> None:
    assert relationship_line(somebody, NOW, UTC_ZONE) == line


def test_times_are_the_readers() -> None:
    assert relationship_line(person(6, they_wrote=1), NOW, ZoneInfo("Asia/Tokyo")).endswith("since Sep 2024")


def test_each_part_has_its_numbers() -> None:
    somebody = person(
        6, they_wrote=20, you_wrote=9, meetings=3, they_wrote_in_year=12, you_wrote_in_year=1, meetings_in_year=1, in_month=3,
        in_quarter=7, in_all=32, platforms=("calendar", "email", "telegram"), last_from_them_at=NOW - timedelta(days=6),
    )  # fmt: skip
    names = [(part.name, part.most) for part in part_texts(somebody, NOW, UTC_ZONE)]
    assert names == [("Give and take", 4), ("Recent", 3), ("Frequent", 2), ("Breadth", 1), ("Lasting", 2)]
    assert part_texts(somebody, NOW, ZoneInfo("Asia/Tokyo"))[4].sentence == "32 exchanges since Sep 2024"
    assert [part.sentence for part in part_texts(somebody, NOW, UTC_ZONE)] == [
        "in the last year they wrote 12 times, you 1, and you met once: only one of you writes",
        "their last sign was 6 days ago",
        "3 in the last 30 days, 7 in 90",
        "meeting and mail and telegram",
        "32 exchanges since Aug 2024",
    ]
    assert [part.sentence for part in part_texts(person(), NOW, UTC_ZONE)] == [
        "nothing in the last year", "nobody wrote yet", "0 in the last 30 days, 0 in 90", "nothing yet", "0 exchanges",
    ]  # fmt: skip
    only_me = person(9, you_wrote=1, in_all=1, last_from_you_at=NOW - timedelta(days=9))
    sentences = [part.sentence for part in part_texts(only_me, NOW, UTC_ZONE)]
    assert (sentences[1], sentences[4]) == ("they never wrote, you did 18 Nov", "1 exchange since Aug 2024")


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (1, "every day"), (2, "every 2 days"), (7, "every week"), (10, "every 10 days"), (11, "every 2 weeks"), (14, "every 2 weeks"),
        (17, "every 2 weeks"), (18, "every 3 weeks"), (24, "every 3 weeks"), (25, "every month"), (45, "every month"),
        (46, "every 2 months"), (121, "every 4 months"),
    ],
)  # fmt: skip
def test_an_interval_is_put_as_one_would(days: int, text: str) -> None:
    assert interval_text(days) == text


def test_why_somebody_is_going_cold() -> None:
    cold = GoingCold(since=NOW, usual_days=14, was="Strong")
    olivia = ContactSummary(
        id=contact("Olivia").id, name="Olivia", emails=(), last_interaction_at=NOW - timedelta(days=74), going_cold=cold
    )
    assert going_cold_text(olivia, NOW, UTC_ZONE) == "last contact 74 days ago, you used to write every 2 weeks"
    assert going_cold_text(olivia.model_copy(update={"going_cold": None}), NOW, UTC_ZONE) == ""


def test_a_history_is_a_line_and_a_sentence() -> None:
    history = [MonthScore(month=f"2026-{n:02}", score=score) for n, score in enumerate((0, 2, 10, 7), start=1)]
    line = history_line(history)
    assert line is not None
    assert line.points == "2,22 12,18 22,2 32,8"
    assert (line.last_x, line.last_y, line.width, line.height) == (32, 8, 34, 24)
    assert line.words == "The relationship month by month: 0 in Jan 2026, 7 now, between 0 and 10."
    assert history_line([MonthScore(month="2026-01", score=0)]) is None
