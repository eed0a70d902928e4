"""A JSON Schema, as pydantic writes them, as a table in Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_LIMITS = {
    "minLength": "at least {} characters", "maxLength": "at most {} characters", "minItems": "at least {}", "maxItems": "at most {}",
    "minimum": "from {}", "maximum": "to {}", "exclusiveMinimum": "more than {}", "exclusiveMaximum": "less than {}",
}  # fmt: skip


def cell(text: str) -> str:
    """A text for one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def schema_name(reference: str) -> str:
    """`Contact` of `#/components/schemas/Contact`."""
    return reference.rpartition("/")[2]


def anchor(name: str) -> str:
    """Of a schema's heading."""
    return name.lower()


def kind(schema: Schema, page: str) -> str:
    """What a value is, in a few words; schemas that have a name are links to `page`."""
    if reference := schema.get("$ref"):
        name = schema_name(reference)
        return f"[{name}]({page}#{anchor(name)})"
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(kind(choice, page) for choice in choices))
    if "const" in schema:
        return f"`{_literal(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{_literal(value)}`" for value in schema["enum"])
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"list of {', '.join(kind(item, page) for item in schema['prefixItems'])}"
        case "array":
            return f"list of {kind(schema.get('items', {}), page)}"
        case "object" if isinstance(schema.get("additionalProperties"), Mapping) and schema["additionalProperties"]:
            return f"object of {kind(schema['additionalProperties'], page)}"
        case str(name):
            return str(schema.get("format", name))
    return "anything"


def _literal(value: Any) -> str:
    return value if isinstance(value, str) and value else repr(value)


def remarks(schema: Schema) -> str:
    """The description, then what limits the value."""
    limits = [words.format(schema[name]) for name, words in _LIMITS.items() if name in schema]
    if "default" in schema and schema["default"] is not None:
        limits.append(f"default `{_literal(schema['default'])}`")
    if schema.get("deprecated"):
        limits.append("deprecated")
    description = str(schema.get("description", "")).strip()
    return cell(" ".join(filter(None, (description, f"({', '.join(limits)})" if limits else ""))))


def table(schema: Schema, page: str) -> Iterator[str]:
    """The members of an object, one a line."""
    properties: Mapping[str, Schema] = schema.get("properties", {})
    if not properties:
        yield "It has no members of its own."
        return
    required = set(schema.get("required", ()))
    yield from ("| member | what it is | |", "| --- | --- | --- |")
    for name, member in properties.items():
        optional = "" if name in required else " (may be left out)"
        yield f"| `{name}` | {cell(kind(member, page))}{optional} | {remarks(member)} |"


def schema_sections(schemas: Mapping[str, Schema], page: str) -> Iterator[str]:
    """Every schema under a heading of its own, in the order of names."""
    for name, schema in sorted(schemas.items()):
        yield from ("", f"## {name}", "")
        if description := str(schema.get("description", "")).strip():
            yield from (description, "")
        yield from table(schema, page)
