"""The OAuth edge: what it requests from Google, and what it makes of each response."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.common.bus import REQUEST_TIMEOUT_SECONDS
from libs.common.config import Settings
from libs.common.errors import Outage, Throttled
from libs.common.google import oauth as edge
from libs.common.google.oauth import (
    GoogleOAuth,
    InvalidGrant,
    Misconfigured,
    PolicyRefused,
    challenge,
    policy_of,
    retry_after,
)
from services.auth.store.access_tokens import LEASE


@dataclass
class Endpoint:
    """Responds to /token and /revoke as it is set up, and remembers the forms."""

    status: int = 200
    body: str = '{"access_token": "ya29.x", "expires_in": 3599}'
    headers: dict[str, str] = field(default_factory=dict)
    forms: list[dict[str, str]] = field(default_factory=list)
    silence: asyncio.Event | None = None  # it does not respond before this is set

    async def serve(self, request: web.Request) -> web.Response:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        if self.silence:
            await self.silence.wait()
        return web.Response(status=self.status, text=self.body, headers=self.headers)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest_asyncio.fixture
async def oauth(endpoint: Endpoint) -> AsyncIterator[GoogleOAuth]:
    app = web.Application()
    app.router.add_post("/token", endpoint.serve)
    app.router.add_post("/revoke", endpoint.serve)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        root = str(server.make_url("")).rstrip("/")
        yield GoogleOAuth(http, "client", "s&cret +", "https://crm.test/oauth/google/callback?a=1&b=ü", root)


async def test_every_parameter_of_the_authorization_url_survives_encoding(oauth: GoogleOAuth) -> None:
    url = oauth.authorize_url(
        scopes=("openid", "https://www.googleapis.com/auth/gmail.readonly"),
        state="s+/=&", nonce="n", verifier="v" * 43, prompt="consent", login_hint="a+b@gmail.com",
    )  # fmt: skip

    assert " " not in url
    assert "+" not in url, "a plus would come back as a space"
    assert parse_qs(urlsplit(url).query, strict_parsing=True) == {
        "client_id": ["client"],
        "redirect_uri": ["https://crm.test/oauth/google/callback?a=1&b=ü"],
        "response_type": ["code"],
        "scope": ["openid https://www.googleapis.com/auth/gmail.readonly"],
        "state": ["s+/=&"],
        "nonce": ["n"],
        "code_challenge": [challenge("v" * 43)],
        "code_challenge_method": ["S256"],
        "access_type": ["offline"],
        "include_granted_scopes": ["true"],
        "prompt": ["consent"],
        "login_hint": ["a+b@gmail.com"],
    }
    assert "v" * 43 not in url


async def test_without_a_root_the_hosts_are_googles() -> None:
    async with aiohttp.ClientSession() as http:
        oauth = GoogleOAuth.of(Settings(google_client_id="client", google_client_secret="secret"), http)
        url = oauth.authorize_url(scopes=("openid",), state="s", nonce="n", verifier="v", prompt="select_account")
        assert url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
        assert "login_hint" not in url
        assert oauth.certs_url == "https://www.googleapis.com/oauth2/v3/certs"
        assert oauth.configured
        assert not replace(oauth, client_secret="").configured
        assert "secret" not in repr(oauth).replace("client_secret", "")


def test_the_challenge_is_that_of_rfc_7636() -> None:
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


async def test_an_exchange_sends_the_verifier_and_reads_the_grant(oauth: GoogleOAuth, endpoint: Endpoint) -> None:
    endpoint.body = '{"access_token":"ya29.x","expires_in":3599,"scope":"a b","refresh_token":"1//r","id_token":"i"}'
    grant = await oauth.exchange("4/0A code", "verifier")
    assert endpoint.forms == [
        {
            "grant_type": "authorization_code", "code": "4/0A code", "code_verifier": "verifier",
            "redirect_uri": oauth.redirect_uri, "client_id": "client", "client_secret": "s&cret +",
        }
    ]  # fmt: skip
    assert (grant.access_token, grant.refresh_token, grant.id_token) == ("ya29.x", "1//r", "i")
    assert grant.scopes == frozenset({"a", "b"})
    assert grant.lifetime == timedelta(seconds=3599)
    assert "ya29.x" not in repr(grant)
    assert "1//r" not in repr(grant)


async def test_what_a_refresh_does_not_name_is_none(oauth: GoogleOAuth, endpoint: Endpoint) -> None:
    grant = await oauth.refresh("1//r")
    assert (grant.scopes, grant.refresh_token, grant.id_token) == (None, None, None)
    assert endpoint.forms[0]["grant_type"] == "refresh_token"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, '{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}', InvalidGrant),
        (401, '{"error": "invalid_client"}', Misconfigured),
        (400, '{"error": "redirect_uri_mismatch"}', Misconfigured),
        (400, '{"error": "unauthorized_client"}', Misconfigured),
        (403, '{"error": "org_internal"}', PolicyRefused),
        (400, '{"error": "admin_policy_enforced"}', PolicyRefused),
        (400, '{"error": "invalid_grant", "error_subtype": "invalid_rapt"}', PolicyRefused),
        (400, '{"error": "invalid_grant", "error_subtype": "made_up"}', InvalidGrant),
        (400, '{"error": "invalid_client", "error_subtype": "invalid_rapt"}', Misconfigured),
        (400, "<html>a proxy</html>", Misconfigured),
        (429, "{}", Throttled),
        (500, '{"error": "invalid_grant"}', Outage),  # a broken server proves nothing about the token
        (503, "", Outage),
        (302, "", Misconfigured),
        (200, "", Outage),
        (200, '{"access_token": ""}', Outage),
        (200, '{"expires_in": 3599}', Outage),
        (200, '["ya29.x"]', Outage),
    ],
)
async def test_each_response_becomes_the_error_that_states_what_to_do(
    oauth: GoogleOAuth, endpoint: Endpoint, status: int, body: str, error: type[Exception]
) -> None:
    endpoint.status, endpoint.body = status, body
    with pytest.raises(error) as caught:
        await oauth.refresh("1//r")
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "call",
    [
        lambda oauth: oauth.refresh("1//r"),
        lambda oauth: oauth.exchange("4/code", "v" * 43),
        lambda oauth: oauth.revoke("1//r"),
    ],
    ids=["refresh", "exchange", "revoke"],
)
async def test_a_google_that_does_not_respond_is_an_outage_before_the_requester_gives_up(
    oauth: GoogleOAuth,
    endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[[GoogleOAuth], Awaitable[object]],
) -> None:
    assert edge.TIMEOUT.total is not None
    assert edge.TIMEOUT.total < REQUEST_TIMEOUT_SECONDS
    assert edge.TIMEOUT.total < LEASE.total_seconds(), "nobody else refreshes while this one may still arrive"
    monkeypatch.setattr(edge, "TIMEOUT", aiohttp.ClientTimeout(total=1.0))
    endpoint.silence = asyncio.Event()
    try:
        async with asyncio.timeout(10):  # only to end what hangs
            with pytest.raises(Outage, match="did not answer"):
                await call(oauth)
    finally:
        endpoint.silence.set()
    assert len(endpoint.forms) == 1, "what may have arrived is not sent again"


@pytest.mark.parametrize(
    ("error", "subtype", "policy"),
    [
        ("admin_policy_enforced", "", "admin_policy_enforced"),
        ("policy_enforced", "", "policy_enforced"),
        ("org_internal", "", "org_internal"),
        ("invalid_rapt", "", "invalid_rapt"),
        ("invalid_grant", "admin_policy_enforced", "admin_policy_enforced"),
        ("invalid_grant", "policy_enforced", "policy_enforced"),
        ("invalid_grant", "org_internal", "org_internal"),
        ("invalid_grant", "invalid_rapt", "invalid_rapt"),
        ("invalid_grant", "rapt_required", "invalid_rapt"),
        ("invalid_grant", "", None),
        ("access_denied", "invalid_rapt", None),  # a subtype means something under invalid_grant only
        ("", "", None),
    ],
)
def test_a_policy_is_named_by_the_error_or_by_the_subtype_of_an_invalid_grant(
    error: str, subtype: str, policy: str | None
) -> None:
    assert policy_of(error, subtype) == policy


async def test_an_operator_learns_which_setting_is_wrong(oauth: GoogleOAuth, endpoint: Endpoint) -> None:
    endpoint.status, endpoint.body = 401, '{"error": "invalid_client"}'
    with pytest.raises(Misconfigured, match="PINGCRM_GOOGLE_CLIENT_SECRET"):
        await oauth.refresh("1//r")
    endpoint.status, endpoint.body = 400, '{"error": "redirect_uri_mismatch"}'
    with pytest.raises(Misconfigured, match="/oauth/google/callback"):
        await oauth.exchange("code", "verifier")


async def test_a_wait_that_google_requests_is_kept(oauth: GoogleOAuth, endpoint: Endpoint) -> None:
    endpoint.status, endpoint.headers = 503, {"Retry-After": "7"}
    with pytest.raises(Throttled) as caught:
        await oauth.refresh("1//r")
    assert caught.value.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), (" 0 ", 0), ("99999999999999999999", 3600), ("", None), ("-1", None), ("²", None),
     ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)  # fmt: skip
def test_retry_after_is_read_with_care(header: str, seconds: int | None) -> None:
    assert retry_after(header) == (None if seconds is None else timedelta(seconds=seconds))


async def test_a_server_that_is_not_there_is_an_outage(oauth: GoogleOAuth) -> None:
    nowhere = replace(oauth, root="http://127.0.0.1:9")
    with pytest.raises(Outage):
        await nowhere.refresh("1//r")
    with pytest.raises(Outage):
        await nowhere.revoke("1//r")


async def test_revoking_what_google_no_longer_knows_is_fine(oauth: GoogleOAuth, endpoint: Endpoint) -> None:
    await oauth.revoke("1//r")
    endpoint.status, endpoint.body = 400, '{"error": "invalid_token"}'
    await oauth.revoke("1//r")
    assert endpoint.forms == [{"token": "1//r"}] * 2
    endpoint.status = 503
    with pytest.raises(Outage):
        await oauth.revoke("1//r")
