"""Google's OAuth endpoints, service accounts and Pub/Sub: the forms that are sent, and what each response comes to."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from libs.common.config import Settings
from libs.common.errors import Outage, Throttled
from libs.common.google import oauth, pubsub, service_account
from libs.common.google.oauth import GoogleOAuth, Grant, InvalidGrant, Misconfigured, PolicyRefused
from libs.common.google.pubsub import Hint, Malformed, Received, Subscription, read_hint
from libs.common.google.service_account import ServiceAccount, read_key_file

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
KEY = RSAKey.generate_key(2048)
PEM = KEY.as_pem(private=True).decode()


@dataclass
class Endpoint:
    """A server of Google's: its responses in turn, the last one again and again."""

    responses: list[tuple[int, Any]]
    requests: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    async def serve(self, request: web.Request) -> web.Response:
        self.requests.append((request.path_qs, await request.read(), dict(request.headers)))
        status, body = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return web.Response(status=status, body=content, headers=self.headers)

    def form(self, number: int = -1) -> dict[str, str]:
        return dict(parse_qsl(self.requests[number][1].decode(), keep_blank_values=True))


@asynccontextmanager
async def serving(*responses: tuple[int, Any]) -> AsyncIterator[tuple[str, Endpoint, aiohttp.ClientSession]]:
    endpoint = Endpoint(list(responses))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", endpoint.serve)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        yield str(server.make_url("")).rstrip("/"), endpoint, http


def client(http: Any, root: str = "") -> GoogleOAuth:
    return GoogleOAuth(http, "id", "secret", "https://crm.example/callback", root)


WHOLE = {"access_token": "a", "expires_in": 7, "scope": "x y", "refresh_token": "r", "id_token": "i"}


async def test_tokens_are_asked_for_in_google_s_forms() -> None:
    async with serving((200, WHOLE)) as (root, endpoint, http):
        granted = Grant("a", timedelta(seconds=7), frozenset({"x", "y"}), "r", "i")
        assert await client(http, root).exchange("c", "v") == granted
        assert endpoint.requests[0][0] == "/token"
        assert endpoint.form() == {
            "grant_type": "authorization_code", "code": "c", "code_verifier": "v", "client_id": "id", "client_secret": "secret",
            "redirect_uri": "https://crm.example/callback",
        }  # fmt: skip
        await client(http, root).refresh("r")
        assert endpoint.form() == {
            "grant_type": "refresh_token", "refresh_token": "r", "client_id": "id", "client_secret": "secret",
        }  # fmt: skip
        endpoint.responses = [(200, {"access_token": "a", "refresh_token": ""})]
        assert await client(http, root).refresh("r") == Grant("a", timedelta(minutes=5), None, None, None)
        await client(http, root).revoke("t")
        assert (endpoint.requests[-1][0], endpoint.form()) == ("/revoke", {"token": "t"})
        assert "secret" not in repr(client(http, root))
        assert "access_token" not in repr(granted)


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (429, {}, Throttled, "Google's OAuth server asks us to slow down."),
        (500, {}, Throttled, "Google's OAuth server failed with 500."),
        (400, {"error": "invalid_grant", "error_description": "d" * 300}, InvalidGrant, "d" * 200),
        (400, {"error": "invalid_grant"}, InvalidGrant, "invalid_grant"),
        (400, {"error": "invalid_grant", "error_subtype": "invalid_rapt"}, PolicyRefused, "invalid_rapt"),
        (401, {"error": "invalid_client"}, Misconfigured,
         "Google does not know this OAuth client, or the secret is wrong: check PINGCRM_GOOGLE_CLIENT_ID"
         " and PINGCRM_GOOGLE_CLIENT_SECRET."),
        (401, {"error": "deleted_client"}, Misconfigured,
         "The OAuth client was deleted in the Google Cloud console: make a new one and set"
         " PINGCRM_GOOGLE_CLIENT_ID and PINGCRM_GOOGLE_CLIENT_SECRET."),
        (401, {"error": "unauthorized_client"}, Misconfigured,
         "The OAuth client may not use this flow: it must be of the type “Web application”."),
        (400, {"error": "redirect_uri_mismatch"}, Misconfigured,
         "The redirect URI is not registered: add PINGCRM_PUBLIC_URL followed by"
         " /oauth/google/callback to the OAuth client in the Google Cloud console."),
        (418, {"error": "x" * 61}, Misconfigured, f"Google refused the request with 418 {'x' * 60!r}."),
        (200, {}, Outage, "Google's token answer could not be read."),
    ],
)  # fmt: skip
async def test_each_refusal_of_a_token_has_its_words(status: int, body: Any, kind: type[Exception], words: str) -> None:
    async with serving((status, body)) as (root, endpoint, http):
        endpoint.headers = {"Retry-After": "7"}
        with pytest.raises(kind) as caught:
            await client(http, root).refresh("r")
        assert str(caught.value) == words
        if isinstance(caught.value, Throttled):
            assert caught.value.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("status", "error", "fine"),
    [(400, "invalid_token", True), (400, "invalid_grant", True), (401, "invalid_token", False), (400, "odd", False)],
)
async def test_a_token_that_google_does_not_know_needs_no_revoking(status: int, error: str, fine: bool) -> None:
    async with serving((status, {"error": error})) as (root, _, http):
        if fine:
            await client(http, root).revoke("t")
        else:
            with pytest.raises(Misconfigured):
                await client(http, root).revoke("t")


async def test_a_server_that_is_away_is_named_by_the_error_alone() -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(Outage, match=r"^Google's OAuth server did not answer: ClientConnectorError\.$"):
            await client(http, "http://127.0.0.1:9").refresh("r")
        with pytest.raises(Outage, match=r"^Google could not be reached: ClientConnectorError\.$"):
            await service_account.post(http, "http://127.0.0.1:9", service_account.TIMEOUT)


def test_the_browser_is_sent_to_google_with_all_that_it_needs() -> None:
    parameters: dict[str, Any] = {
        "scopes": ["b", "a c"],
        "state": "s",
        "nonce": "n",
        "verifier": "v",
        "prompt": "consent",
    }
    url = urlsplit(client(None).authorize_url(**parameters))
    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://accounts.google.com/o/oauth2/v2/auth"
    expected = {
        "client_id": "id", "redirect_uri": "https://crm.example/callback", "response_type": "code", "scope": "b a c", "state": "s",
        "nonce": "n", "code_challenge": oauth.challenge("v"), "code_challenge_method": "S256", "access_type": "offline",
        "include_granted_scopes": "true", "prompt": "consent",
    }  # fmt: skip
    assert dict(parse_qsl(url.query)) == expected
    assert "%2F" in url.query
    assert "+" not in url.query
    hinted = urlsplit(client(None, "http://local").authorize_url(**parameters, login_hint="a@x"))
    assert dict(parse_qsl(hinted.query)) == {**expected, "login_hint": "a@x"}
    assert hinted.netloc == "local"
    assert (
        oauth.challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_the_client_comes_from_the_settings() -> None:
    settings = Settings(
        google_client_id="id", google_client_secret=SecretStr("secret"), google_oauth_root="http://local/",
        public_url="https://crm.example",
    )  # fmt: skip
    found = GoogleOAuth.of(settings, None)  # type: ignore[arg-type]
    assert (found.client_id, found.client_secret, found.root) == ("id", "secret", "http://local")
    assert found.redirect_uri == settings.redirect_uri
    assert found.certs_url == "http://local/oauth2/v3/certs"
    assert client(None).certs_url == "https://www.googleapis.com/oauth2/v3/certs"
    assert client(None)._host() == "https://oauth2.googleapis.com"
    assert [GoogleOAuth(None, a, b, "").configured for a, b in (("i", "s"), ("", "s"), ("i", ""))] == [
        True,
        False,
        False,
    ]  # type: ignore[arg-type]
    assert (oauth.TIMEOUT.total, oauth.TIMEOUT.connect) == (8, 4)
    assert [oauth.retry_after(text) for text in ("3600", "3601")] == [timedelta(hours=1)] * 2


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_bytes(orjson.dumps({"client_email": "robot@x", "private_key_id": "kid", "private_key": PEM}))
    return path


async def test_a_service_account_proves_who_it_is_with_a_signed_claim(key_file: Path) -> None:
    async with serving((200, {"access_token": "t1", "expires_in": 3600})) as (root, endpoint, http):
        account = ServiceAccount(http, key_file, f"{root}/token")
        before = int(datetime.now(UTC).timestamp())
        assert await account.token() == await account.token() == "t1"
        assert len(endpoint.requests) == 1, "a token that lasts is kept"
        assert endpoint.form()["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        decoded = jwt.decode(endpoint.form()["assertion"], KEY)
        assert decoded.header == {"alg": "RS256", "typ": "JWT", "kid": "kid"}
        assert {name: decoded.claims[name] for name in ("iss", "scope", "aud")} == {
            "iss": "robot@x", "scope": "https://www.googleapis.com/auth/pubsub", "aud": f"{root}/token",
        }  # fmt: skip
        assert before <= decoded.claims["iat"] <= before + 60
        assert decoded.claims["exp"] - decoded.claims["iat"] == 3600
        await account.token("t1")
        await account.token("another")
        assert len(endpoint.requests) == 2, "only the one that was refused is replaced"
        assert "t1" not in repr(account)


@pytest.mark.parametrize(("lifetime", "asked"), [(60, 2), (70, 1), ("x", 1)])
async def test_a_token_of_a_service_account_is_replaced_a_minute_before_its_end(
    key_file: Path, lifetime: object, asked: int
) -> None:
    async with serving((200, {"access_token": "t", "expires_in": lifetime})) as (root, endpoint, http):
        account = ServiceAccount(http, key_file, f"{root}/token")
        await account.token()
        await account.token()
        assert len(endpoint.requests) == asked


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (500, b"", Outage, "Google's OAuth server answered 500."),
        (429, b"", Outage, "Google's OAuth server answered 429."),
        (400, b"", Misconfigured,
         "Google does not accept the service account's key: was it deleted, or is this machine's clock wrong?"),
        (200, b"{", Outage, "Google's answer broke off or is not JSON."),
    ],
)  # fmt: skip
async def test_why_a_service_account_has_no_token(
    key_file: Path, status: int, body: bytes, kind: Any, words: str
) -> None:
    async with serving((status, body)) as (root, _, http):
        with pytest.raises(kind) as caught:
            await ServiceAccount(http, key_file, f"{root}/token").token()
        assert str(caught.value) == words


def test_a_key_file_that_is_none_is_named_and_never_quoted(tmp_path: Path, key_file: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        read_key_file(tmp_path / "gone")
    assert str(caught.value) == (
        "PINGCRM_GOOGLE_APPLICATION_CREDENTIALS must be the path of a file that you may read, and it can't be read:"
        " No such file or directory."
    )
    (tmp_path / "odd").write_text('{"private_key": "secret"}')
    with pytest.raises(Misconfigured) as caught:
        read_key_file(tmp_path / "odd")
    assert str(caught.value) == (
        "PINGCRM_GOOGLE_APPLICATION_CREDENTIALS names no service account's key file (JSON with client_email and private_key)."
    )
    key = read_key_file(key_file)
    assert (key.client_email, key.private_key_id, key.private_key.get_secret_value()) == ("robot@x", "kid", PEM)
    without_id = key.model_copy(update={"private_key_id": ""})
    assert jwt.decode(service_account._assertion(without_id, "aud", NOW), KEY).header == {"alg": "RS256", "typ": "JWT"}
    with pytest.raises(Misconfigured) as caught:
        service_account._assertion(key.model_copy(update={"private_key": SecretStr("no key")}), "aud", NOW)
    assert str(caught.value) == "The private key in PINGCRM_GOOGLE_APPLICATION_CREDENTIALS is no RSA key."


def hint(payload: object) -> dict[str, Any]:
    return {"data": base64.b64encode(orjson.dumps(payload)).decode(), "publishTime": "2026-03-04T11:00:00Z"}


GOOD = {"emailAddress": "A.nn@gmail.com", "historyId": "7"}


def test_a_hint_is_read_whole() -> None:
    published = datetime(2026, 3, 4, 11, tzinfo=UTC)
    assert read_hint(hint(GOOD), NOW) == Hint("ann@gmail.com", 7, published)
    for padding in ("", "=", "==="):
        unpadded = {**hint(GOOD), "data": hint(GOOD)["data"].rstrip("=") + padding}
        assert read_hint(unpadded, NOW).history_id == 7
    odd = {"emailAddress": "a>?@x.example", "historyId": 0}
    for_urls = base64.urlsafe_b64encode(b">>>???" + orjson.dumps(odd)).decode()
    assert {"-", "_"} & set(for_urls)
    with pytest.raises(Malformed, match="not JSON in base64"):
        read_hint({"data": for_urls}, NOW)
    in_urls = orjson.dumps({"emailAddress": "ann@x.example", "historyId": 5, "x": "?>?>?>~~~"})
    assert read_hint({"data": base64.urlsafe_b64encode(in_urls).decode()}, NOW).history_id == 5
    for written in (None, 5, "soon", "2026-03-04T11:00:00"):
        assert read_hint({**hint(GOOD), "publishTime": written}, NOW).published_at == NOW
    assert [read_hint(hint({**GOOD, "historyId": number}), NOW).history_id for number in (0, 2**63 - 1)] == [
        0,
        2**63 - 1,
    ]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({}, "The message has no data."),
        ({"data": 5}, "The message has no data."),
        ({"data": "é"}, "The message has no data."),
        ({"data": "!!!!"}, "The message's data is not JSON in base64."),
        ({"data": "abcde"}, "The message's data is not JSON in base64."),
        (hint([]), "The message's data has no emailAddress and historyId."),
        (hint({"emailAddress": "nobody", "historyId": 1}), "The message's data has no emailAddress and historyId."),
        (hint({"emailAddress": "a@x.example"}), "The message's data has no emailAddress and historyId."),
        (
            hint({"emailAddress": "a@x.example", "historyId": -1}),
            "The message's data has no emailAddress and historyId.",
        ),
        (
            hint({"emailAddress": "a@x.example", "historyId": 2**63}),
            "The message's data has no emailAddress and historyId.",
        ),
    ],
)
def test_what_is_no_hint_is_a_sentence(message: dict[str, Any], words: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_hint(message, NOW)
    assert str(caught.value) == words


NAME = "projects/p/subscriptions/s"


@asynccontextmanager
async def subscribed(key_file: Path, *responses: tuple[int, Any]) -> AsyncIterator[tuple[Subscription, Endpoint]]:
    tokens = serving((200, {"access_token": "t", "expires_in": 3600}))
    async with tokens as (oauth_root, _, http), serving(*responses) as (root, endpoint, _):
        account = ServiceAccount(http, key_file, f"{oauth_root}/token")
        yield Subscription(http, account, root, NAME), endpoint


async def test_messages_are_pulled_and_acknowledged_by_their_names(key_file: Path) -> None:
    messages = [{"ackId": "a1", "message": {"data": "x"}}, {"message": {}}, {"ackId": "a2"}]
    async with subscribed(key_file, (200, {"receivedMessages": messages})) as (subscription, endpoint):
        assert await subscription.pull() == [Received("a1", {"data": "x"}), Received("a2", {})]
        await subscription.acknowledge([])
        await subscription.acknowledge(["a1", "a2"])
    assert [(path, orjson.loads(body)) for path, body, _ in endpoint.requests] == [
        (f"/v1/{NAME}:pull", {"maxMessages": 100}), (f"/v1/{NAME}:acknowledge", {"ackIds": ["a1", "a2"]}),
    ]  # fmt: skip
    headers = endpoint.requests[0][2]
    assert (headers["Authorization"], headers["Content-Type"]) == ("Bearer t", "application/json")
    assert (pubsub._PULL_TIMEOUT.total, pubsub._PULL_TIMEOUT.connect) == (120, 5)
    assert (service_account.TIMEOUT.total, service_account.TIMEOUT.connect) == (20, 5)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (
            404,
            Misconfigured,
            f"There is no subscription {NAME}: create it, or correct PINGCRM_GOOGLE_PUBSUB_SUBSCRIPTION.",
        ),
        (
            401,
            Misconfigured,
            f"The service account may not pull from {NAME}: grant it the role Pub/Sub Subscriber there.",
        ),
        (
            403,
            Misconfigured,
            f"The service account may not pull from {NAME}: grant it the role Pub/Sub Subscriber there.",
        ),
        (400, Misconfigured, f"Pub/Sub refused to give messages of {NAME} (400): is it a pull subscription?"),
        (503, Outage, "Google answered 503."),
    ],
)
async def test_why_nothing_can_be_pulled(key_file: Path, status: int, kind: type[Exception], words: str) -> None:
    async with subscribed(key_file, (status, {})) as (subscription, endpoint):
        with pytest.raises(kind) as caught:
            await subscription.pull()
        assert str(caught.value) == words
        assert len(endpoint.requests) == (2 if status == 401 else 1), "a refused token is replaced once"


async def test_a_refused_token_is_replaced(key_file: Path) -> None:
    async with subscribed(key_file, (401, {}), (200, {})) as (subscription, endpoint):
        assert await subscription.pull() == []
        assert len(endpoint.requests) == 2


def test_nothing_is_pulled_where_nothing_is_configured(key_file: Path) -> None:
    whole: dict[str, Any] = {"google_pubsub_subscription": NAME, "google_application_credentials": key_file}
    for missing in whole:
        rest = {name: value for name, value in whole.items() if name != missing}
        assert Subscription.of(Settings(**rest), None) is None  # type: ignore[arg-type]
    found = Subscription.of(Settings(**whole), None)  # type: ignore[arg-type]
    assert found is not None
    assert (found.root, found.name, found.account.path) == ("https://pubsub.googleapis.com", NAME, key_file)
    assert found.account.token_url == "https://oauth2.googleapis.com/token"
    local = Subscription.of(
        Settings(**whole, google_oauth_root="http://o/", google_pubsub_root="http://p/"),
        None,  # type: ignore[arg-type]
    )
    assert local is not None
    assert (local.root, local.account.token_url) == ("http://p", "http://o/token")
