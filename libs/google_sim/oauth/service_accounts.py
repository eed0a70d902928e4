"""Service accounts: programs that prove who they are with a key of their own (RFC 7523)."""

from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from libs.google_sim.oauth.authority import OAuthError

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class ServiceAccounts:
    """The keys of all service accounts, by email."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._keys: dict[str, RSAKey] = {}

    def add(self, email: str, private_key: str | None = None) -> dict[str, Any]:
        """Add an account and return its key file, as the Cloud console hands it out. Raises ValueError where the key given is none."""
        try:
            key = RSAKey.import_key(private_key) if private_key else RSAKey.generate_key(2048)
        except JoseError as error:
            raise ValueError("private_key is no RSA key in PEM.") from error
        self._keys[email] = key
        return {
            "type": "service_account",
            "client_email": email,
            "private_key_id": key.thumbprint(),
            "private_key": key.as_pem(private=True).decode(),
        }

    def verified(self, assertion: str) -> tuple[str, tuple[str, ...]]:
        """Return whose assertion it is, and for which scopes. Raises OAuthError `invalid_grant`."""
        for email, key in self._keys.items():
            try:
                claims = jwt.decode(assertion, key, algorithms=["RS256"]).claims
            except (JoseError, ValueError):
                continue
            if claims.get("iss") != email or not str(claims.get("aud", "")).endswith("/token"):
                break
            issued, ends = claims.get("iat", 0), claims.get("exp", 0)
            if not (issued - 60 <= self._now() < ends <= issued + 3600):
                raise OAuthError(
                    "invalid_grant", "Invalid JWT: Token must be a short-lived token and in a reasonable timeframe."
                )
            return email, tuple(str(claims.get("scope", "")).split())
        raise OAuthError("invalid_grant", "Invalid JWT Signature.")
