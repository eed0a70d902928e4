"""What is known of a relationship as of a date: the score with the numbers behind it, its history, whether it is going cold."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

from libs.common.requests import GoingCold, MonthScore, Score, ScoreNumbers
from services.contacts.domain.going_cold import going_cold, next_cold_change
from services.contacts.domain.interaction_times import (
    InteractionTimes,
    count_until,
    count_within,
    first_after,
    first_until,
    last_until,
)
from services.contacts.domain.scoring import MONTH, QUARTER, YEAR, next_change, score

MONTHS = 12


class Relationship(BaseModel):
    """A relationship as of `at`. Nothing of it is another one before `due_at` (None: ever), unless something new comes.

    `first_at` and `last_at` are the first and the last past contact that counts, `next_meeting_at` the first meeting that is ahead.
    `written_to`: the user has written to them.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime
    score: Score
    first_at: datetime | None
    last_at: datetime | None
    next_meeting_at: datetime | None
    going_cold: GoingCold | None
    lines: int
    due_at: datetime | None
    written_to: bool = False


class DetailedRelationship(Relationship):
    """With the numbers behind the score, and the score at the end of each month."""

    numbers: ScoreNumbers
    history: tuple[MonthScore, ...]


def relationship(times: InteractionTimes, now: datetime) -> Relationship:
    """As lists show it."""
    due = filter(None, (next_change(times, now), next_cold_change(times, now)))
    return Relationship(
        at=now,
        score=score(times, now),
        first_at=first_until(now, *times.every),
        last_at=last_until(now, *times.every),
        next_meeting_at=first_after(now, times.meetings),
        going_cold=going_cold(times, now),
        lines=times.lines,
        due_at=min(due, default=None),
        written_to=first_until(now, times.outbound) is not None,
    )


def detailed_relationship(times: InteractionTimes, now: datetime) -> DetailedRelationship:
    """As the contact's own page shows it."""
    return DetailedRelationship(
        **dict(relationship(times, now)), numbers=score_numbers(times, now), history=score_history(times, now)
    )


def score_numbers(times: InteractionTimes, now: datetime) -> ScoreNumbers:
    """What the parts of the score look at, counted."""
    return ScoreNumbers(
        they_wrote=count_until(times.inbound, now),
        you_wrote=count_until(times.outbound, now),
        meetings=count_until(times.meetings, now),
        they_wrote_in_year=count_within(times.inbound, YEAR, now),
        you_wrote_in_year=count_within(times.outbound, YEAR, now),
        meetings_in_year=count_within(times.meetings, YEAR, now),
        in_month=sum(count_within(moments, MONTH, now) for moments in times.every),
        in_quarter=sum(count_within(moments, QUARTER, now) for moments in times.every),
        in_all=sum(count_until(moments, now) for moments in times.every),
        platforms=tuple(sorted(platform for platform, first in times.firsts.items() if first <= now)),
        last_from_them_at=last_until(now, times.inbound, times.mutual),
        last_from_you_at=last_until(now, times.outbound, times.mutual),
    )


def score_history(times: InteractionTimes, now: datetime) -> tuple[MonthScore, ...]:
    """The score at the end of each of the last eleven months (UTC), and as of `now`, by the same rule."""
    return tuple(
        MonthScore(month=f"{begin:%Y-%m}", score=score(times, min(now, following - timedelta(microseconds=1))).total)
        for begin, following in _months(now)
    )


def continued(known: DetailedRelationship, now: datetime) -> tuple[MonthScore, ...]:
    """The history of a relationship for which nothing is due since: months that ended meanwhile ended with the score that it has."""
    scores = {entry.month: entry.score for entry in known.history}
    months = [f"{begin:%Y-%m}" for begin, _ in _months(now)]
    return tuple(MonthScore(month=month, score=scores.get(month, known.score.total)) for month in months)


def _months(now: datetime) -> Sequence[tuple[datetime, datetime]]:
    """The beginnings of the last twelve months, the one of `now` included, each with that of the month after it."""
    number = now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1
    begins = [datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(number - MONTHS + 1, number + 2)]
    return list(pairwise(begins))
