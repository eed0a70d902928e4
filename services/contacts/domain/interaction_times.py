"""When there was contact that counts with somebody: what the score, its history and going cold are computed from.

Sorted once, so that each question about a date is a few binary searches, however many interactions there are.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import merge
from typing import NamedTuple

MEETINGS = "calendar"


class Occurrences(NamedTuple):
    """The moments of all lines of a timeline that have these in common, sorted."""

    platform: str
    direction: str
    counted: bool
    moments: Sequence[datetime]


@dataclass(frozen=True)
class InteractionTimes:
    """The moments that count, sorted, those to come included. `lines`: how many lines there are, with those that do not count.

    `mutual` are meetings and notes, `meetings` those of them that are meetings. `firsts`: the first moment on each platform.
    """

    inbound: Sequence[datetime] = ()
    outbound: Sequence[datetime] = ()
    mutual: Sequence[datetime] = ()
    meetings: Sequence[datetime] = ()
    firsts: Mapping[str, datetime] = field(default_factory=dict)
    lines: int = 0

    @property
    def every(self) -> tuple[Sequence[datetime], ...]:
        return self.inbound, self.outbound, self.mutual


def interaction_times(found: Iterable[Occurrences]) -> InteractionTimes:
    """Of the lines of one contact, in any order. Bulk mail and what a third party wrote does not count."""
    kinds: dict[str, list[Sequence[datetime]]] = {"inbound": [], "outbound": [], "mutual": []}
    meetings: list[Sequence[datetime]] = []
    firsts: dict[str, datetime] = {}
    lines = 0
    for platform, direction, counted, moments in found:
        lines += len(moments)
        if not counted or direction not in kinds or not moments:
            continue
        kinds[direction].append(moments)
        if direction == "mutual" and platform == MEETINGS:
            meetings.append(moments)
        firsts[platform] = min(moments[0], firsts.get(platform, moments[0]))
    return InteractionTimes(
        inbound=tuple(merge(*kinds["inbound"])),
        outbound=tuple(merge(*kinds["outbound"])),
        mutual=tuple(merge(*kinds["mutual"])),
        meetings=tuple(merge(*meetings)),
        firsts=firsts,
        lines=lines,
    )


def count_until(moments: Sequence[datetime], now: datetime) -> int:
    """How many of them are not later than `now`."""
    return bisect_right(moments, now)


def count_within(moments: Sequence[datetime], age: timedelta, now: datetime) -> int:
    """How many of them are at `now` at most this old, and not to come."""
    return bisect_right(moments, now) - bisect_left(moments, now - age)


def last_until(now: datetime, *several: Sequence[datetime]) -> datetime | None:
    """The last of all that is not later than `now`."""
    return max((moments[n - 1] for moments in several if (n := bisect_right(moments, now))), default=None)


def first_until(now: datetime, *several: Sequence[datetime]) -> datetime | None:
    """The first of all, where it is not later than `now`."""
    return min((moments[0] for moments in several if moments and moments[0] <= now), default=None)


def first_after(now: datetime, *several: Sequence[datetime]) -> datetime | None:
    """The first of all that is later than `now`."""
    return min((moments[n] for moments in several if (n := bisect_right(moments, now)) < len(moments)), default=None)
