"""Figures as tables, as JSON and as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.figure import Figure, shown
from tests.bench.scenario import Scenario

FIGURES = "<!-- What follows is written by `make bench`. -->\n"
MARKS = {True: "met", False: "missed", None: ""}


@dataclass(frozen=True)
class Result:
    """What became of a scenario. `load`: of the machine when it began, in runnable processes. `error`: why there are no figures."""

    scenario: Scenario
    seconds: float
    load: float
    figures: Sequence[Figure]
    error: str = ""

    @property
    def missed(self) -> list[Figure]:
        return [figure for figure in self.figures if figure.is_met is False]


def show(console: Console, result: Result) -> None:
    """One scenario as a table, each figure beside its target."""
    title = f"{result.scenario.name}: {result.scenario.question} ({result.seconds:.0f} s)"
    if result.error:
        console.print(f"[bold]{title}[/]\n[red]not measured:[/] {result.error}\n", highlight=False)
        return
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in ("what", "figure", "unit", "target", ""):
        table.add_column(name, justify="right" if name in ("figure", "target") else "left", no_wrap=name != "what")
    for figure in result.figures:
        style = "red" if figure.is_met is False else "green" if figure.is_met else ""
        target = str(figure.target or "")
        table.add_row(
            figure.name,
            shown(figure.value),
            figure.unit,
            target,
            f"[{style}]{MARKS[figure.is_met]}[/]" if style else "",
        )
    console.print(table)


def as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    return [
        {
            "scenario": result.scenario.name,
            "asks": result.scenario.question,
            "seconds": round(result.seconds, 1),
            "load": result.load,
            "error": result.error or None,
            "figures": [_figure(figure) for figure in result.figures],
        }
        for result in results
    ]


def _figure(figure: Figure) -> dict[str, Any]:
    target = figure.target
    return {
        "name": figure.name,
        "value": figure.value,
        "unit": figure.unit,
        "measured": figure.measured,
        "target": {"relation": target.relation, "value": target.value} if target else None,
        "met": figure.is_met,
    }


def page_with(page: str, machine: Mapping[str, object], results: Sequence[Result]) -> str:
    """A page of documentation with these figures in place of the old ones; what is above them stays."""
    about = (
        f"On {machine['cores']} cores and {machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']},"
        f" {machine['at']}; load average when the scenarios began: {', '.join(f'{result.load:.1f}' for result in results)}."
    )
    return f"{page.partition(FIGURES)[0]}{FIGURES}\n{about}\n\n{as_markdown(results)}"


def as_markdown(results: Sequence[Result]) -> str:
    """One table over all scenarios."""
    lines = ["| what | how it is measured | target | figure |", "| --- | --- | --- | --- |"]
    for result in results:
        lines.append(f"| **{result.scenario.question}** | {result.error and 'not measured'} | | |")
        for figure in result.figures:
            value = f"{shown(figure.value)} {figure.unit}".strip()
            value = f"{value} (missed)" if figure.is_met is False else value
            lines.append(f"| {figure.name} | {figure.measured} | {figure.target or ''} | {value} |")
    return "\n".join(lines) + "\n"
