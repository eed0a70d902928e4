"""docs/security.md against the ASVS: each requirement of level 2 once, with a verdict and what it rests on."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERDICTS = {"met", "partly", "not met", "operator", "n/a"}

# ASVS 4.0.3: the requirements of each section that levels 1 and 2 have; what was deleted, and what level 3 alone asks, is left out.
REQUIREMENTS = {
    "1.1": "1-7", "1.2": "1-4", "1.4": "1 4 5", "1.5": "1-4", "1.6": "1-4", "1.7": "1-2", "1.8": "1-2", "1.9": "1-2", "1.10": "1",
    "1.11": "1-2", "1.12": "2", "1.14": "1-6",
    "2.1": "1-12", "2.2": "1-3", "2.3": "1-3", "2.4": "1-5", "2.5": "1-7", "2.6": "1-3", "2.7": "1-6", "2.8": "1-7", "2.9": "1-3",
    "2.10": "1-4",
    "3.1": "1", "3.2": "1-4", "3.3": "1-4", "3.4": "1-5", "3.5": "1-3", "3.7": "1",
    "4.1": "1-3 5", "4.2": "1-2", "4.3": "1-3",
    "5.1": "1-5", "5.2": "1-8", "5.3": "1-10", "5.4": "1-3", "5.5": "1-4",
    "6.1": "1-3", "6.2": "1-6", "6.3": "1-2", "6.4": "1-2",
    "7.1": "1-4", "7.2": "1-2", "7.3": "1 3 4", "7.4": "1-3",
    "8.1": "1-4", "8.2": "1-3", "8.3": "1-8",
    "9.1": "1-3", "9.2": "1-4",
    "10.2": "1-2", "10.3": "1-3",
    "11.1": "1-8",
    "12.1": "1-3", "12.2": "1", "12.3": "1-6", "12.4": "1-2", "12.5": "1-2", "12.6": "1",
    "13.1": "1 3-5", "13.2": "1-3 5-6", "13.3": "1-2", "13.4": "1-2",
    "14.1": "1-4", "14.2": "1-6", "14.3": "2-3", "14.4": "1-7", "14.5": "1-4",
}  # fmt: skip


def numbers(written: str) -> Iterator[int]:
    """`1-3 5` is 1, 2, 3 and 5."""
    for part in written.split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def rows() -> list[list[str]]:
    lines = (ROOT / "docs" / "security.md").read_text().splitlines()
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if re.match(r"\| \d", line)]


def in_row(requirement: str) -> Iterator[str]:
    """`2.1.1–2.1.12` stands for twelve."""
    first, _, last = requirement.partition("–")
    section, _, begin = first.rpartition(".")
    end = (last or first).rpartition(".")[2]
    yield from (f"{section}.{number}" for number in range(int(begin), int(end) + 1))


def test_every_requirement_of_level_2_has_one_row() -> None:
    expected = {f"{section}.{number}" for section, written in REQUIREMENTS.items() for number in numbers(written)}
    found = Counter(requirement for row in rows() for requirement in in_row(row[0]))
    assert {requirement for requirement, count in found.items() if count > 1} == set()
    assert (expected - set(found), set(found) - expected) == (set(), set())


def test_every_row_has_a_verdict_and_what_it_rests_on() -> None:
    for row in rows():
        requirement, about, verdict, how = row
        assert verdict in VERDICTS, requirement
        assert about, requirement
        assert len(how) > 8, requirement
        assert not how.endswith("."), requirement
