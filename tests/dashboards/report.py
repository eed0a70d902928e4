"""The table: panel, series, numbers in the panel's unit."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from tests.dashboards.numbers import Shown

MOST_SERIES = 10  # of a panel; the largest
# What Grafana writes behind a number of this unit, and by what it is multiplied.
UNITS: Mapping[str, tuple[float, str]] = {
    "short": (1, ""),
    "lines": (1, " lines"),
    "s": (1, " s"),
    "ms": (1, " ms"),
    "percentunit": (100, " %"),
    "bytes": (1 / (1 << 20), " MiB"),
    "currencyUSD": (1, " USD"),
    "reqps": (1, " req/s"),
    "eps": (1, " evt/s"),
    "cps": (1, " c/s"),
}


def show(console: Console, rows: Sequence[Shown], firing: Sequence[str]) -> None:
    """Every panel of both dashboards, and the alerts that were on meanwhile."""
    for dashboard, of_dashboard in groupby(rows, key=lambda row: row.dashboard):
        table = Table(title=f"{dashboard}.json", title_justify="left", title_style="bold")
        for name in ("panel", "series", "highest", "last"):
            table.add_column(name, justify="right" if name in ("highest", "last") else "left", overflow="fold")
        for panel, of_panel in groupby(of_dashboard, key=lambda row: row.panel):
            shown = sorted(of_panel, key=lambda row: -(row.highest or 0.0))
            for at, row in enumerate(shown[:MOST_SERIES]):
                problem = f"[red]{row.problem}[/]" if row.problem else row.series
                table.add_row("" if at else panel, problem, text_of(row.highest, row.unit), text_of(row.last, row.unit))
            if len(shown) > MOST_SERIES:
                table.add_row("", f"… {len(shown) - MOST_SERIES} more", "", "")
        console.print(table)
    console.print(f"Alerts that fire: {', '.join(firing) or 'none'}.", highlight=False)


def text_of(value: float | None, unit: str) -> str:
    """As Grafana writes it, about; empty where there is none. KeyError: no panel has had this unit yet."""
    if value is None:
        return ""
    factor, suffix = UNITS[unit]
    number = value * factor
    return f"{number:,.0f}{suffix}" if number == int(number) or abs(number) >= 100 else f"{number:,.3g}{suffix}"
