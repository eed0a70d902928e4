"""How an assistant that comes without a token gets one: OAuth 2.1 with PKCE, clients that register themselves, and the user's consent.

    POST /oauth/register     the client says what it is called and where it wants its answer; its id comes back
    GET  /oauth/authorize    the user's browser comes with what the client wants, and goes on to the page that asks (pages/assistants.py)
    POST /oauth/token        the client exchanges the code of that answer for a token

The token is an API token like those made by hand: on the settings page, with an end, and revoked there.
"""

import secrets
from functools import partial
from uuid import UUID

import orjson
from aiohttp import web
from pydantic import BaseModel

from libs.common.db import act_on_behalf_of
from libs.common.errors import Refused
from libs.common.ids import UserId
from libs.common.requests import ApiToken, CreateApiToken, DeleteApiToken
from services.gateway.context import Context
from services.gateway.domain.assistant_clients import (
    CODE_LIFE,
    GRANTABLE,
    REQUEST_LIFE,
    TOKEN_DAYS,
    AuthorizationRequest,
    Grant,
    OAuthError,
    authorization_request,
    client_id_of,
    fingerprint,
    registered,
    require_fit,
    token_form,
)
from services.gateway.domain.signed_values import signed, verified
from services.gateway.limits.authorizations import count_authorization

METADATA = "/.well-known/oauth-authorization-server"
REGISTER, AUTHORIZE, TOKEN = "/oauth/register", "/oauth/authorize", "/oauth/token"
CONSENT = "/assistants/connect"
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def authorization_routes(context: Context) -> list[web.RouteDef]:
    return [
        web.get(METADATA, partial(show_metadata, context)),
        web.post(REGISTER, partial(register, context)),
        web.get(AUTHORIZE, partial(authorize, context)),
        web.post(TOKEN, partial(exchange, context)),
    ]


async def show_metadata(context: Context, _: web.Request) -> web.Response:
    """What a client has to know (RFC 8414)."""
    base = context.settings.base_url
    return web.json_response(
        {
            "issuer": base,
            "authorization_endpoint": base + AUTHORIZE,
            "token_endpoint": base + TOKEN,
            "registration_endpoint": base + REGISTER,
            "scopes_supported": list(GRANTABLE),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "service_documentation": f"{base}/settings",
        }
    )


async def register(context: Context, request: web.Request) -> web.Response:
    """The id of a client (RFC 7591). What it is not registered for it can't use: no secret, no refresh."""
    try:
        client = registered(await request.read())
    except OAuthError as error:
        return _error(error)
    known = {
        "client_id": client_id_of(client, context.settings.webhook_keys[0]),
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "scope": " ".join(GRANTABLE),
    }
    return web.json_response(known, status=201, headers=NO_STORE)


async def authorize(context: Context, request: web.Request) -> web.Response:
    """On to the page that asks. Nobody has to be signed in yet: what is wanted waits meanwhile, and takes a while to be forgotten."""
    await count_authorization(context, request)
    wanted = authorization_request(request.query, context.settings.webhook_keys, f"{context.settings.base_url}/mcp")
    request_id = secrets.token_urlsafe(24)
    key = _request_key(request_id)
    await context.cache.put(key, _to_keep(context, key, wanted), REQUEST_LIFE)
    return web.Response(status=302, headers={"Location": f"{CONSENT}?request={request_id}", **NO_STORE})


async def get_request(context: Context, request_id: str) -> AuthorizationRequest | None:
    """What waits under this id; None where it was answered, or waited for too long."""
    key = _request_key(request_id)
    found = _kept(context, key, await context.cache.get(key))
    return AuthorizationRequest.model_validate_json(found) if found else None


async def take_request(context: Context, request_id: str) -> AuthorizationRequest | None:
    """The same, and it waits no more: of two answers the first counts."""
    key = _request_key(request_id)
    found = _kept(context, key, await context.cache.pop(key))
    return AuthorizationRequest.model_validate_json(found) if found else None


async def code_for(context: Context, grant: Grant) -> str:
    """A code that is exchanged once, within a minute. Only its fingerprint is kept."""
    code = secrets.token_urlsafe(32)
    key = _code_key(code)
    await context.cache.put(key, _to_keep(context, key, grant), CODE_LIFE)
    return code


async def exchange(context: Context, request: web.Request) -> web.Response:
    """A token for a code (RFC 6749, 4.1.3). A code that was tried is gone, whoever tried it; one that comes again ends its token."""
    try:
        form = token_form(request.content_type, await request.read())
        if form.get("grant_type") != "authorization_code":
            raise OAuthError("unsupported_grant_type", "There is authorization_code alone.")
        key = _code_key(form.get("code", ""))
        grant = await _take_grant(context, key)
        require_fit(grant, form)
        if grant.token_id:
            await _end_token(context, grant.user_id, grant.token_id)
            raise OAuthError("invalid_grant", "The code was used already. Its token has ended: begin anew.")
        made = await _token_of(context, grant)
    except OAuthError as error:
        return _error(error)
    used = grant.model_copy(update={"token_id": made.id})
    await context.cache.put(key, _to_keep(context, key, used), CODE_LIFE)
    token = {
        "access_token": made.secret,
        "token_type": "Bearer",
        "expires_in": TOKEN_DAYS * 86_400,
        "scope": " ".join(grant.scopes),
    }
    return web.json_response(token, headers=NO_STORE)


async def _take_grant(context: Context, key: str) -> Grant:
    """What a code is good for; nobody else gets it meanwhile. OAuthError: nothing, or nothing any more."""
    found = _kept(context, key, await context.cache.pop(key))
    if found is None:
        raise OAuthError("invalid_grant", "The code was used, or is older than a minute.")
    return Grant.model_validate_json(found)


async def _token_of(context: Context, grant: Grant) -> ApiToken:
    """A new API token, with its secret. OAuthError: the user has too many."""
    act_on_behalf_of(grant.user_id)
    command = CreateApiToken(user_id=grant.user_id, name=grant.name, scopes=frozenset(grant.scopes), days=TOKEN_DAYS)
    try:
        return await context.bus.request(command)
    except Refused as refused:
        raise OAuthError("invalid_grant", refused.detail) from refused


async def _end_token(context: Context, user_id: UserId, token_id: UUID) -> None:
    """Two had the code and the verifier, and one of them is a thief; or nobody got the first answer, and the token is nobody's."""
    act_on_behalf_of(user_id)
    try:
        await context.bus.request(DeleteApiToken(user_id=user_id, token_id=token_id))
    except Refused as refused:
        if refused.status != 404:  # its user was faster
            raise


def _request_key(request_id: str) -> str:
    return f"assistant_request:{fingerprint(request_id)}"


def _code_key(code: str) -> str:
    return f"assistant_code:{fingerprint(code)}"


def _to_keep(context: Context, key: str, value: BaseModel) -> str:
    """As it is kept: signed for its key, so that whoever can write Redis grants nothing in anybody's name."""
    return signed(value.model_dump_json().encode(), key, context.settings.webhook_keys[0])


def _kept(context: Context, key: str, found: bytes | None) -> bytes | None:
    """What was kept under this key; None where nothing was, or somebody else wrote it."""
    return verified(found.decode("ascii", "replace"), key, context.settings.webhook_keys) if found else None


def _error(error: OAuthError) -> web.Response:
    body = orjson.dumps({"error": error.code, "error_description": error.description})
    return web.Response(body=body, status=400, content_type="application/json", headers=NO_STORE)
