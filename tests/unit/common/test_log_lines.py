"""The lines of a service's log: JSON, with what leads to their cause, and without what is private in a traceback."""

import json
import subprocess
import sys
from typing import Any

PROGRAM = """
import logging
from pydantic import BaseModel
from libs.common.config import Settings
from libs.common.log import configure, current_trace, get_logger, traced

class Row(BaseModel):
    age: int

configure("sync", Settings(log_format="json", log_level="info"))
log = get_logger()
with traced("t1", user="u1"):
    log.info("outer", count=1)
    with traced("", account="a1"):
        log.warning("inner", fresh=len(current_trace()))
    log.info("outer_again")
    try:
        Row.model_validate({"age": "private words"})
    except ValueError:
        log.exception("failed")
log.debug("too_fine")
logging.getLogger("a.library").info("too fine")
logging.getLogger("a.library").warning("careful")
print(repr(current_trace()))
"""


def test_a_line_names_its_service_trace_user_and_account_and_quotes_no_value() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines: list[dict[str, Any]] = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("outer", "info"), ("inner", "warning"), ("outer_again", "info"), ("failed", "error"), ("careful", "warning"),
    ]  # fmt: skip
    outer, inner, again, failed, careful = lines
    assert all(line["service"] == "sync" and line["time"].endswith("Z") for line in lines)
    assert (outer["trace"], outer["user"], outer["count"]) == ("t1", "u1", 1)
    assert (inner["user"], inner["account"], inner["fresh"]) == ("u1", "a1", 32)
    assert inner["trace"] not in ("", "t1")
    assert (again["trace"], "account" in again) == ("t1", False), "the trace of the outer work goes on"
    assert "Row" in failed["exception"]
    assert "private words" not in ended.stderr
    assert "trace" not in careful
    assert ended.stdout.strip() == "''"


WITHOUT_ROOM = """
import logging, os, sys
from libs.common.config import Settings
from libs.common.log import configure, get_logger

configure("sync", Settings(log_format="json", log_level="info"))
log, shown = get_logger(), os.dup(2)
os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
for number in range(1_000):  # more than is held back
    log.info("lost", count=number, padding="x" * 100)
    log.error("lost", count=number)
    logging.getLogger("a.library").warning("lost")
os.dup2(shown, 2)
log.info("seen")
print("worked")
"""


def test_a_full_disk_costs_lines_of_the_log_and_nothing_else() -> None:
    ended = subprocess.run([sys.executable, "-c", WITHOUT_ROOM], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "worked"
    events = [json.loads(line)["event"] for line in ended.stderr.splitlines()]
    assert events[-1] == "seen"
    assert len(events) < 1_000
