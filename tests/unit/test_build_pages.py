"""What is built on PingCRM is found from one page, and no program of the pages is without a test that runs it."""

from pathlib import Path

import pytest

from libs.local import ROOT

BUILD = ROOT / "docs" / "build"
INDEX = (BUILD / "README.md").read_text()
PROGRAMS = sorted(path for path in BUILD.iterdir() if path.suffix not in (".md", ".json", ".yaml"))


@pytest.mark.parametrize("path", sorted(set(BUILD.iterdir()) - {BUILD / "README.md"}), ids=lambda path: path.name)
def test_every_page_and_program_is_found_from_the_index_or_from_a_page(path: Path) -> None:
    pages = [page.read_text() for page in BUILD.glob("*.md")] if path.suffix != ".md" else [INDEX]
    assert any(f"]({path.name})" in page for page in pages)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_every_program_of_the_pages_is_run_by_a_test(program: Path) -> None:
    here = Path(__file__)
    tests = [path.read_text() for path in (ROOT / "tests").rglob("*.py") if path != here]
    assert any(program.name in text for text in tests)
