"""How the numbers of panels are written down."""

from pathlib import Path

import pytest

from tests.dashboards.numbers import of_logs
from tests.dashboards.report import UNITS, text_of
from tests.support.monitoring import targets


def test_every_unit_of_the_dashboards_can_be_written() -> None:
    assert {target.unit for name in ("metrics", "logs") for target in targets(name)} <= UNITS.keys()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", ""), (0.0, "short", "0"), (1_204.0, "short", "1,204"), (0.2534, "percentunit", "25.3 %"), (1.0, "percentunit", "100 %"),
        (3 << 20, "bytes", "3 MiB"), (0.0123, "currencyUSD", "0.0123 USD"), (12.345, "reqps", "12.3 req/s"), (1_234.5, "ms", "1,234 ms"),
    ],
)  # fmt: skip
def test_a_number_has_three_digits_and_its_unit(value: float | None, unit: str, text: str) -> None:
    assert text_of(value, unit) == text


def test_a_panel_without_a_line_is_a_problem_unless_it_says_what_that_means(tmp_path: Path) -> None:
    (tmp_path / "gateway-0.log").write_text(
        '{"event": "request", "level": "info", "service": "gateway", "route": "/", "status": 200, "ms": 4}\nnot JSON\n'
    )
    rows = of_logs(tmp_path)
    assert {row.panel: row.last for row in rows if row.last} == {
        "Lines by level": 1, "Lines by service": 1, "Requests by status": 1, "Requests, 95 %, by route": 4,
    }  # fmt: skip
    assert {row.panel for row in rows if row.problem} == {
        "Errors", "Given up", "One trace: from the first cause to the last effect",
    }  # fmt: skip
