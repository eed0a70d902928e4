"""docs/logs.schema.json: made of the catalogue, and what it takes for a line."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from libs.common.log_schema import CATALOGUE, document, entries, log_schema, unknown_fields
from libs.local import ROOT
from tests.unit.common.test_log_catalogue import catalogue, logged

LINE: dict[str, Any] = {
    "event": "request", "level": "info", "time": "2026-03-04T12:00:00Z", "service": "gateway", "trace": "0" * 32,
    "method": "GET", "route": "/mcp", "status": 200, "ms": 3.5,
}  # fmt: skip


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return log_schema(CATALOGUE.read_text())


def test_the_committed_schema_is_up_to_date() -> None:
    assert (ROOT / "docs" / "logs.schema.json").read_text() == document(), "run `make docs`"


def test_the_schema_has_every_event_of_the_catalogue_and_every_field_that_the_code_logs(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert set(schema["$defs"]) == set(catalogue())
    assert len(schema["$defs"]) > 100
    for line in logged():
        values = {"event": line.event, **dict.fromkeys(line.fields)}
        assert unknown_fields(schema, values) == set(), f"{line.where}: name it in the row of {line.event}"
        levels = schema["$defs"][line.event]["properties"]["level"]["enum"]
        assert line.level in levels, f"{line.where}: the row of {line.event} does not say `at {line.level}`"


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"status": "200"}, False),
        ({"ms": "3.5"}, False),
        ({"level": "error"}, False),
        ({"service": "mail"}, False),
        ({"trace": "f"}, False),
        ({"time": None}, False),
        ({"event": "notified", "severity": "warning"}, True),
        ({"event": "Task was destroyed but it is pending!", "level": "error"}, True),
        ({"event": "a line of ours that is in no catalogue"}, False),
    ],
)
def test_a_line_is_valid_when_it_is_as_the_catalogue_has_it(
    schema: dict[str, Any], changes: dict[str, Any], fits: bool
) -> None:
    assert Draft202012Validator(schema).is_valid({**LINE, **changes}) == fits


def test_rows_of_the_catalogue_are_read_with_all_their_events_and_levels() -> None:
    row = "| `ended` `broke` | info | error, delay_s | an end; debug for polls, at warning where `late` < 1 |"
    ended, broke = entries(f"# Words\n\n| event | level |\n{row}\n")
    assert (ended.event, broke.event) == ("ended", "broke")
    assert ended.levels == ("debug", "info", "warning")
    assert ended.fields == ("error", "delay_s")
