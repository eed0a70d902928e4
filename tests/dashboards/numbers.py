"""What the queries of the dashboards give: the metrics' by Prometheus over the time of the load, the logs' over all lines so far."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from tests.support import logql
from tests.support.logql import PipelineError
from tests.support.monitoring import Target, targets
from tests.support.prometheus import Prometheus, Series

STEP_SECONDS = 5.0
RATE_SECONDS = 30
_LABEL = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Shown:
    """A series of a panel: the highest of its values and the last one, in the panel's unit; of the logs both are that of all lines.

    `series` empty: the query has only one. `highest` None: the query gave no number, or a wrong one, which `problem` says.
    """

    dashboard: str
    panel: str
    unit: str
    series: str
    highest: float | None
    last: float | None = None
    problem: str = ""


async def of_metrics(watching: Prometheus, begin: float, end: float) -> AsyncIterator[Shown]:
    """The panels over the metrics, as Grafana would fill them between these moments."""
    for target in targets("metrics"):
        query = target.query.replace("$__rate_interval", f"{RATE_SECONDS}s")
        found = await watching.query(query, begin, end, STEP_SECONDS)
        shown = [_of_series(target, series) for series in found if any(isfinite(value) for _, value in series.values)]
        for series in shown or [_nothing("metrics", target)]:
            yield series


def of_logs(folder: Path) -> Sequence[Shown]:
    """The panels over the logs in this folder. That of one trace gets the trace with the most lines."""
    lines = list(logql.read_lines(folder))
    traces = Counter(str(line["trace"]) for line in lines if "trace" in line)
    trace = max(traces, key=lambda found: traces[found], default="")
    rows: list[Shown] = []
    for target in targets("logs"):
        query = logql.parse(target.query.replace("$trace", trace))
        try:
            found = logql.values(query, lines)
        except PipelineError as error:
            rows.append(Shown("logs", target.panel, target.unit, "", None, problem=str(error)))
            continue
        unit = target.unit if query.function else "lines"
        rows += [
            Shown("logs", target.panel, unit, _legend(target, dict(zip(query.by, labels, strict=True))), value, value)
            for labels, value in found.items()
        ] or [_nothing("logs", target)]
    return rows


def _of_series(target: Target, series: Series) -> Shown:
    numbers = [value for _, value in series.values if isfinite(value)]
    return Shown("metrics", target.panel, target.unit, _legend(target, series.labels), max(numbers), numbers[-1])


def _nothing(dashboard: str, target: Target) -> Shown:
    """Of a panel that says what is meant by that, it is no problem."""
    return Shown(dashboard, target.panel, target.unit, target.empty, None, problem="" if target.empty else "no number")


def _legend(target: Target, labels: Mapping[str, str]) -> str:
    """The name of a series as Grafana writes it; where the panel has no rule for that, its labels."""
    if target.legend:
        return _LABEL.sub(lambda found: labels.get(found[1], ""), target.legend).strip()
    return " ".join(value for name, value in sorted(labels.items()) if name != "__name__")
