"""The gateway, the real auth service and a local Google: a browser signs in, unticks a permission, and is notified of what is off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import aiohttp
import pytest
from pydantic import SecretStr

from libs.common import scopes
from libs.common.errors import Refused
from libs.common.ids import UserId
from libs.common.requests import GetToken, ListAccounts
from libs.common.service import Resources, running
from libs.google_sim.server import GoogleServer, run_google
from libs.local.ports import free_port
from services.auth.__main__ import wire as wire_auth
from services.gateway.__main__ import wire as wire_gateway
from tests.conftest import ServiceSettings
from tests.support.signing_in import ANNA, ANNA_AT_WORK, CLIENT_ID, CLIENT_SECRET

API = "/api/v1"


async def consent(browser: aiohttp.ClientSession, start: str, address: str, *, untick: str = "") -> str:
    """From our page to Google's, agree there, and back; the page that the browser ends on."""
    async with browser.get(start, allow_redirects=False) as response:
        assert response.status == 302, await response.text()
        authorize_url = response.headers["Location"]
    ticked = [("scope", scope) for scope in scopes.FEATURES if scope != untick]
    form = aiohttp.FormData([("account", address), ("decision", "allow"), *ticked])
    async with browser.post(authorize_url, data=form, allow_redirects=False) as response:
        back = response.headers["Location"]
    async with browser.get(back, allow_redirects=False) as response:
        assert response.status == 302, await response.text()
        return response.headers["Location"]


@asynccontextmanager
async def served(service_settings: ServiceSettings) -> AsyncIterator[str]:
    """Google, auth and the gateway; the gateway's URL."""
    async with served_with_google(service_settings) as (url, _):
        yield url


@asynccontextmanager
async def served_with_google(service_settings: ServiceSettings) -> AsyncIterator[tuple[str, GoogleServer]]:
    async with run_google([ANNA, ANNA_AT_WORK], client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as google:
        changes = {
            "port": free_port(),
            "google_client_id": CLIENT_ID,
            "google_client_secret": SecretStr(CLIENT_SECRET),
            "google_oauth_root": google.url,
        }
        auth, gateway = (service_settings(service).model_copy(update=changes) for service in ("auth", "gateway"))
        async with running("auth", auth, wire_auth), running("gateway", gateway, wire_gateway):
            yield gateway.base_url, google


def browser_at(url: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Origin": url})


async def test_sign_in_add_an_account_make_a_token_and_sign_out(service_settings: ServiceSettings) -> None:
    async with served(service_settings) as url, browser_at(url) as browser:
        assert await consent(browser, "/login/google", ANNA.address, untick=scopes.GMAIL_SEND) == "/"
        assert await consent(browser, "/connect", ANNA_AT_WORK.address) == "/"
        async with browser.get(f"{API}/me") as response:
            assert (await response.json())["address"] == ANNA.address
        async with browser.get(f"{API}/settings") as response:
            assert (await response.json())["gmail"]["meeting_prep_enabled"] is True
        async with asyncio.timeout(10):
            while not (warnings := await notifications(browser)):
                await asyncio.sleep(0.05)
        assert [warning["kind"] for warning in warnings] == ["permissions.missing"]
        expected = "PingCRM may not send mail, so briefs before meetings are off. One click asks Google again."
        assert warnings[0]["body"] == expected
        assert await consent(browser, warnings[0]["link"], ANNA.address) == "/"

        async with browser.post(f"{API}/tokens", json={"name": "test"}) as response:
            token = (await response.json())["secret"]
        async with browser.post("/logout", allow_redirects=False) as response:
            assert response.headers["Location"] == "/login"
        assert (await browser.get(f"{API}/me")).status == 401
        async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {token}"}) as program:
            async with program.get(f"{API}/me") as response:
                assert (response.status, (await response.json())["scopes"]) == (200, ["read"])
            async with program.put(f"{API}/settings", json={}) as response:
                assert (response.status, (await response.json(content_type=None))["scope"]) == (403, "account")
            assert (await program.get("/settings", allow_redirects=False)).status == 302, "no token opens a page"


async def test_a_permission_that_is_taken_back_at_google_is_notified_of_once_however_many_briefs_it_stops(
    service_settings: ServiceSettings,
) -> None:
    """And its link asks for it again; then the next brief can be sent."""
    async with (
        served_with_google(service_settings) as (url, google),
        browser_at(url) as browser,
        running("prep", service_settings("prep"), nothing_served) as prep,
    ):
        await consent(browser, "/login/google", ANNA.address)
        async with browser.get(f"{API}/me") as response:
            user_id = UserId(UUID((await response.json())["id"]))
        (account,) = (await prep.bus.request(ListAccounts(user_id=user_id))).items
        sending = GetToken(account_id=account.id, scope=scopes.GMAIL_SEND)
        before = await prep.bus.request(sending)
        take_back(google, scopes.GMAIL_SEND)
        for _ in range(3):
            with pytest.raises(Refused) as refused:
                await prep.bus.request(sending.model_copy(update={"rejected": before.access_token}))
            assert refused.value.code == "missing_scope"
        async with asyncio.timeout(10):
            while not (warnings := await notifications(browser)):
                await asyncio.sleep(0.05)
        assert [warning["kind"] for warning in warnings] == ["permissions.missing"]
        assert "PingCRM may not send mail" in warnings[0]["body"]
        assert await consent(browser, warnings[0]["link"], ANNA.address) == "/"
        assert (await prep.bus.request(sending)).scopes >= set(scopes.FEATURES)
        assert len(await notifications(browser)) == 1


def take_back(google: GoogleServer, scope: str) -> None:
    """As on Google's page of connected apps: the next token has it no more."""
    authority = google.world.authority
    authority.refresh = {
        text: replace(token, scopes=tuple(held for held in token.scopes if held != scope))
        for text, token in authority.refresh.items()
    }
    authority.grants = {
        pair: tuple(held for held in granted if held != scope) for pair, granted in authority.grants.items()
    }
    authority.expire_access(ANNA.address)


async def nothing_served(_: Resources) -> None:
    """Requests only."""


async def notifications(browser: aiohttp.ClientSession) -> list[dict[str, str]]:
    async with browser.get(f"{API}/notifications") as response:
        items: list[dict[str, str]] = (await response.json())["items"]
    return items


async def test_a_state_is_good_for_one_browser_and_one_time(service_settings: ServiceSettings) -> None:
    async with served(service_settings) as url, browser_at(url) as victim, browser_at(url) as attacker:
        async with victim.get("/login/google", allow_redirects=False) as response:
            authorize_url = response.headers["Location"]
        form = aiohttp.FormData([("account", ANNA.address), ("decision", "deny")])
        async with victim.post(authorize_url, data=form, allow_redirects=False) as response:
            back = response.headers["Location"]
        async with attacker.get(back) as response:
            assert response.status == 400, "another browser"
        async with victim.get(back) as response:
            denied = await response.text()
            assert response.status in (400, 403)
            assert 'href="/login"' in denied
        async with victim.get(back) as response:
            assert response.status == 400, "used already"
        assert (await victim.get(f"{API}/me")).status == 401


async def test_who_signs_in_later_does_not_end_what_somebody_else_began_in_this_browser(
    service_settings: ServiceSettings,
) -> None:
    async with served(service_settings) as url, browser_at(url) as browser:
        await consent(browser, "/login/google", ANNA.address)
        async with browser.get("/connect", allow_redirects=False) as response:
            authorize_url = response.headers["Location"]
        await browser.post("/logout")
        await consent(browser, "/login/google", ANNA.address)
        ticked = [("scope", scope) for scope in scopes.FEATURES]
        form = aiohttp.FormData([("account", ANNA_AT_WORK.address), ("decision", "allow"), *ticked])
        async with browser.post(authorize_url, data=form, allow_redirects=False) as response:
            back = response.headers["Location"]
        assert (await browser.get(back)).status == 400
        async with browser.get("/") as response:
            assert ANNA_AT_WORK.address not in await response.text()
