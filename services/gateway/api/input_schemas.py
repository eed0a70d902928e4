"""What the document adds to the schemas of pydantic: rules that hold for every input, whichever model it is read by. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

NO_NUL = "^[^\\u0000]*$"
_REF = "#/components/schemas/"
_EXACT = ("pattern", "format", "enum", "const")


def refuse_nul(schema: dict[str, Any], components: Mapping[str, Any]) -> None:
    """Write into a schema of input, and all that it refers to, that no text has the character U+0000.

    A pattern of the model's own stays, and has to refuse it by itself.
    """
    for found in _reachable(schema, components, set()):
        if found.get("type") == "string" and not any(name in found for name in _EXACT):
            found["pattern"] = NO_NUL


def leave_out_null_defaults(schema: dict[str, Any], components: Mapping[str, Any]) -> None:
    """Take the defaults that are null out of a schema of input, and of all that it refers to: what is null there is as if it were absent.

    A generated client takes a default for a value that it has to send.
    """
    for found in _reachable(schema, components, set()):
        if "default" in found and found["default"] is None:
            del found["default"]


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a query parameter: it can be left out, and never be null."""
    rest = {
        name: value for name, value in schema.items() if name != "anyOf" and (name != "default" or value is not None)
    }
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {**rest, **choices[0]}
    return {**rest, "anyOf": choices} if choices else rest


def without_defaults(schema: dict[str, Any]) -> None:
    """Take the defaults out of a model whose absent fields keep their value: a client that fills them in would change them."""
    for value in schema["properties"].values():
        value.pop("default", None)


def _reachable(node: Any, components: Mapping[str, Any], known: set[str]) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _reachable(item, components, known)
    if not isinstance(node, dict):
        return
    yield node
    name = str(node.get("$ref", "")).removeprefix(_REF)
    if name and name not in known:
        known.add(name)
        yield from _reachable(components[name], components, known)
    for member in node.values():
        if isinstance(member, dict | list):
            yield from _reachable(member, components, known)
