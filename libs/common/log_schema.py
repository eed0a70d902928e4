"""The catalogue of log lines as a JSON Schema, for tools that load one: `python -m libs.common.log_schema > docs/logs.schema.json`.

Events, their levels, their fields and what happened stand in docs/logs.md; of what kind a field's values are, here. A field that is not
named here is text. A line of a library, not of ours, has its own words as `event`, from WARNING on.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libs.common.ids import SERVICES

CATALOGUE = Path(__file__).parents[2] / "docs" / "logs.md"
LEVELS = ("debug", "info", "warning", "error")
_AT_TIMES = re.compile(r"\bat (debug|warning|error)\b|\b(debug) for\b")
_QUOTED = re.compile(r"`(\w+)`")
_NAMES = re.compile(r"\w+")
Schema = dict[str, Any]

_KINDS: tuple[tuple[Schema, frozenset[str]], ...] = (
    ({"type": ["integer", "null"]}, frozenset({
        "accounts", "attempt", "attempts", "compared", "count", "healed", "healed_added", "healed_removed", "input_tokens", "limit_bytes",
        "listed", "new", "output_tokens", "pauses", "points", "removed", "requests", "sessions", "size", "size_bytes", "strikes",
        "suspects", "unhealed", "units", "updated", "version", "waiting",
    })),
    ({"type": ["number", "null"]}, frozenset({
        "complete", "cost_usd", "delay_s", "late_s", "minutes_ahead", "ms", "seconds",
    })),
    ({"type": ["boolean", "null"]}, frozenset({
        "added", "ai", "by_hand", "denied", "first", "lasting", "owner", "primary", "purge",
    })),
    ({"type": ["string", "null"], "format": "uuid"}, frozenset({"account", "meeting", "run", "token", "user"})),
    ({"type": "array", "items": {"type": "string"}}, frozenset({"consumers", "scopes"})),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, frozenset({"skipped"})),
    ({"type": "string", "format": "date-time"}, frozenset({"until"})),
)  # fmt: skip
_TYPES: Mapping[str, Schema] = {name: kind for kind, names in _KINDS for name in names}
_TEXT: Schema = {"type": ["string", "null"]}
# Where a field is of another kind in one event.
_EXCEPTIONS: Mapping[tuple[str, str], Schema] = {("request", "status"): {"type": "integer"}}
_ALWAYS: Mapping[str, Schema] = {
    "event": {"type": "string", "description": "What happened; of a library's line its words."},
    "level": {"enum": list(LEVELS)},
    "time": {"type": "string", "format": "date-time", "description": "UTC."},
    "service": {"enum": list(SERVICES)},
}
_WHERE_KNOWN: Mapping[str, Schema] = {
    "trace": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The same from the first cause to the last effect."},
    "user": {**_TYPES["user"], "description": "The id of the user."},
    "account": {**_TYPES["account"], "description": "The id of the Google account."},
    "run": {**_TYPES["run"], "description": "The id of the sync run."},
    "kind": {**_TEXT, "description": "mail, contacts or calendar; of a notification its kind."},
    "subject": {**_TEXT, "description": "The subject of an event or a request on the bus."},
    "exception": {"type": "string", "description": "A traceback, without values."},
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A row of the catalogue for one event."""

    event: str
    levels: tuple[str, ...]
    fields: tuple[str, ...]
    what_happened: str


def entries(catalogue: str) -> Iterator[Entry]:
    """The rows of the catalogue, in their order; a row of several events gives one entry for each."""
    for row in catalogue.splitlines():
        if not row.startswith("| `"):
            continue
        events, level, fields, what_happened = (cell.strip() for cell in row.strip("|").split("|"))
        at_times = _AT_TIMES.findall(what_happened)
        levels = [level, *(first or second for first, second in at_times)]
        for event in _QUOTED.findall(events):
            named = tuple(_NAMES.findall(fields))
            yield Entry(event, tuple(found for found in LEVELS if found in levels), named, what_happened)


def log_schema(catalogue: str) -> Schema:
    """The JSON Schema of one line."""
    known = list(entries(catalogue))
    ours = {
        "if": {"properties": {"event": {"enum": [entry.event for entry in known]}}},
        "else": {"properties": {"level": {"enum": ["warning", "error"]}}},
    }
    by_event = [
        {
            "if": {"properties": {"event": {"const": entry.event}}},
            "then": {"$ref": f"#/$defs/{entry.event}"},
        }
        for entry in known
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A log line of PingCRM",
        "description": "One JSON object per line on stderr. More events and fields may come: ignore what is not known.",
        "type": "object",
        "required": list(_ALWAYS),
        "properties": {**_ALWAYS, **_WHERE_KNOWN},
        "allOf": [ours, *by_event],
        "$defs": {entry.event: _definition(entry) for entry in known},
    }


def _definition(entry: Entry) -> Schema:
    fields = {
        name: _EXCEPTIONS.get((entry.event, name), _TYPES.get(name, _TEXT))
        for name in entry.fields
        if name not in _ALWAYS
    }
    described = {"description": entry.what_happened} if entry.what_happened else {}
    return {**described, "properties": {"level": {"enum": list(entry.levels)}, **fields}}


def unknown_fields(schema: Schema, line: Mapping[str, Any]) -> set[str]:
    """The fields of a line that neither its event nor every line has."""
    own = schema["$defs"].get(line["event"], {"properties": {}})["properties"]
    return set(line) - set(own) - set(schema["properties"])


def document() -> str:
    return json.dumps(log_schema(CATALOGUE.read_text()), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
