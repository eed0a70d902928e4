"""`make bench`: how fast, how cheap, how fresh, how small. Each figure is shown beside its target."""

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import psutil
from rich.console import Console

from tests.bench.registry import SCENARIOS
from tests.bench.report import Result, as_json, page_with, show
from tests.bench.scenario import Scenario, Setting


def options(arguments: Sequence[str]) -> argparse.Namespace:
    listed = "\n".join(f"  {scenario.name:<12} {scenario.question}" for scenario in SCENARIOS.values())
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=f"{__doc__}\n\nscenarios:\n{listed}",
        epilog="The exit code is 1 where something could not be measured, and with --check where a target is missed.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[*SCENARIOS], help="run these scenarios")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures to this file")
    parser.add_argument("--page", type=Path, metavar="FILE", help="also put them into this page, docs/benchmarks.md")
    parser.add_argument("--messages", type=_size, default=5000, help="size of a large mailbox (default: %(default)s)")
    parser.add_argument(
        "--interactions",
        type=int,
        default=1_000_000,
        metavar="TOTAL",
        help="how far growth goes (default: %(default)s)",
    )
    parser.add_argument(
        "--drawings", type=Path, metavar="FOLDER", help="also draw curves as SVG into this folder, docs/"
    )
    parser.add_argument("--quick", action="store_true", help="small and short: shows that it works, not how fast it is")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    parser.add_argument("--keep", action="store_true", help="keep data and logs, and say where they are")
    return parser.parse_args(arguments)


def _size(text: str) -> int:
    number = int(text)
    if number < 200:
        raise argparse.ArgumentTypeError("at least 200, so that there is something to measure")
    return number


async def measured(
    scenario: Scenario,
    folder: Path,
    console: Console,
    *,
    messages: int,
    quick: bool,
    interactions: int = 1_000_000,
    drawings: Path | None = None,
) -> Result:
    """One scenario from beginning to end; whatever stops it is in the result."""
    begun, load = perf_counter(), os.getloadavg()[0]

    def publish(sentence: str) -> None:
        console.print(f"[dim]{perf_counter() - begun:6.1f} s  {scenario.name}: {sentence}[/]", highlight=False)

    folder.mkdir()
    try:
        async with asyncio.timeout(scenario.limit_seconds):
            figures = await scenario.run(Setting(folder, messages, quick, publish, interactions, drawings))
    except TimeoutError as error:
        reason = str(error) or f"it was not over after {scenario.limit_seconds:.0f} s"
        return Result(scenario, perf_counter() - begun, load, (), reason)
    except Exception as error:  # the other scenarios have their own stage
        return Result(scenario, perf_counter() - begun, load, (), f"{type(error).__name__}: {error}")
    return Result(scenario, perf_counter() - begun, load, figures)


def machine() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        "system": platform.system(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write(chosen: argparse.Namespace, about: Mapping[str, object], results: Sequence[Result]) -> None:
    """All figures so far into the files that were requested: they are there, whoever stops the rest."""
    if chosen.json:
        figures = {"machine": about, "results": as_json(results)}
        chosen.json.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    if chosen.page:
        page = chosen.page.read_text() if chosen.page.exists() else ""
        chosen.page.write_text(page_with(page, about, results))


def main(arguments: Sequence[str]) -> int:
    chosen = options(arguments)
    messages = min(chosen.messages, 600) if chosen.quick else chosen.messages
    names = chosen.only or [*SCENARIOS]
    console = Console(width=None if sys.stdout.isatty() else 120)
    folder = Path(tempfile.mkdtemp(prefix="pingcrm-bench-"))
    results: list[Result] = []
    about = machine()
    try:
        for name in names:
            work = measured(
                SCENARIOS[name], folder / name, console, messages=messages, quick=chosen.quick,
                interactions=chosen.interactions, drawings=chosen.drawings,
            )  # fmt: skip
            results.append(asyncio.run(work))
            show(console, results[-1])
            write(chosen, about, results)
    except KeyboardInterrupt:
        return 130
    finally:
        if chosen.keep:
            console.print(f"Data and logs are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    missed = [f"{figure.name} ({result.scenario.name})" for result in results for figure in result.missed]
    failed = [result.scenario.name for result in results if result.error]
    console.print(f"Targets missed: {', '.join(missed) or 'none'}.", highlight=False)
    if failed:
        console.print(f"[red]Not measured:[/] {', '.join(failed)}.", highlight=False)
    return 1 if failed or (chosen.check and missed) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
