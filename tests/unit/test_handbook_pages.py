"""What the handbook makes of other documents: Markdown as mkdocs reads it, links of the site, tables of schemas, references."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from docs.handbook.asyncapi_pages import bus_schemas_page, events_page, requests_page
from docs.handbook.generated import commands, index_of, settings
from docs.handbook.github_markdown import adapted, headings, section, slug
from docs.handbook.json_schema import kind, remarks, table
from docs.handbook.links import for_the_site
from docs.handbook.navigation import expanded, pages_in
from docs.handbook.openapi_pages import api_page, api_schemas_page, common_answers
from libs.common.config.definitions import definitions

DOCS = Path(__file__).parents[2] / "docs"
OPENAPI = json.loads((DOCS / "openapi.json").read_text())
ASYNCAPI = json.loads((DOCS / "asyncapi.json").read_text())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Text:\n- one\n- two", "Text:\n\n- one\n- two"),
        ("Text:\n1. one\n2. two", "Text:\n\n1. one\n2. two"),
        ("- one\n  goes on\n- two", "- one\n  goes on\n- two"),
        ("- one\n\n- two", "- one\n\n- two"),
        ("- one\n\nText.\n- two", "- one\n\nText.\n\n- two"),
        ("- one\n## Heading\nText:\n- two", "- one\n## Heading\nText:\n\n- two"),
        ("```\nText:\n- one\n```", "```\nText:\n- one\n```"),
        ("1. one\n\n    ```\n    - no list\n    ```\n\n2. two", "1. one\n\n    ```\n    - no list\n    ```\n\n2. two"),
        ("A number\n2.15 of it", "A number\n2.15 of it"),
    ],
)
def test_a_list_has_a_blank_line_before_it_where_mkdocs_needs_one(written: str, read: str) -> None:
    assert adapted(written) == read
    assert adapted(read) == read


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Gmail's quota", "gmails-quota"),
        ("Error 400: redirect_uri_mismatch", "error-400-redirect_uri_mismatch"),
        ("Who becomes a contact (`contact_creation`)", "who-becomes-a-contact-contact_creation"),
        ("2. The APIs", "2-the-apis"),
        ("A, b & c", "a-b--c"),
    ],
)
def test_an_anchor_is_the_one_that_github_gives(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor


def test_a_heading_in_code_is_none_and_a_section_ends_at_the_next() -> None:
    text = "# Title\n\n## One\nText.\n```\n## no heading\n```\n### Deeper\n\n## Two\nMore."
    assert headings(text) == ["Title", "One", "Deeper", "Two"]
    assert section(text, "One") == "Text.\n```\n## no heading\n```\n### Deeper"
    with pytest.raises(KeyError, match="Three"):
        section(text, "Three")


@pytest.mark.parametrize(
    ("source", "page", "written", "read"),
    [
        ("docs/build/README.md", "build/README.md", "[c](../../CHANGELOG.md)", "[c](../changelog.md)"),
        ("README.md", "reference/settings.md", "[p](docs/install/google-push.md#pull)", "[p](../install/google-push.md#pull)"),
        ("docs/install/laptop.md", "install/laptop.md", "[s](../../README.md#settings)", "[s](../reference/settings.md)"),
        ("CONTRIBUTING.md", "contributing.md", "[d](docs/decisions/)", "[d](decisions/index.md)"),
        ("CONTRIBUTING.md", "contributing.md", "[e](libs/common/events/event.py) is code", "e is code"),
        ("docs/rules.md", "rules.md", "![p](screens/why-desktop.webp)", "![p](screens/why-desktop.webp)"),
        ("docs/rules.md", "rules.md", "[g](https://example.org/a.md) [h](#here)", "[g](https://example.org/a.md) [h](#here)"),
        ("docs/rules.md", "rules.md", "```\n[c](../CHANGELOG.md)\n```", "```\n[c](../CHANGELOG.md)\n```"),
    ],
)  # fmt: skip
def test_a_link_leads_to_where_the_site_has_it_and_is_text_where_it_does_not(
    source: str, page: str, written: str, read: str
) -> None:
    assert for_the_site(written, source, page, index_of) == read


def test_a_folder_in_the_navigation_is_its_pages_that_are_not_named() -> None:
    nav = [{"A": "a.md"}, {"B": [{"C": "c/"}, "c/2.md", "d.md"]}]
    pages = list(pages_in(expanded(nav, lambda folder: [f"{folder}1.md", f"{folder}2.md", f"{folder}3.md"])))
    assert pages == ["a.md", "c/1.md", "c/3.md", "c/2.md", "d.md"]
    with pytest.raises(KeyError, match="c/"):
        expanded(nav, lambda _: ["c/2.md"])


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "#/components/schemas/Contact"}, "[Contact](shapes.md#contact)"),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, "date-time or null"),
        ({"enum": ["Strong", "Warm", ""]}, "`Strong`, `Warm`, `''`"),
        ({"const": "ok"}, "`ok`"),
        ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]}, "list of string, number"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object of string"),
        ({"type": "object", "additionalProperties": True}, "object"),
        ({}, "anything"),
    ],
)
def test_what_a_value_is_stands_in_a_few_words(schema: Mapping[str, Any], words: str) -> None:
    assert kind(schema, "shapes.md") == words


def test_what_limits_a_value_stands_behind_its_description() -> None:
    assert (
        remarks({"description": "How\nmany | which.", "minimum": 1, "default": 50})
        == "How many \\| which. (from 1, default `50`)"
    )
    lines = list(
        table({"properties": {"a": {"type": "string"}, "b": {"type": "null"}}, "required": ["a"]}, "shapes.md")
    )
    assert lines[2:] == ["| `a` | string |  |", "| `b` | null (may be left out) |  |"]


def test_the_reference_of_the_api_has_every_operation_with_what_it_needs_answers_and_is_made_of() -> None:
    page, found = api_page(OPENAPI), set(headings(api_page(OPENAPI)))
    for path, methods in OPENAPI["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] in found
            assert f"`{method.upper()} {path}` · a session" in page
            for status, response in operation["responses"].items():
                assert (status, response["description"]) in common_answers(OPENAPI) or f"| {status} |" in page
    assert {tag["name"] for tag in OPENAPI["tags"]} <= found
    assert "`POST your URL: contact.changed` · called by PingCRM" in page
    assert set(OPENAPI["components"]["schemas"]) <= set(headings(api_schemas_page(OPENAPI)))


def test_the_reference_of_the_bus_has_every_event_and_request_once() -> None:
    events, requests = events_page(ASYNCAPI), requests_page(ASYNCAPI)
    for name, channel in ASYNCAPI["channels"].items():
        is_request = f"{name}.reply" in ASYNCAPI["channels"]
        if not name.endswith(".reply"):
            assert events.count(f"| `{channel['address']}` |") == (0 if is_request else 1)
            assert requests.count(f"| `{channel['address']}` |") == (1 if is_request else 0)
    row = next(line for line in events.splitlines() if line.startswith("| `message.ingested`"))
    assert row.startswith("| `message.ingested` | sync | contacts | [MessageIngested](bus-schemas.md#messageingested) ")
    assert set(ASYNCAPI["components"]["schemas"]) <= set(headings(bus_schemas_page(ASYNCAPI)))


def test_the_references_of_settings_and_commands_are_those_of_the_product() -> None:
    assert [name for name in definitions() if name not in settings()] == []
    assert {"up", "run", "dead replay", "integration create", "token list"} <= set(headings(commands()))
    assert "| `--new-secrets` | Where secrets.json is lost" in commands()
