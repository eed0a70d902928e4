"""Serves declared endpoints: authenticate, count, check the scope, parse and validate, call, respond."""

from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from libs.common.errors import Refused
from libs.common.idempotency import checked_key
from services.gateway.api.endpoint import Call, Endpoint
from services.gateway.context import Context
from services.gateway.domain.problems import InvalidInput
from services.gateway.limits.api_requests import take_api_request
from services.gateway.sessions.authentication import authenticate

PREFIX = "/api/v1"
IDEMPOTENCY_KEY = "Idempotency-Key"


def route(endpoint: Endpoint, context: Context) -> web.RouteDef:
    """The aiohttp route of an endpoint."""

    async def handle(request: web.Request) -> web.StreamResponse:
        caller = await authenticate(request, context.bus, context.settings)
        call = Call(context, request, caller, _idempotency_key(request) if endpoint.creates else None)
        await take_api_request(context, call.user_id)
        caller.require(endpoint.scope)
        arguments = _parse_path(endpoint, request)
        if endpoint.query:
            arguments["query"] = _parse_query(endpoint.query, request)
        if endpoint.body:
            arguments["body"] = await _read_body(endpoint.body, request)
        response = _response(endpoint, await endpoint.handler(call, **arguments))
        for finish in call.finish:
            finish(response)
        return response

    # Only what is declared is served: aiohttp would add HEAD to each GET, an endless one for the live stream.
    options = {"allow_head": False} if endpoint.method == "GET" else {}
    return web.route(endpoint.method, PREFIX + endpoint.path, handle, name=endpoint.name, **options)


def _idempotency_key(request: web.Request) -> str | None:
    """Refused: `invalid_idempotency_key` (400), also where there are several: which one counts would be a guess."""
    keys = request.headers.getall(IDEMPOTENCY_KEY, [])
    return checked_key(" ".join(keys)) if keys else None


def _response(endpoint: Endpoint, reply: Any) -> web.StreamResponse:
    match reply:
        case web.StreamResponse():
            return reply
        case BaseModel():
            body = reply.model_dump_json().encode()
            return web.Response(body=body, status=endpoint.status, content_type="application/json")
        case _:
            return web.Response(status=endpoint.status)


def _parse_path(endpoint: Endpoint, request: web.Request) -> dict[str, Any]:
    """Path parameters. What can't be an id is the id of nothing: 404."""
    try:
        return {
            name: adapter.validate_python(request.match_info[name])
            for name, adapter in endpoint.path_parameters.items()
        }
    except ValidationError as error:
        raise Refused(404, "not_found", "There is nothing with this id.") from error


def _parse_query(model: type[BaseModel], request: web.Request) -> BaseModel:
    """The query string; a parameter without a value counts as absent."""
    values = {name: value for name, value in request.query.items() if value}
    _refuse_nul(values)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidInput("query", error) from error


async def _read_body(model: type[BaseModel], request: web.Request) -> BaseModel:
    """The JSON body; an empty one counts as `{}`. Refused: 400 not JSON, 415 another media type."""
    try:
        raw = await request.read()
    except web.RequestPayloadError as error:
        raise Refused(400, "malformed_body", "The body does not fit its Content-Encoding.") from error
    if raw and request.content_type != "application/json":
        raise Refused(415, "not_json", "Send JSON, with the header Content-Type: application/json.")
    try:
        value = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Refused(400, "malformed_json", f"The body is not valid JSON ({place}).") from error
    _refuse_nul(value)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidInput("body", error) from error


def _refuse_nul(value: object) -> None:
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
