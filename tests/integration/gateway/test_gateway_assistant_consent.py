"""An assistant without a token gets one by OAuth, once its user has allowed it: as the official client does it, and as nobody may."""

from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
import redis.asyncio

from services.gateway.domain.assistant_clients import fingerprint
from services.gateway.limits import authorizations, sign_ins
from services.gateway.sessions.cookies import SESSION_COOKIE
from tests.integration.gateway.test_gateway_hostile_input import api
from tests.support.assistant_consent import (
    ALLOW,
    CALLBACK,
    CONSENT,
    Memory,
    asked,
    authorize_url,
    exchanged,
    official_client,
    registered,
    sent_back,
    tokens_of,
)

__all__ = ["api"]

Api = tuple[aiohttp.ClientSession, dict[str, str]]


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
    async with aiohttp.ClientSession(str(browser._base_url)) as program:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        async with program.post("/mcp", json=message, headers=bearer) as response:
            assert response.status == 401
            assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


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
    assert [token["scopes"] for token in await tokens_of(browser)] == [["read"]]
    for description in (
        "The code was used already. Its token has ended: begin anew.",  # one of the two has stolen it
        "The code was used, or is older than a minute.",
    ):
        assert await exchanged(browser, client_id=client_id, code=only_read) == (
            400, {"error": "invalid_grant", "error_description": description},
        )  # fmt: skip
        assert await tokens_of(browser) == []
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
    assert await tokens_of(browser) == []
    seen = await code()
    assert (await exchanged(browser, client_id=client_id, code=seen))[0] == 200
    assert (await exchanged(browser, client_id=client_id, code=seen, code_verifier="w" * 43))[0] == 400
    assert len(await tokens_of(browser)) == 1, "who has only seen a code ends nobody's token"


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
            assert unquote(response.cookies["pingcrm_destination"].value) == waiting
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
    _, request_id = await asked(browser, authorize_url(client_id, elsewhere))
    async with browser.post(CONSENT, data={"request": request_id, **ALLOW}) as response:
        html = await response.text()
    assert 'http-equiv="refresh"' in html, "whom a user has allowed gets it at once"
    assert f'href="{elsewhere}?code=' in html


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
