"""The OAuth endpoints over HTTP: consent page, token, revoke, certs."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
from aiohttp import web
from jinja2 import Environment, FileSystemLoader
from multidict import MultiDict, MultiMapping

from libs.google_sim.hosted_account import Account
from libs.google_sim.oauth.authority import CODE_SECONDS, IDENTITY_SCOPES, Code, OAuthError
from libs.google_sim.oauth.request import REQUESTED, AuthorizationRequest, BadRequest, read
from libs.google_sim.oauth.service_accounts import JWT_BEARER
from libs.google_sim.world import World

_PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_NO_STORE = {"Cache-Control": "no-store"}

Endpoint = Callable[[World, web.BaseRequest], Awaitable[web.Response]]


async def consent_page(world: World, request: web.BaseRequest) -> web.Response:
    """Show the page that asks who it is and what the client may do. With prompt=none the redirect comes at once, whatever it is."""
    try:
        authorization = read(request.query, world.options.client_id)
    except BadRequest as error:
        return _page(400, error=str(error))
    hinted = _hinted(world, authorization.login_hint)
    if "none" in authorization.prompts:
        only = hinted or (next(iter(world.accounts.values())) if len(world.accounts) == 1 else None)
        if only is None:
            return _redirect(authorization.redirect_url(error="interaction_required"))
        if not _granted_before(world, authorization, only):
            return _redirect(authorization.redirect_url(error="consent_required"))
        return _redirect(_grant(world, authorization, only, authorization.scopes, consented=False))
    first = [hinted] if hinted else []
    accounts = first + [account for account in world.accounts.values() if account is not hinted]
    return _page(
        200,
        accounts=accounts,
        host=urlsplit(authorization.redirect_uri).netloc,
        permissions=authorization.permissions,
        hidden=authorization.hidden,
    )


async def decide(world: World, request: web.BaseRequest) -> web.Response:
    """Take the consent form and redirect. Its fields: account, scope (each box ticked), decision (allow or deny), and the request's own."""
    form = await _form(request)
    given = MultiDict(request.query) if "client_id" in request.query else MultiDict(form)
    if "client_id" not in request.query:
        given["scope"] = str(form.get(REQUESTED, ""))
    try:
        authorization = read(given, world.options.client_id)
    except BadRequest as error:
        return _page(400, error=str(error))
    if form.getall("decision", ["allow"])[-1] != "allow":
        return _redirect(authorization.redirect_url(error="access_denied"))
    account = world.accounts.get(str(form.get("account", "")).strip().lower())
    if account is None:
        return _page(400, error="Couldn't find that account. Go back and choose one of those listed.")
    if (policy := world.authority.policies.get(account.address)) and policy != "invalid_rapt":
        return _redirect(authorization.redirect_url(error=policy))
    if "consent" not in authorization.prompts and _granted_before(world, authorization, account):
        return _redirect(_grant(world, authorization, account, authorization.scopes, consented=False))
    ticked = {scope for value in form.getall("scope", []) for scope in value.split()}
    scopes = tuple(scope for scope in authorization.scopes if scope in IDENTITY_SCOPES or scope in ticked)
    return _redirect(_grant(world, authorization, account, scopes, consented=True))


async def token(world: World, request: web.BaseRequest) -> web.Response:
    """Exchange codes, refresh tokens and the assertions of service accounts for access tokens."""
    form = await _form(request)
    try:
        if form.get("grant_type") == JWT_BEARER:
            email, scopes = world.service_accounts.verified(form.get("assertion", ""))
            return _json(_access(world, email, "", scopes))
        client_id = _client(world, request, form)
        match form.get("grant_type"):
            case "authorization_code":
                return _json(_exchange(world, client_id, form))
            case "refresh_token":
                return _json(_refresh(world, client_id, form))
            case _:
                raise OAuthError("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
    except OAuthError as error:
        return _json(error.body(), error.status)


async def revoke(world: World, request: web.BaseRequest) -> web.Response:
    text = (await _form(request)).get("token") or request.query.get("token", "")
    try:
        world.authority.revoke(str(text))
    except OAuthError as error:
        return _json(error.body(), error.status)
    return _json({})


async def certs(world: World, request: web.BaseRequest) -> web.Response:
    body = orjson.dumps(world.authority.certs())
    headers = {"Cache-Control": "public, max-age=3600, must-revalidate, no-transform"}
    return web.Response(body=body, content_type="application/json", headers=headers)


ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("GET", "/o/oauth2/v2/auth"): consent_page,
    ("POST", "/o/oauth2/v2/auth"): decide,
    ("POST", "/token"): token,
    ("POST", "/revoke"): revoke,
    ("GET", "/oauth2/v3/certs"): certs,
}


def _hinted(world: World, hint: str | None) -> Account | None:
    """The account that login_hint, an address or a `sub`, names."""
    by_address = world.accounts.get((hint or "").strip().lower())
    return by_address or next((account for account in world.accounts.values() if account.sub == hint), None)


def _granted_before(world: World, authorization: AuthorizationRequest, account: Account) -> bool:
    return set(authorization.scopes) <= set(world.authority.grants.get((account.address, authorization.client_id), ()))


def _grant(
    world: World, authorization: AuthorizationRequest, account: Account, scopes: tuple[str, ...], *, consented: bool
) -> str:
    code = Code(
        account=account.address,
        client_id=authorization.client_id,
        redirect_uri=authorization.redirect_uri,
        scopes=scopes,
        nonce=authorization.nonce,
        challenge=authorization.challenge,
        challenge_method=authorization.challenge_method,
        offline=authorization.offline,
        expires_at=world.now() + CODE_SECONDS,
    )
    text = world.authority.issue_code(code, include_granted=authorization.include_granted, consented=consented)
    granted = world.authority.codes[text].scopes
    return authorization.redirect_url(
        code=text, scope=" ".join(granted), authuser="0", prompt="consent" if consented else "none"
    )


def _exchange(world: World, client_id: str, form: MultiMapping[str]) -> dict[str, Any]:
    code, refresh = world.authority.exchange(
        form.get("code", ""), client_id, form.get("redirect_uri", ""), form.get("code_verifier")
    )
    response = _access(world, code.account, client_id, code.scopes)
    if refresh is not None:
        response["refresh_token"] = refresh
    if "openid" in code.scopes:
        response["id_token"] = world.authority.id_token(_claims(world, code), client_id, code.nonce)
    return response


def _claims(world: World, code: Code) -> dict[str, Any]:
    account = world.accounts[code.account]
    claims = {"sub": account.sub, "email": account.address}
    if any(scope.endswith("profile") for scope in code.scopes):
        claims["name"] = account.name
    return claims


def _refresh(world: World, client_id: str, form: MultiMapping[str]) -> dict[str, Any]:
    held = world.authority.refreshed(form.get("refresh_token", ""), client_id)
    response = _access(world, held.account, client_id, held.scopes)
    if not world.options.scope_on_refresh:
        del response["scope"]
    return response


def _access(world: World, account: str, client_id: str, scopes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "access_token": world.authority.issue_access(account, client_id, scopes),
        "expires_in": world.options.token_seconds,
        "scope": " ".join(scopes),
        "token_type": "Bearer",
    }


def _client(world: World, request: web.BaseRequest, form: MultiMapping[str]) -> str:
    """Return the client that requests, by form fields or Basic authentication. Raises OAuthError 401."""
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise OAuthError("invalid_client", "Malformed Authorization header.", 401) from error
        client_id, secret = unquote(user), unquote(password)
    options = world.options
    if not client_id or (options.client_id and client_id != options.client_id):
        raise OAuthError("invalid_client", "The OAuth client was not found.", 401)
    if options.client_secret and secret != options.client_secret:
        raise OAuthError("invalid_client", "Unauthorized", 401)
    return client_id


async def _form(request: web.BaseRequest) -> MultiDict[str]:
    """The text fields of a form; uploaded files are left out."""
    values = await request.post()
    return MultiDict((name, value) for name, value in values.items() if isinstance(value, str))


def _page(status: int, **values: Any) -> web.Response:
    html = _PAGES.get_template("consent.html").render(**values)
    return web.Response(status=status, text=html, content_type="text/html", headers=_PAGE_HEADERS)


def _redirect(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location, **_NO_STORE})


def _json(value: dict[str, Any], status: int = 200) -> web.Response:
    body = orjson.dumps(value)
    return web.Response(status=status, body=body, content_type="application/json", headers=_NO_STORE)
