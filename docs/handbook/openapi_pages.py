"""docs/openapi.json as pages: the operations by their tags, and the schemas."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docs.handbook.json_schema import cell, kind, remarks, schema_sections

SCHEMAS = "api-schemas.md"
Answer = tuple[str, str]
"""A status, and what it means there."""


def api_page(document: Mapping[str, Any]) -> str:
    """All operations. Webhooks stand with them, as the calls that a URL of the user's gets."""
    common = common_answers(document)
    return "\n".join([*_opening(document, common), *_operations(document, common), ""])


def common_answers(document: Mapping[str, Any]) -> list[Answer]:
    """What many operations may answer, in the same words, and what is no success: enough to have it once."""
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    counted = Counter(
        (status, response["description"])
        for operation in operations
        for status, response in operation["responses"].items()
    )
    return sorted(answer for answer, count in counted.items() if count * 8 >= len(operations) and answer[0] >= "400")


def api_schemas_page(document: Mapping[str, Any]) -> str:
    """What is sent and what comes back, one table each."""
    opening = [
        "# Shapes of the HTTP API",
        "",
        "What requests and replies are made of. [The operations](api.md) name them.",
    ]
    return "\n".join([*opening, *schema_sections(document["components"]["schemas"], SCHEMAS), ""])


def _opening(document: Mapping[str, Any], common: Sequence[Answer]) -> Iterator[str]:
    yield from ("# The HTTP API, call by call", "")
    yield "Made of [openapi.json](../openapi.json) at each build. [How to begin](../build/api.md) is a page of its own; your own"
    yield "installation serves the same at `/api/v1/docs`."
    yield from ("", str(document["info"]["description"]), "")
    yield "Beside what stands at each call, one may be answered with these. Every error is a [Problem](api-schemas.md#problem)."
    yield from ("", "| answer | |", "| --- | --- |")
    yield from (f"| {status} | {cell(description)} |" for status, description in common)


def _operations(document: Mapping[str, Any], common: Sequence[Answer]) -> Iterator[str]:
    called = {f"your URL: {name}": methods for name, methods in document.get("webhooks", {}).items()}
    by_tag: dict[str, list[str]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in {**document["paths"], **called}.items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].extend(_operation(method, path, operation, common))
    for tag, lines in by_tag.items():
        yield from ("", f"## {tag}", *lines)


def _operation(method: str, path: str, operation: Mapping[str, Any], common: Sequence[Answer]) -> Iterator[str]:
    yield from ("", f"### {operation['summary']}", "", f"`{method.upper()} {path}` · {_who(operation)}", "")
    if description := str(operation.get("description", "")).strip():
        yield from (description, "")
    if parameters := operation.get("parameters", []):
        yield from ("| parameter | what it is | |", "| --- | --- | --- |")
        for parameter in parameters:
            schema = {**parameter["schema"], "description": parameter.get("description", "")}
            where = f"{parameter['in']}{', required' if parameter.get('required') else ''}"
            yield f"| `{parameter['name']}` ({where}) | {cell(kind(schema, SCHEMAS))} | {remarks(schema)} |"
        yield ""
    if body := _content(operation.get("requestBody", {})):
        yield from (f"Body: {body}", "")
    yield from ("| answer | | |", "| --- | --- | --- |")
    for status, response in operation["responses"].items():
        meaning = response["description"]
        if (status, meaning) not in common:
            yield f"| {status} | {'' if meaning == operation['summary'] else cell(meaning)} | {_content(response)} |"


def _who(operation: Mapping[str, Any]) -> str:
    """Who may call it."""
    needs = operation.get("security", [])
    if not needs:
        return "called by PingCRM"
    scope = next((scopes[0] for need in needs for scopes in need.values() if scopes), "")
    return f"a session, or a token with the scope `{scope}`" if scope else "a session; no token may do it"


def _content(holder: Mapping[str, Any]) -> str:
    """What a body holds; its kind where that is no JSON."""
    found = []
    for media, content in holder.get("content", {}).items():
        shown = cell(kind(content.get("schema", {}), SCHEMAS))
        found.append(shown if media.endswith("json") else f"{shown} as `{media}`")
    return ", ".join(found)
