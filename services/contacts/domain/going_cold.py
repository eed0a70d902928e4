"""Who is going cold: a relationship that was Strong or Warm and whose usual interval is exceeded clearly. docs/rules.md, "Going cold".

A pure function of interactions and `now`, as the score is.
"""

from bisect import bisect_right
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

from libs.common.requests import GoingCold
from services.contacts.domain.interaction_times import InteractionTimes, first_after, last_until
from services.contacts.domain.scoring import MONTH, TICK, WARM, YEAR, label, score

MIN_SILENCE, MAX_SILENCE = MONTH, YEAR
TIMES_THE_INTERVAL = 3
MIN_WEEKS, MIN_SPAN = 4, 30
WEEK_DAYS = 7


def going_cold(times: InteractionTimes, now: datetime) -> GoingCold | None:
    """Since when, how often they used to write, and what the relationship was; None where it is not going cold."""
    last = last_until(now, *times.every)
    begins = _begins(times, last, now)
    if last is None or begins is None or now < begins or now - last > MAX_SILENCE:
        return None
    usual_days = usual_interval(times, last)
    assert usual_days is not None  # without one it never begins
    return GoingCold(since=begins, usual_days=usual_days, was=label(score(times, last).total))


def next_cold_change(times: InteractionTimes, now: datetime) -> datetime | None:
    """When it can begin or end without anything new, beyond what `scoring.next_change` gives; None if never."""
    begins = _begins(times, last_until(now, *times.every), now)
    return begins if begins and begins > now else None


def usual_interval(times: InteractionTimes, last: datetime) -> int | None:
    """How many days lay between two days on which one of us wrote, in the year before the last contact: half of the time no more.

    By time, and not by how many intervals there were: who exchanges ten mails in a week and then none for a month writes once a month.
    None where these days lie in fewer than four weeks, counted back from the last of them, or within a month: nothing is usual then.
    """
    written = [
        moments[bisect_right(moments, last - YEAR) : bisect_right(moments, last)]
        for moments in (times.inbound, times.outbound)
    ]
    days = sorted({moment.toordinal() for moments in written for moment in moments})
    if not days or days[-1] - days[0] < MIN_SPAN or len({(days[-1] - day) // WEEK_DAYS for day in days}) < MIN_WEEKS:
        return None
    gaps = sorted(later - earlier for earlier, later in pairwise(days))
    passed = accumulate(gaps)
    return next(gap for gap, until in zip(gaps, passed, strict=True) if 2 * until >= days[-1] - days[0])


def _begins(times: InteractionTimes, last: datetime | None, now: datetime) -> datetime | None:
    """The first moment at which it is going cold if nothing comes; None where it never is, or not before more is known.

    A silence of a month is the least, and an age at which the score is computed anew: until then nothing has to be known.
    """
    if last is None or not MIN_SILENCE < now - last <= MAX_SILENCE or first_after(now, times.mutual):
        return None
    usual_days, was = usual_interval(times, last), score(times, last)
    if usual_days is None or was.total < WARM or not was.reciprocity:
        return None
    return last + max(MIN_SILENCE, timedelta(days=TIMES_THE_INTERVAL * usual_days)) + TICK
