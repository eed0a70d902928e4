"""The pages: what they show, what their forms do without any script, and that nothing in them is taken for markup."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio

from libs.common import requests as q
from libs.common.events import SyncRequested
from libs.common.ids import InteractionId, new_id
from libs.common.preferences import Preferences
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, contact, running_gateway

HTML = {"Accept": "text/html"}
HOSTILE = '<img src=x onerror=alert(1)> & "quotes"'


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings) as running:
        yield running


@pytest_asyncio.fixture
async def browser(gateway: RunningGateway) -> AsyncIterator[aiohttp.ClientSession]:
    async with gateway.browser(**HTML) as session:
        yield session


async def page(browser: aiohttp.ClientSession, path: str, **cookies: str) -> str:
    async with browser.get(path, cookies=cookies) as response:
        assert response.status == 200, await response.text()
        return await response.text()


async def submit(browser: aiohttp.ClientSession, path: str, form: Mapping[str, str] | None = None) -> tuple[int, str]:
    """The status, and where it leads (a redirect), or the page."""
    async with browser.post(path, data=form or {}, allow_redirects=False) as response:
        return response.status, response.headers.get("Location") or await response.text()


def requested(gateway: RunningGateway, kind: type[Any]) -> list[Any]:
    return [request for request in gateway.world.requests if isinstance(request, kind)]


def interaction(text: str, **changes: Any) -> q.Interaction:
    fields: dict[str, Any] = {
        "id": InteractionId(new_id()), "platform": "email", "kind": "email", "direction": "inbound",
        "occurred_at": datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "title": "Subject", "text": text,
    }  # fmt: skip
    return q.Interaction(**{**fields, **changes})


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


async def test_people_are_listed_searched_sorted_and_paged(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    for number in range(51):
        gateway.world.add(gateway.world.alice, contact(f"Person {number}", f"p{number}@example.com"))
    html = await page(browser, "/contacts?q=%20per%20&sort=score")
    assert html.count('class="row"') == 50
    query = requested(gateway, q.SearchContacts)[-1]
    assert (query.q, query.sort, query.limit) == ("per", "score", 50)
    more = re.findall(r'href="(/contacts\?[^"]+)"', html)[-1].replace("&amp;", "&")
    await page(browser, more)
    query = requested(gateway, q.SearchContacts)[-1]
    assert (query.q, query.sort, query.cursor) == ("per", "score", "more")
    await page(browser, "/contacts?sort=nonsense&q=" + "x" * 500)
    query = requested(gateway, q.SearchContacts)[-1]
    assert (query.sort, len(query.q)) == ("recent", 200)


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


async def test_a_person_shows_months_of_the_reader_sides_and_folded_threads(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    person = world.add(world.alice, contact("Carol", "carol@example.com"))
    ahead = datetime.now(UTC) + timedelta(days=2)
    world.upcoming = (interaction("", title="Not yet", occurred_at=ahead, direction="mutual", platform="calendar"),)
    world.interactions = (
        interaction("The newest of three", thread="t", direction="outbound"),
        interaction("The second", thread="t"),
        interaction("The first", thread="t"),
        interaction("A newsletter", automated="list"),
    )
    world.older = "older"
    html = await page(browser, f"/contacts/{person.id}", pingcrm_zone=quote("Pacific/Auckland", safe=""))
    assert "March 2026" in html, "it is the 2nd of March there"
    assert html.index("Upcoming") < html.index("Not yet") < html.index("The newest of three")
    assert re.search(r'class="line you">.*?The newest of three', html, re.DOTALL)
    assert "3 messages" in html
    assert "1 automated message<" in html
    assert f"/contacts/{person.id}?cursor=older&amp;month=2026-03" in html
    html = await page(browser, f"/contacts/{person.id}?show=mail&side=they&q=hello", pingcrm_zone="../../etc/passwd")
    (query,) = [query for query in requested(gateway, q.GetTimeline)[-2:] if query.when == "past"]
    assert (query.platform, query.direction, query.q) == ("email", "inbound", "hello")


async def test_editing_sends_what_was_changed_and_nothing_else(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    person = world.add(world.alice, contact("Carol", "carol@example.com").model_copy(update={"company": "Acme"}))
    other = world.add(world.alice, contact("Dan", "dan@example.com"))
    path = f"/contacts/{person.id}/edit"
    unchanged = {"name": "Carol", "company": "Acme", "emails": "carol@example.com", "tags": ""}
    assert await submit(browser, path, unchanged) == (303, f"/contacts/{person.id}")
    assert not requested(gateway, q.UpdateContact)
    emails = "carol@example.com\r\n\r\n carol@new.example \r\n"
    await submit(browser, path, {**unchanged, "emails": emails, "name": " Caroline "})
    fields = requested(gateway, q.UpdateContact)[-1].fields
    assert fields.model_dump(exclude_none=True) == {
        "name": "Caroline", "emails": ("carol@example.com", "carol@new.example"),
    }  # fmt: skip
    status, html = await submit(browser, path, {**unchanged, "emails": "dan@example.com", "notes": "typed"})
    assert status == 409
    assert f'href="/contacts/{other.id}"' in html, "the other person is one click away"
    assert ">typed</textarea>" in html, "nothing that was typed is lost"
    status, html = await submit(browser, path, {**unchanged, "birthday": "much too long a birthday"})
    assert (status, "Birthday:" in html) == (422, True)


async def test_every_action_of_a_person_is_a_plain_form(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    person = world.add(world.alice, contact("Carol", "carol@example.com"))
    other = world.add(world.alice, contact("Carol B."))
    here = f"/contacts/{person.id}"
    assert await submit(browser, f"{here}/notes", {"text": " Likes tea "}) == (303, f"{here}#timeline")
    assert requested(gateway, q.AddInteraction)[-1].text == "Likes tea"
    assert await submit(browser, f"{here}/notes", {"text": " "}) == (303, f"{here}#timeline")
    assert len(requested(gateway, q.AddInteraction)) == 1, "an empty note is none"
    assert await submit(browser, f"{here}/bcc") == (303, f"{here}#bcc")
    for archived in ("yes", "no"):
        assert await submit(browser, f"{here}/archive", {"archived": archived}) == (303, here)
        assert requested(gateway, q.UpdateContact)[-1].fields.archived is (archived == "yes")
    html = await page(browser, here)
    assert f'name="other_id" value="{other.id}"' in html
    status, merged = await submit(browser, f"{here}/merge", {"other_id": str(other.id)})
    assert status == 303
    html = await page(browser, merged)
    (undo,) = re.findall(r'action="(/merges/[^"]+/undo)"', html)
    assert await submit(browser, undo) == (303, here)
    assert str(requested(gateway, q.UndoMerge)[-1].merge_id) in undo
    assert (await submit(browser, f"{here}/merge", {"other_id": "nobody"}))[0] == 422
    assert await submit(browser, f"{here}/delete") == (303, "/contacts")
    assert requested(gateway, q.DeleteContact)[-1].contact_id == person.id
    assert (await submit(browser, "/contacts", {"name": "Eve", "email": "eve@example.com"}))[0] == 303
    created = requested(gateway, q.CreateContact)[-1].fields
    assert created.model_dump(exclude_none=True) == {"name": "Eve", "emails": ("eve@example.com",)}


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


async def test_each_group_of_the_settings_is_saved_by_itself(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    alice = gateway.world.alice.id
    assert await submit(browser, "/settings", {"group": "briefs", "time_zone": "Europe/Berlin"}) == (
        303, "/settings?saved#briefs",
    )  # fmt: skip
    people = {
        "group": "people",
        "mail_lookback_days": "90",
        "contact_creation": "none",
        "own_addresses": "a@x.example\r\n\r\n",
    }
    assert (await submit(browser, "/settings", people))[0] == 303
    assert (await submit(browser, "/settings", {"group": "notifications", "webhook_url": "https://hooks.example/x"}))[
        0
    ] == 303
    stored = gateway.world.preferences[alice]
    assert (stored.gmail.meeting_prep_enabled, stored.gmail.time_zone) == (False, "Europe/Berlin"), (
        "an empty box is off"
    )
    assert (stored.gmail.mail_lookback_days, stored.gmail.contact_creation) == (90, "none")
    assert stored.gmail.own_addresses == ("a@x.example",)
    assert str(stored.notifications.webhook_url) == "https://hooks.example/x"
    for group, name, value, sentence in (
        ("briefs", "time_zone", "Mars/Olympus", "is not a time zone"),
        ("people", "own_addresses", "nobody", "is not an email address"),
        ("people", "mail_lookback_days", "many", "integer"),
    ):
        status, html = await submit(browser, "/settings", {**people, "group": group, name: value})
        assert (status, sentence in html) == (422, True)
    assert gateway.world.preferences[alice] == stored, "nothing of a refused form is kept"
    assert Preferences() != stored


async def test_tokens_accounts_and_notifications_work_by_forms(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    status, html = await submit(browser, "/tokens", {"name": "connector"})
    assert (status, "pcrm_new" in html) == (200, True)
    assert "pcrm_new" not in await page(browser, "/settings"), "shown once"
    assert (await submit(browser, "/tokens", {"name": " "}))[0] == 422
    token = new_id()
    assert await submit(browser, f"/tokens/{token}/delete") == (303, "/settings#tokens")
    assert requested(gateway, q.DeleteApiToken)[-1].token_id == token
    account = gateway.world.account(gateway.world.alice)
    assert await submit(browser, f"/accounts/{account.id}/sync") == (303, "/settings#accounts")
    assert await submit(browser, f"/accounts/{account.id}/disconnect", {"purge": "yes"}) == (303, "/settings#accounts")
    assert requested(gateway, q.Disconnect)[-1].purge is True
    await submit(browser, f"/accounts/{account.id}/disconnect", {"purge": "no"})
    assert requested(gateway, q.Disconnect)[-1].purge is False
    theirs = gateway.world.account(gateway.world.bob)
    for action in ("sync", "disconnect"):
        assert (await submit(browser, f"/accounts/{theirs.id}/{action}"))[0] == 404
    assert await submit(browser, "/notifications/read-all") == (303, "/notifications")
    assert (await submit(browser, f"/notifications/{new_id()}/read"))[0] == 404
    assert SyncRequested.subject == "sync.requested"


async def test_a_page_stands_while_a_service_is_away(service_settings: ServiceSettings) -> None:
    async with running_gateway(service_settings) as gateway, gateway.browser(**HTML) as browser:
        await gateway.buses["sync"].__aexit__(None, None, None)
        await gateway.buses["prep"].__aexit__(None, None, None)
        html = await page(browser, "/")
        assert "No meetings until tomorrow night." in html
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
        assert await signs_in() == meeting
        assert await signs_in() == "/", "once"
