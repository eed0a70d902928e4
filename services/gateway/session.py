"""Who is asking: session cookie or personal API token; and that a cookie is not used by another site (CSRF)."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from aiohttp import web

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.errors import Refused
from libs.common.requests import User, WhoIs

SESSION_COOKIE = "pingcrm_session"
BROWSER_COOKIE = "pingcrm_browser"
RENEWED_COOKIE = "pingcrm_renewed"
SESSION_LIFE = timedelta(days=30)  # `auth` prolongs a session in use to as much
RENEWED_SECONDS = 86_400
BROWSER_SECONDS = 600
BROWSER_BYTES = 32
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")
_RENEWAL = web.RequestKey("renewal", str)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Caller:
    """The signed-in user behind a request; `session` is None where an API token was used."""

    user: User
    session: str | None


async def authenticate(request: web.Request, bus: Bus, settings: Settings) -> Caller:
    """Refused: `unauthenticated` (401), `wrong_origin` (403). An Authorization header wins over the cookie."""
    if "Authorization" in request.headers:
        if not (token := bearer_of(request)):
            raise _unauthenticated()
        return Caller(await bus.request(WhoIs(token=token)), None)
    session = session_of(request)
    if not session:
        raise _unauthenticated()
    require_own_origin(request, settings)
    caller = Caller(await bus.request(WhoIs(session=session)), session)
    if RENEWED_COOKIE not in request.cookies:
        request[_RENEWAL] = session
    return caller


def bearer_of(request: web.Request) -> str:
    """The API token of a request; empty where there is none, or what can't be one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.isascii() else ""


def session_of(request: web.Request) -> str:
    """The session of a browser; empty where there is none, or what can't be one: bytes that are no text come as lone surrogates."""
    session = request.cookies.get(SESSION_COOKIE, "")
    return session if session.isascii() else ""


def _unauthenticated() -> Refused:
    return Refused(
        401, "unauthenticated", "Sign in at /login, or send a personal API token: Authorization: Bearer pcrm_…"
    )


def require_own_origin(request: web.Request, settings: Settings) -> None:
    """A request that changes something and carries a cookie must come from our own pages. Refused: `wrong_origin` (403).

    Browsers set both headers themselves; no page of another site can forge them.
    """
    if request.method in SAFE_METHODS or request.headers.get("Sec-Fetch-Site") == "same-origin":
        return
    own = origin_of(settings.base_url)
    if own is None or origin_of(request.headers.get("Origin", "")) != own:
        raise Refused(
            403,
            "wrong_origin",
            f"This request did not come from {settings.base_url}. Open PingCRM there, or use an API token.",
        )


def origin_of(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None where it is no http(s) URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}[parts.scheme]


def browser_of(request: web.Request) -> str:
    """The random value that binds a sign-in to this browser: the one it has, or a new one."""
    known = request.cookies.get(BROWSER_COOKIE, "")
    return known if _BROWSER.fullmatch(known) else secrets.token_urlsafe(BROWSER_BYTES)


def bound(browser: str, session: str | None) -> str:
    """What adding an account is bound to: the browser and its session, so that nobody else who signs in there ends it."""
    return f"{browser}.{hashlib.sha256(session.encode()).hexdigest()}" if session else browser


def remember_browser(response: web.StreamResponse, browser: str, settings: Settings) -> None:
    _set(response, BROWSER_COOKIE, browser, BROWSER_SECONDS, settings)


def remember_session(
    response: web.StreamResponse, session: str, expires_at: datetime | None, settings: Settings
) -> None:
    """Until the session ends; without an end, until the browser is closed."""
    seconds = None if expires_at is None else max(0, int((expires_at - datetime.now(UTC)).total_seconds()))
    _set(response, SESSION_COOKIE, session, seconds, settings)
    _set(response, RENEWED_COOKIE, "1", RENEWED_SECONDS, settings)


def renew_session(request: web.Request, response: web.StreamResponse, settings: Settings) -> None:
    """The session slides in the database; once a day the cookie follows, so that whoever comes back stays signed in."""
    session = request.get(_RENEWAL)
    if session and not response.prepared and SESSION_COOKIE not in response.cookies:
        remember_session(response, session, datetime.now(UTC) + SESSION_LIFE, settings)


def forget_session(response: web.StreamResponse, settings: Settings) -> None:
    _set(response, SESSION_COOKIE, "", 0, settings)


def _set(response: web.StreamResponse, name: str, value: str, seconds: int | None, settings: Settings) -> None:
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
