"""docs/promises.md names places and tests that exist: `path` or `path::name`, the name found in the syntax tree."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "promises.md"
HEADER = ("Promise", "Kept by", "Fails without it")


class Row(NamedTuple):
    promise: str
    kept_by: str
    tests: str


def rows() -> list[Row]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    cells = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]
    return [Row(*row) for row in cells if row != HEADER and not set(row[0]) <= {"-", " "}]


@cache
def names_in(path: Path) -> set[str]:
    """Functions, classes and assigned names of a module, as `name` and `Class.name`."""
    found: set[str] = set()

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    found.add(prefix + name)
                    visit(child, f"{prefix}{name}.")
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    found.add(prefix + name)
                case _:
                    visit(child, prefix)

    visit(ast.parse(path.read_text()), "")
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.promise)
def test_a_promise_names_a_place_and_a_test_that_exist(row: Row) -> None:
    places, tests = (re.findall(r"`([^`]+)`", cell) for cell in (row.kept_by, row.tests))
    assert places, "nothing keeps it"
    assert tests, "nothing fails without it"
    for reference in (*places, *tests):
        path, _, name = reference.partition("::")
        assert (ROOT / path).exists(), reference
        assert not name or name.split("[")[0] in names_in(ROOT / path), reference
    assert all(test.startswith("tests/") for test in tests)


def test_every_table_has_three_columns() -> None:
    for line in PAGE.read_text().splitlines():
        if line.startswith("|"):
            assert len(line.strip("|").split(" | ")) == len(HEADER), line
