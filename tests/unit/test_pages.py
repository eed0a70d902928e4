"""The pages for strangers name only what exists: files and tests in docs, and pages in code."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ROOMS = "services|libs|tests|docs|deploy"
_NAMED = re.compile(rf"`((?:{ROOMS})/[\w./-]*\w)/?`")
_LINKED = re.compile(r"\]\(([\w./-]+?)(?:#[\w-]+)?\)")
_TEST = re.compile(r"`(test_\w+)`")
_DEFINED = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)
_PAGE = re.compile(r"\bdocs/[\w./-]+\.md\b")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    named = {ROOT / path for path in _NAMED.findall(text)} | {page.parent / path for path in _LINKED.findall(text)}
    assert [str(path) for path in sorted(named) if not path.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    named = set(_TEST.findall(page.read_text()))
    assert sorted(named - defined_tests()) == []


@cache
def defined_tests() -> frozenset[str]:
    """The names of all tests."""
    return frozenset(
        name for path in (ROOT / "tests").rglob("test_*.py") for name in _DEFINED.findall(path.read_text())
    )


def test_every_page_that_code_cites_is_in_the_repository() -> None:
    cited = subprocess.run(
        ["git", "grep", "-hoE", _PAGE.pattern.replace(r"\b", "").replace(r"\w", "[:alnum:]_"), "--", "*.py", "*.sql", "*.toml", "Makefile"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert cited
    assert sorted({path for path in cited if not (ROOT / path).exists()}) == []
