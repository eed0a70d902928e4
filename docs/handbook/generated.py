"""The pages that are made at each build, of what stands elsewhere: nothing is written down twice."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from docs.handbook import asyncapi_pages, openapi_pages
from docs.handbook.command_pages import commands_page
from docs.handbook.github_markdown import section, title
from docs.handbook.links import for_the_site

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
INDEXES = ("index.md", "README.md")


def api() -> str:
    return openapi_pages.api_page(json.loads((DOCS / "openapi.json").read_text()))


def api_schemas() -> str:
    return openapi_pages.api_schemas_page(json.loads((DOCS / "openapi.json").read_text()))


def events() -> str:
    return asyncapi_pages.events_page(json.loads((DOCS / "asyncapi.json").read_text()))


def requests() -> str:
    return asyncapi_pages.requests_page(json.loads((DOCS / "asyncapi.json").read_text()))


def bus_schemas() -> str:
    return asyncapi_pages.bus_schemas_page(json.loads((DOCS / "asyncapi.json").read_text()))


def commands() -> str:
    from libs.local.cli import app  # it brings the whole product along, which the other pages do without

    return commands_page(app)


def settings() -> str:
    """The README's table."""
    text = section((ROOT / "README.md").read_text(), "Settings")
    return f"# Settings\n\n{for_the_site(text, 'README.md', 'reference/settings.md', index_of)}\n"


def contributing() -> str:
    return for_the_site((ROOT / "CONTRIBUTING.md").read_text(), "CONTRIBUTING.md", "contributing.md", index_of)


def changelog() -> str:
    return for_the_site((ROOT / "CHANGELOG.md").read_text(), "CHANGELOG.md", "changelog.md", index_of)


def decisions() -> str:
    """The list of all decisions."""
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    listed = [f"- [{title(page.read_text())}]({page.name})" for page in pages]
    opening = ["# Decisions", "", "Why things are as they are: half a page each, with what was weighed against it.", ""]
    return "\n".join([*opening, *listed, ""])


# By the path of the page on the site.
GENERATED: Mapping[str, Callable[[], str]] = {
    "changelog.md": changelog,
    "contributing.md": contributing,
    "decisions/index.md": decisions,
    "reference/api.md": api,
    "reference/api-schemas.md": api_schemas,
    "reference/bus-schemas.md": bus_schemas,
    "reference/commands.md": commands,
    "reference/events.md": events,
    "reference/requests.md": requests,
    "reference/settings.md": settings,
}


def index_of(folder: str) -> str | None:
    """The page that stands for a folder of docs/; None where it has none."""
    for name in INDEXES:
        path = f"{folder}/{name}" if folder else name
        if path in GENERATED or (DOCS / path).is_file():
            return path
    return None


def pages_of(folder: str) -> Sequence[str]:
    """The pages of a folder, its index first."""
    written = {path.relative_to(DOCS).as_posix() for path in (DOCS / folder).glob("*.md")}
    made = {path for path in GENERATED if path.startswith(folder) and "/" not in path.removeprefix(folder)}
    return sorted(written | made, key=lambda path: (path.rpartition("/")[2] not in INDEXES, path))
