"""How the queries over the logs are read, and what they give."""

import pytest

from tests.support.logql import ERROR, Filter, PipelineError, Query, parse, values
from tests.support.monitoring import queries

LINES = [
    {"event": "request", "route": "/", "status": 200, "ms": 10.0, "level": "info"},
    {"event": "request", "route": "/", "status": 500, "ms": 30.0, "level": "info"},
    {"event": "request", "route": "/mcp", "status": 502, "ms": None, "level": "info"},
    {"event": "run_ended", "kind": "mail", "state": "completed", "first": True, "new": 3, "level": "info"},
    {"event": "run_ended", "kind": "mail", "state": "failed", "first": False, "new": 1, "level": "warning"},
    {ERROR: "JSONParserErr"},
]
EVERYTHING = '{job="pingcrm"} | json'


def numbers(text: str) -> dict[tuple[str, ...], float]:
    return values(parse(text), LINES)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (f"{EVERYTHING}", {(): 6}),
        (f'{EVERYTHING} | level="warning"', {(): 1}),
        (f'sum(count_over_time({EVERYTHING} | event="request" | status >= 500 [$__auto]))', {(): 2}),
        (f'sum by (level) (count_over_time({EVERYTHING} | __error__="" [$__auto]))', {("info",): 4, ("warning",): 1}),
        (f'sum by (kind) (sum_over_time({EVERYTHING} | event="run_ended" | unwrap new [$__auto]))', {("mail",): 4}),
        (
            f'topk(1, quantile_over_time(0.5, {EVERYTHING} | event="request" | unwrap ms [$__auto]) by (route))',
            {("/",): 20},
        ),
        (f'sum by (kind, state) (count_over_time({EVERYTHING} | event=~"run_.*" | state!~"f.*" [$__auto]))', {("mail", "completed"): 1}),
        (f'sum(count_over_time({EVERYTHING} | kind!="" | first="true" [$__auto]))', {(): 1}),
        (f'sum(count_over_time({EVERYTHING} | event="nothing" [$__auto]))', {}),
    ],
)  # fmt: skip
def test_a_query_gives_what_loki_would(text: str, given: dict[tuple[str, ...], float]) -> None:
    assert numbers(text) == given


def test_of_several_series_the_largest_are_taken() -> None:
    text = f'topk(1, sum by (level) (count_over_time({EVERYTHING} | __error__="" [$__auto])))'
    assert numbers(text) == {("info",): 4}


def test_what_counts_lines_that_are_not_json_is_refused_and_what_shows_them_is_not() -> None:
    with pytest.raises(PipelineError):
        numbers(f"sum by (level) (count_over_time({EVERYTHING} [$__auto]))")
    assert numbers(f'{EVERYTHING} | event=""') == {(): 1}


def test_a_query_is_read_whole_or_not_at_all() -> None:
    text = f'topk(10, sum by (event) (count_over_time({EVERYTHING} | level=~"warning|error" [$__auto])))'
    assert parse(text) == Query((Filter("level", "=~", "warning|error"),), "count", 0, "", ("event",), 10)
    assert parse(text).fields == ["level", "event"]
    for other in (f'rate({EVERYTHING} | level="error" [5m])', f"{EVERYTHING} | line_format `x`", '{job="another"}'):
        with pytest.raises(ValueError, match="understood here"):
            parse(other)


def test_every_query_of_the_dashboard_is_read() -> None:
    assert all(parse(query) for _, query in queries("logs"))
