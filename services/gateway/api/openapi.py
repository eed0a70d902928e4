"""The OpenAPI 3.1 document, made from the same declarations that are served.

It is printed without a server: python -m services.gateway.api.openapi > docs/openapi.json
"""

import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from services.gateway.api import ENDPOINTS
from services.gateway.api.endpoint import JSON, Endpoint
from services.gateway.api.input_schemas import leave_out_null_defaults, refuse_nul, without_null
from services.gateway.api.parsing import CURSOR
from services.gateway.api.serving import IDEMPOTENCY_KEY, PREFIX
from services.gateway.api.webhook_calls import TAG as WEBHOOKS
from services.gateway.api.webhook_calls import webhooks
from services.gateway.domain.notifications import Notification
from services.gateway.domain.problems import MEDIA_TYPE, Problem
from services.gateway.domain.sessions import SAFE_METHODS
from services.gateway.domain.token_scopes import SCOPE_TEXTS
from services.gateway.domain.webhook_delivery import UNSENT, ContactsChanged
from services.gateway.sessions.cookies import SESSION_COOKIE

VERSION = "1"
ERRORS = {
    400: "The body is not JSON.",
    401: "Not signed in.",
    404: "There is no such thing, or it belongs to somebody else.",
    413: "The body is larger than 1 MB.",
    415: "The body is not declared as JSON.",
    422: "The input does not fit, or there is a query parameter that is unknown here.",
    429: "Too many requests of this user; go on after Retry-After seconds.",
    503: "A part of PingCRM does not answer right now; try again after Retry-After seconds.",
}
WRONG_CURSOR = "The cursor is not one of this list."
WRONG_ORIGIN = "Or a request with a session cookie that did not come from PingCRM's own pages."
KEY_ERRORS = {
    400: "The Idempotency-Key is not one.",
    409: "A request with this Idempotency-Key is being worked on; try again after Retry-After seconds.",
    422: "The Idempotency-Key was used for another request.",
}
KEY_DESCRIPTION = (
    "A text of the caller's own for this one request, such as a random UUID. Sent again with the same key within 24 hours, after a 503 or "
    "a lost connection, it is done once, and the first response comes back."
)
REF = "#/components/schemas/{model}"
DESCRIPTION = (
    "Lists are pages: `items`, and `next_cursor` for the next page (null on the last). Ids are UUIDs, times RFC 3339 in UTC. "
    "Errors are problem details (RFC 9457). "
    "Every GET can be a HEAD. Query parameters that an operation does not have are refused, as are fields of a body. "
    "What creates something takes an `Idempotency-Key`: with it a request can be sent again safely. "
    "A personal API token is sent as `Authorization: Bearer pcrm_…`, without a cookie and without an Origin; the scopes that an operation "
    "needs are those of its `security`. What no token may do has the session alone."
)
Schemas = Mapping[tuple[Any, JsonSchemaMode], dict[str, Any]]
"""By (model, how it is used); pydantic's own type for the model is wider than ours."""


class _SchemaGenerator(GenerateJsonSchema):
    """Describes replies as they are sent: whole. A member that has its default is there all the same, so none is optional."""

    def field_is_required(
        self, field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField, total: bool
    ) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if self.mode == "serialization":
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def openapi_document(endpoints: Sequence[Endpoint] = ENDPOINTS) -> dict[str, Any]:
    """The document of these endpoints; left out: of the whole API."""
    schemas, components = _schemas(endpoints)
    posted = components["PostedNotification"] = {**deepcopy(components["Notification"]), "title": "PostedNotification"}
    for name in UNSENT:
        _leave_out(posted, name)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(PREFIX + endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "PingCRM", "version": VERSION, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys((*(endpoint.tag for endpoint in endpoints), WEBHOOKS))],
        "paths": paths,
        "webhooks": webhooks(
            {"$ref": REF.format(model="PostedNotification")}, {"$ref": REF.format(model="ContactsChanged")}
        ),
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": f"__Host-{SESSION_COOKIE}",
                    "description": f"Set by signing in at /login. Over plain http, on loopback: {SESSION_COOKIE}.",
                },
                "token": {"type": "http", "scheme": "bearer", "description": _token_description()},
            },
        },
    }


def error_descriptions(endpoint: Endpoint) -> dict[int, str]:
    """Every error that an endpoint can respond with: those that follow from its shape, and those it declares."""
    statuses = {401, 422, 429, 503}
    if endpoint.path_parameters:
        statuses.add(404)
    if endpoint.body:
        statuses |= {400, 413, 415}
    wrong_cursor = {400: WRONG_CURSOR} if endpoint.query and CURSOR in endpoint.query.model_fields else {}
    found = {
        **{status: ERRORS[status] for status in statuses},
        403: _forbidden(endpoint),
        **wrong_cursor,
        **endpoint.errors,
    }
    if own := endpoint.errors.get(403):
        found[403] = f"{own} {_forbidden(endpoint)}"
    for status, text in KEY_ERRORS.items() if endpoint.creates else ():
        found[status] = f"{found[status]} {text}" if status in found else text
    return dict(sorted(found.items()))


def _forbidden(endpoint: Endpoint) -> str:
    """Why somebody who is known may not do it."""
    if endpoint.scope == "session":
        text = "An API token was sent: this needs a session."
    else:
        text = f"The API token has not the scope `{endpoint.scope}`."
    return text if endpoint.method in SAFE_METHODS else f"{text} {WRONG_ORIGIN}"


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    session: dict[str, list[str]] = {"session": []}
    return [session] if endpoint.scope == "session" else [session, {"token": [endpoint.scope]}]


def _token_description() -> str:
    scopes = "".join(f"\n- `{scope}`: {text}." for scope, text in SCOPE_TEXTS.items())
    return f"A personal API token, made on the settings page or with `pingcrm token create`. Its scopes:\n{scopes}"


def _schemas(endpoints: Sequence[Endpoint]) -> tuple[Schemas, dict[str, Any]]:
    """The schema of each model as it is used (read or written), and the shared components."""
    models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {
        (Problem, "validation"): None,  # the one reply that leaves out what it has not
        (Notification, "serialization"): None,
        (ContactsChanged, "serialization"): None,
    }
    for endpoint in endpoints:
        if endpoint.body:
            models[endpoint.body, "validation"] = None
        for event in endpoint.events.values():
            models[event, "serialization"] = None
        if endpoint.reply:
            models[endpoint.reply, "serialization"] = None
    schemas, definitions = models_json_schema(list(models), ref_template=REF, schema_generator=_SchemaGenerator)
    components = definitions["$defs"]
    for endpoint in endpoints:
        for event in endpoint.events.values():
            _leave_out(components[event.__name__], "user_id")
        if endpoint.body:
            refuse_nul(schemas[endpoint.body, "validation"], components)
            leave_out_null_defaults(schemas[endpoint.body, "validation"], components)
    return schemas, components


def _leave_out(schema: dict[str, Any], name: str) -> None:
    """Take a property out of a schema."""
    schema["properties"].pop(name, None)
    schema["required"] = [required for required in schema.get("required", ()) if required != name]


def _operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "security": _security(endpoint),
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint), *_header_parameters(endpoint)],
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.description:
        operation["description"] = endpoint.description
    if endpoint.body:
        operation["requestBody"] = {
            "required": _needs_a_body(endpoint.body),
            "content": {"application/json": {"schema": schemas[endpoint.body, "validation"]}},
        }
    return operation


def _needs_a_body(body: type[BaseModel]) -> bool:
    """Whether an empty body, or none, does not fit."""
    schema = body.model_json_schema()
    return bool(schema.get("required")) or "not" in schema


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": adapter.json_schema()}
        for name, adapter in endpoint.path_parameters.items()
    ]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if not endpoint.query:
        return []
    schema = endpoint.query.model_json_schema(ref_template=REF)
    refuse_nul(schema["properties"], {})
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": value.pop("description", ""),
            "schema": without_null(value),
        }
        for name, value in schema["properties"].items()
    ]


def _header_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if not endpoint.creates:
        return []
    return [
        {
            "name": IDEMPOTENCY_KEY,
            "in": "header",
            "required": False,
            "description": KEY_DESCRIPTION,
            "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
            "example": "0197c0de-1111-4222-8333-444455556666",
        }
    ]


def _responses(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    success: dict[str, Any] = {"description": endpoint.summary}
    if endpoint.reply:
        success["content"] = {"application/json": {"schema": schemas[endpoint.reply, "serialization"]}}
    elif endpoint.media_type != JSON:
        success["content"] = {endpoint.media_type: {"schema": _streamed(endpoint, schemas)}}
    problem = {MEDIA_TYPE: {"schema": schemas[Problem, "validation"]}}
    errors = {
        str(status): {"description": text, "content": problem} for status, text in error_descriptions(endpoint).items()
    }
    return {str(endpoint.status): success, **errors}


def _streamed(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    """What is no JSON: an archive, or server-sent events with their data. Whose an event is its reader knows."""
    if not endpoint.events:
        return {"type": "string", "format": "binary", "contentMediaType": endpoint.media_type}
    kinds = [
        {
            "type": "object",
            "properties": {"event": {"const": name}, "data": schemas[model, "serialization"]},
            "required": ["event", "data"],
        }
        for name, model in endpoint.events.items()
    ]
    return {"type": "string", "contentMediaType": endpoint.media_type, "contentSchema": {"oneOf": kinds}}


def openapi_json() -> str:
    """The document as indented JSON, the same for the same declarations."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(openapi_document(), option=options).decode()


if __name__ == "__main__":
    sys.stdout.write(openapi_json())
