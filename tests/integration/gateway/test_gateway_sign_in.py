"""Signing in through the pages: cookies, the way to Google and back, the end of a session."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from libs.common import requests as q
from libs.common.errors import Refused
from libs.common.ids import new_id
from services.gateway.limits import sign_ins
from tests.conftest import ServiceSettings
from tests.support.clock import stop_clock
from tests.support.gateway import RunningGateway, running_gateway

HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings) as running:
        yield running


def signed_in(gateway: RunningGateway, **changes: object) -> q.SignedIn:
    fields: dict[str, object] = {
        "user_id": gateway.world.alice.id,
        "account_id": gateway.world.account(gateway.world.alice).id,
        "address": "alice@example.com",
        "session": "session-of-alice",
        "session_expires_at": datetime.now(UTC) + timedelta(days=30),
    }
    return q.SignedIn.model_validate({**fields, **changes})


async def test_the_whole_way_in_and_out(gateway: RunningGateway) -> None:
    world = gateway.world
    world.signed_in = signed_in(gateway)
    async with gateway.client(None) as browser:
        async with browser.get("/", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "/login")
        async with browser.get("/login") as response:
            assert "Sign in with Google" in await response.text()
        async with browser.get("/login/google", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (
                302,
                "https://accounts.example/authorize?state=s",
            )
            binding = response.cookies["pingcrm_browser"]
            assert (binding["httponly"], binding["samesite"], binding["max-age"]) == (True, "Lax", "600")
            assert len(binding.value) >= 40
        async with browser.get("/oauth/google/callback?state=s&code=c", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "/")
            session = response.cookies["pingcrm_session"]
            assert (session["httponly"], session["samesite"], session["path"], session["secure"]) == (
                True,
                "Lax",
                "/",
                "",
            )
            assert int(session["max-age"]) > 29 * 86_400
        begun, finished = world.requests
        assert isinstance(begun, q.BeginSignIn)
        assert isinstance(finished, q.FinishSignIn)
        assert (finished.browser, finished.state, finished.code) == (begun.browser, "s", "c")
        async with browser.get("/", allow_redirects=False) as response:
            page = await response.text()
            assert "alice@example.com" in page
            assert "1,204" in page
        async with browser.get("/login", allow_redirects=False) as response:
            assert response.headers["Location"] == "/", "whoever is signed in needs no sign-in page"
        async with browser.post("/logout", headers={"Origin": "https://evil.example"}) as response:
            assert response.status == 403
        headers = {"Origin": gateway.url}
        async with browser.post("/logout", headers=headers, allow_redirects=False) as response:
            assert response.headers["Location"] == "/login"
            assert response.cookies["pingcrm_session"]["max-age"] == "0"
    assert "session-of-alice" not in world.sessions


async def test_cookies_are_secure_where_people_come_over_https(service_settings: ServiceSettings) -> None:
    async with running_gateway(service_settings, public_url="https://crm.example.com") as running:
        running.world.signed_in = signed_in(running)
        async with running.client(None) as browser:
            async with browser.get("/login/google", allow_redirects=False) as response:
                binding = response.cookies["__Host-pingcrm_browser"]
                assert set(response.cookies) == {"__Host-pingcrm_browser"}
            async with browser.get("/oauth/google/callback?state=s&code=c", allow_redirects=False) as response:
                session = response.cookies["__Host-pingcrm_session"]
                assert set(response.cookies) == {"__Host-pingcrm_session", "__Host-pingcrm_renewed"}
            for cookie in (binding, session):  # what a browser demands of this prefix
                assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
                assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


async def test_over_https_a_session_in_a_cookie_that_others_could_plant_counts_for_nothing(
    service_settings: ServiceSettings,
) -> None:
    async with running_gateway(service_settings, public_url="https://crm.example.com") as running:
        for name, status in (("pingcrm_session", 401), ("__Host-pingcrm_session", 200)):
            headers = {"Cookie": f"{name}=session-of-alice"}
            async with running.client(None, **headers) as browser, browser.get("/api/v1/me") as response:
                assert response.status == status
        planted = {"Cookie": f"pingcrm_browser={'x' * 43}"}
        async with running.client(None, **planted) as browser:
            await browser.get("/login/google", allow_redirects=False)
        (begun,) = running.world.requests
        assert isinstance(begun, q.BeginSignIn)
        assert begun.browser != "x" * 43


@pytest.mark.parametrize(
    ("public_url", "header"), [("https://crm.example.com", "max-age=63072000"), ("", None), ("http://localhost", None)]
)
async def test_browsers_are_held_to_https_where_people_come_over_it(
    service_settings: ServiceSettings, public_url: str, header: str | None
) -> None:
    async with running_gateway(service_settings, public_url=public_url) as running, running.client(None) as browser:
        for path in ("/login", "/api/v1/me", "/nothing"):
            async with browser.get(path, allow_redirects=False) as response:
                assert response.headers.get("Strict-Transport-Security") == header


@pytest.mark.parametrize(
    "refused",
    [
        Refused(400, "invalid_state", "This sign-in has expired. Begin again."),
        Refused(403, "access_denied", "You did not give the permission. Nothing was connected."),
        Refused(409, "account_taken", "Another user has connected this account <b>already</b>."),
        Refused(502, "exchange_failed", "Google did not answer. Try again."),
    ],
)
async def test_a_sign_in_that_fails_ends_on_a_page_with_a_sentence_and_a_way_on(
    gateway: RunningGateway, refused: Refused
) -> None:
    gateway.world.signed_in = refused
    path = "/oauth/google/callback?error=x&state=secret-state"
    async with gateway.client(None) as browser, browser.get(path, headers=HTML) as response:
        page = await response.text()
        assert response.status == refused.status
        assert 'href="/login"' in page
        assert "secret-state" not in page
        assert "<b>" not in page
        assert "pingcrm_session" not in response.cookies


async def test_a_person_who_is_not_let_in_gets_a_page_and_a_program_a_problem(gateway: RunningGateway) -> None:
    gateway.world.signed_in = Refused(403, "sign_up_closed", "This PingCRM has its owner. Nothing of you was kept.")
    path = "/oauth/google/callback?state=s&code=c"
    async with gateway.client(None) as browser:
        async with browser.get(path, headers=HTML) as response:
            page = await response.text()
            assert (response.status, response.content_type) == (403, "text/html")
            assert "You are not let in" in page
            assert "Nothing of you was kept." in page
            assert "Sign in with another account" in page
        async with browser.get(path, headers={"Accept": "application/json"}) as response:
            assert (response.status, response.content_type) == (403, "application/problem+json")
            assert (await response.json())["type"] == "/problems/sign_up_closed"
        assert "pingcrm_session" not in response.cookies


async def test_signing_out_everywhere_is_a_button_on_the_settings_page(gateway: RunningGateway) -> None:
    world = gateway.world
    world.sessions["another-of-alice"] = world.alice
    async with gateway.browser() as browser:
        async with browser.get("/settings") as response:
            assert re.search(r'<form method="post" action="/logout/everywhere"', await response.text())
        async with browser.post("/logout/everywhere", headers={"Origin": "https://evil.example"}) as response:
            assert response.status == 403
        assert "another-of-alice" in world.sessions
        async with browser.post("/logout/everywhere", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "/login")
            assert response.cookies["pingcrm_session"]["max-age"] == "0"
        assert set(world.sessions) == {"session-of-bob"}
        async with browser.post("/logout/everywhere", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "/login"), "twice is no error"


async def test_where_google_s_consent_is_needed_once_more_the_browser_goes_there(gateway: RunningGateway) -> None:
    gateway.world.signed_in = signed_in(gateway, authorize_url="https://accounts.example/again")
    path = "/oauth/google/callback?state=s&code=c"
    async with gateway.client(None) as browser, browser.get(path, allow_redirects=False) as response:
        assert response.headers["Location"] == "https://accounts.example/again"
        assert response.cookies["pingcrm_session"].value == "session-of-alice"


async def test_connecting_another_account_belongs_to_the_signed_in_user(gateway: RunningGateway) -> None:
    world = gateway.world
    account = world.account(world.alice).id
    async with gateway.browser() as browser:
        async with browser.get(f"/connect?account_id={account}", allow_redirects=False) as response:
            assert response.headers["Location"].startswith("https://accounts.example/")
        async with browser.post("/api/v1/accounts/connect") as response:
            begun = await response.json()
            assert begun["authorize_url"].startswith("https://accounts.example/")
            assert begun["estimate"]["minutes_per_10000_messages"] == [34, 12]
            assert response.cookies["pingcrm_browser"]["httponly"]
        async with browser.get("/connect?account_id=nonsense") as response:
            assert response.status == 404
        async with gateway.client() as program:
            async with program.post("/api/v1/accounts/connect") as response:
                assert response.status == 403
                assert (await response.json())["type"] == "/problems/session_required"
            async with program.get("/connect", allow_redirects=False) as response:
                assert response.headers["Location"].startswith("/login"), "no token opens a page"
        body = {"account_id": str(world.account(world.bob).id)}
        assert (await browser.post("/api/v1/accounts/connect", json=body)).status == 404
        await browser.get("/oauth/google/callback?state=s&code=c", allow_redirects=False)
    finished = world.requests.pop()
    assert isinstance(finished, q.FinishSignIn)
    assert finished.session == "session-of-alice", "auth compares it with the one that began"
    renewed, added = world.requests
    assert isinstance(renewed, q.BeginSignIn)
    assert isinstance(added, q.BeginSignIn)
    assert (renewed.session, renewed.account_id) == ("session-of-alice", account)
    assert (added.session, added.account_id) == ("session-of-alice", None)
    async with gateway.client(None) as stranger, stranger.get("/connect", allow_redirects=False) as response:
        assert response.headers["Location"] == "/login"


async def test_a_storm_of_sign_ins_from_one_address_is_slowed_down(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_clock(monkeypatch, sign_ins)
    async with gateway.client(None) as browser:
        statuses = [(await browser.get("/login/google", allow_redirects=False)).status for _ in range(70)]
        assert statuses[:30] == [302] * 30
        assert statuses[-1] == 429
        async with browser.get("/login/google", allow_redirects=False) as response:
            problem = await response.json(content_type="application/problem+json")
            assert (response.headers["Retry-After"], problem["type"]) == ("60", "/problems/too_many_attempts")
            assert problem["detail"] == "Too many sign-ins from here. Wait a minute."
        async with browser.get("/login") as response:
            assert response.status == 200, "the page itself stays open"


async def test_localhost_is_sent_to_the_name_that_the_cookies_belong_to(gateway: RunningGateway) -> None:
    port = gateway.url.rpartition(":")[2]
    headers = {"Host": f"localhost:{port}"}
    async with (
        gateway.client(None) as browser,
        browser.get("/login/google", headers=headers, allow_redirects=False) as response,
    ):
        assert response.headers["Location"] == f"{gateway.url}/login/google"


async def test_a_page_that_does_not_exist_is_a_page_for_people_and_a_problem_for_programs(
    gateway: RunningGateway,
) -> None:
    async with gateway.client(None) as browser:
        async with browser.get("/nothing", headers=HTML) as response:
            assert (response.status, response.content_type) == (404, "text/html")
            assert 'href="/"' in await response.text()
        async with browser.get("/nothing") as response:
            assert (response.status, response.content_type) == (404, "application/problem+json")


async def test_pages_call_no_other_host_and_static_files_are_kept_for_ever(gateway: RunningGateway) -> None:
    meeting = gateway.world.meeting.meeting_id
    async with gateway.browser() as browser:
        for path in ("/", "/settings", f"/meetings/{meeting}", "/api/v1/docs"):
            async with browser.get(path, headers=HTML) as response:
                page = await response.text()
            assert response.status == 200
            assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", page)
            assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", page), (
                "the policy forbids inline code"
            )
            for found in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
                async with browser.get(found) as response:
                    assert response.status == 200
                    assert "immutable" in response.headers["Cache-Control"]
                    assert response.content_type in ("text/javascript", "text/css", "image/svg+xml")
        assert (await browser.get("/static/x/..%2F..%2Frender.py")).status == 404


async def test_what_others_wrote_is_shown_as_text(gateway: RunningGateway) -> None:
    async with gateway.browser() as browser:
        async with browser.get(f"/meetings/{gateway.world.meeting.meeting_id}") as response:
            page = await response.text()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
        assert "javascript:" not in page
        async with browser.get(f"/meetings/{new_id()}", headers=HTML) as response:
            assert response.status == 404
            assert "There is no such meeting." in await response.text()


async def test_the_cookie_of_a_session_in_use_is_renewed_once_a_day(gateway: RunningGateway) -> None:
    async with gateway.client(None) as browser:
        browser.cookie_jar.update_cookies({"pingcrm_session": "session-of-alice"})
        headers = {"Origin": gateway.url}
        async with browser.get("/api/v1/me") as response:
            renewed = response.cookies["pingcrm_session"]
            assert (renewed.value, renewed["httponly"]) == ("session-of-alice", True)
            assert int(renewed["max-age"]) > 29 * 86_400
            assert response.cookies["pingcrm_renewed"]["max-age"] == "86400"
        for path in ("/", "/api/v1/me"):
            async with browser.get(path) as response:
                assert not response.cookies, "renewed today"
        browser.cookie_jar.clear()
        browser.cookie_jar.update_cookies({"pingcrm_session": "session-of-alice"})
        async with browser.post("/logout", headers=headers, allow_redirects=False) as response:
            assert response.cookies["pingcrm_session"]["max-age"] == "0", "signing out renews nothing"
        browser.cookie_jar.update_cookies({"pingcrm_session": "session-of-nobody"})
        async with browser.get("/api/v1/me") as response:
            assert (response.status, "pingcrm_session" in response.cookies) == (401, False)
