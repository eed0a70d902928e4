"""Random secrets for browsers and programs, and what is stored of them. Pure but for the system's random source."""

import hashlib
import secrets

API_TOKEN_PREFIX = "pcrm_"  # noqa: S105 — not a secret
SECRET_BYTES = 32


def new_secret() -> str:
    """256 random bits, safe in URLs and cookies: a session, a state, a nonce, a PKCE verifier (43 characters)."""
    return secrets.token_urlsafe(SECRET_BYTES)


def new_api_token() -> str:
    """A personal API token; the prefix lets people and secret scanners recognise a leaked one."""
    return API_TOKEN_PREFIX + new_secret()


def fingerprint(secret: str) -> bytes:
    """What is stored of a secret. A plain SHA-256 is enough: 256 random bits can't be guessed, however fast the hash."""
    return hashlib.sha256(secret.encode()).digest()


def state_key(browser: str, state: str) -> str:
    """Where a sign-in under way is kept. Another browser, or an altered state, leads to nothing."""
    return "state:" + hashlib.sha256(f"{browser}\0{state}".encode()).hexdigest()
