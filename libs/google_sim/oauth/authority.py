"""Who was granted what: codes, grants, tokens, and the key that signs ID tokens. No HTTP."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

ISSUER = "https://accounts.google.com"
CODE_SECONDS = 600
REFRESH_TOKENS_KEPT = 100
_SWEEP_AT = 10_000
IDENTITY_SCOPES = frozenset(
    {
        "openid", "email", "profile",
        "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/userinfo.profile",
    }
)  # fmt: skip


@dataclass
class OAuthError(Exception):
    """An error of the token endpoint: `{"error", "error_description"}`, sometimes an `error_subtype`, with its HTTP status."""

    error: str
    description: str
    status: int = 400
    subtype: str = ""

    def body(self) -> dict[str, str]:
        body = {"error": self.error, "error_description": self.description}
        return {**body, "error_subtype": self.subtype} if self.subtype else body


# What a policy makes of a request for tokens. Google sends some as an error of their own, some under invalid_grant.
POLICY_ERRORS: Mapping[str, OAuthError] = {
    "admin_policy_enforced": OAuthError(
        "invalid_grant", "Access to your account data is restricted by policies within your organization.",
        subtype="admin_policy_enforced",
    ),
    "policy_enforced": OAuthError("policy_enforced", "Access is blocked by a policy of this account."),
    "org_internal": OAuthError("org_internal", "This client is restricted to users within its organization.", 403),
    "invalid_rapt": OAuthError("invalid_grant", "reauth related error (invalid_rapt)", subtype="invalid_rapt"),
}  # fmt: skip


@dataclass(frozen=True)
class Code:
    """What an authorization code stands for. `offline`: whether a refresh token comes with it."""

    account: str
    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    nonce: str | None
    challenge: str | None
    challenge_method: str
    offline: bool
    expires_at: float


@dataclass(frozen=True)
class Token:
    """An access token (with an end) or a refresh token (None: until revoked)."""

    account: str
    client_id: str
    scopes: tuple[str, ...]
    expires_at: float | None = None


@cache
def _signing_key() -> RSAKey:
    """One for all worlds of a process: it takes as long to make as a hundred requests."""
    return RSAKey.generate_key(2048, {"alg": "RS256", "use": "sig"}, auto_kid=True)


@dataclass
class Authority:
    """Grants by (account, client): the scopes that the person agreed to and has not taken back.

    policies: by account, the policy that refuses all clients their tokens.
    """

    token_seconds: int
    now: Callable[[], float]
    grants: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    access: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Token] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    key: RSAKey = field(default_factory=_signing_key)

    def issue_code(self, code: Code, *, include_granted: bool, consented: bool) -> str:
        """Record the grant and make the code. Without consent (all was granted before) no refresh token follows."""
        held = self.grants.get((code.account, code.client_id), ())
        granted = tuple(dict.fromkeys((*held, *code.scopes)))
        self.grants[code.account, code.client_id] = granted
        self._sweep()
        text = f"4/0A{secrets.token_urlsafe(48)}"
        scopes = granted if include_granted else code.scopes
        self.codes[text] = replace(code, scopes=scopes, offline=code.offline and consented)
        return text

    def exchange(self, text: str, client_id: str, redirect_uri: str, verifier: str | None) -> tuple[Code, str | None]:
        """Redeem a code, once. Returns it and the new refresh token, if there is one. Raises OAuthError."""
        code = self.codes.pop(text, None)
        if code is None:
            raise OAuthError("invalid_grant", "Malformed auth code.")
        if code.expires_at <= self.now() or code.client_id != client_id:
            raise OAuthError("invalid_grant", "Bad Request")
        if code.redirect_uri != redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "Bad Request")
        if code.challenge is not None and not _is_verified_by(verifier, code.challenge, code.challenge_method):
            raise OAuthError("invalid_grant", "Invalid code verifier." if verifier else "Missing code verifier.")
        self._enforce_policy(code.account)
        if not code.offline:
            return code, None
        mine = [t for t, token in self.refresh.items() if (token.account, token.client_id) == (code.account, client_id)]
        for oldest in mine[: len(mine) + 1 - REFRESH_TOKENS_KEPT]:
            del self.refresh[oldest]
        refresh = f"1//0{secrets.token_urlsafe(48)}"
        self.refresh[refresh] = Token(code.account, client_id, code.scopes)
        return code, refresh

    def refreshed(self, text: str, client_id: str) -> Token:
        """Return what the refresh token stands for. Raises OAuthError where it is unknown or revoked, or a policy refuses it."""
        token = self.refresh.get(text)
        if token is None or token.client_id != client_id:
            raise OAuthError("invalid_grant", "Token has been expired or revoked." if text else "Bad Request")
        self._enforce_policy(token.account)
        return token

    def _enforce_policy(self, account: str) -> None:
        if policy := self.policies.get(account):
            raise replace(POLICY_ERRORS[policy])

    def issue_access(self, account: str, client_id: str, scopes: tuple[str, ...]) -> str:
        self._sweep()
        text = f"ya29.{secrets.token_urlsafe(48)}"
        self.access[text] = Token(account, client_id, scopes, self.now() + self.token_seconds)
        return text

    def expire_access(self, account: str) -> None:
        """End all access tokens of an account; its refresh tokens stay."""
        self.access = {text: token for text, token in self.access.items() if token.account != account}

    def bearer(self, text: str) -> Token | None:
        """Return the access token; None where it is unknown, revoked or over."""
        token = self.access.get(text)
        return token if token and (token.expires_at or 0) > self.now() else None

    def account_of(self, authorization: str | None) -> str:
        """Return whose access token an Authorization header carries, valid or not; empty where it is nobody's."""
        token = self.access.get((authorization or "").partition(" ")[2].strip())
        return token.account if token else ""

    def revoke(self, text: str) -> None:
        """Take back the grant that a token belongs to, with all its tokens. Raises OAuthError."""
        token = self.access.get(text) or self.refresh.get(text)
        if token is None:
            raise OAuthError("invalid_token", "Token expired or revoked")
        self.revoke_grants(token.account, token.client_id)

    def revoke_grants(self, account: str, client_id: str | None = None) -> int:
        """Take back what an account granted, to one client or to all. Returns how many refresh tokens died."""

        def hit(owner: str, client: str) -> bool:
            return owner == account and client_id in (None, client)

        dead = sum(hit(token.account, token.client_id) for token in self.refresh.values())
        self.access = {t: token for t, token in self.access.items() if not hit(token.account, token.client_id)}
        self.refresh = {t: token for t, token in self.refresh.items() if not hit(token.account, token.client_id)}
        self.codes = {t: code for t, code in self.codes.items() if not hit(code.account, code.client_id)}
        self.grants = {pair: scopes for pair, scopes in self.grants.items() if not hit(*pair)}
        return dead

    def id_token(self, claims: dict[str, Any], client_id: str, nonce: str | None) -> str:
        """A signed ID token. `claims`: sub, email, name of the account."""
        now = int(self.now())
        body = {"iss": ISSUER, "azp": client_id, "aud": client_id, "email_verified": True, **claims}
        body |= {"iat": now, "exp": now + 3600}
        if nonce is not None:
            body["nonce"] = nonce
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": self.key.kid}, body, self.key)

    def certs(self) -> dict[str, Any]:
        return dict(KeySet([self.key]).as_dict(private=False))

    def describe(self, account: str) -> dict[str, Any]:
        return {
            "granted": {client: list(scopes) for (owner, client), scopes in self.grants.items() if owner == account},
            "refresh_tokens": sum(token.account == account for token in self.refresh.values()),
        }

    def _sweep(self) -> None:
        """Drop what is over, so that a long run with short tokens doesn't grow."""
        now = self.now()
        if len(self.access) >= _SWEEP_AT:
            self.access = {t: token for t, token in self.access.items() if (token.expires_at or 0) > now}
        if len(self.codes) >= _SWEEP_AT:
            self.codes = {t: code for t, code in self.codes.items() if code.expires_at > now}


def _is_verified_by(verifier: str | None, challenge: str, method: str) -> bool:
    if not verifier:
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return secrets.compare_digest((verifier if method == "plain" else digest).encode(), challenge.encode())
