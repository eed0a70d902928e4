"""Who is calling: session cookie or personal API token."""

from dataclasses import dataclass

from aiohttp import web

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.db import act_on_behalf_of
from libs.common.errors import Refused
from libs.common.requests import TokenScope, User, WhoIs
from services.gateway.domain.sessions import bearer_token, require_own_origin
from services.gateway.domain.token_scopes import Scope, require_scope, session_required
from services.gateway.sessions.cookies import renew_later, session_of


@dataclass(frozen=True)
class Caller:
    """The signed-in user behind a request; where an API token was used, `session` is None and `scopes` is what it may do."""

    user: User
    session: str | None
    scopes: frozenset[TokenScope] = frozenset()

    def require(self, scope: Scope) -> None:
        """Refused: `session_required`, `insufficient_scope` (403)."""
        require_scope(scope, in_session=self.session is not None, scopes=self.scopes)

    def require_session(self) -> str:
        """The session. Refused: `session_required` (403) where an API token was used."""
        if self.session is None:
            raise session_required()
        return self.session


async def authenticate(request: web.Request, bus: Bus, settings: Settings) -> Caller:
    """The caller, on whose behalf the rest of the request is. Refused: `unauthenticated` (401), `wrong_origin` (403).

    An Authorization header wins over the cookie.
    """
    if "Authorization" in request.headers:
        caller = await _identify_token(request, bus)
    else:
        caller = await _identify_session(request, bus, settings)
    act_on_behalf_of(caller.user.id)
    return caller


async def _identify_token(request: web.Request, bus: Bus) -> Caller:
    if not (token := bearer_of(request)):
        raise _unauthenticated()
    found = await bus.request(WhoIs(token=token))
    return Caller(found, None, found.scopes)


async def _identify_session(request: web.Request, bus: Bus, settings: Settings) -> Caller:
    session = session_of(request, settings)
    if not session:
        raise _unauthenticated()
    require_own_origin(request.method, request.headers, settings.base_url)
    found = await bus.request(WhoIs(session=session))
    caller = Caller(found, session)
    renew_later(request, session, settings)
    return caller


async def find_caller(request: web.Request, bus: Bus, settings: Settings) -> Caller | None:
    """Who visits a page; None for somebody who is not signed in (any more). Refused: `wrong_origin` (403).

    Pages are for sessions alone: what they do is not declared by scope, so no API token opens them. An Authorization header is not
    looked at: it may be there for a proxy.
    """
    try:
        caller = await _identify_session(request, bus, settings)
    except Refused as refused:
        if refused.status == 401:
            return None
        raise
    act_on_behalf_of(caller.user.id)
    return caller


def bearer_of(request: web.Request) -> str:
    """The API token of a request; empty where there is none."""
    return bearer_token(request.headers.get("Authorization", ""))


def _unauthenticated() -> Refused:
    return Refused(
        401, "unauthenticated", "Sign in at /login, or send a personal API token: Authorization: Bearer pcrm_…"
    )
