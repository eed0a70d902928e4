"""Errors, cookies, origins, webhooks and limits of the gateway, each compared as a whole."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from pydantic import BaseModel, Field, SecretStr, ValidationError

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.errors import Outage, Refused, Throttled
from libs.common.ids import UserId, new_id
from libs.common.preferences import Preferences
from services.gateway.context import Context
from services.gateway.domain import problems
from services.gateway.domain.client_address import client_address, counted_as
from services.gateway.domain.import_estimate import ImportEstimate, import_estimate
from services.gateway.domain.notifications import Notification
from services.gateway.domain.preferences import with_own_address
from services.gateway.domain.problems import ErrorResponse, InvalidInput
from services.gateway.domain.public_hosts import TRANSLATED, CallableHosts, is_private_host, is_public_address
from services.gateway.domain.sessions import (
    bearer_token,
    cookie_name,
    is_browser_id,
    origin,
    require_own_origin,
    session_id,
)
from services.gateway.domain.webhook_delivery import notification_message, retry_delay, webhook_secret
from services.gateway.sessions import cookies
from services.gateway.sessions.authentication import Caller, authenticate, find_caller
from services.gateway.sessions.ending import end_all_sessions
from services.gateway.webhook_delivery import http_client
from services.gateway.webhook_delivery.http_client import PublicResolver, webhook_session

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
USER = UserId(UUID(int=1))
HTTPS, HTTP = Settings(public_url="https://crm.example"), Settings(public_url="http://127.0.0.1:8025")


def problem(code: str, title: str, status: int, detail: str, **more: object) -> dict[str, object]:
    return {**more, "type": f"/problems/{code}", "title": title, "status": status, "detail": detail}


AWAY = "A part of PingCRM does not answer right now. Try again in a moment."
BUG = "Something went wrong here. It is in the log under the trace id."
BUG_PAGE = "What happened is in the log, under the trace id below."
NOTHING = "There is nothing at this address. The API is described at /api/v1/docs."
METHOD = "This address exists, but not for this method: see the Allow header."
ODD = "The request could not be understood."
LATE = "The rest of this request did not come in time. Send it again, at once."
LARGE_REPLY = "There is too much of this to be sent at once. Ask for less: a smaller `limit`, or a part of it."
LARGE_REQUEST = "This is too much to be taken in at once. Send it in parts."


@pytest.mark.parametrize(
    ("response", "whole"),
    [
        (lambda: problems.of_outage(Outage("secret")),
         ErrorResponse(503, problem("unavailable", "Service Unavailable", 503, AWAY), {"Retry-After": "5"}, AWAY)),
        (lambda: problems.of_outage(Throttled("slow", timedelta(seconds=7.6))),
         ErrorResponse(503, problem("unavailable", "Service Unavailable", 503, AWAY, retry_after=7.6), {"Retry-After": "8"}, AWAY)),
        (lambda: problems.of_outage(Throttled("slow")),
         ErrorResponse(503, problem("unavailable", "Service Unavailable", 503, AWAY), {"Retry-After": "5"}, AWAY)),
        (lambda: problems.of_bug("trace"),
         ErrorResponse(500, problem("internal", "Internal Server Error", 500, BUG, trace="trace"), {}, BUG_PAGE)),
        (lambda: problems.of_http(404, None),
         ErrorResponse(404, problem("not_found", "Not Found", 404, NOTHING), {}, "There is nothing at this address.")),
        (lambda: problems.of_http(405, "GET"),
         ErrorResponse(405, problem("method_not_allowed", "Method Not Allowed", 405, METHOD), {"Allow": "GET"}, ODD)),
        (lambda: problems.of_http(413, None), ErrorResponse(
            413, problem("too_large", problems.title(413), 413, "A request may have at most 1 MB."), {}, ODD)),
        (lambda: problems.of_http(408, None), ErrorResponse(
            408, problem("too_slow", "Request Timeout", 408, LATE), {}, ODD)),
        (lambda: problems.of_http(400, None), ErrorResponse(400, problem("bad_request", "Bad Request", 400, ODD), {}, ODD)),
        (lambda: problems.of_refusal(Refused(500, "reply_too_large", "x")), ErrorResponse(
            500, problem("reply_too_large", "Internal Server Error", 500, LARGE_REPLY), {}, LARGE_REPLY)),
        (lambda: problems.of_refusal(Refused(413, "request_too_large", "x")), ErrorResponse(
            413, problem("request_too_large", problems.title(413), 413, LARGE_REQUEST), {}, LARGE_REQUEST)),
        (lambda: problems.of_refusal(Refused(429, "slow", "Slow.", retry_after=0)), ErrorResponse(
            429, problem("slow", "Too Many Requests", 429, "Slow.", retry_after=0), {"Retry-After": "5"}, "Slow.")),
        (lambda: problems.error_response(401, "x", "X."), ErrorResponse(
            401, problem("x", "Unauthorized", 401, "X."), {"WWW-Authenticate": 'Bearer realm="PingCRM"'}, "X.")),
        (lambda: problems.error_response(599, "x", "X."), ErrorResponse(599, problem("x", "Error", 599, "X."), {}, "X.")),
    ],
)  # fmt: skip
def test_each_error_is_whole(response: Callable[[], ErrorResponse], whole: ErrorResponse) -> None:
    assert response() == whole


@pytest.mark.parametrize(("status", "passed_on"), [(399, 500), (400, 400), (599, 599), (600, 500)])
def test_only_an_error_s_status_is_passed_on(status: int, passed_on: int) -> None:
    assert problems.of_refusal(Refused(status, "x", "X.")).status == passed_on


class Input(BaseModel):
    emails: tuple[str, ...] = ()
    limit: int = Field(ge=1)


@pytest.mark.parametrize(("where", "named"), [("body", "body"), ("query", "query string"), ("path", "path")])
def test_input_that_does_not_fit_is_explained(where: str, named: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Input.model_validate({"limit": 0})
    detail = f"One field does not fit in the {named}: see errors."
    place = {"pointer": "#/limit"} if where == "body" else {"parameter": "limit"}
    errors = [{**place, "detail": "This must be 1 or more."}]
    title = problems.title(422)
    assert problems.of_input(InvalidInput(where, caught.value)) == ErrorResponse(
        422, problem("invalid", title, 422, detail, errors=errors), {}, ODD
    )
    with pytest.raises(ValidationError) as several:
        Input.model_validate({"limit": 0, "emails": [5, 6]})
    assert problems.of_input(InvalidInput(where, several.value)).problem["detail"] == (
        f"3 fields do not fit in the {named}: see errors."
    )


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", ""), ("Bearer", ""), ("", ""), ("Bearer é", ""),
        ("Bearer a b", "a b"),
    ],
)  # fmt: skip
def test_a_token_is_read_from_its_header(header: str, token: str) -> None:
    assert bearer_token(header) == token
    assert session_id("abc") == "abc"
    assert session_id("\udcff") == ""


@pytest.mark.parametrize(
    ("value", "ours"),
    [("a" * 43, True), ("aZ09_-" + "a" * 37, True), ("a" * 42, False), ("a" * 44, False), ("é" * 43, False)],
)
def test_a_browser_s_value_is_32_bytes_in_base64_for_urls(value: str, ours: bool) -> None:
    assert is_browser_id(value) is ours


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://a.example", ("https", "a.example", 443)), ("http://a.example", ("http", "a.example", 80)),
        ("http://a.example:81/x", ("http", "a.example", 81)), ("ftp://a.example", None), ("https://", None),
        ("https://a.example:x", None), ("a.example", None),
    ],
)  # fmt: skip
def test_an_origin_has_scheme_host_and_port(url: str, parts: object) -> None:
    assert origin(url) == parts


OWN = "https://crm.example"


@pytest.mark.parametrize(
    ("method", "headers", "base_url", "refused"),
    [
        ("GET", {}, OWN, False), ("HEAD", {}, OWN, False), ("OPTIONS", {}, OWN, False), ("POST", {}, OWN, True),
        ("POST", {"Sec-Fetch-Site": "same-origin"}, OWN, False), ("POST", {"Sec-Fetch-Site": "cross-site"}, OWN, True),
        ("DELETE", {"Origin": f"{OWN}:443"}, OWN, False), ("PUT", {"Origin": "https://evil.example"}, OWN, True),
        ("POST", {"Origin": "null"}, "no url", True), ("POST", {}, "", True),
    ],
)  # fmt: skip
def test_what_changes_something_comes_from_our_own_pages(
    method: str, headers: dict[str, str], base_url: str, refused: bool
) -> None:
    if not refused:
        require_own_origin(method, headers, base_url)
        return
    with pytest.raises(Refused) as caught:
        require_own_origin(method, headers, base_url)
    assert (caught.value.status, caught.value.code) == (403, "wrong_origin")
    assert caught.value.detail == (
        f"This request has a session cookie, but did not come from {base_url}. People: open PingCRM there. Programs: send a personal "
        "API token (Authorization: Bearer pcrm_…) in place of the cookie; then no Origin is needed."
    )


def request(cookie: str = "", method: str = "GET", **headers: str) -> web.Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request(method, "/", headers={**({"Cookie": cookie} if cookie else {}), **named})


def cookie_of(response: web.Response, name: str) -> dict[str, object]:
    morsel = response.cookies[name]
    return {
        "value": morsel.value,
        **{key: str(value) if key == "max-age" else value for key, value in morsel.items() if value},
    }


def test_cookies_are_set_whole() -> None:
    response = web.Response()
    cookies.remember_browser(response, "b", HTTPS)
    cookies.remember_session(response, "s", None, HTTPS)
    shared = {"path": "/", "httponly": True, "samesite": "Lax", "secure": True}
    assert cookie_of(response, "__Host-pingcrm_browser") == {"value": "b", "max-age": "600", **shared}
    assert cookie_of(response, "__Host-pingcrm_session") == {"value": "s", **shared}
    assert int(str(cookie_of(response, "__Host-pingcrm_renewed")["max-age"])) == 86_400
    assert cookie_of(response, "__Host-pingcrm_renewed")["value"] == "1"
    plain = web.Response()
    cookies.remember_session(plain, "s", datetime.now(UTC) + timedelta(hours=1), HTTP)
    found = cookie_of(plain, "pingcrm_session")
    assert "secure" not in found
    assert 3_590 <= int(str(found["max-age"])) <= 3_600
    cookies.remember_session(plain, "s", NOW, HTTP)
    assert int(plain.cookies["pingcrm_session"]["max-age"]) == 0, "a session that has ended"
    cookies.forget_session(plain, HTTP)
    assert (plain.cookies["pingcrm_session"].value, int(plain.cookies["pingcrm_session"]["max-age"])) == ("", 0)


def test_a_browser_keeps_its_value_and_gets_one_where_it_has_none() -> None:
    known = "a" * 43
    assert cookies.browser_of(request(f"__Host-pingcrm_browser={known}"), HTTPS) == known
    assert cookies.known_browser_of(request(f"pingcrm_browser={known}"), HTTPS) == ""
    assert cookies.known_browser_of(request("pingcrm_browser=short"), HTTP) == ""
    made = cookies.browser_of(request(), HTTPS)
    assert is_browser_id(made)
    assert made != cookies.browser_of(request(), HTTPS)
    assert cookies.session_of(request("pingcrm_session=s"), HTTP) == "s"
    assert cookies.session_of(request(), HTTP) == ""


def test_a_session_s_cookie_is_renewed_once_a_day() -> None:
    def renewed(cookie: str, response: web.Response) -> web.Response:
        asking = request(cookie)
        cookies.renew_later(asking, "s", HTTP)
        cookies.renew_session(asking, response, HTTP)
        return response

    response = renewed("pingcrm_session=s", web.Response())
    assert response.cookies["pingcrm_session"].value == "s"
    month = 30 * 86_400
    assert month - 10 <= int(response.cookies["pingcrm_session"]["max-age"]) <= month
    assert not renewed("pingcrm_session=s; pingcrm_renewed=1", web.Response()).cookies
    ended = web.Response()
    cookies.forget_session(ended, HTTP)
    assert renewed("pingcrm_session=s", ended).cookies["pingcrm_session"].value == "", "signing out is not undone"
    prepared = cast(web.Response, SimpleNamespace(prepared=True, cookies={}))
    renewed("pingcrm_session=s", prepared)
    assert prepared.cookies == {}
    untouched = web.Response()
    cookies.renew_session(request(), untouched, HTTP)
    assert not untouched.cookies


KNOWN = SimpleNamespace(id=new_id(), scopes=frozenset({"read"}))


@dataclass
class Auth:
    """A bus on which `auth` knows everybody; what it was asked. `status`: refuses with this one."""

    asked: list[Any]
    status: int = 0

    async def request(self, query: Any) -> object:
        self.asked.append(query)
        if self.status:
            raise Refused(self.status, "unauthenticated", "No.")
        return KNOWN


async def test_who_is_calling_is_read_from_the_token_or_the_cookie() -> None:
    auth = Auth([])
    bus = cast(Bus, auth)
    by_token = await authenticate(request("pingcrm_session=s", Authorization="Bearer t"), bus, HTTP)
    assert (by_token, auth.asked[-1].token) == (Caller(cast(Any, KNOWN), None, frozenset({"read"})), "t")
    with pytest.raises(Refused) as caught:
        by_token.require_session()
    assert (caught.value.status, caught.value.code, caught.value.detail) == (
        403, "session_required", "No API token may do this: sign in with a browser, and do it there.",
    )  # fmt: skip
    asking = request("pingcrm_session=s")
    by_cookie = await find_caller(asking, bus, HTTP)
    assert by_cookie is not None
    assert (by_cookie.require_session(), auth.asked[-1].session) == ("s", "s")
    response = web.Response()
    cookies.renew_session(asking, response, HTTP)
    assert response.cookies["pingcrm_session"].value == "s"
    assert await find_caller(request(Authorization="Bearer t"), bus, HTTP) is None, "no token opens a page"
    behind_a_proxy = await find_caller(request("pingcrm_session=s", Authorization="Basic x"), bus, HTTP)
    assert behind_a_proxy == by_cookie, "an Authorization header may be a proxy's"
    with pytest.raises(Refused, match="wrong_origin"):
        await find_caller(request("pingcrm_session=s", "POST"), bus, HTTP)


async def test_who_is_not_signed_in_reads_how() -> None:
    assert await find_caller(request(), cast(Bus, Auth([])), HTTP) is None
    for asking in (request(), request("pingcrm_session=s", Authorization="Basic x")):
        with pytest.raises(Refused) as caught:
            await authenticate(asking, cast(Bus, Auth([])), HTTP)
        assert (caught.value.status, caught.value.code, caught.value.detail) == (
            401, "unauthenticated", "Sign in at /login, or send a personal API token: Authorization: Bearer pcrm_…",
        )  # fmt: skip
    assert await find_caller(request("pingcrm_session=s"), cast(Bus, Auth([], 401)), HTTP) is None
    with pytest.raises(Refused):
        await find_caller(request("pingcrm_session=s"), cast(Bus, Auth([], 403)), HTTP)


async def test_all_sessions_end_in_auth_and_then_here() -> None:
    auth, closed = Auth([]), []
    context = cast(Context, SimpleNamespace(bus=auth, hub=SimpleNamespace(close_sessions=closed.append)))
    await end_all_sessions(context, USER)
    assert ([query.user_id for query in auth.asked], closed) == ([USER], [USER])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("64:ff9b::808:808", False), ("2002:808:808::1", False), ("2001:0:808:808::1", False), ("::808:808", False),
        ("2001:4860:4860::8888", True), ("::ffff:10.0.0.1", False), ("ff02::1", False), ("ff0e::1", False), ("8.8.4.4%x", True),
        ("192.168.0.1", False), ("224.0.1.1", False),
    ],
)  # fmt: skip
def test_an_address_that_leads_elsewhere_is_not_public(address: str, public: bool) -> None:
    assert is_public_address(address) is public
    assert len(TRANSLATED) == 4


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("LOCALHOST", True),
        ("localhost..", True),
        ("localhost.example", False),
        ("[fd00::1]", True),
        ("8.8.8.8", False),
        ("", False),
    ],
)
def test_a_host_is_private_by_its_name_alone(host: str, private: bool) -> None:
    assert is_private_host(host) is private


async def test_a_webhook_connects_to_public_addresses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = PublicResolver()
    found = [{"host": "10.0.0.1"}, {"host": "8.8.8.8"}]
    asked: list[tuple[object, ...]] = []

    async def resolve(*arguments: object) -> list[dict[str, str]]:
        asked.append(arguments)
        return found

    monkeypatch.setattr(resolver._resolver, "resolve", resolve)
    assert await resolver.resolve("x.example", 443, socket.AF_INET6) == [{"host": "8.8.8.8"}]
    await resolver.resolve("x.example")
    assert asked == [("x.example", 443, socket.AF_INET6), ("x.example", 0, socket.AF_INET)]
    found.pop()
    with pytest.raises(OSError, match="the host is not on the public internet"):
        await resolver.resolve("x.example")
    await resolver.close()


async def test_the_webhook_s_client_is_bounded_and_keeps_nothing() -> None:
    for anywhere in (True, False):
        async with webhook_session(CallableHosts(anywhere)) as http:
            connector = cast(aiohttp.TCPConnector, http.connector)
            assert isinstance(connector._resolver, PublicResolver) is not anywhere
            assert (connector.limit, connector.force_close, http.timeout.total) == (50, True, 10.0)
            assert isinstance(http.cookie_jar, aiohttp.DummyCookieJar)
    assert (http_client.TIMEOUT_SECONDS, http_client.LOOKUP_SECONDS) == (10.0, 5.0)


def test_a_webhook_s_secret_is_the_one_that_receivers_know() -> None:
    """Another one would have them refuse what is signed from the next upgrade on."""
    assert webhook_secret(SecretStr("k"), USER) == "whsec_xlHvgI+MZ/X7dEx3adgVkvfcUFhKFSLl"


def test_a_webhook_s_body_is_the_notification_with_a_whole_link() -> None:
    notification = Notification(
        id=UUID(int=4),
        kind="k",
        level="info",
        title="t",
        body="b",
        link="/x",
        account_id=None,
        created_at=NOW,
        read_at=NOW,
        action=None,
        revision=2,
    )
    message = notification_message(notification, "https://crm.example")
    expected = orjson.loads(notification.model_dump_json(exclude={"read_at"}))
    assert (message.id, message.type) == (f"{UUID(int=4)}_2", "k")
    assert orjson.loads(message.body) == {
        "type": "k",
        "timestamp": expected["created_at"],
        "data": {**expected, "link": "https://crm.example/x"},
    }


def test_a_webhook_is_tried_again_seven_times_for_more_than_a_day() -> None:
    assert [retry_delay(attempts) for attempts in range(1, 10)] == [
        *(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3_600, 21_600, 86_400)), None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("units", "live", "prices", "estimate"),
    [
        (6_000, 50.0, (20, 30), ImportEstimate(
            units_per_message=(20, 5), messages_per_minute=(150, 600), minutes_per_10000_messages=(67, 17),
            sentence="Gmail's quota allows 150 to 600 messages a minute: 10,000 messages take 17 to 67 minutes."
            " The newest come first and show at once; you need not wait.")),
        (10, 0.0, (20, 0), ImportEstimate(
            units_per_message=(20, 1), messages_per_minute=(1, 10), minutes_per_10000_messages=(10_000, 1_000),
            sentence="Gmail's quota allows 1 to 10 messages a minute: 10,000 messages take 1,000 to 10,000 minutes."
            " The newest come first and show at once; you need not wait.")),
        (0, 1.0, (20, 600), ImportEstimate(
            units_per_message=(20, 20), messages_per_minute=None, minutes_per_10000_messages=None,
            sentence="No quota is set here: mail comes in as fast as it is given out.")),
        (6_000, 1.0, (0, 40), ImportEstimate(
            units_per_message=(0, 1), messages_per_minute=None, minutes_per_10000_messages=None,
            sentence="No quota is set here: mail comes in as fast as it is given out.")),
    ],
)  # fmt: skip
def test_an_estimate_is_whole(units: int, live: float, prices: tuple[int, int], estimate: ImportEstimate) -> None:
    assert import_estimate(units, live, {"messages.get": prices[0], "threads.get": prices[1]}) == estimate


def test_an_own_address_is_added_once() -> None:
    before = Preferences.model_validate({"gmail": {"own_addresses": ["A.nn@gmail.com"], "mail_lookback_days": 7}})
    assert with_own_address(before, "ann@gmail.com") is before
    after = with_own_address(before, "b@x.example")
    assert after.gmail == before.gmail.model_copy(update={"own_addresses": ("A.nn@gmail.com", "b@x.example")})
    assert after.notifications == before.notifications
    with pytest.raises(Refused) as caught:
        with_own_address(before, "no address")
    assert (caught.value.status, caught.value.code, caught.value.detail) == (
        409, "address_refused", "no address can't be added: the settings take at most 50 well-formed addresses.",
    )  # fmt: skip


def test_at_most_fifty_hops_are_read() -> None:
    proxies = (ip_network("10.0.0.0/8"),)
    chain = ["198.51.100.1", *["10.0.0.2"] * 49]
    assert client_address("10.0.0.1", [",".join(chain)], proxies) == "198.51.100.1"
    assert client_address("10.0.0.1", [",".join([*chain, "10.0.0.3"])], proxies) == "10.0.0.2"
    assert client_address("[10.0.0.1]:80", ["1.2.3.4"], proxies) == "1.2.3.4"
    assert counted_as("2001:db8:2:3:ffff::1") == "2001:db8:2:3::/64"
    assert cookie_name("x", "https://a") == "__Host-x"
