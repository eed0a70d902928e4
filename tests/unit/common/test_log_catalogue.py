"""docs/logs.md against the code: every line that can be logged is in the catalogue, with its level and fields."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from libs.local import ROOT

LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}


class Line(NamedTuple):
    event: str
    level: str
    fields: frozenset[str]
    where: str


def logged() -> Iterator[Line]:
    for folder in ("services", "libs/common"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                    continue
                event = node.args[0]
                if node.func.attr in LEVELS and isinstance(event, ast.Constant) and isinstance(event.value, str):
                    fields = frozenset(keyword.arg for keyword in node.keywords if keyword.arg) - {"exc_info"}
                    yield Line(event.value, LEVELS[node.func.attr], fields, f"{path.relative_to(ROOT)}:{node.lineno}")


def catalogue() -> dict[str, tuple[str, str]]:
    """Event → the level of its row, and the whole row."""
    rows: dict[str, tuple[str, str]] = {}
    for row in (ROOT / "docs" / "logs.md").read_text().splitlines():
        if row.startswith("| `"):
            events, level = row.split("|")[1:3]
            rows |= {event: (level.strip(), row) for event in re.findall(r"`(\w+)`", events)}
    return rows


def test_every_line_that_the_code_logs_is_in_the_catalogue() -> None:
    rows = catalogue()
    lines = list(logged())
    assert len(lines) > 50
    assert [line for line in lines if line.event not in rows] == []
    for line in lines:
        level, row = rows[line.event]
        assert line.level == level or line.level in row, f"{line.where}: {line.event} is logged at {line.level}"
        unknown = {field for field in line.fields if not re.search(rf"\b{field}\b", row)}
        assert not unknown, f"{line.where}: {line.event} has fields that docs/logs.md does not name: {unknown}"


def test_no_line_has_a_field_that_is_private() -> None:
    private = {"address", "email", "snippet", "body", "subject_line", "token_value", "secret", "name", "title", "text"}
    assert [line for line in logged() if line.fields & private] == []
