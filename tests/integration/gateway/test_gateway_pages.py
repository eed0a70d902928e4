"""The pages: their frame, and that nothing in them is taken for markup or shown to anybody else."""

import re
from urllib.parse import quote

import aiohttp
import pytest

from libs.common import requests as q
from libs.common.ids import new_id
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.gateway.pages import HOSTILE, HTML, browser, gateway, interaction, page, requested, submit
from tests.support.gateway.values import contact

__all__ = ["browser", "gateway"]  # fixtures


@pytest.mark.parametrize("path", ["/", "/contacts", "/contacts/new", "/meetings", "/notifications", "/settings"])
async def test_a_page_has_its_frame_and_leads_who_is_signed_out_to_the_sign_in(
    gateway: RunningGateway, browser: aiohttp.ClientSession, path: str
) -> None:
    html = await page(browser, path)
    for found in ('aria-label="Main"', 'role="search"', 'href="/notifications"', "Skip to the content", 'id="health"'):
        assert found in html
    async with (
        gateway.browser(session="ended", **HTML) as stranger,
        stranger.get(path, allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["Location"]) == (302, "/login")


async def test_the_live_parts_of_the_frame_are_fetched_without_the_page_they_stand_on(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    html = await page(browser, "/contacts")
    parts = [re.search(rf'<a id="{name}"[^>]*', html) for name in ("health", "bell")]
    assert [part and 'hx-get="/frame"' in part[0] for part in parts] == [True, True]
    gateway.world.requests.clear()
    frame = await page(browser, "/frame")
    assert [part and part[0] in frame for part in parts] == [True, True], "the same as on the page"
    assert gateway.world.requests == [], "no people are looked for"


async def test_for_a_part_of_a_page_no_more_is_requested_than_it_shows(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    person = world.add(world.alice, contact("Carol", "carol@example.com"))
    world.interactions = (interaction("Hello"),)
    here, zone = f"/contacts/{person.id}", {"pingcrm_zone": quote("Europe/Berlin", safe="")}
    framed = {q.WhoIs, q.ListAccounts, q.GetSyncStatus}
    whole = framed | {q.GetContact, q.GetTimeline, q.FindDuplicates, q.ListMerges}
    for path, target, shown, expected in (
        (here, "", "Load the page again", whole), (here, "header#person", "carol@example.com", {q.WhoIs, q.GetContact}),
        (f"{here}?edit=notes", "section#about", 'name="notes"', {q.WhoIs, q.GetContact}),
        (f"{here}?show=mail", "section#timeline", "Hello", {q.WhoIs, q.GetContact, q.GetTimeline}),
        (here, "div#recent", "Hello", {q.WhoIs, q.GetTimeline}), (f"{here}?cursor=older", "div", "Hello", {q.WhoIs, q.GetTimeline}),
        ("/contacts", "", "Carol", framed | {q.SearchContacts, q.ListTags, q.ListDuplicates}),
        ("/contacts", "div#people", "Carol", {q.WhoIs, q.SearchContacts}), ("/frame", "a#bell", 'id="bell"', framed),
    ):  # fmt: skip
        world.forget_what_was_requested()
        headers = {"HX-Request": "true", "HX-Target": target} if target else {"HX-Target": "header#person"}
        async with browser.get(path, headers=headers, cookies=zone) as response:
            html = await response.text()
        assert shown in html, (path, target)
        assert ('id="bell"' in html) == (framed <= expected), (path, target)
        assert world.was_requested() == expected, (path, target)
    async with browser.get(
        f"/contacts/{new_id()}", headers={"HX-Request": "true", "HX-Target": "div#recent"}
    ) as response:
        assert response.status == 404


async def test_nothing_that_others_wrote_is_markup(gateway: RunningGateway, browser: aiohttp.ClientSession) -> None:
    world = gateway.world
    person = contact(HOSTILE, "x@example.com").model_copy(
        update={"company": HOSTILE, "title": HOSTILE, "notes": HOSTILE, "tags": (HOSTILE,), "bios": {"twitter": HOSTILE},
                "urls": ("javascript:alert(1)", 'https://e.example/"><script>'), "phones": (q.Phone(shown=HOSTILE),)}
    )  # fmt: skip
    world.add(world.alice, person)
    world.add(world.alice, contact(HOSTILE))
    world.interactions = (interaction(HOSTILE, title=HOSTILE), interaction(HOSTILE, platform="x_y", direction="mutual"))
    for path in ("/", "/contacts", f"/contacts/{person.id}", f"/contacts/{person.id}/edit", "/meetings"):
        html = await page(browser, path)
        assert not re.search(r"<(img src=x|b>555|script>)", html), path
        assert 'href="javascript:' not in html


async def test_another_users_person_is_not_there_and_another_sites_form_is_refused(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    theirs = world.add(world.bob, contact("Dan", "dan@example.com"))
    mine = world.add(world.alice, contact("Carol"))
    for path in (f"/contacts/{theirs.id}", f"/contacts/{theirs.id}/edit", "/contacts/not-an-id"):
        assert (await browser.get(path)).status == 404
    for action in ("notes", "bcc", "archive", "edit"):
        assert (await submit(browser, f"/contacts/{theirs.id}/{action}", {"text": "x"}))[0] == 404
    async with gateway.browser(Origin="https://evil.example", **HTML) as elsewhere:
        for path in (f"/contacts/{mine.id}/delete", "/settings", "/tokens", "/notifications/read-all"):
            assert (await submit(elsewhere, path, {"group": "briefs"}))[0] == 403
    assert not requested(gateway, q.DeleteContact)


async def test_a_page_stands_while_a_service_is_away(service_settings: ServiceSettings) -> None:
    async with running_gateway(service_settings) as gateway, gateway.browser(**HTML) as browser:
        for away in ("sync", "prep", "contacts"):
            await gateway.buses[away].__aexit__(None, None, None)
        html = await page(browser, "/")
        assert "Your meetings can't be shown right now." in html
        assert "Your people can't be shown right now." in html
        for unknown in ("No meetings until tomorrow night.", "appear here by themselves"):
            assert unknown not in html, "nobody knows"
        assert (await browser.get("/meetings")).status == 503


async def test_a_link_that_was_opened_signed_out_leads_there_after_the_sign_in(gateway: RunningGateway) -> None:
    world = gateway.world
    meeting = f"/meetings/{world.meeting.meeting_id}?preview"
    world.signed_in = q.SignedIn(
        user_id=world.alice.id,
        account_id=world.account(world.alice).id,
        address="alice@example.com",
        session="session-of-alice",
    )
    async with gateway.client(None, **HTML) as browser:

        async def signs_in() -> str:
            async with browser.get("/oauth/google/callback?state=s&code=c", allow_redirects=False) as response:
                assert response.status == 302
                return response.headers["Location"]

        await browser.get(meeting)
        for part in (
            {"HX-Request": "true"},
            {"Sec-Fetch-Dest": "image"},
        ):  # of a page that was open when its session ended
            await browser.get("/frame", headers=part)
        assert await signs_in() == meeting
        assert await signs_in() == "/", "once"
