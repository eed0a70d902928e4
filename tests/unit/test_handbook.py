"""The handbook, without building it: every link leads somewhere, every page is in the navigation, and what pages name is there."""

import posixpath
import re
import subprocess
from functools import cache
from itertools import chain
from pathlib import Path

import pytest
import typer.main
import yaml

from docs.handbook.generated import GENERATED, pages_of
from docs.handbook.github_markdown import headings, prose, slug
from docs.handbook.links import RELATIVE
from docs.handbook.navigation import expanded, pages_in
from libs.common.config.definitions import definitions
from libs.common.config.secret_files import SUFFIX
from libs.common.google.errors import _FORBIDDEN
from libs.common.google.oauth import _CLIENT_ERRORS, POLICIES
from libs.common.scopes import FEATURES
from libs.local.cli import app
from libs.local.environment import secret_names

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = sorted(DOCS.rglob("*.md"))
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *WRITTEN]
_ANCHOR_HERE = re.compile(r"\]\((#[^)\s]+)\)")
_VARIABLE = re.compile(r"\bPINGCRM_[A-Z][A-Z_]*[A-Z]\b")
_COMMAND = re.compile(r"(?<!-n )(?<!namespace )(?<![\w/:@.-])(?:\.venv/bin/)?pingcrm ([a-z][a-z-]+)")
_SPAN = re.compile(r"`([^`]+)`")
_TARGET = re.compile(r"\bmake ([a-z]+(?:-[a-z]+)*)")


@cache
def page(path: str) -> str:
    """A page of the site as it is written or made; `path` is that in docs/."""
    return GENERATED[path]() if path in GENERATED else (DOCS / path).read_text()


@cache
def anchors(path: str) -> frozenset[str]:
    return frozenset(slug(heading) for heading in headings((ROOT / path).read_text()))


def dead_links(path: Path) -> list[str]:
    """Of a page that is written."""
    text, found = path.read_text(), []
    own = path.relative_to(ROOT).as_posix()
    for link in RELATIVE.finditer(text):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(own), link[3]))
        if not (ROOT / target).exists() or (link[4] and link[4][1:] not in anchors(target)):
            found.append(link[0])
    return found + [link[0] for link in _ANCHOR_HERE.finditer(text) if link[1][1:] not in anchors(own)]


def code_of(text: str) -> str:
    """What stands in code on a page, spans and blocks."""
    return "\n".join(chain.from_iterable(_SPAN.findall(line) if is_prose else [line] for line, is_prose in prose(text)))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_and_anchor_of_a_page_leads_somewhere(path: Path) -> None:
    assert dead_links(path) == []


@pytest.mark.parametrize("path", sorted(GENERATED))
def test_every_link_of_a_page_that_is_made_leads_somewhere(path: str) -> None:
    for link in RELATIVE.finditer(page(path)):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link[3]))
        assert target in GENERATED or (DOCS / target).is_file(), link[0]
        if link[4]:
            assert link[4][1:] in {slug(heading) for heading in headings(page(target))}, link[0]


def test_the_navigation_names_every_page_once_and_nothing_else() -> None:
    named = list(pages_in(expanded(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"], pages_of)))
    written = {path.relative_to(DOCS).as_posix() for path in WRITTEN}
    assert sorted(named) == sorted(written | set(GENERATED)), "a page and its line in mkdocs.yml go together"


def test_a_page_that_is_made_takes_the_place_of_none_that_is_written() -> None:
    assert [path for path in GENERATED if (DOCS / path).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_setting_command_and_target_that_a_page_names_exists(path: Path) -> None:
    code = code_of(path.read_text())
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert sorted(set(_VARIABLE.findall(code)) - variables()) == []
    assert sorted({found for found in _COMMAND.findall(code) if found not in commands}) == []
    assert sorted(set(_TARGET.findall(code)) - targets()) == []


@cache
def variables() -> frozenset[str]:
    """What is read from the environment: settings, secrets, and what compose, make, tests and the programs of docs/build read."""
    read_elsewhere = subprocess.run(
        ["git", "grep", "-hoE", _VARIABLE.pattern, "--", "docker-compose.yml", "Makefile", "*.py", "*.sh", "*.mts", "*.json"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    from_files = {name + SUFFIX for name in secret_names()}
    return frozenset({*definitions(), *secret_names(), *from_files, *read_elsewhere})


@cache
def targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    "code", [*POLICIES, *_CLIENT_ERRORS, *sorted({code for code, _ in _FORBIDDEN.values()} - {"forbidden"})]
)
def test_every_refusal_of_googles_that_the_code_knows_is_explained(code: str) -> None:
    assert code in page("install/google-errors.md")


def test_the_google_project_is_given_every_permission_that_is_asked_for() -> None:
    text = page("install/google-project.md")
    assert [scope for scope in FEATURES if f"\n{scope}\n" not in text] == []
