"""Tokens of Google's service accounts: what lets a pushed notification in, and what does not."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from libs.common.google.id_token import GoogleKeys, UnknownKey, Untrusted, WrongSigner, verify_service

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INSTANT = int(NOW.timestamp())
AUDIENCE = "https://crm.example.org/api/v1/hooks/gmail"
ROBOT = "robot@project.iam.gserviceaccount.com"
KEY = RSAKey.generate_key(2048, {"alg": "RS256", "use": "sig", "kid": "one"})
NEXT_KEY = RSAKey.generate_key(2048, {"alg": "RS256", "use": "sig", "kid": "two"})
SAME_NAME = RSAKey.generate_key(2048, {"alg": "RS256", "use": "sig", "kid": "one"})
KEYS = KeySet.import_key_set(KeySet([KEY]).as_dict(private=False))


def token(key: RSAKey = KEY, **changes: Any) -> str:
    """A good token with these claims changed; None takes one away."""
    claims = {
        "iss": "https://accounts.google.com", "aud": AUDIENCE, "sub": "1", "email": ROBOT, "email_verified": True,
        "iat": INSTANT, "exp": INSTANT + 3600,
    } | changes  # fmt: skip
    return jwt.encode(
        {"alg": "RS256", "kid": key.kid}, {name: value for name, value in claims.items() if value is not None}, key
    )


def unsigned() -> str:
    header = urlsafe_b64encode(b'{"alg":"none","kid":"one"}').decode().rstrip("=")
    return f"{header}.{token().split('.')[1]}."


@pytest.mark.parametrize(
    "changes", [{}, {"iss": "accounts.google.com"}, {"email": ROBOT.upper()}, {"exp": INSTANT - 59}]
)
def test_the_configured_service_account_is_let_in(changes: dict[str, Any]) -> None:
    verify_service(token(**changes), KEYS, audience=AUDIENCE, email=ROBOT, now=NOW)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a.b.c",
        unsigned(),
        token(SAME_NAME),
        token()[:-6] + "AAAAAA",
        token(aud="https://elsewhere.example"),
        token(aud=[AUDIENCE]),
        token(aud=None),
        token(iss="https://accounts.google.com.evil.test"),
        token(iss=None),
        token(exp=INSTANT - 61),
        token(exp=None),
        token(iat=INSTANT + 61),
        token(email=None),
        token(email_verified=False),
        token(email_verified=None),
    ],
)
def test_what_proves_nothing_is_refused(bad: str) -> None:
    with pytest.raises(Untrusted) as refused:
        verify_service(bad, KEYS, audience=AUDIENCE, email=ROBOT, now=NOW)
    assert not isinstance(refused.value, WrongSigner)


def test_another_service_account_of_google_s_is_distinguished() -> None:
    with pytest.raises(WrongSigner):
        verify_service(token(email="other@x.example"), KEYS, audience=AUDIENCE, email=ROBOT, now=NOW)


@pytest.mark.parametrize("rest_seconds", [0.0, 60.0])
async def test_unknown_keys_are_fetched_from_google_again_only_after_a_rest(rest_seconds: float) -> None:
    fetches = []

    async def certs(_: web.Request) -> web.Response:
        fetches.append(1)
        return web.json_response(KeySet([KEY]).as_dict(private=False), headers={"Cache-Control": "no-store"})

    app = web.Application()
    app.router.add_get("/certs", certs)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        keys = GoogleKeys(http, str(server.make_url("/certs")), rest_seconds=rest_seconds)
        for _ in range(3):
            with pytest.raises(UnknownKey):
                await keys.verify_service(token(NEXT_KEY), audience=AUDIENCE, email=ROBOT, now=NOW)
    assert len(fetches) == (1 if rest_seconds else 6)
