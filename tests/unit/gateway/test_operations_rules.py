"""What operators are told, and when: the page and the alerts have the same bounds, and each alert has a page of what to do."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
import yaml

from libs.common.ids import SERVICES
from libs.common.measuring import sample
from libs.common.requests import Sample
from libs.local import ROOT
from services.gateway.domain.concerns import DOWN, RULES, Rule, concerns, duration_text
from services.gateway.domain.operations import AccountRow, QuotaView, ScheduleRow, operations_view

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
PAGES = ROOT / "docs" / "operating" / "alerts"
LABELS = {"part": "state", "consumer": "sync_clock_mail", "kind": "mail", "api": "calendar"}


def alerts() -> dict[str, Mapping[str, str]]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def healthy() -> dict[str, list[Sample]]:
    return {service: [] for service in SERVICES}


def broken(rule: Rule, value: float) -> dict[str, list[Sample]]:
    return {**healthy(), "sync": [sample(rule.name, value, **{**LABELS, **rule.labels})]}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert)
def test_a_number_above_its_bound_is_a_concern_and_one_at_the_bound_is_none(rule: Rule) -> None:
    assert list(concerns(broken(rule, rule.above))) == []
    (concern,) = concerns(broken(rule, rule.above + 1))
    assert concern.alert == rule.alert
    assert "{" not in concern.text


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert)
def test_the_alert_of_a_rule_looks_at_the_same_number_and_has_the_same_bound(rule: Rule) -> None:
    expression = alerts()[rule.alert]["expr"]
    labels = ",".join(f'{name}="{value}"' for name, value in rule.labels.items())
    assert f"({rule.name}{{{labels}}})" in expression if labels else f"({rule.name})" in expression
    assert expression.endswith(f"> {rule.above:g}")


def test_who_does_not_reply_is_named_first() -> None:
    measured = {**broken(RULES[0], 1), "auth": None}
    assert [concern.alert for concern in concerns(measured)] == [DOWN, RULES[0].alert]


def test_each_alert_has_a_page_that_says_what_to_do_and_each_page_an_alert() -> None:
    pages = {path.stem for path in PAGES.glob("PingCRM*.md")}
    assert pages == alerts().keys()
    for name, alert in alerts().items():
        page = (PAGES / f"{name}.md").read_text()
        assert page.startswith(f"# {name}\n")
        assert "## What to do" in page
        assert alert["annotations"]["runbook"] == f"docs/operating/alerts/{name}.md"
    assert {DOWN, *(rule.alert for rule in RULES)} <= alerts().keys()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (172_800, "2 days")],
)
def test_a_duration_is_said_in_the_largest_unit_of_which_there_are_two(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_page_of_which_every_service_is_away_is_empty_and_says_who_is() -> None:
    view = operations_view(dict.fromkeys(SERVICES))
    assert len(view.concerns) == len(SERVICES)
    assert view.measured_at is None
    assert (view.users, view.pending, view.quotas, view.kinds, view.schedules) == (None, None, (), (), ())
    assert [row.version for row in view.services] == [""] * len(SERVICES)


def test_the_page_has_the_numbers_of_the_measurements_in_words() -> None:
    measured = healthy()
    moment = datetime(2026, 11, 28, 12, tzinfo=UTC)
    measured["gateway"] = [sample("pingcrm_measured_timestamp_seconds", moment.timestamp() + 90)]
    measured["contacts"] = [sample("pingcrm_measured_timestamp_seconds", moment.timestamp())]
    measured["auth"] = [sample("pingcrm_users", 2), sample("pingcrm_accounts", 3, state="active")]
    measured["sync"] = [
        sample("pingcrm_runs", 4, kind="mail", state="queued"),
        sample("pingcrm_sync_lag_seconds", 180, kind="mail", state="queued"),
        sample("pingcrm_sync_lag_seconds", 9_999, kind="mail", state="importing"),
        sample("pingcrm_messages_pending", 1_204),
        sample("pingcrm_quota_used_units", 4_000, api="calendar"),
        sample("pingcrm_quota_ceiling_units", 0, api="calendar"),
        sample("pingcrm_quota_used_units", 300_000, api="gmail"),
        sample("pingcrm_quota_ceiling_units", 1_200_000, api="gmail"),
        *(sample(f"pingcrm_queue_{what}", 0, consumer="sync_clock_mail") for what in ("waiting", "in_hand", "age_seconds")),
        sample("pingcrm_build_info", 1, version="0.1.0", python="3.11.2"),
        sample("pingcrm_server_info", 1, server="postgres", version="18.1 (Debian)"),
    ]  # fmt: skip
    measured["prep"] = [
        sample("pingcrm_briefs_of_day", 5, state="sent"),
        sample("pingcrm_model_cost_usd_of_days", 0.0039, days="1"),
        sample("pingcrm_model_tokens_of_days", 900, days="1", direction="input"),
        sample("pingcrm_model_cost_usd_of_days", 1_204.126, days="30"),
        sample("pingcrm_model_tokens_of_days", 1_000, days="30", direction="input"),
        sample("pingcrm_model_tokens_of_days", 200, days="30", direction="output"),
    ]
    view = operations_view(measured)
    assert view.measured_at == moment, "it is as old as the oldest number"
    assert (view.users, view.accounts) == (2, (AccountRow("Connected", 3),))
    (mail,) = view.kinds
    assert (mail.kind, mail.runs, mail.lag) == ("Mail", {"queued": 4}, "3 min")
    assert view.quotas == (
        QuotaView("Gmail", "units", 300_000, 1_200_000, 25),
        QuotaView("Google Calendar", "requests", 4_000, 0, 0),
    )
    assert (view.queues, view.empty_queues) == ((), 1)
    assert view.briefs == {"sent": 5}
    assert [(period.days, period.tokens, period.cost) for period in view.model] == [
        ("24 hours", 900, "$0.0039"),
        ("30 days", 1_200, "$1,204.13"),
    ]
    assert view.schedules[:2] == (
        ScheduleRow("Mail of every account", "every 6 hours", None),
        ScheduleRow("Contacts of every account", "every 6 hours", None),
    )
    assert view.schedules[2].when == "daily at 06:00 UTC"
    sync = next(row for row in view.services if row.name == "sync")
    assert (sync.version, sync.servers) == ("0.1.0", "Python 3.11.2, PostgreSQL 18.1")
