"""OAuth 2.1 as assistants ask for it: who a client is, what it asks for, and what its code is exchanged for. Pure.

A client registers itself (RFC 7591), and nothing is stored of that: its id is what it registered, signed. So nobody can fill a table, every
replica knows every client, and a client id that is forged or changed is none. All are public clients: a secret that anybody gets by asking
proves nothing, so what a code is worth hangs on the redirect URI and on PKCE.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import parse_qsl
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from libs.common.errors import Refused
from libs.common.ids import UserId
from libs.common.requests import TOKEN_SCOPES, UNPRINTABLE, TokenScope
from services.gateway.domain.quoted import visible
from services.gateway.domain.redirect_uris import LOOPBACK, host_of, leads_to, may_be_sent_to
from services.gateway.domain.signed_values import encoded, signed, verified

REQUEST_LIFE, CODE_LIFE = timedelta(minutes=30), timedelta(minutes=1)
TOKEN_DAYS = 90
GRANTABLE: tuple[TokenScope, ...] = tuple(scope for scope in TOKEN_SCOPES if scope != "account")
MAX_URIS, MAX_FIELDS, MAX_NAME, MAX_TOKEN_NAME = 10, 20, 60, 100
MAX_MARKS = 3  # on one letter: scripts need no more, and a heap of them hides the line above
NAMELESS = "An assistant"
PURPOSE = "assistant client"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_STATE = re.compile(r"[ -~]{0,1000}")
_HIDDEN = re.compile(f"[{UNPRINTABLE}]")
_QUOTES = str.maketrans(dict.fromkeys('"“”„‟«»″〝〞＂', "'"))  # a name stands in quotation marks, and does not end them
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters and signs that are drawn as nothing


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
    """What a client wants of whoever is asked for it. Of the client there is as much as is needed: anybody can make these wait."""

    model_config = ConfigDict(frozen=True)

    client: str = Field(description="The fingerprint of the client's id.")
    name: str
    redirect_uri: str
    state: str | None
    code_challenge: str
    scopes: tuple[TokenScope, ...]

    @property
    def host(self) -> str:
        """Where the answer goes; a program on the reader's own machine has an address there."""
        return host_of(self.redirect_uri)

    @property
    def is_local(self) -> bool:
        return self.host in LOOPBACK


class Grant(BaseModel):
    """What a user has granted: for a code, which is exchanged once."""

    model_config = ConfigDict(frozen=True)

    user_id: UserId
    client: str
    name: str
    redirect_uri: str
    code_challenge: str
    scopes: tuple[TokenScope, ...]
    token_id: UUID | None = Field(None, description="The token that it was exchanged for, once it was.")


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
    uris = tuple(filter(may_be_sent_to, registration.redirect_uris))
    if not uris:  # programs that have several names for their way back get those that will do
        raise OAuthError(
            "invalid_redirect_uri", "A redirect URI is https, or http on the user's own machine (127.0.0.1)."
        )
    return Client(name=readable_name(registration.client_name or "") or NAMELESS, redirect_uris=uris)


def readable_name(text: str) -> str:
    """What can be read of the name that somebody gives themselves; empty where that is nothing."""
    kept: list[str] = []
    marks = 0
    for character in _HIDDEN.sub(" ", visible(text[: 4 * MAX_NAME])):
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        if marks <= MAX_MARKS:
            kept.append(" " if character in _BLANK else character)
    name = " ".join("".join(kept).translate(_QUOTES).split())[:MAX_NAME].strip()
    return name if any(character.isalnum() for character in name) else ""


def token_name(name: str, host: str) -> str:
    """What the token is called on the settings page: two that call themselves the same differ in where their answers went."""
    room = MAX_TOKEN_NAME - len(name) - len(" ()")
    return f"{name} ({host if len(host) <= room else '…' + host[1 - room :]})"


def client_id_of(client: Client, key: SecretStr) -> str:
    """The id of a client: what it registered, and a signature."""
    return signed(orjson.dumps([client.name, client.redirect_uris]), PURPOSE, key)


def client_of(client_id: str, keys: Sequence[SecretStr]) -> Client | None:
    """The client of this id; None where none of these keys has signed it."""
    content = verified(client_id, PURPOSE, keys)
    if content is None:
        return None
    name, uris = orjson.loads(content)
    return Client(name=name, redirect_uris=tuple(uris))


def fingerprint(text: str) -> str:
    """Of any text: what somebody sends is no key as it is, and may be long."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def authorization_request(query: Mapping[str, str], keys: Sequence[SecretStr], resource: str) -> AuthorizationRequest:
    """What a client sends a user's browser with.

    Refused (400): `unknown_client`, `wrong_redirect`, or the error of RFC 6749. The browser is sent back for none of them: anybody can
    register, and would have a redirect of ours to wherever they like.
    """
    client = client_of(query.get("client_id", ""), keys)
    if client is None:
        raise Refused(400, "unknown_client", "This assistant is not registered here. Connect it anew.")
    redirect_uri = query.get("redirect_uri") or (client.redirect_uris[0] if len(client.redirect_uris) == 1 else "")
    if not any(leads_to(redirect_uri, known) for known in client.redirect_uris):
        raise Refused(400, "wrong_redirect", "This assistant wants its answer sent to where it did not register.")
    if code := _wrong(query, resource):
        raise Refused(
            400, code, f"This assistant asks for what there is not here ({code}). Whoever makes it can mend that."
        )
    wanted = (query.get("scope") or "read").split()
    return AuthorizationRequest(
        client=fingerprint(query["client_id"]),
        name=client.name,
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
    if not _STATE.fullmatch(query.get("state", "")):
        return "invalid_request"
    if query.get("resource", resource).rstrip("/") not in (resource, resource.removesuffix("/mcp")):
        return "invalid_target"
    if not set(GRANTABLE) & set((query.get("scope") or "read").split()):
        return "invalid_scope"
    return ""


def token_form(content_type: str, body: bytes) -> dict[str, str]:
    """What a client sends to exchange its code (RFC 6749, 3.2). OAuthError: it is no form, or has a parameter twice."""
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise OAuthError("invalid_request", "Send a form in UTF-8.") from error
    form = dict(fields)
    if content_type != "application/x-www-form-urlencoded" or len(form) < len(fields):
        raise OAuthError(
            "invalid_request", "Send a form (application/x-www-form-urlencoded), with each parameter once."
        )
    return form


def require_fit(grant: Grant, form: Mapping[str, str]) -> None:
    """Whether a code may be exchanged by whoever sends this. OAuthError: by somebody else, or not as it was asked for."""
    if not hmac.compare_digest(grant.client, fingerprint(form.get("client_id", ""))):
        raise OAuthError("invalid_grant", "The code is another client's.")
    if form.get("redirect_uri", grant.redirect_uri) != grant.redirect_uri:
        raise OAuthError("invalid_grant", "The redirect_uri is not the one that the code was sent to.")
    verifier = form.get("code_verifier", "")
    if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(_challenge_of(verifier), grant.code_challenge):
        raise OAuthError("invalid_grant", "The code_verifier does not fit.")


def _challenge_of(verifier: str) -> str:
    return encoded(hashlib.sha256(verifier.encode()).digest())
