"""The relationship score: a pure function of interactions and `now`. docs/rules.md, "Relationship score".

Counted are past interactions that are inbound, outbound or mutual and not bulk mail. All sums are in integers, so that a score
is the same wherever it is computed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.requests import Label, Score

AGES = tuple(timedelta(days=days) for days in (7, 30, 90, 365, 730, 1825))
_WEEK, _MONTH, _QUARTER, _YEAR, _TWO_YEARS, _FIVE_YEARS = AGES
_TICK = timedelta(seconds=1)


@dataclass(frozen=True)
class ScoredInteraction:
    """One line of a timeline, as far as the score looks at it."""

    occurred_at: datetime
    direction: str
    platform: str
    counted: bool = True

    @property
    def from_them(self) -> bool:
        return self.direction in ("inbound", "mutual")

    @property
    def from_me(self) -> bool:
        return self.direction in ("outbound", "mutual")


def counted_interactions(interactions: Iterable[ScoredInteraction], now: datetime) -> list[ScoredInteraction]:
    """The interactions that count as contact: past, between the two of us, no bulk mail."""
    return [
        interaction
        for interaction in interactions
        if interaction.counted and interaction.occurred_at <= now and interaction.direction != "participant"
    ]


def score(interactions: Iterable[ScoredInteraction], now: datetime) -> Score:
    """The score as of `now`, with its parts."""
    counted = counted_interactions(interactions, now)
    parts = {
        "reciprocity": _reciprocity(counted, now),
        "recency": _recency(counted, now),
        "frequency": _frequency(counted, now),
        "breadth": int(len({interaction.platform for interaction in counted}) >= 2),
        "tenure": _tenure(counted, now),
    }
    total = min(10, sum(parts.values()))
    return Score(total=total, label=label(total), **parts)


def label(total: int) -> Label:
    return "Strong" if total >= 7 else "Warm" if total >= 4 else "Cold"


def next_change(interactions: Iterable[ScoredInteraction], now: datetime) -> datetime | None:
    """When the score, or the last contact, can next be another one without anything new; None if never."""
    moments = (
        moment
        for interaction in interactions
        if interaction.counted and interaction.direction != "participant"
        for moment in (interaction.occurred_at, *(interaction.occurred_at + age + _TICK for age in AGES))
        if moment > now
    )
    return min(moments, default=None)


def _reciprocity(counted: Sequence[ScoredInteraction], now: datetime) -> int:
    from_them = sum(_faded(now - interaction.occurred_at) for interaction in counted if interaction.from_them)
    from_me = sum(_faded(now - interaction.occurred_at) for interaction in counted if interaction.from_me)
    less, more = sorted((from_them, from_me))
    return (8 * less + more) // (2 * more) if less else 0  # 4·less/more, half up


def _faded(age: timedelta) -> int:
    """Hundredths: a year in full, then 5 %, then 2 %, after five years nothing."""
    if age <= _YEAR:
        return 100
    return 5 if age <= _TWO_YEARS else 2 if age <= _FIVE_YEARS else 0


def _recency(counted: Sequence[ScoredInteraction], now: datetime) -> int:
    if from_them := [interaction.occurred_at for interaction in counted if interaction.from_them]:
        return _freshness(now - max(from_them))
    if from_me := [interaction.occurred_at for interaction in counted if interaction.from_me]:
        return (_freshness(now - max(from_me)) + 1) // 2
    return 0


def _freshness(age: timedelta) -> int:
    return 3 if age <= _WEEK else 2 if age <= _MONTH else 1 if age <= _QUARTER else 0


def _frequency(counted: Sequence[ScoredInteraction], now: datetime) -> int:
    weight = sum(_weight(now - interaction.occurred_at) for interaction in counted)
    return 2 if weight >= 800 else 1 if weight >= 300 else 0


def _weight(age: timedelta) -> int:
    """Hundredths."""
    if age <= _MONTH:
        return 100
    return 30 if age <= _QUARTER else 10 if age <= _YEAR else _faded(age)


def _tenure(counted: Sequence[ScoredInteraction], now: datetime) -> int:
    if not counted:
        return 0
    age = now - min(interaction.occurred_at for interaction in counted)
    return 2 if len(counted) >= 50 and age >= _TWO_YEARS else 1 if len(counted) >= 20 and age >= _YEAR else 0
