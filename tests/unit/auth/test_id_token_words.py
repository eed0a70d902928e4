"""Why an ID token proves nothing, word for word, and how long Google's keys are kept."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from libs.common.errors import Outage
from libs.common.google import id_token
from libs.common.google.id_token import (
    GoogleKeys,
    UnknownKey,
    Untrusted,
    WrongSigner,
    cache_seconds,
    verify,
    verify_service,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INSTANT = int(NOW.timestamp())
KEY = RSAKey.generate_key(2048, {"kid": "known"})
OTHER = RSAKey.generate_key(2048, {"kid": "other"})
KEYS = KeySet.import_key_set(KeySet([KEY]).as_dict(private=False))


def token(key: RSAKey = KEY, **changes: Any) -> str:
    claims = {
        "iss": "accounts.google.com", "aud": "me", "sub": "1", "email": "a@x.example", "email_verified": True, "name": "A",
        "nonce": "n", "iat": INSTANT, "exp": INSTANT + 3600,
    } | changes  # fmt: skip
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": "RS256", "kid": key.kid}, present, key)


@pytest.mark.parametrize(
    ("written", "kind", "words"),
    [
        (token(OTHER), UnknownKey, "It is signed with an unknown key."),
        ("a.b.c", Untrusted, "Its signature or form is wrong ("),
        (token(sub=None, iss=None), Untrusted, "Missing or wrong in it: iss."),
        (token(sub=None, email=5), Untrusted, "Missing or wrong in it: email, sub."),
        (token(aud="you"), Untrusted, "It is meant for another application."),
        (token(exp=INSTANT - 60), Untrusted, "It has expired."),
        (token(iat=INSTANT + 61), Untrusted, "It is from the future: check this machine's clock."),
        (token(nonce="x"), Untrusted, "It belongs to another sign-in."),
    ],
)
def test_each_failed_check_has_its_words(written: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as caught:
        verify(written, KEYS, client_id="me", nonce="n", now=NOW)
    assert str(caught.value).startswith(words)


def test_the_lifetime_has_a_minute_of_leeway_and_no_more() -> None:
    for good in (token(exp=INSTANT - 59), token(iat=INSTANT + 60)):
        assert verify(good, KEYS, client_id="me", nonce="n", now=NOW).sub == "1"


@pytest.mark.parametrize(
    ("changes", "verified", "name"),
    [
        ({}, True, "A"),
        ({"email_verified": None}, False, "A"),
        ({"name": None}, True, ""),
        ({"name": "a\tb" * 200}, True, "ab" * 150),
    ],
)
def test_an_identity_has_what_google_vouches_for(changes: dict[str, Any], verified: bool, name: str) -> None:
    identity = verify(token(**changes), KEYS, client_id="me", nonce="n", now=NOW)
    assert (identity.sub, identity.address, identity.address_verified, identity.name) == (
        "1",
        "a@x.example",
        verified,
        name,
    )


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"sub": "s" * 255}, True), ({"sub": "s" * 256}, False), ({"email": "a" * 244 + "@x.example"}, True),
        ({"email": "a" * 245 + "@x.example"}, False), ({"email": "a b@x.example"}, False), ({"email": "a@x\x1f"}, False),
    ],
)  # fmt: skip
def test_claims_are_bounded(changes: dict[str, Any], fits: bool) -> None:
    if fits:
        verify(token(**changes), KEYS, client_id="me", nonce="n", now=NOW)
    else:
        with pytest.raises(Untrusted, match="Missing or wrong in it"):
            verify(token(**changes), KEYS, client_id="me", nonce="n", now=NOW)


def test_another_signer_is_named_as_one() -> None:
    with pytest.raises(WrongSigner, match=r"^It is signed for another service account\.$"):
        verify_service(token(), KEYS, audience="me", email="b@x.example", now=NOW)
    verify_service(token(), KEYS, audience="me", email="A@X.example", now=NOW)
    with pytest.raises(Untrusted, match="email_verified"):
        verify_service(token(email_verified=False), KEYS, audience="me", email="a@x.example", now=NOW)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("no-cache", 0.0),
        ("NO-STORE", 0.0),
        ("a,max-age=7", 7.0),
        ("Max-Age=7", 7.0),
        ("x-max-age=7", 3600.0),
        ("max-age=123456789", 12345678.0),
    ],
)
def test_how_long_a_response_may_be_used(header: str, seconds: float) -> None:
    assert cache_seconds(header) == seconds
    assert timedelta(minutes=1) == id_token.LEEWAY


@dataclass
class Certs:
    status: int = 200
    body: Any = None
    fetched: int = 0

    async def serve(self, _: web.Request) -> web.Response:
        self.fetched += 1
        body = KeySet([KEY]).as_dict(private=False) if self.body is None else self.body
        return web.json_response(body, status=self.status, headers={"Cache-Control": "max-age=10"})


@pytest_asyncio.fixture
async def fetching() -> AsyncIterator[tuple[GoogleKeys, Certs]]:
    certs = Certs()
    app = web.Application()
    app.router.add_get("/", certs.serve)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        yield GoogleKeys(http, str(server.make_url("/"))), certs


async def check(keys: GoogleKeys, written: str = "") -> None:
    await keys.verified(written or token(), client_id="me", nonce="n", now=NOW)


async def test_keys_are_kept_for_as_long_as_google_allows_or_as_we_rest(
    fetching: tuple[GoogleKeys, Certs], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(id_token, "monotonic", lambda: clock[0])
    keys, certs = fetching
    for moment, fetched in ((100.0, 1), (109.9, 1), (110.0, 2)):
        clock[0] = moment
        await check(keys)
        assert certs.fetched == fetched
    keys.rest_seconds = 60.0
    clock[0] = 169.9
    await check(keys)
    assert certs.fetched == 3
    clock[0] = 229.8
    with pytest.raises(UnknownKey):
        await check(keys, token(OTHER))
    assert certs.fetched == 3, "fresh keys are not replaced for a token of anybody's"
    clock[0] = 229.9
    with pytest.raises(UnknownKey):
        await check(keys, token(OTHER))
    assert certs.fetched == 4, "they were due, and are fresh now"
    assert "KeySet" not in repr(keys)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, None, r"^Google's signing keys could not be fetched: 404\.$"),
        (200, [], r"^Google's signing keys could not be read: \w+\.$"),
        (200, {"keys": [{"kty": "odd"}]}, r"^Google's signing keys could not be read: \w+\.$"),
    ],
)
async def test_keys_that_can_not_be_had_are_an_outage(
    fetching: tuple[GoogleKeys, Certs], status: int, body: Any, words: str
) -> None:
    keys, certs = fetching
    certs.status, certs.body = status, body
    with pytest.raises(Outage, match=words):
        await check(keys)


async def test_a_server_that_is_away_is_an_outage() -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(Outage, match=r"^Google's signing keys could not be fetched: ClientConnectorError\.$"):
            await check(GoogleKeys(http, "http://127.0.0.1:9/"))
