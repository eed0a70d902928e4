"""OAuth 2.1 as assistants ask for it: who a client is, what it asks for, and what its code is exchanged for. Pure.

A client registers itself (RFC 7591), and nothing is stored of that: its id is what it registered, signed. So nobody can fill a table, every
replica knows every client, and a client id that is forged or changed is none. All are public clients: a secret that anybody gets by asking
proves nothing, so what a code is worth hangs on the redirect URI and on PKCE.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from re import compile as pattern
from urllib.parse import urlencode, urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from libs.common.errors import Refused
from libs.common.ids import UserId
from libs.common.requests import TOKEN_SCOPES, UNPRINTABLE, TokenScope

REQUEST_LIFE, CODE_LIFE = timedelta(minutes=30), timedelta(minutes=1)
TOKEN_DAYS = 90
GRANTABLE: tuple[TokenScope, ...] = tuple(scope for scope in TOKEN_SCOPES if scope != "account")
MAX_URIS, MAX_URI, MAX_STATE, MAX_NAME = 10, 300, 1000, 100
NAMELESS = "An assistant"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# What a URL may consist of, without what has a meaning in markup or in a refresh.
_URI = pattern(r"https?://[A-Za-z0-9._~:/?@!$&()*+,=%\[\]-]+")
_CHALLENGE = pattern(r"[A-Za-z0-9_-]{43}")
_VERIFIER = pattern(r"[A-Za-z0-9._~-]{43,128}")
_HIDDEN = pattern(f"[{UNPRINTABLE}]")


class OAuthError(Exception):
    """What a client is answered in the words of RFC 6749: `code`, and a sentence."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


class Client(BaseModel):
    """A client as it registered itself. Its name is its own word for it: what counts is where it is sent to."""

    model_config = ConfigDict(frozen=True)

    name: str
    redirect_uris: tuple[str, ...]


class Registration(BaseModel):
    """What a client sends to register. Members that make no difference here are left unread."""

    redirect_uris: list[str] = Field(min_length=1, max_length=MAX_URIS)
    client_name: str | None = None
    grant_types: list[str] = ["authorization_code"]
    response_types: list[str] = ["code"]


class AuthorizationRequest(BaseModel):
    """What a client wants of whoever is asked for it."""

    model_config = ConfigDict(frozen=True)

    client_id: str
    client: Client
    redirect_uri: str
    state: str | None
    code_challenge: str
    scopes: tuple[TokenScope, ...]

    @property
    def host(self) -> str:
        """Where the answer goes; a program on the reader's own machine has an address there."""
        return urlsplit(self.redirect_uri).hostname or ""

    @property
    def is_local(self) -> bool:
        return self.host in LOOPBACK


class Grant(BaseModel):
    """What a user has granted: for a code, once."""

    model_config = ConfigDict(frozen=True)

    user_id: UserId
    client_id: str
    name: str
    redirect_uri: str
    code_challenge: str
    scopes: tuple[TokenScope, ...]


def registered(body: bytes) -> Client:
    """The client that registers itself with this. OAuthError: there is nowhere to send it to, or it wants what there is not."""
    try:
        registration = Registration.model_validate_json(body)
    except ValidationError as error:
        raise OAuthError("invalid_client_metadata", f"Send JSON with 1 to {MAX_URIS} redirect_uris.") from error
    if "authorization_code" not in registration.grant_types or "code" not in registration.response_types:
        raise OAuthError(
            "invalid_client_metadata", "There is the grant type authorization_code, with the response type code."
        )
    uris = tuple(filter(_may_be_sent_to, registration.redirect_uris))
    if not uris:  # programs that have several names for their way back get those that will do
        raise OAuthError(
            "invalid_redirect_uri", "A redirect URI is https, or http on the user's own machine (127.0.0.1)."
        )
    name = " ".join(_HIDDEN.sub(" ", registration.client_name or "").split())[:MAX_NAME].strip()
    return Client(name=name or NAMELESS, redirect_uris=uris)


def _may_be_sent_to(uri: str) -> bool:
    """Over https anywhere; over http only to a program on the user's own machine (RFC 8252)."""
    if len(uri) > MAX_URI or not _URI.fullmatch(uri):
        return False
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or parts.hostname in LOOPBACK


def client_id_of(client: Client, key: SecretStr) -> str:
    """The id of a client: what it registered, and a signature."""
    content = orjson.dumps([client.name, client.redirect_uris])
    return f"{_encoded(content)}.{_encoded(_signature(content, key))}"


def client_of(client_id: str, keys: Sequence[SecretStr]) -> Client | None:
    """The client of this id; None where none of these keys has signed it."""
    encoded, _, signature = client_id.partition(".")
    try:
        content, signed = _decoded(encoded), _decoded(signature)
    except ValueError:
        return None
    if not any(hmac.compare_digest(_signature(content, key), signed) for key in keys):
        return None
    name, uris = orjson.loads(content)
    return Client(name=name, redirect_uris=tuple(uris))


def _signature(content: bytes, key: SecretStr) -> bytes:
    """Of this purpose alone: the same keys sign other things."""
    return hmac.digest(key.get_secret_value().encode(), b"assistant client:" + content, "sha256")


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    """ValueError: it is not what `_encoded` makes."""
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))


def authorization_request(query: Mapping[str, str], keys: Sequence[SecretStr], resource: str) -> AuthorizationRequest:
    """What a client sends a user's browser with.

    Refused (400): `unknown_client`, `wrong_redirect`, or the error of RFC 6749. The browser is sent back for none of them: anybody can
    register, and would have a redirect of ours to wherever they like.
    """
    client = client_of(query.get("client_id", ""), keys)
    if client is None:
        raise Refused(400, "unknown_client", "This assistant is not registered here. Connect it anew.")
    redirect_uri = query.get("redirect_uri") or (client.redirect_uris[0] if len(client.redirect_uris) == 1 else "")
    if not any(_leads_to(redirect_uri, known) for known in client.redirect_uris):
        raise Refused(400, "wrong_redirect", "This assistant wants its answer sent to where it did not register.")
    if code := _wrong(query, resource):
        raise Refused(
            400, code, f"This assistant asks for what there is not here ({code}). Whoever makes it can mend that."
        )
    wanted = (query.get("scope") or "read").split()
    return AuthorizationRequest(
        client_id=query["client_id"],
        client=client,
        redirect_uri=redirect_uri,
        state=query.get("state"),
        code_challenge=query["code_challenge"],
        scopes=tuple(scope for scope in GRANTABLE if scope in wanted),
    )


def _wrong(query: Mapping[str, str], resource: str) -> str:
    """The error of RFC 6749 and RFC 8707 that a request has; empty where there is none."""
    if query.get("response_type") != "code":
        return "unsupported_response_type"
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(query.get("code_challenge", "")):
        return "invalid_request"  # without PKCE whoever sees a code could use it
    if len(query.get("state", "")) > MAX_STATE:
        return "invalid_request"
    if query.get("resource", resource).rstrip("/") not in (resource, resource.removesuffix("/mcp")):
        return "invalid_target"
    if not set(GRANTABLE) & set((query.get("scope") or "read").split()):
        return "invalid_scope"
    return ""


def _leads_to(uri: str, known: str) -> bool:
    """Whether it is the registered URI; a program on the user's own machine may listen on another port each time (RFC 8252)."""
    if uri == known:
        return True
    if not _may_be_sent_to(uri):
        return False
    parts, known_parts = urlsplit(uri), urlsplit(known)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK:
        return False
    return all(getattr(parts, name) == getattr(known_parts, name) for name in ("scheme", "hostname", "path", "query"))


def location(redirect_uri: str, **parameters: str | None) -> str:
    """Where the browser goes back to, with these parameters."""
    given = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{given}"


def require_fit(grant: Grant, form: Mapping[str, str]) -> None:
    """Whether a code may be exchanged by whoever sends this. OAuthError: by somebody else, or not as it was asked for."""
    if not hmac.compare_digest(grant.client_id.encode(), form.get("client_id", "").encode()):
        raise OAuthError("invalid_grant", "The code is another client's.")
    if form.get("redirect_uri", grant.redirect_uri) != grant.redirect_uri:
        raise OAuthError("invalid_grant", "The redirect_uri is not the one that the code was sent to.")
    verifier = form.get("code_verifier", "")
    challenge = _encoded(hashlib.sha256(verifier.encode()).digest())
    if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(challenge, grant.code_challenge):
        raise OAuthError("invalid_grant", "The code_verifier does not fit.")
