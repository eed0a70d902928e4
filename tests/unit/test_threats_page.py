"""docs/threats.md against the code: what stands against each threat is kept where the page has it, and can't be taken out unnoticed."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.sabotage.applying import mutated
from tests.sabotage.kept import all_mutations
from tests.sabotage.mutation import Mutation

ROOT = Path(__file__).parents[2]
HEADER = ("threat", "what stands against it", "kept by", "test", "without it")
MUTATIONS = {mutation.name: mutation for mutation in all_mutations()}


class Row(NamedTuple):
    """A row of a table; `threat` is empty where it is that of the row before. `without_it`: the name of a mutation."""

    threat: str
    mitigation: str
    kept_by: str
    tests: str
    without_it: str


def tables() -> list[list[Row]]:
    """The tables of the page, each without its header."""
    found: list[list[Row]] = []
    for line in (ROOT / "docs" / "threats.md").read_text().splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]
        assert len(cells) == len(HEADER), line
        if tuple(cells) == HEADER:
            found.append([])
        elif set(line) - set("| -"):
            found[-1].append(Row(*cells))
    return found


ROWS = [row for table in tables() for row in table]


def noticed_by(mutation: Mutation) -> Iterator[str]:
    """The names of the tests that should notice it; of a whole file, or folder, all that are there."""
    for argument in mutation.noticed_by:
        path, _, name = argument.partition("::")
        if name:
            yield name.partition("[")[0]
            continue
        files = [ROOT / path] if path.endswith(".py") else (ROOT / path).rglob("test_*.py")
        for file in files:
            yield from re.findall(r"def (test_\w+)", file.read_text())


def test_the_page_has_a_table_for_each_letter_of_stride_and_each_begins_with_a_threat() -> None:
    assert len(tables()) == len("STRIDE")
    assert [table[0] for table in tables() if not table[0].threat] == []
    assert len([row for row in ROWS if row.threat]) > 50
    assert len(ROWS) > 150


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.without_it)
def test_a_mitigation_that_is_taken_out_makes_a_test_of_its_row_fail(row: Row) -> None:
    """That the test really fails is seen by `make sabotage`; here, that what the page names is there and belongs together."""
    assert row.mitigation
    mutation = MUTATIONS[row.without_it]
    assert row.kept_by == f"`{mutation.place}`"
    assert mutated(mutation, (ROOT / mutation.path).read_text())
    named = set(re.findall(r"`(test_\w+)`", row.tests))
    assert row.tests == " ".join(f"`{name}`" for name in re.findall(r"`(test_\w+)`", row.tests))
    assert named & set(noticed_by(mutation)), "no test of the row is one of those that notice the mutation"


def test_each_mitigation_of_a_threat_is_taken_out_by_itself() -> None:
    """Of one threat no mutation stands in two rows."""
    of_threat: dict[str, list[str]] = defaultdict(list)
    threat = ""
    for row in ROWS:
        threat = row.threat or threat
        of_threat[threat].append(row.without_it)
    assert [threat for threat, names in of_threat.items() if len(names) != len(set(names))] == []
