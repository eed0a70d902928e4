"""Where assistants call: `POST /mcp` with an API token, and the document that leads a client without a token to where it gets one."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from urllib.parse import urlsplit

from aiohttp import web

from libs.common.errors import Refused
from services.gateway.api.endpoint import Call
from services.gateway.assistants import mail, meetings, people
from services.gateway.assistants.asgi import AsgiApp, respond
from services.gateway.assistants.tool import Tool
from services.gateway.context import Context
from services.gateway.domain import problems
from services.gateway.domain.assistant_clients import GRANTABLE
from services.gateway.domain.sessions import origin
from services.gateway.limits.api_requests import take_api_request
from services.gateway.middlewares import problem_response
from services.gateway.sessions.authentication import Caller, authenticate

PATH = "/mcp"
METADATA = "/.well-known/oauth-protected-resource"
TOOLS: tuple[Tool, ...] = (*people.TOOLS, *meetings.TOOLS, *mail.TOOLS)
HOW_TO_CALL = (
    "An assistant needs a personal API token: make one on the settings page or with `pingcrm token create`, with the scope `read`, and "
    "`write` where it may add notes. Put it into the assistant's configuration as the header Authorization: Bearer pcrm_… "
    "An assistant that speaks OAuth gets one by itself, once its user has allowed it."
)


def assistants_routes(context: Context) -> list[web.RouteDef]:
    return [
        web.post(PATH, partial(serve, context)),
        web.get(METADATA, partial(show_metadata, context)),
        web.get(METADATA + PATH, partial(show_metadata, context)),
    ]


async def serve(context: Context, request: web.Request) -> web.StreamResponse:
    """One message of the protocol."""
    try:
        caller = await _authenticate(context, request)
    except Refused as refused:
        if refused.status != 401:
            raise
        return problem_response(_challenge(context, refused, has_token="Authorization" in request.headers))
    call = Call(context, request, caller)
    await take_api_request(context, call.user_id)
    app, call_name = await asyncio.to_thread(_protocol)
    return await respond(app, request, {call_name: call})


async def _authenticate(context: Context, request: web.Request) -> Caller:
    """The owner of the token. No cookie will do: an assistant is no browser. Refused: 401, `wrong_origin` (403)."""
    own = origin(context.settings.base_url)
    if "Origin" in request.headers and origin(request.headers["Origin"]) != own:
        raise Refused(403, "wrong_origin", "A page of another site can't call this. Assistants send no Origin.")
    if "Authorization" not in request.headers:
        raise Refused(401, "unauthenticated", HOW_TO_CALL)
    return await authenticate(request, context.bus, context.settings)


@cache
def _protocol() -> tuple[AsgiApp, str]:
    """Imported by the first call, in a thread: it takes half a second and 20 MB, which an installation without assistants is spared."""
    from services.gateway.assistants.protocol import CALL, protocol_app

    return protocol_app(TOOLS), CALL


def _challenge(context: Context, refused: Refused, *, has_token: bool) -> problems.ErrorResponse:
    """401 with where to read on (RFC 9728), as the protocol wants it; and whether there was a token that is none (RFC 6750)."""
    failure = problems.of_refusal(refused)
    challenge = f'Bearer realm="PingCRM", resource_metadata="{_origin(context)}{METADATA}{PATH}", scope="read write"'
    if has_token:
        challenge += ', error="invalid_token"'
    return replace(failure, headers={**failure.headers, "WWW-Authenticate": challenge})


async def show_metadata(context: Context, _: web.Request) -> web.Response:
    """What a client needs to call (RFC 9728): a token made by hand, or by the authorization server, which is this gateway as well."""
    base = context.settings.base_url
    document: Mapping[str, object] = {
        "resource": f"{base}{PATH}",
        "resource_name": "PingCRM",
        "authorization_servers": [base],
        "scopes_supported": list(GRANTABLE),
        "bearer_methods_supported": ["header"],
        "resource_documentation": f"{base}/settings",
    }
    return web.json_response(document)


def _origin(context: Context) -> str:
    parts = urlsplit(context.settings.base_url)
    return f"{parts.scheme}://{parts.netloc}"
