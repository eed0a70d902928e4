"""Two things measured in turn, and their ratio: what a machine does differently from minute to minute falls on both. Pure."""

from collections.abc import Sequence
from statistics import median

from tests.bench.figure import Figure, Target, shown

Pair = tuple[float, float]  # a value, and the one that it is compared with, of the same minute


def ratio(pairs: Sequence[Pair]) -> float:
    """The median of the pairs' ratios. `pairs` is not empty, and no second value is 0."""
    return median(value / other for value, other in pairs)


def compared(name: str, pairs: Sequence[Pair], unit: str, measured: str, target: Target) -> list[Figure]:
    """The ratio with its target, and the pairs that it comes from."""
    each = "; ".join(f"{shown(value)} / {shown(other)} = {shown(value / other)}" for value, other in pairs)
    return [
        Figure(name, ratio(pairs), "", f"{measured}; the median of {len(pairs)} in turn", target),
        Figure(f"{name}, pair by pair", each, unit, "the same"),
    ]
