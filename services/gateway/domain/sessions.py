"""What a request's headers and cookies say of its sender, and where a request with a cookie must come from. Pure."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit
from uuid import UUID

from libs.common.errors import Refused

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_PATH = 500
_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")
_BROWSER_ID = re.compile(r"[A-Za-z0-9_-]{43}")


def bearer_token(authorization: str) -> str:
    """The API token of an Authorization header; empty where there is none, or what can't be one."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.isascii() else ""


def session_id(cookie: str) -> str:
    """A session cookie's value; empty for what can't be one: bytes that are no text come as lone surrogates."""
    return cookie if cookie.isascii() else ""


def dismissed_id(cookie: str) -> UUID | None:
    """What the cookie says was dismissed; None for what can't be an id."""
    try:
        return UUID(cookie)
    except ValueError:
        return None


def is_https(base_url: str) -> bool:
    """Whether people reach us over https, as the public URL has it: behind a proxy the connection itself does not show it."""
    return base_url.lower().startswith("https:")


def cookie_name(name: str, base_url: str) -> str:
    """`__Host-…` where people come over https; plain on loopback, where browsers refuse the prefix."""
    return f"__Host-{name}" if is_https(base_url) else name


def is_browser_id(value: str) -> bool:
    """Whether it is a random value that we could have made: 32 bytes in URL-safe base64."""
    return bool(_BROWSER_ID.fullmatch(value))


def own_path(text: str) -> str:
    """The path, where it can only lead to a page of ours; empty for what a browser might take for another host, or can't be a path."""
    return text if len(text) <= MAX_PATH and _OWN_PATH.fullmatch(text) else ""


def require_own_origin(method: str, headers: Mapping[str, str], base_url: str) -> None:
    """A request that changes something and carries a cookie must come from our own pages. Refused: `wrong_origin` (403).

    Browsers set both headers themselves; no page of another site can forge them.
    """
    if method in SAFE_METHODS or headers.get("Sec-Fetch-Site") == "same-origin":
        return
    own = origin(base_url)
    if own is None or origin(headers.get("Origin", "")) != own:
        raise Refused(
            403,
            "wrong_origin",
            f"This request has a session cookie, but did not come from {base_url}. People: open PingCRM there. Programs: send a personal "
            "API token (Authorization: Bearer pcrm_…) in place of the cookie; then no Origin is needed.",
        )


def origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None where it is no http(s) URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}[parts.scheme]
