"""The relationship score: a pure function of interactions and `now`. docs/rules.md, "Relationship score".

Counted are past interactions that are inbound, outbound or mutual and not bulk mail. All sums are in integers, so that a score
is the same wherever it is computed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from libs.common.requests import Label, Score
from services.contacts.domain.interaction_times import (
    InteractionTimes,
    count_until,
    count_within,
    first_after,
    first_until,
    last_until,
)

AGES = tuple(timedelta(days=days) for days in (7, 30, 90, 365, 730, 1825))
WEEK, MONTH, QUARTER, YEAR, TWO_YEARS, FIVE_YEARS = AGES
TICK = timedelta(seconds=1)
STRONG, WARM = 7, 4


def score(times: InteractionTimes, now: datetime) -> Score:
    """The score as of `now`, with its parts."""
    parts = {
        "reciprocity": _reciprocity(times, now),
        "recency": _recency(times, now),
        "frequency": _frequency(times, now),
        "breadth": int(sum(first <= now for first in times.firsts.values()) >= 2),
        "tenure": _tenure(times, now),
    }
    total = min(10, sum(parts.values()))
    return Score(total=total, label=label(total), **parts)


def label(total: int) -> Label:
    return "Strong" if total >= STRONG else "Warm" if total >= WARM else "Cold"


def totals_of(wanted: Label) -> tuple[int, int]:
    """The lowest and the highest score that is called so."""
    return {"Strong": (STRONG, 10), "Warm": (WARM, STRONG - 1), "Cold": (0, WARM - 1)}[wanted]


def next_change(times: InteractionTimes, now: datetime) -> datetime | None:
    """When the score, or the last contact, can next be another one without anything new; None if never."""
    changes = [first_after(now, *times.every)]
    for age in AGES:
        reached = first_after(now - age - TICK, *times.every)  # the next that will be older than this
        changes.append(reached + age + TICK if reached and reached <= now else None)
    return min(filter(None, changes), default=None)


def _reciprocity(times: InteractionTimes, now: datetime) -> int:
    mutual = _faded(times.mutual, now)
    less, more = sorted((_faded(times.inbound, now) + mutual, _faded(times.outbound, now) + mutual))
    return (8 * less + more) // (2 * more) if less else 0  # 4·less/more, half up


def _faded(moments: Sequence[datetime], now: datetime) -> int:
    """Hundredths: a year in full, then 5 %, then 2 %, after five years nothing."""
    year, two, five = (count_within(moments, age, now) for age in (YEAR, TWO_YEARS, FIVE_YEARS))
    return 100 * year + 5 * (two - year) + 2 * (five - two)


def _recency(times: InteractionTimes, now: datetime) -> int:
    if from_them := last_until(now, times.inbound, times.mutual):
        return _freshness(now - from_them)
    if from_me := last_until(now, times.outbound):
        return (_freshness(now - from_me) + 1) // 2
    return 0


def _freshness(age: timedelta) -> int:
    return 3 if age <= WEEK else 2 if age <= MONTH else 1 if age <= QUARTER else 0


def _frequency(times: InteractionTimes, now: datetime) -> int:
    weight = sum(_weight(moments, now) for moments in times.every)
    return 2 if weight >= 800 else 1 if weight >= 300 else 0


def _weight(moments: Sequence[datetime], now: datetime) -> int:
    """Hundredths: a month in full, 30 % until three months, 10 % until a year, then as they fade."""
    month, quarter, year = (count_within(moments, age, now) for age in (MONTH, QUARTER, YEAR))
    return 100 * month + 30 * (quarter - month) + 10 * (year - quarter) + _faded(moments, now) - 100 * year


def _tenure(times: InteractionTimes, now: datetime) -> int:
    first = first_until(now, *times.every)
    if first is None:
        return 0
    number, age = sum(count_until(moments, now) for moments in times.every), now - first
    return 2 if number >= 50 and age >= TWO_YEARS else 1 if number >= 20 and age >= YEAR else 0
