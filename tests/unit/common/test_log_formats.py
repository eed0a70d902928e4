"""What a line of the log looks like on a terminal and in a file, ours and a library's, with an error and without."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from libs.common import log
from libs.common.config import Settings

PRIVATE = "ann.private@example.com"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root, handlers, level = logging.getLogger(), list(logging.getLogger().handlers), logging.getLogger().level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("log_format", ["json", "pretty"])
def test_no_line_has_an_address_whoever_writes_it(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("sync", Settings(log_format=log_format))  # type: ignore[arg-type]
    try:
        raise KeyError(PRIVATE)
    except KeyError:
        log.get_logger().exception("broke", error=f"no {PRIVATE} here", count=3)
        logging.getLogger("a.library").exception("It broke for %s", PRIVATE)
    logging.getLogger("a.library").info("Libraries are quiet below WARNING.")
    written = capsys.readouterr().err.replace(r"\u2026", "…")  # as JSON spells it
    assert PRIVATE not in written
    assert written.count("Traceback") == 2, "the place is still there"
    assert written.count("…@…") == 4
    assert "It broke for" in written
    assert "quiet" not in written


def test_a_line_in_a_file_is_one_json_object_with_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("sync", Settings(log_format="json", log_level="info"))
    with log.traced("", account="a1"):
        log.get_logger().info("done", text="two\nlines")
        log.get_logger().debug("not at this level")
        trace = log.current_trace()
    assert log.current_trace() == ""
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(trace) == 32
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "done", "level": "info", "service": "sync", "trace": trace, "account": "a1", "text": "two\nlines",
    }  # fmt: skip
