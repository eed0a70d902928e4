"""Who is calling: session cookie or personal API token."""

from dataclasses import dataclass

from aiohttp import web

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.db import act_on_behalf_of
from libs.common.errors import Refused
from libs.common.requests import User, WhoIs
from services.gateway.domain.sessions import bearer_token, require_own_origin
from services.gateway.sessions.cookies import renew_later, session_of


@dataclass(frozen=True)
class Caller:
    """The signed-in user behind a request; `session` is None where an API token was used."""

    user: User
    session: str | None

    def require_session(self) -> str:
        """The session. Refused: `session_required` (403) where an API token was used."""
        if self.session is None:
            raise Refused(
                403,
                "session_required",
                "An API token can't connect an account: sign in with a browser, and add it there.",
            )
        return self.session


async def authenticate(request: web.Request, bus: Bus, settings: Settings) -> Caller:
    """The caller, on whose behalf the rest of the request is. Refused: `unauthenticated` (401), `wrong_origin` (403).

    An Authorization header wins over the cookie.
    """
    caller = await _identify(request, bus, settings)
    act_on_behalf_of(caller.user.id)
    return caller


async def _identify(request: web.Request, bus: Bus, settings: Settings) -> Caller:
    if "Authorization" in request.headers:
        if not (token := bearer_of(request)):
            raise _unauthenticated()
        return Caller(await bus.request(WhoIs(token=token)), None)
    session = session_of(request, settings)
    if not session:
        raise _unauthenticated()
    require_own_origin(request.method, request.headers, settings.base_url)
    caller = Caller(await bus.request(WhoIs(session=session)), session)
    renew_later(request, session, settings)
    return caller


async def find_caller(request: web.Request, bus: Bus, settings: Settings) -> Caller | None:
    """The caller; None for somebody who is not signed in (any more). Refused: `wrong_origin` (403)."""
    try:
        return await authenticate(request, bus, settings)
    except Refused as refused:
        if refused.status == 401:
            return None
        raise


def bearer_of(request: web.Request) -> str:
    """The API token of a request; empty where there is none."""
    return bearer_token(request.headers.get("Authorization", ""))


def _unauthenticated() -> Refused:
    return Refused(
        401, "unauthenticated", "Sign in at /login, or send a personal API token: Authorization: Bearer pcrm_…"
    )
