"""The page that asks whether an assistant may use PingCRM, and the way back to the assistant with the answer."""

from aiohttp import web

from libs.common.errors import Refused
from libs.common.requests import TokenScope
from services.gateway.assistants.authorization import CONSENT, code_for, get_request, take_request
from services.gateway.context import Context
from services.gateway.domain.assistant_clients import (
    GRANTABLE,
    TOKEN_DAYS,
    AuthorizationRequest,
    Grant,
    token_name,
)
from services.gateway.domain.redirect_uris import location
from services.gateway.domain.token_scopes import SCOPE_TEXTS
from services.gateway.pages.visit import Visit, page_route


def assistants_pages(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", CONSENT, show_consent, framed=False),
        page_route(context, "POST", CONSENT, answer),
    ]


async def show_consent(visit: Visit) -> web.Response:
    """Who wants what, and where the answer goes; nothing happens before a button."""
    request_id = visit.http_request.query.get("request", "")
    wanted = await get_request(visit.context, request_id)
    if wanted is None:
        raise _gone()
    values = {
        "request_id": request_id,
        "name": wanted.name,
        "host": wanted.host,
        "uri": wanted.redirect_uri,
        "local": wanted.is_local,
        "user": visit.user,
        "scopes": [(scope, SCOPE_TEXTS[scope]) for scope in wanted.scopes],
        "days": TOKEN_DAYS,
    }
    return visit.context.pages.page("assistant_consent.html", values)


async def answer(visit: Visit) -> web.Response:
    """Back to the assistant: with a code for what was granted, or with the refusal."""
    form = await visit.http_request.post()
    wanted = await take_request(visit.context, str(form.get("request", "")))
    if wanted is None:
        raise _gone()
    ticked = form.getall("scope", [])
    scopes = tuple(scope for scope in wanted.scopes if scope in ticked)
    if form.get("answer") != "allow" or not scopes:
        return _back(visit, wanted, error="access_denied")
    return _back(visit, wanted, code=await code_for(visit.context, _grant(visit, wanted, scopes)))


def _grant(visit: Visit, wanted: AuthorizationRequest, scopes: tuple[TokenScope, ...]) -> Grant:
    assert set(scopes) <= set(GRANTABLE)
    return Grant(
        user_id=visit.user_id,
        client=wanted.client,
        name=token_name(wanted.name, wanted.host),
        redirect_uri=wanted.redirect_uri,
        code_challenge=wanted.code_challenge,
        scopes=scopes,
    )


def _back(visit: Visit, wanted: AuthorizationRequest, **given: str) -> web.Response:
    """A page that leads on by itself. A redirect would not do: browsers refuse one to another site after a form (`form-action`).

    Whom a user has refused gets their browser by a click alone, unless it is a program of their own machine: what such a site shows next
    could look like PingCRM.
    """
    href = location(wanted.redirect_uri, **given, state=wanted.state, iss=visit.context.settings.base_url)
    allowed = "code" in given
    values = {"href": href, "name": wanted.name, "host": wanted.host, "allowed": allowed}
    return visit.context.pages.page("assistant_answered.html", {**values, "leads_on": allowed or wanted.is_local})


def _gone() -> Refused:
    return Refused(404, "not_found", "This was answered already, or waited for too long. Begin anew in the assistant.")
