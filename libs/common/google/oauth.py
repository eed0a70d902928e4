"""Google's OAuth endpoints over the process's pooled HTTP session: authorize, exchange, refresh, revoke.

Why not aiogoogle's: docs/decisions/0003-own-oauth-edge.md. Endpoints: https://developers.google.com/identity/protocols/oauth2/web-server
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, get_args
from urllib.parse import quote, urlencode

import aiohttp
from pydantic import BaseModel, Field, ValidationError

from libs.common.config import Settings
from libs.common.errors import Outage, Throttled

# Below the 10 s that a requester of `auth` waits, so that a slow Google becomes a reply and not a silence.
TIMEOUT = aiohttp.ClientTimeout(total=8, connect=4)
MAX_RETRY_AFTER_SECONDS = 3600

Prompt = Literal["consent", "select_account"]


class InvalidGrant(Exception):
    """Google no longer (or not) accepts this refresh token or code. Trying again is useless; the user must authorize again."""


Policy = Literal["admin_policy_enforced", "policy_enforced", "org_internal", "invalid_rapt"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


class PolicyRefused(InvalidGrant):
    """A policy of somebody's forbids it. As useless to try again as any InvalidGrant, until who set the policy changes it."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self.policy = policy


class Misconfigured(Exception):
    """Google does not accept this installation's OAuth client or service account. The message says what to put right."""


@dataclass(frozen=True)
class Grant:
    """A response of the token endpoint. `scopes` and `refresh_token` are None where Google did not say."""

    access_token: str = field(repr=False)
    lifetime: timedelta
    scopes: frozenset[str] | None
    refresh_token: str | None = field(repr=False)
    id_token: str | None = field(repr=False)


class _TokenAnswer(BaseModel):
    access_token: str = Field(min_length=1)
    expires_in: int = Field(300, ge=0)  # Google always says; if it once does not, the token is soon asked for again
    scope: str | None = None
    refresh_token: str | None = None
    id_token: str | None = None


class _ErrorAnswer(BaseModel):
    error: str = ""
    error_description: str = ""
    error_subtype: str = ""


@dataclass(frozen=True)
class GoogleOAuth:
    """This installation's OAuth client. `root` replaces the hosts of all endpoints (empty = Google's own)."""

    http: aiohttp.ClientSession
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    root: str = ""

    @classmethod
    def of(cls, settings: Settings, http: aiohttp.ClientSession) -> "GoogleOAuth":
        return cls(
            http,
            settings.google_client_id,
            settings.google_client_secret.get_secret_value(),
            settings.redirect_uri,
            settings.google_oauth_root.rstrip("/"),
        )

    @property
    def configured(self) -> bool:
        return not self.missing_settings

    @property
    def missing_settings(self) -> tuple[str, ...]:
        """The names of the settings that are empty, and without which nobody can sign in."""
        values = {"PINGCRM_GOOGLE_CLIENT_ID": self.client_id, "PINGCRM_GOOGLE_CLIENT_SECRET": self.client_secret}
        return tuple(name for name, value in values.items() if not value)

    @property
    def certs_url(self) -> str:
        return certs_url(self.root)

    def authorize_url(
        self,
        *,
        scopes: Iterable[str],
        state: str,
        nonce: str,
        verifier: str,
        prompt: Prompt,
        login_hint: str = "",
    ) -> str:
        """Where to send the browser. `verifier` is PKCE's: it stays here, Google sees its SHA-256."""
        parameters = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": " ".join(scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
            "access_type": "offline",
            "include_granted_scopes": "true",
            "prompt": prompt,
        }
        if login_hint:
            parameters["login_hint"] = login_hint
        host = self.root or "https://accounts.google.com"
        return f"{host}/o/oauth2/v2/auth?{urlencode(parameters, quote_via=quote, safe='')}"

    async def exchange(self, code: str, verifier: str) -> Grant:
        """The tokens for an authorization code. InvalidGrant: expired, used before, or begun by somebody else."""
        return await self._token(
            grant_type="authorization_code", code=code, code_verifier=verifier, redirect_uri=self.redirect_uri
        )

    async def refresh(self, refresh_token: str) -> Grant:
        """A fresh access token. InvalidGrant: the refresh token is dead."""
        return await self._token(grant_type="refresh_token", refresh_token=refresh_token)

    async def revoke(self, token: str) -> None:
        """End the whole grant that this token belongs to. A token that Google does not know any more is fine."""
        status, body, retry_after = await self._post(self._host() + "/revoke", {"token": token})
        error = _parsed_error(body)
        if status == 200 or (status == 400 and error.error in ("invalid_token", "invalid_grant")):
            return
        raise _failure(status, error, retry_after)

    async def _token(self, **form: str) -> Grant:
        secret = {"client_id": self.client_id, "client_secret": self.client_secret}
        status, body, retry_after = await self._post(self._host() + "/token", {**form, **secret})
        if status != 200:
            raise _failure(status, _parsed_error(body), retry_after)
        try:
            response = _TokenAnswer.model_validate_json(body)
        except ValidationError:
            # No cause attached: it would quote the response, which holds tokens.
            raise Outage("Google's token answer could not be read.") from None
        return Grant(
            response.access_token,
            timedelta(seconds=response.expires_in),
            None if response.scope is None else frozenset(response.scope.split()),
            response.refresh_token or None,
            response.id_token,
        )

    async def _post(self, url: str, form: dict[str, str]) -> tuple[int, bytes, timedelta | None]:
        """Status, body and the demanded wait. Outage where there is no complete response in time."""
        try:
            async with self.http.post(url, data=form, timeout=TIMEOUT, allow_redirects=False) as response:
                return response.status, await response.read(), retry_after(response.headers.get("Retry-After", ""))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Outage(f"Google's OAuth server did not answer: {type(error).__name__}.") from error

    def _host(self) -> str:
        return self.root or "https://oauth2.googleapis.com"


def certs_url(root: str) -> str:
    """Where Google's public signing keys are; `root` replaces its host."""
    return f"{root.rstrip('/') or 'https://www.googleapis.com'}/oauth2/v3/certs"


def challenge(verifier: str) -> str:
    """PKCE's S256 challenge (RFC 7636): base64url of the SHA-256, without padding."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def retry_after(header: str) -> timedelta | None:
    """The wait of a Retry-After in seconds, at most an hour; None where it is absent or a date, which Google never sends."""
    value = header.strip()
    if not (value.isascii() and value.isdigit()):
        return None
    return timedelta(seconds=min(int(value[:9]), MAX_RETRY_AFTER_SECONDS))


_CLIENT_ERRORS = {
    "invalid_client": "Google does not know this OAuth client, or the secret is wrong: check PINGCRM_GOOGLE_CLIENT_ID"
    " and PINGCRM_GOOGLE_CLIENT_SECRET.",
    "deleted_client": "The OAuth client was deleted in the Google Cloud console: make a new one and set"
    " PINGCRM_GOOGLE_CLIENT_ID and PINGCRM_GOOGLE_CLIENT_SECRET.",
    "unauthorized_client": "The OAuth client may not use this flow: it must be of the type “Web application”.",
    "redirect_uri_mismatch": "The redirect URI is not registered: add PINGCRM_PUBLIC_URL followed by"
    " /oauth/google/callback to the OAuth client in the Google Cloud console.",
}


def _failure(status: int, response: _ErrorAnswer, wait: timedelta | None) -> Exception:
    """What a refusal of the token or revocation endpoint means for the caller."""
    if status == 429:
        return Throttled("Google's OAuth server asks us to slow down.", wait)
    if status >= 500:
        return (
            Throttled(f"Google's OAuth server failed with {status}.", wait)
            if wait
            else Outage(f"Google's OAuth server failed with {status}.")
        )
    if policy := policy_of(response.error, response.error_subtype):
        return PolicyRefused(policy)
    if response.error == "invalid_grant":
        return InvalidGrant(response.error_description[:200] or "invalid_grant")
    return Misconfigured(
        _CLIENT_ERRORS.get(response.error) or f"Google refused the request with {status} {response.error[:60]!r}."
    )


def policy_of(error: str, subtype: str = "") -> Policy | None:
    """The policy that an error of Google's names, itself or as the subtype of an `invalid_grant`; None where it names none."""
    named = subtype if error == "invalid_grant" else error
    if named == "rapt_required":  # before a first sign-in under the policy, what invalid_rapt is after it
        return "invalid_rapt"
    return next((policy for policy in POLICIES if policy == named), None)


def _parsed_error(body: bytes) -> _ErrorAnswer:
    """What the error names; empty where the body is something else (a proxy's page)."""
    try:
        return _ErrorAnswer.model_validate_json(body)
    except ValidationError:
        return _ErrorAnswer()
