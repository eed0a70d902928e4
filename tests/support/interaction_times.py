"""Interactions as tests write them, one by one, and what the rules make of them."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from libs.common.requests import Score
from services.contacts.domain import scoring
from services.contacts.domain.interaction_times import InteractionTimes, Occurrences, interaction_times


class Line(NamedTuple):
    """One line of a timeline, as far as scores look at it."""

    occurred_at: datetime
    direction: str
    platform: str = "email"
    counted: bool = True


def times_of(lines: Iterable[Line]) -> InteractionTimes:
    return interaction_times(
        Occurrences(line.platform, line.direction, line.counted, [line.occurred_at]) for line in lines
    )


def score(lines: Iterable[Line], now: datetime) -> Score:
    return scoring.score(times_of(lines), now)


def next_change(lines: Iterable[Line], now: datetime) -> datetime | None:
    return scoring.next_change(times_of(lines), now)
