"""What is between the user and a contact: the score, its parts and numbers, going cold."""

from datetime import datetime
from typing import Literal

from libs.common.requests.request import FrozenModel

Label = Literal["Strong", "Warm", "Cold"]


class Score(FrozenModel):
    """The relationship score and its parts; `total` is their sum, at most 10."""

    total: int
    label: Label
    reciprocity: int
    recency: int
    frequency: int
    breadth: int
    tenure: int


class ScoreNumbers(FrozenModel):
    """What the parts of a score look at, counted: what they wrote, what you wrote, and meetings that both were at; `in_all` with notes.

    `in_year`: the last 365 days; `in_quarter` 90, `in_month` 30. A meeting is a sign from both.
    """

    they_wrote: int = 0
    you_wrote: int = 0
    meetings: int = 0
    they_wrote_in_year: int = 0
    you_wrote_in_year: int = 0
    meetings_in_year: int = 0
    in_month: int = 0
    in_quarter: int = 0
    in_all: int = 0
    platforms: tuple[str, ...] = ()
    last_from_them_at: datetime | None = None
    last_from_you_at: datetime | None = None


class MonthScore(FrozenModel):
    """The score at the end of a month ("2026-03", UTC), or now."""

    month: str
    score: int


class GoingCold(FrozenModel):
    """A relationship that `was` Strong or Warm at its last contact, silent for much longer than usual.

    `usual_days`: how many days used to lie between two days on which one of you wrote.
    """

    since: datetime
    usual_days: int
    was: Label
