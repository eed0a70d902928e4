"""What comes in with a request, read exactly as the document describes it: nothing is guessed, passed over or taken for something else.

JSON is checked strictly: a number is no boolean and no time, a text no number. In a path or a query everything is text; there a value
stands for a number or a boolean where the document has one, written as in JSON.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from libs.common.errors import Refused
from services.gateway.api.endpoint import Endpoint
from services.gateway.domain.problems import InvalidInput

CURSOR = "cursor"
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_MAX_DIGITS = 30
_LARGEST_EXACT = 2**53
_BOOLEANS = {"true": True, "false": False}


def parse_path(endpoint: Endpoint, request: web.Request) -> dict[str, Any]:
    """Path parameters. What can't be an id is the id of nothing: 404."""
    try:
        return {
            name: adapter.validate_python(request.match_info[name])
            for name, adapter in endpoint.path_parameters.items()
        }
    except ValidationError as error:
        raise Refused(404, "not_found", "There is nothing with this id.") from error


def parse_query(model: type[BaseModel] | None, request: web.Request) -> BaseModel | None:
    """The query string. Refused (422): a parameter that is unknown here, or is there several times, or does not fit."""
    types = _types_of(model) if model else {}
    problems = [
        {"parameter": name, "detail": "There is no such parameter here." if name not in types else "Give it once."}
        for name in dict.fromkeys(request.query)
        if name not in types or len(request.query.getall(name)) > 1
    ]
    if problems:
        raise Refused(422, "invalid", "The query string has what does not belong there: see errors.", errors=problems)
    if model is None:
        return None
    values = {name: _value(text, types[name]) for name, text in request.query.items()}
    refuse_nul({name: value for name, value in values.items() if name != CURSOR})  # of a cursor its list decides
    try:
        return model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        raise InvalidInput("query", error) from error


async def read_body(model: type[BaseModel], request: web.Request) -> BaseModel:
    """The JSON body; an empty one counts as `{}`. Refused: 400 not JSON, 415 another media type, 422 it does not fit."""
    try:
        raw = await request.read()
    except web.RequestPayloadError as error:
        raise Refused(400, "malformed_body", "The body does not fit its Content-Encoding.") from error
    if raw and request.content_type != "application/json":
        raise Refused(415, "not_json", "Send JSON, with the header Content-Type: application/json.")
    raw = raw or b"{}"
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Refused(400, "malformed_json", f"The body is not valid JSON ({place}).") from error
    refuse_nul(value)
    try:
        return model.model_validate_json(orjson.dumps(value) if make_whole(value) else raw, strict=True)
    except orjson.JSONEncodeError as error:
        raise Refused(400, "malformed_json", "The body is nested too deeply.") from error
    except ValidationError as error:
        if any(found["type"] == "json_invalid" for found in error.errors()):
            raise Refused(400, "malformed_json", "The body is nested too deeply.") from error
        raise InvalidInput("body", error) from error


@lru_cache(maxsize=256)
def _types_of(model: type[BaseModel]) -> Mapping[str, frozenset[str]]:
    """The JSON types of each parameter."""
    return {name: frozenset(_types(schema)) for name, schema in model.model_json_schema()["properties"].items()}


def _types(schema: Mapping[str, Any]) -> list[str]:
    if "anyOf" in schema:
        return [found for choice in schema["anyOf"] for found in _types(choice)]
    return [schema.get("type", "string")]


def _value(text: str, types: frozenset[str]) -> str | int | bool:
    """What a parameter's text stands for; a text that stands for nothing of its types stays, and is refused as one."""
    if "integer" in types and len(text) <= _MAX_DIGITS and _INTEGER.fullmatch(text):
        return int(text)
    if "boolean" in types and text in _BOOLEANS:
        return _BOOLEANS[text]
    return text


def make_whole(value: object) -> bool:
    """Whether JSON has a number such as 30.0, which its schemas count as the whole number 30; it is that now."""
    found = False
    waiting = [value]  # as below: JSON may be nested deeper than Python's stack
    while waiting:
        holder = waiting.pop()
        places = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        for place, part in tuple(places):
            if isinstance(part, float) and part.is_integer() and abs(part) <= _LARGEST_EXACT:
                holder[place], found = int(part), True  # type: ignore[index]
            else:
                waiting.append(part)
    return found


def refuse_nul(value: object) -> None:
    """PostgreSQL's text can't hold NUL, and nobody means it."""
    waiting = [value]  # not recursive: JSON may be nested deeper than Python's stack
    while waiting:
        match waiting.pop():
            case str() as text if "\0" in text:
                raise Refused(422, "invalid", "Text must not contain the character U+0000.")
            case dict() as members:
                waiting += [*members.keys(), *members.values()]
            case list() as items:
                waiting += items
            case _:
                continue
