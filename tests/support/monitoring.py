"""The alerts and dashboards of deploy/ against what a product has really emitted: metrics by promtool, log queries by its lines.

promtool is in Debian's package `prometheus`. Queries over the logs are read by logql.py, and their syntax is checked by Grafana's own
grammar (tests/support/typescript). tests/dashboards has the numbers that each panel gives under load.
"""

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from libs.common.log_schema import CATALOGUE, entries
from libs.local import ROOT
from services.gateway.domain.concerns import RULES
from tests.support import logql
from tests.support.logql import Line

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
PROMTOOL = shutil.which("promtool")
MINUTES = 120  # of a history: longer than any alert waits
RATE_INTERVAL = "5m"


@dataclass(frozen=True)
class Series:
    """One line that was scraped."""

    name: str
    labels: Mapping[str, str]
    value: float

    def __str__(self) -> str:
        labels = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(self.labels.items()))
        return f"{self.name}{{{labels}}}"

    def has(self, labels: Mapping[str, str]) -> bool:
        return labels.items() <= self.labels.items()

    def relabelled(self, **labels: str) -> "Series":
        return replace(self, labels={**self.labels, **labels})


@dataclass(frozen=True)
class Broken:
    """How the series of an alert look when it is to fire: those of a name (and, if there are such, labels), with labels changed.

    `history`: as promtool writes it; of a histogram those of buckets up to `slower_than` stay at 0.
    """

    name: str
    labels: Mapping[str, str]
    changed: Mapping[str, str]
    history: str
    slower_than: float = float("-inf")


GROWING = f"0+50x{MINUTES}"
COUNTED: Mapping[str, Sequence[Broken]] = {
    "PingCRMServiceDown": [Broken("up", {}, {}, f"0x{MINUTES}")],
    "PingCRMErrors": [Broken("pingcrm_http_request_seconds_count", {}, {"status": "503"}, GROWING)],
    "PingCRMSlow": [Broken("pingcrm_http_request_seconds_bucket", {}, {}, GROWING, slower_than=1.0)],
    "PingCRMEventsFail": [Broken("pingcrm_events_total", {"outcome": "handled"}, {"outcome": "failed"}, GROWING)],
    "PingCRMRequestsFail": [Broken("pingcrm_requests_total", {"outcome": "answered"}, {"outcome": "timed_out"}, GROWING)],
    "PingCRMRunsFail": [Broken("pingcrm_runs_ended_total", {}, {"outcome": "failed", "code": "unavailable"}, GROWING)],
    "PingCRMGoogleRefuses": [Broken("pingcrm_quota_refusals_total", {"reason": "google"}, {}, GROWING)],
    "PingCRMTokenRefreshesFail": [Broken("pingcrm_token_refreshes_total", {"outcome": "misconfigured"}, {}, GROWING)],
    "PingCRMBriefsLate": [
        Broken("pingcrm_brief_late_seconds_count", {}, {}, GROWING),
        Broken("pingcrm_brief_late_seconds_bucket", {}, {}, GROWING, slower_than=300.0),
    ],
    "PingCRMModelFails": [Broken("pingcrm_model_answers_total", {"outcome": "timeout"}, {}, GROWING)],
}  # fmt: skip
MEASURED: Mapping[str, Sequence[Broken]] = {
    rule.alert: [Broken(rule.name, rule.labels, {}, f"{rule.above + 1:g}x{MINUTES}")] for rule in RULES
}


def scraped(service: str, instance: str, text: str) -> Iterator[Series]:
    """What Prometheus makes of a service's `/metrics`, with the labels of its target."""
    target = {"job": "pingcrm", "service": service, "instance": instance}
    yield Series("up", target, 1)
    for family in text_string_to_metric_families(text):
        for found in family.samples:
            if not found.name.endswith("_created"):
                yield Series(found.name, {**found.labels, **target}, found.value)


def alert_names() -> set[str]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule["alert"] for rule in group["rules"]}


@dataclass(frozen=True)
class Target:
    """A query of a panel. `legend`: how its series are called, with labels in braces. `empty`: what is shown where there is none."""

    panel: str
    unit: str
    query: str
    legend: str
    empty: str


def targets(dashboard: str) -> list[Target]:
    """The queries of a dashboard, in the order of its panels."""
    panels = json.loads((DASHBOARDS / f"{dashboard}.json").read_text())["panels"]
    shown = [(panel, panel.get("fieldConfig", {}).get("defaults", {})) for panel in panels]
    return [
        Target(
            panel["title"], how.get("unit", ""), found["expr"], found.get("legendFormat", ""), how.get("noValue", "")
        )
        for panel, how in shown
        for found in panel.get("targets", ())
    ]


def queries(dashboard: str) -> list[tuple[str, str]]:
    """Panel and query, for each of a dashboard."""
    return [(target.panel, target.query) for target in targets(dashboard)]


def problems_of_metrics(promtool: str, folder: Path, emitted: Sequence[Series], firing: Iterable[str]) -> str:
    """What promtool finds wrong; empty where nothing is. `firing`: the alerts that fire of what was emitted as it is."""
    document = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [_as_emitted(emitted, firing), _broken(emitted)],
    }
    file = folder / "alerts_test.yml"
    file.write_text(yaml.safe_dump(document, width=10_000))
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _as_emitted(emitted: Sequence[Series], firing: Iterable[str]) -> dict[str, Any]:
    """Each panel has something to show, and just these alerts fire."""
    history = [{"series": str(series), "values": f"{series.value:.3f}x{MINUTES}"} for series in emitted]
    shown = [
        _holds(f"count({expression.replace('$__rate_interval', RATE_INTERVAL)}) > bool 0")
        for _, expression in queries("metrics")
    ]
    alerts = {
        "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{MINUTES - 1}m",
        "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(firing)],
    }
    return {"interval": "1m", "input_series": history, "promql_expr_test": [*shown, alerts]}


def _broken(emitted: Sequence[Series]) -> dict[str, Any]:
    """Every alert fires, with series as they were emitted and other values."""
    histories: dict[str, str] = {}
    fires = []
    for alert, how in (COUNTED | MEASURED).items():
        own = {str(series): values for broken in how for series, values in _series(broken, emitted)}
        assert own, f"nothing was emitted of what {alert} looks at"
        assert all(histories.get(series, values) == values for series, values in own.items()), f"{alert} and another"
        histories |= own
        fires.append(_holds(f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) > bool 0'))
    history = [{"series": series, "values": values} for series, values in histories.items()]
    return {"interval": "1m", "input_series": history, "promql_expr_test": fires}


def _series(broken: Broken, emitted: Sequence[Series]) -> Iterator[tuple[Series, str]]:
    for found in emitted:
        if found.name == broken.name and found.has(broken.labels):
            is_faster = float(found.labels.get("le", "+Inf")) <= broken.slower_than
            yield found.relabelled(**broken.changed), f"0x{MINUTES}" if is_faster else broken.history


def _holds(expression: str) -> dict[str, Any]:
    return {"expr": expression, "eval_time": f"{MINUTES - 1}m", "exp_samples": [{"labels": "{}", "value": 1}]}


# --- logs ---------------------------------------------------------------------------------------------------------------


def problems_of_logs(lines: Sequence[Line]) -> list[str]:
    """Panels whose query would find nothing in these lines though their event is among them, or that look for what nobody logs."""
    known, wrong = {entry.event for entry in entries(CATALOGUE.read_text())}, []
    for title, text in queries("logs"):
        query = logql.parse(text)
        events = [event for each in query.filters if each.name == "event" for event in each.value.split("|")]
        wrong += [f"{title}: nobody logs {event}" for event in events if event not in known]
        of_events = [line for line in lines if not events or line["event"] in events]
        if of_events and not any(all(field in line for field in query.fields) for line in of_events):
            wrong.append(f"{title}: no line has {query.fields}")
    return wrong
