"""Where an assistant may have its answer sent to, as it registers it, and how the answer gets there. Pure."""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

MAX_URI = 300
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# What a URL may consist of, without what has a meaning in markup or in a refresh.
_URI = re.compile(r"https?://[A-Za-z0-9._~:/?@!$&()*+,=%\[\]-]+")
# The host that a reader sees is the one that a browser goes to: nothing in it is decoded, folded or dropped on the way.
_PLACE = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
# An address within it: whoever leads on to that would hand over the answer, and the host that the reader has seen is not where it ends.
_ANOTHER = re.compile(r"(?:/|%2f){2}|https?(?::|%3a)", re.IGNORECASE)
_OURS = frozenset({"code", "state", "iss", "error", "error_description"})


def may_be_sent_to(uri: str) -> bool:
    """Over https anywhere; over http only to a program on the user's own machine (RFC 8252)."""
    if len(uri) > MAX_URI or not _URI.fullmatch(uri):
        return False
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    if not _PLACE.fullmatch(parts.netloc) or _ANOTHER.search(uri.partition("://")[2]):
        return False
    if any(name in _OURS for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        return False  # of two codes in an address nobody knows which one its reader takes
    return parts.scheme == "https" or parts.hostname in LOOPBACK


def leads_to(uri: str, known: str) -> bool:
    """Whether it is the registered URI; a program on the user's own machine may listen on another port each time (RFC 8252)."""
    if uri == known:
        return True
    if not may_be_sent_to(uri):
        return False
    parts, known_parts = urlsplit(uri), urlsplit(known)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK:
        return False
    return all(getattr(parts, name) == getattr(known_parts, name) for name in ("scheme", "hostname", "path", "query"))


def host_of(uri: str) -> str:
    """The host that a browser goes to, and the port where it is not the usual one of another machine."""
    parts = urlsplit(uri)
    host = parts.hostname or ""
    return f"{host}:{parts.port}" if parts.port not in (None, 443) and host not in LOOPBACK else host


def location(redirect_uri: str, **parameters: str | None) -> str:
    """Where the browser goes back to, with these parameters."""
    given = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{given}"
