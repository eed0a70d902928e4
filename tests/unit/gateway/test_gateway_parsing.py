"""What comes in is read as the document has it: strictly, each thing once, and refused in plain words."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from pydantic import BaseModel, Field, ValidationError

from libs.common.errors import Refused
from services.gateway.api import ENDPOINTS
from services.gateway.api.input_schemas import NO_NUL, refuse_nul, without_null
from services.gateway.api.inputs import Cursor, UniqueList
from services.gateway.api.moment import Moment
from services.gateway.api.openapi import openapi_document
from services.gateway.api.parsing import parse_query, read_body
from services.gateway.domain.input_texts import _TEXTS, input_text
from services.gateway.domain.problems import InvalidInput, field_problems


class Page(BaseModel):
    unread: bool = False
    limit: int = Field(50, ge=1, le=200)
    start: Moment | None = Field(None, alias="from")
    q: str = ""
    cursor: Cursor = None


class Thing(BaseModel):
    size: int = 0
    open: bool = False
    at: Moment | None = None
    tags: UniqueList[str] = []


def of_query(query: str) -> Page:
    return cast(Page, parse_query(Page, make_mocked_request("GET", f"/things?{query}")))


class Body:
    """A request as far as reading its body goes."""

    content_type = "application/json"

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    async def read(self) -> bytes:
        return self.raw


async def of_body(raw: bytes, model: type[BaseModel] = Thing) -> BaseModel:
    return await read_body(model, cast(web.Request, Body(raw)))


def test_a_query_is_text_where_the_document_has_text_and_a_number_or_boolean_where_it_has_one() -> None:
    page = of_query("unread=true&limit=7&q=7&from=2026-03-04T13:00:00%2B01:00&cursor=null")
    assert page == Page.model_validate(
        {"unread": True, "limit": 7, "q": "7", "from": datetime(2026, 3, 4, 12, tzinfo=UTC), "cursor": "null"}
    )
    assert of_query("q=") == Page()
    assert parse_query(None, make_mocked_request("GET", "/things")) is None


@pytest.mark.parametrize(
    ("query", "parameter", "detail"),
    [
        ("limit=", "limit", "This must be a whole number."),
        ("limit=007", "limit", "This must be a whole number."),
        ("limit=1.0", "limit", "This must be a whole number."),
        ("limit=1e2", "limit", "This must be a whole number."),
        ("limit=201", "limit", "This must be 200 or less."),
        (f"limit={'9' * 400}", "limit", "This must be a whole number."),
        ("unread=1", "unread", "This must be true or false."),
        ("unread=True", "unread", "This must be true or false."),
        ("unread=", "unread", "This must be true or false."),
        ("from=1767225600", "from", "This must be a time with its offset, such as 2026-03-04T12:00:00Z."),
        ("from=2026-03-04", "from", "This must be a time with its offset, such as 2026-03-04T12:00:00Z."),
        ("from=2026-13-04T12:00:00Z", "from", "This must be a time with its offset, such as 2026-03-04T12:00:00Z."),
        ("from=0001-01-01T00:00:00Z", "from", "The year must be between 0002 and 9998."),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused_in_plain_words(query: str, parameter: str, detail: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        of_query(query)
    assert field_problems(caught.value) == [{"parameter": parameter, "detail": detail}]


@pytest.mark.parametrize(
    ("query", "detail"),
    [("page=1", "There is no such parameter here."), ("limit=1&limit=1", "Give it once."), ("start=x", "There is no such parameter here.")],
)  # fmt: skip
def test_a_parameter_that_is_unknown_or_repeated_is_refused(query: str, detail: str) -> None:
    for model in (Page, None):
        with pytest.raises(Refused, match="invalid") as caught:
            parse_query(model, make_mocked_request("GET", f"/things?{query}"))
    with pytest.raises(Refused) as caught:
        of_query(query)
    assert caught.value.status == 422
    assert caught.value.extra["errors"] == [{"parameter": query.partition("=")[0], "detail": detail}]


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({"size": True}, "#/size", "This must be a whole number."),
        ({"size": "1"}, "#/size", "This must be a whole number."),
        ({"size": 1.5}, "#/size", "This must be a whole number."),
        ({"open": 1}, "#/open", "This must be true or false."),
        ({"open": "yes"}, "#/open", "This must be true or false."),
        ({"at": 1767225600}, "#/at", "This must be a time with its offset, such as 2026-03-04T12:00:00Z."),
        ({"at": "1767225600"}, "#/at", "This must be a time with its offset, such as 2026-03-04T12:00:00Z."),
        ({"tags": ["a", "b", "a"]}, "#/tags", "Each may be there only once."),
        ({"tags": "a"}, "#/tags", "This must be a list."),
        ([], "#", "This must be an object."),
    ],
)
async def test_json_stands_for_what_it_is_and_for_nothing_else(body: Any, pointer: str, detail: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await of_body(json.dumps(body).encode())
    assert field_problems(caught.value) == [{"pointer": pointer, "detail": detail}]


async def test_a_body_that_fits_is_read_and_one_that_no_parser_can_read_is_not_json() -> None:
    read = await of_body(b'{"size": 3, "open": true, "at": "2026-03-04t12:00:00z", "tags": ["a", "b"]}')
    assert read == Thing(size=3, open=True, at=datetime(2026, 3, 4, 12, tzinfo=UTC), tags=["a", "b"])
    assert await of_body(b"") == Thing()
    nested = b'{"tags": ' + b"[" * 900 + b"]" * 900 + b"}"
    with pytest.raises(Refused, match="malformed_json"):
        await of_body(nested)


# What callers send where something else belongs; with each field of each body, and in each parameter.
VALUES: tuple[Any, ...] = (
    None, True, -1, 10**30, 1.5, "", "x", "a" * 60_000, "a@b", [], {}, [[]], [None], [1], ["x", "x"], ["a"] * 300, {"a": 1}, {"x": {}},
)  # fmt: skip


def test_whatever_does_not_fit_is_explained_in_words_of_ours() -> None:
    found: set[str] = set()
    models = {model for operation in ENDPOINTS for model in (operation.body, operation.query) if model}
    for model in models:
        for name in model.model_json_schema()["properties"]:
            for value in VALUES:
                try:
                    model.model_validate_json(json.dumps({name: value}), strict=True)
                except ValidationError as error:
                    for wrong in error.errors():
                        text = input_text(wrong)
                        assert text != input_text({"type": "unknown"}), f"{model.__name__}.{name}: {wrong['type']}"
                        assert text.endswith(".")
                        assert not {"Input", "Value error", "{", "valid"} & set(text.split())
                        found.add(wrong["type"])
    assert {"string_too_long", "int_type", "moment", "literal_error", "list_type"} <= found
    assert found <= {*_TEXTS, "value_error"}


def test_what_must_not_be_repeated_is_refused_wherever_the_document_has_it_unique() -> None:
    document = openapi_document()
    unique = [
        (name, field)
        for name, schema in document["components"]["schemas"].items()
        for field, value in schema.get("properties", {}).items()
        if '"uniqueItems": true' in json.dumps(value)
    ]
    bodies = {operation.body.__name__: operation.body for operation in ENDPOINTS if operation.body}
    read = [(name, field) for name, field in unique if name in bodies]
    assert set(read) >= {("SyncBody", "kinds"), ("NewToken", "scopes")}
    for name, field in read:
        item = {"kinds": "mail", "scopes": "read"}[field]
        with pytest.raises(ValidationError, match="repeated"):
            bodies[name].model_validate_json(json.dumps({"name": "x", field: [item, item]}), strict=True)


def test_no_text_that_comes_in_may_have_nul_and_the_document_has_it_in_every_text() -> None:
    components: dict[str, Any] = {
        "Inner": {"properties": {"x": {"type": "string"}, "again": {"$ref": "#/components/schemas/Inner"}}}
    }
    schema: dict[str, Any] = {
        "properties": {
            "inner": {"$ref": "#/components/schemas/Inner"},
            "names": {"type": "array", "items": {"type": "string", "maxLength": 3}},
            "kind": {"type": "string", "enum": ["a"]},
        }
    }
    refuse_nul(schema, components)
    assert components["Inner"]["properties"]["x"] == {"type": "string", "pattern": NO_NUL}
    assert schema["properties"]["names"]["items"]["pattern"] == NO_NUL
    assert schema["properties"]["kind"] == {"type": "string", "enum": ["a"]}


def patterns_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(pattern := node.get("pattern"), str):
            yield pattern
        yield from (pattern for member in node.values() for pattern in patterns_in(member))
    elif isinstance(node, list):
        yield from (pattern for item in node for pattern in patterns_in(item))


def test_no_pattern_in_the_document_lets_nul_pass() -> None:
    patterns = set(patterns_in(openapi_document()))
    assert len(patterns) > 3
    assert [pattern for pattern in patterns if re.search(pattern, "a\0a")] == []


def test_a_query_parameter_is_never_null() -> None:
    assert without_null({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "Q"}) == {
        "type": "string",
        "title": "Q",
    }
    assert without_null({"type": "integer", "default": 50}) == {"type": "integer", "default": 50}
    for operations in openapi_document()["paths"].values():
        for operation in operations.values():
            assert '"null"' not in json.dumps(operation["parameters"])


async def test_a_whole_number_may_be_written_with_a_point_as_schemas_have_it() -> None:
    assert await of_body(b'{"size": 30.0}') == Thing(size=30)
    for raw in (b'{"size": 2.5}', b'{"size": 1e300}', b'{"open": 1.0}', b'{"tags": [1.0]}'):
        with pytest.raises(InvalidInput):
            await of_body(raw)
    with pytest.raises(Refused) as refused:
        await of_body(b'{"size": 1.0, "tags": ' + b"[" * 300 + b"]" * 300 + b"}")
    assert (refused.value.status, refused.value.code) == (400, "malformed_json")
