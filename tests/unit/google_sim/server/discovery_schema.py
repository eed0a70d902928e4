"""Checks JSON against the schemas of Google's discovery documents: types, formats, enums, and no unknown fields."""

import base64
import json
from datetime import date, datetime
from importlib.resources import files
from typing import Any

_DOCUMENTS = files("googleapiclient.discovery_cache") / "documents"
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "array": list,
}


class Discovery:
    """One API's document: `problems(value, "ListMessagesResponse")` says what is wrong with an answer."""

    def __init__(self, name: str) -> None:
        self.document: dict[str, Any] = json.loads((_DOCUMENTS / f"{name}.json").read_text())

    def problems(self, value: Any, schema: str) -> list[str]:
        return self._problems(value, {"$ref": schema}, schema)

    def methods(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        waiting = [self.document]
        while waiting:
            resource = waiting.pop()
            found.update({method["id"]: method for method in resource.get("methods", {}).values()})
            waiting.extend(resource.get("resources", {}).values())
        return found

    def _problems(self, value: Any, schema: dict[str, Any], path: str) -> list[str]:
        if "$ref" in schema:
            schema = self.document["schemas"][schema["$ref"]]
        kind = schema.get("type", "any")
        if kind == "any":
            return []
        if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind in ("integer", "number")):
            return [f"{path}: {value!r:.60} is no {kind}"]
        if kind == "object":
            return self._object(value, schema, path)
        if kind == "array":
            items = (self._problems(item, schema["items"], f"{path}[{n}]") for n, item in enumerate(value))
            return [problem for found in items for problem in found]
        if "enum" in schema and value not in schema["enum"]:
            return [f"{path}: {value!r} is none of {schema['enum']}"]
        return [] if _formatted(value, schema.get("format")) else [f"{path}: {value!r:.60} is no {schema['format']}"]

    def _object(self, value: dict[str, Any], schema: dict[str, Any], path: str) -> list[str]:
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        found: list[str] = []
        for name, member in value.items():
            expected = known.get(name, others)
            found += self._problems(member, expected, f"{path}.{name}") if expected else [f"{path}.{name} is unknown"]
        return found


def _formatted(value: Any, form: str | None) -> bool:
    try:
        match form:
            case "int64":
                return -(2**63) <= int(value) < 2**63
            case "uint64":
                return 0 <= int(value) < 2**64
            case "int32":
                return -(2**31) <= value < 2**31
            case "uint32":
                return 0 <= value < 2**32
            case "date":
                return bool(date.fromisoformat(value))
            case "date-time" | "google-datetime":
                return datetime.fromisoformat(value).tzinfo is not None
            case "byte":
                return base64.urlsafe_b64decode(value) is not None
            case _:
                return True
    except ValueError:
        return False
