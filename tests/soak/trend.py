"""Whether a series of samples grows: the slope of its second half by Theil and Sen, which no outlier bends, beside its noise. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import median

MOST_POINTS = 200  # pairs grow with the square of these
STANDARD_ERRORS = 3.0
_DEVIATIONS_PER_MAD = 1.4826  # of the normal distribution


@dataclass(frozen=True)
class Trend:
    """Of the second half of a series: `level` is its median, `growth` what the slope adds from its beginning to its end, `error` the
    standard error of that, all in the unit of the samples.
    """

    level: float
    growth: float
    error: float

    def is_flat(self, allowance: float) -> bool:
        """Whether it grows by no more than is allowed, or than its noise explains. What shrinks is flat."""
        return self.growth <= max(allowance, STANDARD_ERRORS * self.error)


def trend(samples: Sequence[tuple[float, float]]) -> Trend:
    """Of (seconds, value) in the order of time. ValueError: there are fewer than three in the second half."""
    begin, end = samples[0][0], samples[-1][0]
    half = [(at, value) for at, value in samples if at >= (begin + end) / 2]
    if len(half) < 3:
        raise ValueError("There are too few samples to see a trend in.")
    points = half[:: -(-len(half) // MOST_POINTS)]
    slope = median((later[1] - sooner[1]) / (later[0] - sooner[0]) for sooner, later in combinations(points, 2))
    offsets = [value - slope * at for at, value in points]
    middle = median(offsets)
    noise = _DEVIATIONS_PER_MAD * median(abs(offset - middle) for offset in offsets)
    return Trend(median(value for _, value in half), slope * (half[-1][0] - half[0][0]), noise * sqrt(12 / len(points)))


def gained_at_last(samples: Sequence[tuple[float, float]]) -> float:
    """What the last quarter has added: from the median of the eighth before it to that of its second half. Steps count as slopes do."""
    begin, end = samples[0][0], samples[-1][0]

    def middle(since: float, until: float) -> float:
        return median(value for at, value in samples if since <= (at - begin) / (end - begin) <= until)

    return middle(7 / 8, 1) - middle(5 / 8, 6 / 8)
