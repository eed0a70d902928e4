"""An assistant without a token gets one by OAuth, once its user has allowed it: as the official client does it, and as nobody may."""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import httpx2
import pytest
import redis.asyncio
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from services.gateway.domain.assistant_clients import fingerprint
from services.gateway.limits import authorizations, sign_ins
from services.gateway.sessions.cookies import SESSION_COOKIE
from tests.integration.gateway.test_gateway_hostile_input import api

__all__ = ["api"]

Api = tuple[aiohttp.ClientSession, dict[str, str]]
CALLBACK = "http://127.0.0.1:3030/callback"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ALLOW = {"answer": "allow", "scope": ["read", "write"]}
CONSENT = "/assistants/connect"


class Memory:
    """What the client keeps."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


async def asked(browser: aiohttp.ClientSession, authorize_url: str) -> tuple[str, str]:
    """The page that asks, and the id of the request on it."""
    async with browser.get(authorize_url) as response:
        html = await response.text()
        assert (response.status, response.url.path) == (200, CONSENT), html
    found = re.search(r'name="request" value="([^"]+)"', html)
    assert found
    return html, found[1]


async def sent_back(browser: aiohttp.ClientSession, request_id: str, **form: Any) -> tuple[str, dict[str, str]]:
    """Where the answer leads the browser, and with what."""
    async with browser.post(CONSENT, data={"request": request_id, **form}) as response:
        html = await response.text()
        assert response.status == 200, html
    found = re.search(r'content="0; url=([^"]+)"', html)
    assert found
    href = unescape(found[1])
    assert f'href="{found[1]}"' in html, "for browsers that don't go by themselves"
    parameters = {name: values[0] for name, values in parse_qs(urlsplit(href).query).items()}
    return href.partition("?")[0], parameters


@asynccontextmanager
async def official_client(browser: aiohttp.ClientSession, memory: Memory) -> AsyncIterator[Client]:
    """The client of the protocol's makers, whose user allows everything in their browser."""
    url = str(browser._base_url).rstrip("/")
    opened: list[str] = []

    async def open_browser(authorize_url: str) -> None:
        opened.append(authorize_url)

    async def callback() -> AuthorizationCodeResult:
        html, request_id = await asked(browser, opened.pop())
        assert "Claude &lt;3" in html
        back, parameters = await sent_back(browser, request_id, **ALLOW)
        assert back == CALLBACK
        return AuthorizationCodeResult(**parameters)

    metadata = OAuthClientMetadata(client_name="Claude <3", redirect_uris=[CALLBACK])
    provider = OAuthClientProvider(f"{url}/mcp", metadata, memory, open_browser, callback)
    async with (
        httpx2.AsyncClient(auth=provider, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        yield client


async def test_the_official_client_gets_a_token_that_stands_on_the_settings_page_until_it_is_revoked(api: Api) -> None:
    browser, _ = api
    memory = Memory()
    async with official_client(browser, memory) as client:
        assert "add_note" in {known.name for known in (await client.list_tools()).tools}
    assert memory.tokens
    assert (memory.tokens.scope, memory.tokens.expires_in, memory.tokens.refresh_token) == (
        "read write",
        7_776_000,
        None,
    )
    (token,) = await tokens_of(browser)
    assert (token["name"], token["scopes"], token["last_used_at"] is not None) == (
        "Claude <3 (127.0.0.1)",
        ["read", "write"],
        True,
    )
    async with browser.post(f"/tokens/{token['id']}/delete") as response:
        assert response.status == 200
    bearer = {"Authorization": f"Bearer {memory.tokens.access_token}", "Accept": "application/json, text/event-stream"}
    async with aiohttp.ClientSession() as program:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        async with program.post(f"{browser._base_url}mcp", json=message, headers=bearer) as response:
            assert response.status == 401
            assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


async def registered(browser: aiohttp.ClientSession, name: str = "Claude", callback: str = CALLBACK) -> str:
    """The id of a new client."""
    body = {"client_name": name, "redirect_uris": [callback]}
    async with browser.post("/oauth/register", json=body) as response:
        assert response.status == 201
        return str((await response.json())["client_id"])


def authorize_url(client_id: str, callback: str = CALLBACK, **changes: str) -> str:
    query = {
        "client_id": client_id, "redirect_uri": callback, "response_type": "code", "code_challenge": CHALLENGE,
        "code_challenge_method": "S256", "scope": "read write", "state": "s", **changes,
    }  # fmt: skip
    return f"/oauth/authorize?{urlencode(query)}"


async def exchanged(browser: aiohttp.ClientSession, **form: str) -> tuple[int, dict[str, Any]]:
    body = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **form}
    async with browser.post("/oauth/token", data=body) as response:
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, await response.json()


async def test_a_code_is_exchanged_once_by_whom_it_was_given_to_for_what_was_allowed(
    api: Api, redis_admin: redis.asyncio.Redis
) -> None:
    browser, _ = api
    client_id = await registered(browser)

    async def code(**form: Any) -> str:
        _, request_id = await asked(browser, authorize_url(client_id))
        back, parameters = await sent_back(browser, request_id, **{**ALLOW, **form})
        assert (back, parameters["state"]) == (CALLBACK, "s")
        assert parameters["iss"] == str(browser._base_url).rstrip("/")
        return parameters["code"]

    only_read = await code(scope=["read", "account"])
    (key,) = await redis_admin.keys("gateway:assistant_code:*")
    assert only_read not in str(key)
    assert 0 < await redis_admin.pttl(key) <= 60_000
    nobodys = "chosen by who can write Redis"
    moved = f"gateway:assistant_code:{fingerprint(nobodys)}"
    for written in (await redis_admin.get(key), b'{"user_id": "..."}', b"\xff"):
        await redis_admin.set(moved, written)
        assert (await exchanged(browser, client_id=client_id, code=nobodys))[0] == 400
    status, token = await exchanged(browser, client_id=client_id, code=only_read)
    assert (status, token["scope"], token["token_type"]) == (200, "read", "Bearer")
    assert await exchanged(browser, client_id=client_id, code=only_read) == (400, {
        "error": "invalid_grant", "error_description": "The code was used, or is older than a minute.",
    })  # fmt: skip
    tried: list[dict[str, str]] = [
        {"client_id": await registered(browser, "Another")},
        {"client_id": client_id, "code_verifier": "w" * 43},
        {"client_id": client_id, "redirect_uri": "http://127.0.0.1:4040/callback"},
    ]
    for wrong in tried:
        given = await code()
        assert (await exchanged(browser, code=given, **wrong))[0] == 400, wrong
        assert (await exchanged(browser, client_id=client_id, code=given))[0] == 400, "who tries a code uses it up"
    status, refused = await exchanged(browser, client_id=client_id, code=await code(), grant_type="refresh_token")
    assert (status, refused["error"]) == (400, "unsupported_grant_type")
    assert [token["scopes"] for token in await tokens_of(browser)] == [["read"]]


async def test_a_token_is_of_whoever_answered_and_does_no_more_than_was_asked_for(api: Api) -> None:
    browser, _ = api
    client_id = await registered(browser)
    url = str(browser._base_url).rstrip("/")
    async with aiohttp.ClientSession(url, headers={"Origin": url}, cookies={SESSION_COOKIE: "2"}) as other:
        before = await tokens_of(other)
        _, request_id = await asked(browser, authorize_url(client_id, scope="read"))
        _, parameters = await sent_back(other, request_id, **ALLOW)  # with a box that was not on the page
        status, token = await exchanged(browser, client_id=client_id, code=parameters["code"])
        assert (status, token["scope"]) == (200, "read")
        (made,) = [known for known in await tokens_of(other) if known not in before]
        assert made["scopes"] == ["read"]
        async with other.get("/api/v1/me") as response:
            answered = await response.json()
    assert await tokens_of(browser) == []
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    async with aiohttp.ClientSession(url, headers=bearer) as program, program.get("/api/v1/me") as response:
        assert (await response.json())["id"] == answered["id"]


async def tokens_of(browser: aiohttp.ClientSession) -> list[dict[str, Any]]:
    async with browser.get("/api/v1/tokens") as response:
        return list((await response.json())["items"])


async def test_nobody_but_the_user_answers_and_one_answer_counts(api: Api) -> None:
    browser, _ = api
    client_id = await registered(browser)
    url = str(browser._base_url).rstrip("/")
    for form in ({"answer": "refuse", "scope": "read"}, {"answer": "allow"}, {"scope": "read"}):
        _, request_id = await asked(browser, authorize_url(client_id))
        assert await sent_back(browser, request_id, **form) == (
            CALLBACK, {"error": "access_denied", "state": "s", "iss": url},
        )  # fmt: skip
        async with browser.post(CONSENT, data={"request": request_id, **ALLOW}) as response:
            assert response.status == 404, "it was answered"
    _, request_id = await asked(browser, authorize_url(client_id))
    async with browser.post(
        CONSENT, data={"request": request_id, **ALLOW}, headers={"Origin": "https://evil.example"}
    ) as response:
        assert response.status == 403
    async with aiohttp.ClientSession(url) as stranger:
        async with stranger.get(authorize_url(client_id), allow_redirects=False) as response:
            waiting = response.headers["Location"]
        async with stranger.get(waiting, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "/login")
            assert waiting in response.cookies["pingcrm_destination"].value.replace("%3F", "?").replace("%3D", "=")
        async with stranger.post(CONSENT, data={"request": request_id, **ALLOW}, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "/login")
        for wrong in ("/oauth/authorize", authorize_url("forged")):
            async with stranger.get(wrong, allow_redirects=False) as response:
                assert (response.status, "Location" in response.headers) == (400, False)
        everything = {"name": "a program", "scopes": ["read", "write", "account"]}
        async with browser.post("/api/v1/tokens", json=everything) as response:
            bearer = {"Authorization": f"Bearer {(await response.json())['secret']}"}
        answer = {"request": request_id, **ALLOW}
        async with stranger.post(CONSENT, data=answer, headers=bearer, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "/login"), "no token makes tokens"
    _, parameters = await sent_back(browser, request_id, **ALLOW)
    assert "code" in parameters, "nobody has used the question up"


async def test_whom_a_user_has_refused_gets_their_browser_by_a_click_alone(api: Api) -> None:
    """A site that nobody trusts would lead to whatever it likes, a page that looks like ours among it."""
    browser, _ = api
    elsewhere = "https://claude.ai.evil.example:8443/back"
    client_id = await registered(browser, "Claude", elsewhere)
    html, request_id = await asked(browser, authorize_url(client_id, elsewhere))
    assert "<bdi>claude.ai.evil.example:8443</bdi>" in html
    assert f"<bdi>{elsewhere}</bdi>" in html
    async with browser.post(CONSENT, data={"request": request_id, "answer": "refuse"}) as response:
        html, headers = await response.text(), response.headers
    assert 'http-equiv="refresh"' not in html
    assert f'href="{elsewhere}?error=access_denied&amp;state=s&amp;iss=' in html
    assert (headers["X-Frame-Options"], headers["Referrer-Policy"]) == ("DENY", "same-origin")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


async def test_what_waits_is_bounded_and_no_flood_keeps_a_user_from_connecting(
    api: Api, redis_admin: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, _ = api
    monkeypatch.setattr(authorizations, "STRANGERS_PER_MINUTE", 5)
    monkeypatch.setattr(authorizations, "USER_PER_MINUTE", 3)
    monkeypatch.setattr(sign_ins, "ADDRESS_PER_MINUTE", 1000)  # a flood has many
    longest = f"http://127.0.0.1/{'a' * 280}"
    client_id = await registered(browser, "\U0001d49e" * 100, longest)
    url = authorize_url(client_id, longest, state='"' * 1000)
    async with aiohttp.ClientSession(str(browser._base_url)) as stranger:
        statuses = []
        for _ in range(11):  # of at most two minutes
            async with stranger.get(url, allow_redirects=False) as response:
                statuses.append(response.status)
    assert statuses[:5] == [302] * 5
    assert 429 in statuses
    waiting = await redis_admin.keys("gateway:assistant_request:*")
    assert len(waiting) == statuses.count(302)
    for key in [*waiting, *await redis_admin.keys("gateway:authorizations:*")]:
        assert 0 < await redis_admin.pttl(key) <= 1_800_000
        assert len(await redis_admin.get(key)) < 4_000
    await asked(browser, url)
    statuses = []
    for _ in range(7):
        async with browser.get(url, allow_redirects=False) as response:
            statuses.append(response.status)
    assert 429 in statuses, "nor does a user fill it"


async def test_what_is_no_form_and_no_registration_is_refused(api: Api) -> None:
    browser, _ = api
    form = "application/x-www-form-urlencoded"
    for content_type, body in (
        (form, b"\xff=\xff"),
        (f"{form}; charset=nonsense", b"grant_type=authorization_code"),
        (f"{form}; charset=utf-7", b"grant_type=authorization_code&code=+2AA-"),
        (form, b"grant_type=authorization_code&code=a&code=b"),
        (form, b"&".join(b"a%d=" % number for number in range(50))),
        ("multipart/form-data; boundary=x", b"garbage"),
        ("application/json", b"{}"),
    ):
        async with browser.post("/oauth/token", data=body, headers={"Content-Type": content_type}) as response:
            assert response.status == 400, (content_type, await response.text())
    for body in (b"\xff", b'{"redirect_uris": ["https://a.example"], "client_name": "\\ud800"}', b"[" * 100_000):
        async with browser.post("/oauth/register", data=body) as response:
            assert response.status == 400, body[:50]
