"""A number with its unit, how it was measured, and what it has to reach. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

Relation = Literal["≤", "≥", "="]


@dataclass(frozen=True)
class Target:
    """What a figure has to reach, in the figure's unit."""

    relation: Relation
    value: float

    def is_met(self, value: float) -> bool:
        match self.relation:
            case "≤":
                return value <= self.value
            case "≥":
                return value >= self.value
            case "=":
                return value == self.value
            case _:
                assert_never(self.relation)

    def __str__(self) -> str:
        return f"{self.relation} {shown(self.value)}"


def at_most(value: float) -> Target:
    return Target("≤", value)


def at_least(value: float) -> Target:
    return Target("≥", value)


def exactly(value: float) -> Target:
    return Target("=", value)


@dataclass(frozen=True)
class Figure:
    """One result. `measured` states how it came about, so that somebody else can measure it again. A text has no target."""

    name: str
    value: float | str
    unit: str = ""
    measured: str = ""
    target: Target | None = None

    @property
    def is_met(self) -> bool | None:
        """None where nothing was aimed at."""
        if self.target is None or isinstance(self.value, str):
            return None
        return self.target.is_met(self.value)


def shown(value: float | str) -> str:
    """For people: three significant digits, whole numbers in full."""
    if isinstance(value, str):
        return value
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.01 else f"{value:.4f}"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all do not exceed (nearest rank). `values` is not empty."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]
