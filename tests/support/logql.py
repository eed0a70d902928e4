"""The queries over the logs, applied to lines that a product has written: as much of LogQL as the dashboard in deploy/ uses.

Loki is in no package that could be had here; that a query is LogQL at all is for Grafana's own grammar to say (tests/support/typescript).
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Line = Mapping[str, Any]

ERROR = "__error__"
_QUERY = re.compile(
    r"(?:topk\((?P<top>\d+), )?(?:sum(?: by \((?P<sum_by>[\w, ]+)\) )?\()?"
    r"(?:(?P<function>count|sum|quantile)_over_time\((?:(?P<quantile>0\.\d+), )?)?"
    r'\{job="pingcrm"\} \| json(?P<stages>[^\[]*?)'
    r"(?: \[\$__auto\]\)(?: by \((?P<by>\w+)\))?)?\)*"
)
_FILTER = re.compile(r'(\w+) ?(=~|!~|!=|=|>=) ?(?:"([^"]*)"|(\d+))')


class PipelineError(Exception):
    """Loki refuses to count: a line that is not JSON is among those that the query takes."""


@dataclass(frozen=True)
class Filter:
    """What a field of a line has to be; one that is not there is empty."""

    name: str
    operator: str
    value: str

    def takes(self, line: Line) -> bool:
        found = _text(line, self.name)
        match self.operator:
            case "=":
                return found == self.value
            case "!=":
                return found != self.value
            case "=~":
                return re.fullmatch(self.value, found) is not None
            case "!~":
                return re.fullmatch(self.value, found) is None
            case _:
                return found != "" and float(found) >= float(self.value)


@dataclass(frozen=True)
class Query:
    """`function` empty: the lines themselves are shown. `unwrapped`: the field whose numbers are taken. `by`: what names a series."""

    filters: tuple[Filter, ...]
    function: str
    quantile: float
    unwrapped: str
    by: tuple[str, ...]
    top: int

    @property
    def fields(self) -> list[str]:
        """What it looks at."""
        looked_at = [*(each.name for each in self.filters), self.unwrapped, *self.by]
        return [name for name in looked_at if name not in ("", ERROR)]


def parse(text: str) -> Query:
    """ValueError: it is none of these, or more than these have."""
    found = _QUERY.fullmatch(text)
    if found is None:
        raise ValueError(f"this is more LogQL than is understood here: {text}")
    filters, unwrapped = list[Filter](), ""
    for stage in found["stages"].split(" | ")[1:]:
        if stage.startswith("unwrap "):
            unwrapped = stage.removeprefix("unwrap ")
        elif taken := _FILTER.fullmatch(stage):
            filters.append(Filter(taken[1], taken[2], taken[3] or taken[4] or ""))
        else:
            raise ValueError(f"this stage is not understood here: {stage}")
    by = tuple((found["sum_by"] or found["by"] or "").split(", "))
    return Query(
        filters=tuple(filters),
        function=found["function"] or "",
        quantile=float(found["quantile"] or 0),
        unwrapped=unwrapped,
        by=() if by == ("",) else by,
        top=int(found["top"] or 0),
    )


def values(query: Query, lines: Iterable[Line]) -> dict[tuple[str, ...], float]:
    """What it gives over all of these lines: a number for each series; of lines how many they are. PipelineError."""
    series: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for line in lines:
        if not all(each.takes(line) for each in query.filters):
            continue
        if query.function and ERROR in line:
            raise PipelineError("a line that is not JSON is among those that are counted: filter by __error__")
        number = _text(line, query.unwrapped) if query.unwrapped else "1"
        if number:
            series[tuple(_text(line, name) for name in query.by)].append(float(number))
    numbers = {labels: _reduced(query, found) for labels, found in series.items()}
    largest = sorted(numbers, key=lambda labels: -numbers[labels])
    return {labels: numbers[labels] for labels in largest[: query.top or None]}


def read_lines(folder: Path) -> Iterator[Line]:
    """Each line of the logs in a folder, as `| json` reads it."""
    for file in sorted(folder.glob("*.log")):
        for text in file.read_text(errors="replace").splitlines():
            try:
                yield json.loads(text)
            except ValueError:
                yield {ERROR: "JSONParserErr"}


def _reduced(query: Query, numbers: Sequence[float]) -> float:
    if query.function != "quantile":
        return sum(numbers)
    ordered = sorted(numbers)
    rank = query.quantile * (len(ordered) - 1)
    below, above = ordered[int(rank)], ordered[min(int(rank) + 1, len(ordered) - 1)]
    return below + (above - below) * (rank - int(rank))


def _text(line: Line, name: str) -> str:
    value = line.get(name)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
