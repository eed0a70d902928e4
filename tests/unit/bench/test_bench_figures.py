"""The benchmarks' own arithmetic, and that a scenario comes to figures. No figure is judged here."""

from pathlib import Path

import pytest
from rich.console import Console

from tests.bench.__main__ import measured
from tests.bench.figure import Figure, at_least, at_most, exactly, percentile, shown
from tests.bench.pairs import compared
from tests.bench.registry import SCENARIOS
from tests.bench.report import as_json, as_markdown, page_with
from tests.bench.scenario import Scenario, Setting
from tests.bench.scenarios.quota import Sample, units_per_minute

SILENT = Console(quiet=True)


@pytest.mark.parametrize(
    ("percent", "value"), [(50, 5.0), (95, 10.0), (90, 9.0), (99, 10.0), (0, 1.0), (100, 10.0)]
)  # fmt: skip
def test_a_percentile_is_the_nearest_rank(percent: float, value: float) -> None:
    assert percentile([float(number) for number in range(10, 0, -1)], percent) == value


def test_a_target_is_met_up_to_its_bound() -> None:
    assert [target.is_met(10) for target in (at_most(10), at_least(10), exactly(10))] == [True, True, True]
    assert [target.is_met(11) for target in (at_most(10), at_least(12), exactly(10))] == [False, False, False]
    assert Figure("without a target", 1.0).is_met is None


def test_figures_are_shown_with_three_digits() -> None:
    assert [shown(value) for value in (0.0, 0.00123, 0.1234, 12.34, 1234.5, 7, "a note")] == [
        "0", "0.0012", "0.123", "12.3", "1,234", "7", "a note",
    ]  # fmt: skip


@pytest.mark.parametrize(("step", "pause"), [(20, 0.2), (500, 5.0), (6_000, 60.0)])
def test_the_pace_is_the_same_however_large_the_steps_are(step: int, pause: float) -> None:
    """6,000 units a minute, in single messages, in batches, or a minute's worth at once."""
    samples = [Sample(5 + tenth / 10, step * int((5 + tenth / 10) / pause)) for tenth in range(1201)]
    assert units_per_minute(samples, 60) == pytest.approx(6_000, rel=0.002)


def test_there_is_no_pace_without_a_whole_stretch() -> None:
    assert units_per_minute([Sample(0.0, 0), Sample(1.0, 20)], 60) == 0


def test_a_ratio_is_the_median_of_its_pairs_and_shows_them() -> None:
    compared_ratio, each = compared("CPU", [(1.2, 0.4), (1.0, 0.5), (9.0, 0.9)], "ms", "in one run", at_most(3))
    assert compared_ratio.value == pytest.approx(3)
    assert compared_ratio.is_met
    assert each.value == "1.2 / 0.4 = 3; 1 / 0.5 = 2; 9 / 0.9 = 10"
    assert (each.unit, each.target) == ("ms", None)


async def test_the_quick_mode_of_parsing_comes_to_figures(tmp_path: Path) -> None:
    result = await measured(SCENARIOS["parsing"], tmp_path / "parsing", SILENT, messages=200, quick=True)
    assert result.error == ""
    assert {figure.unit for figure in result.figures} == {"ms", "ms/kB", "times"}
    names = {figure.name for figure in result.figures}
    assert {f"{kind} forms, growth of the time" for kind in ("repeated", "unclosed", "nested")} <= names
    assert as_json([result])[0]["figures"][0]["target"] == {"relation": "≤", "value": 50}
    assert as_markdown([result]).count("\n") == 3 + len(result.figures)


async def test_what_stops_a_scenario_is_its_result(tmp_path: Path) -> None:
    async def broken(setting: Setting) -> list[Figure]:
        raise OSError("no such server")

    result = await measured(
        Scenario("broken", "?", broken), tmp_path / "broken", SILENT, messages=200, quick=True
    )  # fmt: skip
    assert result.error == "OSError: no such server"
    assert "not measured" in as_markdown([result])


def test_new_figures_replace_the_old_figures_of_a_page() -> None:
    machine = {"cores": 2, "memory_gib": 24, "system": "Linux", "python": "3.11.9", "at": "2026-11-23"}
    once = page_with("# Figures\n\nWhy.\n\n", machine, [])
    assert once.startswith("# Figures\n\nWhy.\n\n<!--")
    assert page_with(once, machine, []) == once
