"""ID tokens, signed with keys of the test's own."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from libs.common.errors import Outage
from libs.common.google.id_token import GoogleKeys, UnknownKey, Untrusted, cache_seconds, verify

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INSTANT = int(NOW.timestamp())
CLIENT = "client.apps.googleusercontent.test"
KEY = RSAKey.generate_key(2048, {"alg": "RS256", "use": "sig", "kid": "one"})
NEXT_KEY = RSAKey.generate_key(2048, {"alg": "RS256", "use": "sig", "kid": "two"})
KEYS = KeySet.import_key_set(KeySet([KEY]).as_dict(private=False))


def token(key: RSAKey = KEY, **changes: Any) -> str:
    """A good token with these claims changed; None takes one away."""
    claims = {
        "iss": "https://accounts.google.com", "aud": CLIENT, "azp": CLIENT, "sub": "1234", "email": "anna@gmail.com",
        "email_verified": True, "name": "Anna Berg", "nonce": "nonce", "iat": INSTANT, "exp": INSTANT + 3600,
    } | changes  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def test_a_good_token_names_who_signed_in() -> None:
    identity = verify(token(), KEYS, client_id=CLIENT, nonce="nonce", now=NOW)
    assert (identity.sub, identity.address, identity.name) == ("1234", "anna@gmail.com", "Anna Berg")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "accounts.google.com"},  # Google's other spelling
        {"name": None},  # without the permission for the profile
        {"exp": INSTANT - 59},  # within the leeway
        {"iat": INSTANT + 59},
    ],
)
def test_what_google_may_send_is_accepted(changes: dict[str, Any]) -> None:
    verify(token(**changes), KEYS, client_id=CLIENT, nonce="nonce", now=NOW)


def test_a_name_comes_without_control_characters() -> None:
    identity = verify(token(name="An\0na\n Berg" + "!" * 999), KEYS, client_id=CLIENT, nonce="nonce", now=NOW)
    assert identity.name.startswith("Anna Berg!")
    assert len(identity.name) == 300


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://accounts.google.com.evil.test"},
        {"iss": None},
        {"aud": "other.apps.googleusercontent.test"},
        {"aud": [CLIENT, "other"]},
        {"aud": None},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": INSTANT - 61},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": INSTANT + 61},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 1234},
        {"email": None},
        {"email": "anna"},
        {"email": "an\0na@gmail.com"},
    ],
)
def test_a_wrong_or_missing_claim_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Untrusted) as caught:
        verify(token(**changes), KEYS, client_id=CLIENT, nonce="nonce", now=NOW)
    assert "anna@gmail.com" not in str(caught.value)


def test_a_sign_in_without_a_nonce_is_never_accepted() -> None:
    with pytest.raises(Untrusted):
        verify(token(nonce=None), KEYS, client_id=CLIENT, nonce="", now=NOW)


def test_a_signature_by_another_key_under_a_known_name_is_refused() -> None:
    forger = RSAKey.generate_key(2048, {"alg": "RS256", "kid": "one"})
    with pytest.raises(Untrusted, match="signature"):
        verify(token(forger), KEYS, client_id=CLIENT, nonce="nonce", now=NOW)


def test_a_token_that_was_altered_is_refused() -> None:
    head, _, signature = token().split(".")
    body = token(sub="9999").split(".")[1]
    with pytest.raises(Untrusted):
        verify(f"{head}.{body}.{signature}", KEYS, client_id=CLIENT, nonce="nonce", now=NOW)


def test_the_public_key_is_not_taken_for_a_shared_secret() -> None:
    # By hand: a library that signs would refuse such a key.
    body = token().split(".")[1]
    head = urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
    mac = hmac.digest(KEY.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    forged = f"{head}.{body}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    with pytest.raises(Untrusted):
        verify(forged, KEYS, client_id=CLIENT, nonce="nonce", now=NOW)


@pytest.mark.parametrize("text", ["", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "…", "." * 10_000])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Untrusted):
        verify(text, KEYS, client_id=CLIENT, nonce="nonce", now=NOW)


def test_an_unknown_key_is_distinguished_because_google_changes_its_keys() -> None:
    with pytest.raises(UnknownKey):
        verify(token(NEXT_KEY), KEYS, client_id=CLIENT, nonce="nonce", now=NOW)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("public, max-age=22000, must-revalidate", 22000),
        ("max-age=5", 5),
        ("s-maxage=7", 3600),
        ("no-store, max-age=5", 0),
        ("", 3600),
        ("max-age=soon", 3600),
    ],
)
def test_certificates_are_kept_as_long_as_google_allows(header: str, seconds: float) -> None:
    assert cache_seconds(header) == seconds


class Certs:
    """Google's endpoint for certificates: what it serves, and how often it was requested."""

    def __init__(self) -> None:
        self.keys = [KEY]
        self.cache_control = "max-age=3600"
        self.status = 200
        self.fetched = 0

    async def serve(self, _: web.Request) -> web.Response:
        self.fetched += 1
        body = KeySet(list(self.keys)).as_dict(private=False)
        return web.json_response(body, status=self.status, headers={"Cache-Control": self.cache_control})


@pytest.fixture
def certs() -> Certs:
    return Certs()


@pytest_asyncio.fixture
async def google_keys(certs: Certs) -> AsyncIterator[GoogleKeys]:
    app = web.Application()
    app.router.add_get("/oauth2/v3/certs", certs.serve)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        yield GoogleKeys(http, str(server.make_url("/oauth2/v3/certs")))


async def verified(google_keys: GoogleKeys, text: str) -> None:
    await google_keys.verified(text, client_id=CLIENT, nonce="nonce", now=NOW)


async def test_keys_are_fetched_once_and_again_when_google_changes_them(certs: Certs, google_keys: GoogleKeys) -> None:
    await verified(google_keys, token())
    await verified(google_keys, token())
    assert certs.fetched == 1
    certs.keys = [NEXT_KEY]
    await verified(google_keys, token(NEXT_KEY))
    assert certs.fetched == 2
    await verified(google_keys, token(NEXT_KEY))
    assert certs.fetched == 2


async def test_a_key_that_stays_unknown_is_refused_after_another_fetch(certs: Certs, google_keys: GoogleKeys) -> None:
    await verified(google_keys, token())
    with pytest.raises(UnknownKey):
        await verified(google_keys, token(NEXT_KEY))
    assert certs.fetched == 2


async def test_keys_that_may_not_be_kept_are_fetched_each_time(certs: Certs, google_keys: GoogleKeys) -> None:
    certs.cache_control = "no-store"
    await verified(google_keys, token())
    await verified(google_keys, token())
    assert certs.fetched == 2


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_certificates_that_can_not_be_had_are_an_outage(
    certs: Certs, google_keys: GoogleKeys, status: int
) -> None:
    certs.status = status
    with pytest.raises(Outage):
        await verified(google_keys, token())
    certs.status = 200
    await verified(google_keys, token())
