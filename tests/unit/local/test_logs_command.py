"""`pingcrm logs`: what the services wrote, chosen and in order."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from libs.local.cli import app
from libs.local.log_lines import as_logfmt

TRACE = "a" * 32


def line(second: int, service: str, event: str, level: str = "info", **fields: Any) -> str:
    return json.dumps(
        {"event": event, "level": level, "time": f"2026-03-04T12:00:{second:02}Z", "service": service, **fields}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    gateway = [
        line(1, "gateway", "started"),
        line(4, "gateway", "request", trace=TRACE, status=200),
        '{"event": "cut o',
    ]
    sync = [line(2, "sync", "started"), "Traceback:", line(3, "sync", "run_error", "error", exception="x\ny"), "[]"]
    (tmp_path / "logs" / "gateway.log").write_text("\n".join(gateway))
    (tmp_path / "logs" / "sync.log").write_text("\n".join(sync))
    return tmp_path


def printed(folder: Path, *options: str) -> list[str]:
    result = CliRunner().invoke(app, ["logs", "--data-dir", str(folder), *options])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_lines_come_in_the_order_of_time_from_all_services(folder: Path) -> None:
    lines = [json.loads(written) for written in printed(folder, "--format", "json")]
    assert [(found["service"], found["event"]) for found in lines] == [
        ("gateway", "started"), ("sync", "started"), ("sync", "run_error"), ("gateway", "request"),
    ]  # fmt: skip


def test_lines_are_chosen_by_service_event_level_and_trace(folder: Path) -> None:
    cases = {
        ("--service", "sync"): ["started", "run_error"],
        ("--event", "started", "--event", "request"): ["started", "started", "request"],
        ("--level", "warning"): ["run_error"],
        ("--trace", TRACE): ["request"],
        ("--trace", "b"): [],
    }
    for options, events in cases.items():
        lines = [json.loads(written) for written in printed(folder, "--format", "json", *options)]
        assert [found["event"] for found in lines] == events, options


def test_logfmt_begins_with_what_every_line_has_and_quotes_what_is_not_plain(folder: Path) -> None:
    assert printed(folder)[2] == (
        'time=2026-03-04T12:00:03Z level=error service=sync event=run_error exception="x\\ny"'
    )
    fields = {
        "words": "two words",
        "empty": "",
        "quote": 'a"b',
        "equals": "a=b",
        "none": None,
        "counts": {"a": 1},
        "on": True,
    }
    assert as_logfmt(fields) == (
        'words="two words" empty="" quote="a\\"b" equals="a=b" none=null counts="{\\"a\\": 1}" on=true'
    )


def test_what_can_not_be_shown_is_explained(tmp_path: Path) -> None:
    cases = {
        ("--data-dir", str(tmp_path)): "no logs in",
        ("--service", "mail"): "no service mail",
        ("--level", "loud"): "no level loud",
    }
    for options, sentence in cases.items():
        result = CliRunner().invoke(app, ["logs", *options])
        assert result.exit_code > 0
        assert sentence in " ".join(result.output.split())
