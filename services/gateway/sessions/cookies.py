"""The cookies of a browser: its session, the random value that binds a sign-in to it, and for seconds what was just dismissed in it.

Over https their names begin with `__Host-`: a browser takes such a cookie only from this host itself over https, so that no other host
of the domain, and nobody on a network without encryption, can plant one. A cookie without the prefix is not read there.
"""

import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote
from uuid import UUID

from aiohttp import web

from libs.common.config import Settings
from services.gateway.domain.sessions import cookie_name, dismissed_id, is_browser_id, is_https, own_path, session_id

SESSION_COOKIE = "pingcrm_session"
BROWSER_COOKIE = "pingcrm_browser"
RENEWED_COOKIE = "pingcrm_renewed"
DESTINATION_COOKIE = "pingcrm_destination"
DISMISSED_COOKIE = "pingcrm_dismissed"
SESSION_LIFE = timedelta(days=30)  # `auth` prolongs a session in use to as much
RENEWED_SECONDS = 86_400
BROWSER_SECONDS = 600
DESTINATION_SECONDS = 1800
DISMISSED_SECONDS = 10  # as long as the page offers to take it back (style.css)
BROWSER_BYTES = 32
_RENEWAL = web.RequestKey("renewal", str)


def session_of(request: web.Request, settings: Settings) -> str:
    """The session of a browser; empty where there is none."""
    return session_id(_cookie(request, SESSION_COOKIE, settings))


def known_browser_of(request: web.Request, settings: Settings) -> str:
    """The random value that this browser has been given; empty where there is none."""
    known = _cookie(request, BROWSER_COOKIE, settings)
    return known if is_browser_id(known) else ""


def browser_of(request: web.Request, settings: Settings) -> str:
    """The random value that binds a sign-in to this browser: the one it has, or a new one."""
    return known_browser_of(request, settings) or secrets.token_urlsafe(BROWSER_BYTES)


def remember_browser(response: web.StreamResponse, browser: str, settings: Settings) -> None:
    _set_cookie(response, BROWSER_COOKIE, browser, BROWSER_SECONDS, settings)


def remember_session(
    response: web.StreamResponse, session: str, expires_at: datetime | None, settings: Settings
) -> None:
    """Until the session ends; without an end, until the browser is closed."""
    seconds = None if expires_at is None else max(0, int((expires_at - datetime.now(UTC)).total_seconds()))
    _set_cookie(response, SESSION_COOKIE, session, seconds, settings)
    _set_cookie(response, RENEWED_COOKIE, "1", RENEWED_SECONDS, settings)


def renew_later(request: web.Request, session: str, settings: Settings) -> None:
    """Have `renew_session` renew the cookie with the response, unless that was done today."""
    if not _cookie(request, RENEWED_COOKIE, settings):
        request[_RENEWAL] = session


def renew_session(request: web.Request, response: web.StreamResponse, settings: Settings) -> None:
    """The session slides in the database; once a day the cookie follows, so that whoever comes back stays signed in."""
    session = request.get(_RENEWAL)
    if session and not response.prepared and cookie_name(SESSION_COOKIE, settings.base_url) not in response.cookies:
        remember_session(response, session, datetime.now(UTC) + SESSION_LIFE, settings)


def forget_session(response: web.StreamResponse, settings: Settings) -> None:
    _set_cookie(response, SESSION_COOKIE, "", 0, settings)


def remember_destination(response: web.StreamResponse, path: str, settings: Settings) -> None:
    """The page that somebody wanted who has to sign in first."""
    _set_cookie(response, DESTINATION_COOKIE, quote(path, safe=""), DESTINATION_SECONDS, settings)


def destination_of(request: web.Request, settings: Settings) -> str:
    """The page that was wanted before the sign-in; empty where none was."""
    return own_path(unquote(_cookie(request, DESTINATION_COOKIE, settings)))


def forget_destination(response: web.StreamResponse, settings: Settings) -> None:
    _set_cookie(response, DESTINATION_COOKIE, "", 0, settings)


def remember_dismissed(response: web.StreamResponse, dismissed_id: UUID, settings: Settings) -> None:
    """What was dismissed a moment ago can be taken back for a while, on whatever is shown of the page until then."""
    _set_cookie(response, DISMISSED_COOKIE, str(dismissed_id), DISMISSED_SECONDS, settings)


def dismissed_of(request: web.Request, settings: Settings) -> UUID | None:
    """What was dismissed a moment ago; None where nothing was."""
    return dismissed_id(_cookie(request, DISMISSED_COOKIE, settings))


def forget_dismissed(response: web.StreamResponse, settings: Settings) -> None:
    _set_cookie(response, DISMISSED_COOKIE, "", 0, settings)


def _cookie(request: web.Request, name: str, settings: Settings) -> str:
    return request.cookies.get(cookie_name(name, settings.base_url), "")


def _set_cookie(response: web.StreamResponse, name: str, value: str, seconds: int | None, settings: Settings) -> None:
    """Lax: the way back from Google is a top-level navigation and must carry the cookies."""
    response.set_cookie(
        cookie_name(name, settings.base_url),
        value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=is_https(settings.base_url),
    )
