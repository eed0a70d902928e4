"""What is handed to the HTTP client besides the request: time-outs, and that no redirect is ever followed, with a token in hand."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from pydantic import SecretStr
from yarl import URL

from libs.common.config import Settings
from libs.common.errors import Outage
from libs.common.google import retries
from libs.common.google.api import Google
from libs.common.google.batch_get import Template
from libs.common.google.errors import Rejected
from libs.common.google.id_token import GoogleKeys, Untrusted, verify
from libs.common.google.oauth import GoogleOAuth, Grant
from libs.common.google.pubsub import Subscription
from libs.common.google.quota import Mailbox, Throttle
from libs.common.google.retries import RetryBudget
from libs.common.google.service_account import KeyFile, ServiceAccount
from libs.common.google.session import Hold, Session, Usage, _Single
from libs.common.ids import AccountId, new_id

KEY = RSAKey.generate_key(2048, {"alg": "RS256", "use": "sig", "kid": "one"})
EIGHT_SECONDS = aiohttp.ClientTimeout(total=8, connect=4)


@dataclass
class Client:
    """An HTTP client that sends nothing: it remembers what it was called with, and responds with `body`."""

    body: object
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def request(self, verb: str, url: object, **options: Any) -> "Client":
        self.calls.append((verb, str(url), options))
        return self

    def get(self, url: object, **options: Any) -> "Client":
        return self.request("GET", url, **options)

    def post(self, url: object, **options: Any) -> "Client":
        return self.request("POST", url, **options)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def read(self) -> bytes:
        return orjson.dumps(self.body)

    async def json(self, content_type: str | None) -> object:
        assert content_type is None, "Google's keys may come under any content type"
        return self.body

    @property
    def as_http(self) -> aiohttp.ClientSession:
        return cast(aiohttp.ClientSession, self)


def session(client: Client, **fields: Any) -> Session:
    async def token(scope: str, rejected: str | None) -> str:
        return f"token for {scope}"

    account = AccountId(new_id())
    return Session(client.as_http, token, Mailbox(account, None, Throttle(0.0), 4), "live", 12.5, **fields)


@pytest.mark.parametrize(
    ("path", "form", "send"),
    [
        ("token", {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "id", "client_secret": "s"},
         lambda oauth: oauth.refresh("r")),
        ("revoke", {"token": "t"}, lambda oauth: oauth.revoke("t")),
    ],
)  # fmt: skip
async def test_google_s_oauth_server_gets_eight_seconds_and_is_followed_nowhere(
    path: str, form: dict[str, str], send: Any
) -> None:
    client = Client({"access_token": "a"})
    await send(GoogleOAuth(client.as_http, "id", "s", ""))
    assert client.calls == [
        (
            "POST",
            f"https://oauth2.googleapis.com/{path}",
            {"data": form, "timeout": EIGHT_SECONDS, "allow_redirects": False},
        )
    ]
    assert client.calls[0][2]["allow_redirects"] is False


async def test_google_s_keys_are_fetched_in_eight_seconds_and_from_nowhere_else() -> None:
    client = Client(KeySet([KEY]).as_dict(private=False))
    keys = GoogleKeys(client.as_http, "https://keys.example")
    found, seconds = await keys._fetch()
    assert [key.kid for key in found.keys] == ["one"]
    assert seconds == 3600.0
    assert client.calls == [("GET", "https://keys.example", {"timeout": EIGHT_SECONDS, "allow_redirects": False})]


async def test_pub_sub_gets_as_long_as_a_pull_takes(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(orjson.dumps({"client_email": "robot@x", "private_key": KEY.as_pem(private=True).decode()}))
    client = Client({"access_token": "t"})
    account = ServiceAccount(client.as_http, path, "https://token.example")
    subscription = Subscription(client.as_http, account, "https://pubsub.example", "projects/p/subscriptions/s")
    await subscription.pull()
    await subscription.acknowledge(["a"])
    own = {"Authorization": "Bearer t", "Content-Type": "application/json"}
    options = [call[2] for call in client.calls]
    assert options[0].pop("data")["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert options == [
        {"timeout": aiohttp.ClientTimeout(total=20, connect=5), "allow_redirects": False},
        {
            "timeout": aiohttp.ClientTimeout(total=120, connect=5),
            "allow_redirects": False,
            "data": b'{"maxMessages":100}',
            "headers": own,
        },
        {
            "timeout": aiohttp.ClientTimeout(total=20, connect=5),
            "allow_redirects": False,
            "data": b'{"ackIds":["a"]}',
            "headers": own,
        },
    ]
    assert [call[1] for call in client.calls] == [
        "https://token.example",
        "https://pubsub.example/v1/projects/p/subscriptions/s:pull",
        "https://pubsub.example/v1/projects/p/subscriptions/s:acknowledge",
    ]


@pytest.mark.parametrize(("body", "sent"), [(None, None), ({"a": 1}, b'{"a":1}'), ({}, b"{}")])
async def test_a_call_has_the_session_s_time_and_goes_where_the_discovery_document_sends_it(
    body: object, sent: bytes | None
) -> None:
    client = Client({"ok": True})
    asked: list[dict[str, object]] = []

    def method(**options: object) -> SimpleNamespace:
        asked.append(options)
        return SimpleNamespace(url="https://api.example/a%2Fb?c=%20d", method="PATCH")

    used = session(client)
    assert await used.call(method, "scope", units=3, json=body, id="a/b") == {"ok": True}
    assert asked == [{"validate": False, "json": body, "id": "a/b"}], "building validates nothing: Google does"
    headers = {
        "Accept-Encoding": "gzip", "User-Agent": "PingCRM (gzip)", "Accept": "application/json",
        "Authorization": "Bearer token for scope",
    }  # fmt: skip
    assert client.calls == [
        (
            "PATCH",
            "https://api.example/a%2Fb?c=%20d",
            {
                "headers": headers if sent is None else {**headers, "Content-Type": "application/json"},
                "data": sent,
                "timeout": aiohttp.ClientTimeout(total=12.5),
                "allow_redirects": False,
            },
        )
    ]
    assert used.usage == Usage(requests=1, units=3)


async def test_a_request_may_have_another_type_of_content() -> None:
    client = Client({}, headers={"Date": "today"})
    used = session(client)
    assert await used.request("POST", URL("https://x"), "t", 0, b"x", "multipart/mixed") == ({"Date": "today"}, b"{}")
    assert client.calls[0][2]["headers"]["Content-Type"] == "multipart/mixed"
    assert used.usage == Usage(requests=1, units=0)


@pytest.mark.parametrize(("status", "fine"), [(199, False), (200, True), (299, True), (300, False)])
async def test_only_a_2xx_is_a_response_and_a_redirect_is_none(status: int, fine: bool) -> None:
    client = Client({"a": 1}, status=status)
    with nullcontext() if fine else pytest.raises((Outage, Rejected)):
        await session(client).request("GET", URL("https://x"), "t", 1)
    assert len(client.calls) == 1


def test_the_same_piece_of_work_shares_what_it_has_used_and_waits_for() -> None:
    first = session(Client({}), usage=Usage(2, 3), hold=Hold(4.0))
    second = first.at("import")
    assert (first.priority, second.priority) == ("live", "import")
    assert second.usage is first.usage
    assert second.hold is first.hold
    assert (Usage(), Hold()) == (Usage(0, 0), Hold(0.0))
    single = _Single(first, "GET", URL("https://x"), "s", 1, None, True)
    assert single.parts == 1


def test_what_is_left_out_is_empty() -> None:
    assert KeyFile(client_email="a@b", private_key=SecretStr("k")).private_key_id == ""
    assert GoogleOAuth(cast(Any, None), "i", "s", "r").root == ""
    grant = Grant("access", timedelta(seconds=1), None, "refresh", "identity")
    assert repr(grant) == "Grant(lifetime=datetime.timedelta(seconds=1), scopes=None)"
    keys = GoogleKeys(cast(Any, None), "https://x")
    assert (keys.rest_seconds, keys._keys, keys._good_until, keys._fetched_at) == (0.0, None, 0.0, float("-inf"))
    assert repr(keys) == "GoogleKeys(http=None, url='https://x', rest_seconds=0.0, _good_until=0.0, _fetched_at=-inf)"
    account = ServiceAccount(cast(Any, None), Path("key"), "https://x")
    assert (account._token, account._ends_at) == ("", datetime.min.replace(tzinfo=UTC))
    assert [name for kind in (GoogleKeys, ServiceAccount) for name in signature(kind).parameters] == [
        "http", "url", "rest_seconds", "http", "path", "token_url",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "words"), [({}, "KeyError"), ([], "TypeError"), ({"keys": [{"kty": "odd"}]}, "MissingKeyError")]
)
async def test_keys_that_are_none_are_named_by_their_error(body: object, words: str) -> None:
    with pytest.raises(Outage) as caught:
        await GoogleKeys(Client(body).as_http, "https://keys.example")._fetch()
    assert str(caught.value) == f"Google's signing keys could not be read: {words}."


def test_a_token_without_a_nonce_belongs_to_no_sign_in() -> None:
    claims = {"iss": "accounts.google.com", "aud": "me", "sub": "1", "email": "a@b.c", "iat": 0, "exp": 2_000_000_000}
    token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEY)
    for nonce in ("n", "XXXX", ""):
        with pytest.raises(Untrusted, match=r"^It belongs to another sign-in\.$"):
            verify(token, KeySet([KEY]), client_id="me", nonce=nonce, now=datetime(2026, 3, 4, tzinfo=UTC))
    with pytest.raises(Untrusted, match=r"^Its signature or form is wrong \(DecodeError\)\.$"):
        verify("a.b.c", KeySet([KEY]), client_id="me", nonce="n", now=datetime(2026, 3, 4, tzinfo=UTC))


def test_an_account_s_throttle_is_of_a_second_and_the_setting_of_a_minute() -> None:
    google = Google(
        Settings(gmail_units_per_minute=6_000, gmail_project_units_per_minute=0), cast(Any, None), cast(Any, object())
    )
    assert google._mailbox(AccountId(new_id())).throttle == Throttle(100.0)


def test_the_jitter_shortens_a_pause_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "uniform", lambda low, _: low)
    budget = RetryBudget()
    assert [budget.pause_after(Outage("away"), 0.0) for _ in range(2)] == [0.35, 0.7]


def test_an_id_is_filled_in_where_the_discovery_document_has_it() -> None:
    def method(**options: object) -> SimpleNamespace:
        assert options == {"validate": False, "userId": "me", "id": "ID-GOES-HERE", "format": "full"}
        return SimpleNamespace(url="https://x/a%2Fb/ID-GOES-HERE?c=%2F")

    template = Template.of(method, 5, tuple, format="full")
    assert (template.path("1/2"), template.units) == ("/a%2Fb/1%2F2?c=%2F", 5)
