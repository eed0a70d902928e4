"""The cookies of a browser: its session, and the random value that binds a sign-in to it."""

import secrets
from datetime import UTC, datetime, timedelta

from aiohttp import web

from libs.common.config import Settings
from services.gateway.domain.sessions import is_browser_id, session_id

SESSION_COOKIE = "pingcrm_session"
BROWSER_COOKIE = "pingcrm_browser"
RENEWED_COOKIE = "pingcrm_renewed"
SESSION_LIFE = timedelta(days=30)  # `auth` prolongs a session in use to as much
RENEWED_SECONDS = 86_400
BROWSER_SECONDS = 600
BROWSER_BYTES = 32
_RENEWAL = web.RequestKey("renewal", str)


def session_of(request: web.Request) -> str:
    """The session of a browser; empty where there is none."""
    return session_id(request.cookies.get(SESSION_COOKIE, ""))


def browser_of(request: web.Request) -> str:
    """The random value that binds a sign-in to this browser: the one it has, or a new one."""
    known = request.cookies.get(BROWSER_COOKIE, "")
    return known if is_browser_id(known) else secrets.token_urlsafe(BROWSER_BYTES)


def remember_browser(response: web.StreamResponse, browser: str, settings: Settings) -> None:
    _set_cookie(response, BROWSER_COOKIE, browser, BROWSER_SECONDS, settings)


def remember_session(
    response: web.StreamResponse, session: str, expires_at: datetime | None, settings: Settings
) -> None:
    """Until the session ends; without an end, until the browser is closed."""
    seconds = None if expires_at is None else max(0, int((expires_at - datetime.now(UTC)).total_seconds()))
    _set_cookie(response, SESSION_COOKIE, session, seconds, settings)
    _set_cookie(response, RENEWED_COOKIE, "1", RENEWED_SECONDS, settings)


def renew_later(request: web.Request, session: str) -> None:
    """Have `renew_session` renew the cookie with the response, unless that was done today."""
    if RENEWED_COOKIE not in request.cookies:
        request[_RENEWAL] = session


def renew_session(request: web.Request, response: web.StreamResponse, settings: Settings) -> None:
    """The session slides in the database; once a day the cookie follows, so that whoever comes back stays signed in."""
    session = request.get(_RENEWAL)
    if session and not response.prepared and SESSION_COOKIE not in response.cookies:
        remember_session(response, session, datetime.now(UTC) + SESSION_LIFE, settings)


def forget_session(response: web.StreamResponse, settings: Settings) -> None:
    _set_cookie(response, SESSION_COOKIE, "", 0, settings)


def _set_cookie(response: web.StreamResponse, name: str, value: str, seconds: int | None, settings: Settings) -> None:
    """Lax: the way back from Google is a top-level navigation and must carry the cookies."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=settings.base_url.startswith("https:"),
    )
