"""What lies in deploy/ for Prometheus and Grafana is well-formed; test_whole_product.py tries it on what a product has emitted."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from libs.common.ids import SERVICES
from tests.support.monitoring import ALERTS, COUNTED, DASHBOARDS, MEASURED, PROMTOOL, alert_names, queries

NODE = Path(__file__).parents[2] / "support" / "typescript"
CONFIG = ALERTS.with_name("prometheus.yml")


def test_promtool_takes_the_configuration_and_its_rules() -> None:
    if PROMTOOL is None:
        assert os.environ.get("PINGCRM_PROMTOOL") != "required", "promtool is not installed: make promtool"
        pytest.skip("promtool is not installed (make promtool): neither the rules nor the dashboards are tried")
    done = subprocess.run([PROMTOOL, "check", "config", str(CONFIG)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried_and_none_that_is_not_there() -> None:
    assert COUNTED.keys() | MEASURED.keys() == alert_names()


def test_prometheus_looks_for_every_service_under_its_name() -> None:
    (job,) = yaml.safe_load(CONFIG.read_text())["scrape_configs"]
    assert tuple(job["dns_sd_configs"][0]["names"]) == SERVICES
    compose = yaml.safe_load((CONFIG.parents[2] / "docker-compose.yml").read_text())
    assert str(job["dns_sd_configs"][0]["port"]) == compose["services"]["sync"]["environment"]["PINGCRM_HEALTH_PORT"]


@pytest.mark.skipif(
    not (NODE / "node_modules" / "@grafana").exists(),
    reason="make typescript: the grammar of LogQL is a package of Node",
)
def test_the_queries_over_the_logs_are_logql() -> None:
    written = [query.replace("$__auto", "5m") for _, query in queries("logs")]
    given = json.dumps([*written, "{job="])
    done = subprocess.run(["node", "logql.mjs"], cwd=NODE, input=given, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["{job="]


@pytest.mark.parametrize("name", ["metrics", "logs"])
def test_a_dashboard_has_panels_that_do_not_overlap(name: str) -> None:
    dashboard = json.loads((DASHBOARDS / f"{name}.json").read_text())
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    cells = [
        (column, line)
        for place in places
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) < 24
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)
    assert len(queries(name)) >= len([panel for panel in dashboard["panels"] if panel["type"] != "row"])
