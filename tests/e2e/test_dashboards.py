"""The dashboards of deploy/ on a product with some load: a Prometheus has a number for each panel, and so have the logs. `make dashboards`
does the same at size.
"""

import sys
from pathlib import Path

import pytest

from tests.dashboards.__main__ import measure
from tests.dashboards.load import Size
from tests.support.prometheus import PROMETHEUS


@pytest.mark.timeout(240)
async def test_every_panel_has_a_number_under_load(tmp_path: Path) -> None:
    if PROMETHEUS is None or sys.platform != "linux":  # elsewhere people have no addresses of their own on this machine
        pytest.skip(
            "Prometheus is not installed (make promtool), or this is not Linux: the dashboards are not looked at"
        )
    size = Size(accounts=2, messages=200, seconds=12, every_seconds=2)
    found = await measure(tmp_path, PROMETHEUS, size, lambda _: None)
    assert found.problems == []
    for panel, ceiling in (("Gmail's units a minute", 1_200_000), ("The calendar's requests a minute", 10_000)):
        numbers = {row.series: row.highest or 0.0 for row in found.rows if row.panel == panel}
        assert numbers.pop("ceiling") == ceiling
        assert sum(numbers.values()) > 0, "calls of both APIs are counted"
