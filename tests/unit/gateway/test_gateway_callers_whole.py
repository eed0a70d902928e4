"""Who is calling the gateway: tokens, browsers' values, origins and cookies, each compared as a whole."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.errors import Refused
from libs.common.ids import UserId, new_id
from services.gateway.context import Context
from services.gateway.domain.sessions import (
    bearer_token,
    is_browser_id,
    origin,
    require_own_origin,
    session_id,
)
from services.gateway.sessions import cookies
from services.gateway.sessions.authentication import Caller, authenticate, find_caller
from services.gateway.sessions.ending import end_all_sessions

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
USER = UserId(UUID(int=1))
HTTPS, HTTP = Settings(public_url="https://crm.example"), Settings(public_url="http://127.0.0.1:8025")


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
