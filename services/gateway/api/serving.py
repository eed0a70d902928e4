"""Serves declared endpoints: authenticate, count, check the scope, parse and validate, call, respond."""

from typing import Any

from aiohttp import web
from pydantic import BaseModel

from libs.common.idempotency import checked_key
from services.gateway.api.endpoint import JSON, Call, Endpoint
from services.gateway.api.parsing import parse_path, parse_query, read_body
from services.gateway.context import Context
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
        arguments = parse_path(endpoint, request)
        query = parse_query(endpoint.query, request)
        if query is not None:
            arguments["query"] = query
        if endpoint.body:
            arguments["body"] = await read_body(endpoint.body, request)
        response = _response(endpoint, await endpoint.handler(call, **arguments))
        for finish in call.finish:
            finish(response)
        return response

    # aiohttp adds HEAD to each GET.
    return web.route(endpoint.method, PREFIX + endpoint.path, handle, name=endpoint.name)


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
            return web.Response(body=body, status=endpoint.status, content_type=JSON)
        case _:
            return web.Response(status=endpoint.status)
