"""The pages: what they show, what their forms do without any script, and that nothing in them is taken for markup."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio
from multidict import MultiDict

from libs.common import requests as q
from libs.common.ids import InteractionId, new_id
from services.gateway.pages.contact_fields import FIELDS
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.gateway.values import contact

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


def interaction(text: str, **changes: Any) -> q.TimelineItem:
    fields: dict[str, Any] = {
        "id": InteractionId(new_id()), "platform": "email", "kind": "email", "direction": "inbound",
        "occurred_at": datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "title": "Subject", "text": text,
    }  # fmt: skip
    return q.TimelineItem(**{**fields, **changes})


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


async def test_people_are_filtered_by_links_that_keep_the_other_filters_and_archived_ones_come_back(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    world.add(world.alice, contact("Ann").model_copy(update={"tags": ("friend & co", "b")}))
    ben = world.add(world.alice, contact("Ben").model_copy(update={"tags": ("b",)}))
    html = await page(
        browser, "/contacts?tag=friend+%26+co&relationship=warm&sort=company&upcoming=yes&going_cold=no&x=1"
    )
    query = requested(gateway, q.SearchContacts)[-1]
    assert (query.tag, query.relationship, query.sort, query.upcoming) == ("friend & co", "Warm", "company", True)
    assert (query.going_cold, query.archived) == (False, False)
    assert '<option value="b" >b (2)</option>' in html
    assert '<option value="friend &amp; co" selected>friend &amp; co (1)</option>' in html
    assert '<input type="hidden" name="relationship" value="warm" form="filters">' in html
    kept = "sort=company&amp;tag=friend+%26+co&amp;"
    assert f'href="/contacts?{kept}upcoming=yes" aria-current="true">Warm' in html
    assert f'href="/contacts?{kept}upcoming=yes&amp;relationship=strong" >Strong' in html
    assert f'href="/contacts?{kept}relationship=warm" aria-current="true">Meeting ahead' in html
    assert f'href="/contacts?{kept}relationship=warm&amp;upcoming=yes&amp;archived=yes" >Archived' in html
    html = await page(browser, "/contacts?archived=yes")
    assert requested(gateway, q.SearchContacts)[-1].archived
    form = {"archived": "no", "from": "archived"}
    assert all(f'name="{name}" value="{value}"' in html for name, value in form.items())
    origin = {"Origin": gateway.url}
    async with browser.post(
        f"/contacts/{ben.id}/archive", data=form, headers=origin, allow_redirects=False
    ) as response:
        assert (response.status, response.headers["Location"]) == (303, "/contacts?archived=yes")
    assert requested(gateway, q.UpdateContact)[-1].fields.archived is False


async def test_home_shows_who_is_going_cold_and_why_and_a_person_the_relationship_month_by_month(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    now = datetime.now(UTC)
    olivia = contact("Olivia").model_copy(
        update={
            "going_cold": q.GoingCold(since=now, usual_days=14, was="Strong"), "numbers": q.ScoreNumbers(they_wrote=12, you_wrote=9),
            "last_interaction_at": now - timedelta(days=74), "first_interaction_at": datetime(2024, 9, 7, tzinfo=UTC),
            "history": tuple(q.MonthScore(month=f"2026-{n:02}", score=n % 10) for n in range(1, 13)),
        }
    )  # fmt: skip
    world.add(world.alice, olivia)
    html = await page(browser, "/")
    [query] = [query for query in requested(gateway, q.SearchContacts) if query.going_cold]
    assert (query.sort, query.limit) == ("score", 5)
    assert "last contact 74 days ago, you used to write every 2 weeks" in html
    html = await page(browser, f"/contacts/{olivia.id}")
    assert "they wrote 12 times, you 9 · last " in html
    assert "· since Sep 2024" in html
    assert "Going cold: last contact 74 days ago, you used to write every 2 weeks." in html
    assert re.search(r'<svg class="history" role="img" aria-labelledby="history-title history-words"', html)
    assert "The relationship month by month: 1 in Jan 2026, 2 now, between 0 and 9." in html
    async with gateway.client() as api, api.get(f"/api/v1/contacts/{olivia.id}") as response:
        found = await response.json()
    assert found["relationship_text"].startswith("they wrote 12 times, you 9 · last ")
    assert found["going_cold_text"] == "last contact 74 days ago, you used to write every 2 weeks"
    assert found["numbers"]["they_wrote"] == 12
    async with gateway.client() as api, api.get("/api/v1/tags") as response:
        assert await response.json() == {"items": []}
    async with (
        gateway.client() as api,
        api.get("/api/v1/contacts?going_cold=true&relationship=Cold&sort=added") as response,
    ):
        assert response.status == 200
    query = requested(gateway, q.SearchContacts)[-1]
    assert (query.going_cold, query.relationship, query.sort, query.archived) == (True, "Cold", "added", False)


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


async def test_a_person_shows_months_of_the_reader_sides_and_folded_conversations(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    person = world.add(world.alice, contact("Carol", "carol@example.com"))
    ahead = datetime.now(UTC) + timedelta(days=2)
    world.upcoming = (interaction("", title="Not yet", occurred_at=ahead, direction="mutual", platform="calendar"),)
    world.interactions = (
        interaction("The newest of a thousand", thread="t&u", direction="outbound", thread_messages=1204),
        interaction("The second", thread="t&u"),
        interaction("A newsletter", automated="list"),
        interaction("Another", automated="list", thread="n", thread_messages=2),
        interaction("What it was about", automated="list", thread="n"),
    )
    world.older = "older"
    html = await page(browser, f"/contacts/{person.id}", pingcrm_zone=quote("Pacific/Auckland", safe=""))
    assert "March 2026" in html, "it is the 2nd of March there"
    assert html.index("Upcoming") < html.index("Not yet") < html.index("The newest of a thousand")
    assert re.search(r'class="line you" id="i-[^"]+">.*?The newest of a thousand', html, re.DOTALL)
    assert "3 automated messages<" in html
    assert not re.search("The second|What it was about", html), "a conversation is read when it is opened"
    conversation = f"/contacts/{person.id}?thread=t%26u&on=email#timeline"
    assert f'<a href="{escape(conversation)}">All 1,204 messages of this conversation</a>' in html
    assert f"/contacts/{person.id}?cursor=older&amp;month=2026-03" in html
    html = await page(browser, f"/contacts/{person.id}?show=mail&side=they&q=hello", pingcrm_zone="../../etc/passwd")
    assert past(gateway)[-1] == q.GetTimeline(
        user_id=world.alice.id, contact_id=person.id, when="past", limit=40,
        platform="email", direction="inbound", q="hello", group=True,
    )  # fmt: skip
    assert "One conversation." not in html
    html = await page(browser, conversation)
    assert (past(gateway)[-1].group, past(gateway)[-1].thread, past(gateway)[-1].platform) == (False, "t&u", "email")
    assert "One conversation." in html
    assert html.index("The newest of a thousand") < html.index("The second")


async def test_a_timeline_is_narrowed_to_whatever_platform_somebody_is_met_on(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    numbers = q.ScoreNumbers(platforms=("calendar", "email", "sms_chat"))
    person = gateway.world.add(gateway.world.alice, contact("Carol").model_copy(update={"numbers": numbers}))
    here = f"/contacts/{person.id}"

    def offered(html: str) -> list[tuple[str, str]]:
        (switch,) = re.findall(r'<nav class="switch" aria-label="What to show">(.*?)</nav>', html)
        links: list[tuple[str, str]] = re.findall(r'<a href="([^"]*)#timeline"[^>]*><bdi>(.*?)</bdi>', switch)
        return links

    names = (
        ("", "all"),
        ("?show=mail", "mail"),
        ("?show=meetings", "meetings"),
        ("?show=notes", "notes"),
        ("?show=sms_chat", "sms chat"),
    )
    expected = [(here + query, name) for query, name in names]
    assert offered(await page(browser, here)) == expected
    assert offered(await page(browser, f"{here}?show=mail")) == expected
    assert past(gateway)[-1].platform == "email"
    false = interaction("Pay at once", automated="forged", direction="participant")
    gateway.world.interactions = (
        interaction("Hi", platform="sms_chat", direction="outbound"),
        interaction("Dear you"),
        false,
    )
    html = await page(browser, f"{here}?show=sms_chat")
    assert offered(html) == expected
    assert re.findall(r'<span class="by">(.*?)</span>', html) == [
        "you · <bdi>sms chat</bdi>",
        "they",
        "somebody else",
    ], "mail needs no word"
    assert (
        html.index("Pay at once") < html.index("fails authentication") < html.index("</li>", html.index("Pay at once"))
    )
    assert past(gateway)[-1].platform == "sms_chat"
    assert offered(await page(browser, f"{here}?show=fax"))[-1] == (f"{here}?show=fax", "fax"), (
        "what is chosen is there"
    )


async def test_conversations_that_are_open_stay_so_where_the_timeline_is_fetched_anew(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    person = world.add(world.alice, contact("Carol", "carol@example.com"))
    world.interactions = tuple(
        interaction(f"{text} of {n}", thread=f"t{n}", thread_messages=2)
        for n in range(25)
        for text in ("Newest", "Older")
    )
    here = f"/contacts/{person.id}?side=they"
    html = await page(browser, here)
    keys = re.findall(r'name="open" value="([^"]+)"', html)
    assert (len(set(keys)), html.count("Older of")) == (25, 0)
    before = len(past(gateway))
    html = await page(browser, f"{here}&down_to=x&open={keys[3]}&open={keys[7]}&open=nothing")
    whole, *conversations = past(gateway)[before:]
    assert (whole.group, whole.down_to) == (True, "x")
    shared = {"user_id": world.alice.id, "contact_id": person.id, "direction": "inbound", "when": "past", "limit": 60}
    assert conversations == [q.GetTimeline(**shared, platform="email", thread=f"t{n}") for n in (3, 7)]
    assert re.findall("Older of [0-9]+", html) == ["Older of 3", "Older of 7"]
    html = await page(browser, f"{here}&{'&'.join(f'open={key}' for key in keys)}")
    assert html.count("Older of") == 20, "not endlessly many"


def past(gateway: RunningGateway) -> list[q.GetTimeline]:
    return [query for query in requested(gateway, q.GetTimeline) if query.when == "past"]


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


async def test_each_field_is_edited_where_it_stands(gateway: RunningGateway, browser: aiohttp.ClientSession) -> None:
    world = gateway.world
    known = {"company": "<Acme>", "imported": True, "bios": {"linkedin": "CTO"}, "phones": (q.Phone(shown="0177 1"),)}
    person = world.add(world.alice, contact("Carol", "carol@example.com").model_copy(update=known))
    other = world.add(world.alice, contact("Dan <b>", "dan@example.com"))
    here = f"/contacts/{person.id}"
    typed = {
        "company": "Beta",
        "emails": "carol@new.example",
        "bio_linkedin": "CEO",
        "notes": "n",
        "birthday": "--03-21",
    }
    for name, field in FIELDS.items():
        html = await page(browser, f"{here}?edit={name}")
        assert html.count('class="in-place"') == 1, name
        form = html[html.index('class="in-place"') : html.index("data-cancel")]
        assert f'name="edit" value="{name}"' in form
        assert f'name="{name}"' in form
        assert ("Google Contacts fills this too" in form) is field.imported, name
        assert f'id="{field.part}"' in html
        if name in typed:
            assert await submit(browser, f"{here}/edit", {"edit": name, name: typed[name]}) == (
                303,
                f"{here}#{field.part}",
            )
            sent = requested(gateway, q.UpdateContact)[-1].fields.model_dump(exclude_none=True)
            value = (typed[name],) if field.kind == "list" else typed[name]
            assert sent == ({"bios": {"linkedin": "CEO"}} if name == "bio_linkedin" else {name: value})
    assert 'class="in-place"' not in await page(browser, f"{here}?edit=nothing")
    status, html = await submit(browser, f"{here}/edit", {"edit": "emails", "emails": "dan@example.com"})
    assert (status, 'value="dan@example.com"' in html) == (409, True), "what was typed is kept"
    assert f'<a href="/contacts/{other.id}">Open <bdi>Dan &lt;b&gt;</bdi></a>' in html
    status, html = await submit(browser, f"{here}/edit", {"edit": "birthday", "birthday": "much too long a birthday"})
    assert (status, 'value="much too long a birthday"' in html) == (422, True)


async def test_handles_are_shown_typed_and_parted_by_plain_forms(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    shown = (
        q.ContactIdentity(kind="telegram", value="carol", shown="@Carol", url="https://t.me/Carol"),
        q.ContactIdentity(kind="acme <b>", value="x", shown="<i>x</i>"),
    )
    person = world.add(world.alice, contact("Carol").model_copy(update={"identities": shown}))
    other = world.add(world.alice, contact("Dan", "dan@example.com"))
    here = f"/contacts/{person.id}"
    html = await page(browser, here)
    assert (
        '<bdi>Telegram</bdi>&nbsp;<a href="https://t.me/Carol" rel="noopener noreferrer"><bdi>@Carol</bdi></a>' in html
    )
    assert "<bdi>Acme &lt;b&gt;</bdi>&nbsp;<bdi>&lt;i&gt;x&lt;/i&gt;</bdi>" in html
    assert "<bdi>@Carol</bdi>, <bdi>&lt;i&gt;x&lt;/i&gt;</bdi>)" in html, "by them the person is not to be recorded"
    lines = ("Telegram @Carol", "x.com/carol", "signal: c.1", "")
    typed = MultiDict([("edit", "identities"), *(("identities", line) for line in lines)])
    assert await submit(browser, f"{here}/edit", typed) == (303, f"{here}#person")
    sent = requested(gateway, q.UpdateContact)[-1].fields.model_dump(exclude_none=True)
    assert sent == {
        "identities": (
            {"kind": "telegram", "value": "@Carol"}, {"kind": "", "value": "x.com/carol"}, {"kind": "signal", "value": "c.1"},
        )
    }  # fmt: skip
    unlink = f"{here}/identities/unlink"
    html = await page(browser, f"{here}?edit=identities")
    assert html.count(f'action="{unlink}"') == 2
    assert 'name="kind" value="acme &lt;b&gt;"' in html
    status, parted = await submit(browser, unlink, {"kind": "telegram", "value": "carol"})
    assert (status, parted) == (303, f"/contacts/{other.id}?parted_from={person.id}")
    assert requested(gateway, q.UnlinkIdentity)[-1].value == "carol"
    html = await page(browser, parted)
    assert f'action="/contacts/{person.id}/merge"><input type="hidden" name="other_id" value="{other.id}">' in html
    status, html = await submit(browser, f"{here}/edit", {"edit": "emails", "emails": "dan@example.com"})
    assert (status, f'action="{here}/merge"><input type="hidden" name="other_id" value="{other.id}">' in html) == (
        409,
        True,
    )
    alone = world.add(world.alice, contact("Eve").model_copy(update={"identities": shown[:1]}))
    html = await page(browser, f"/contacts/{alone.id}?edit=identities")
    assert ("Telegram @Carol" in html, "/identities/unlink" in html) == (True, False), (
        "it is a person of its own already"
    )


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


async def test_possible_duplicates_are_counted_listed_and_decided_by_plain_forms(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    carol = world.add(world.alice, contact("Carol", "carol@example.com"))
    other = world.add(world.alice, contact("Carol <B.>"))
    for path in ("/", "/contacts"):
        html = await page(browser, path)
        assert "1 possible duplicate" in html, path
        assert 'href="/contacts/duplicates"' in html, path
    assert "possible duplicate" not in await page(browser, "/contacts?q=carol"), "nobody counts while somebody types"
    html = await page(browser, "/contacts/duplicates")
    assert "Likely the same person: <bdi>The same phone: +1 &lt;b&gt;555&lt;/b&gt;</bdi>." in html
    assert "<bdi>Carol &lt;B.&gt;</bdi>" in html
    dismiss = f"/contacts/{carol.id}/duplicates/{other.id}/dismiss"
    assert f'action="{dismiss}"' in html
    assert "Almost certainly the same person as" in await page(browser, f"/contacts/{carol.id}")
    assert await submit(browser, dismiss) == (303, f"/contacts/{carol.id}")
    assert await submit(browser, dismiss, {"from": "duplicates"}) == (303, "/contacts/duplicates")
    assert requested(gateway, q.DismissDuplicate)[-1].other_id == other.id
    status, merged = await submit(
        browser, f"/contacts/{carol.id}/merge", {"other_id": str(other.id), "from": "duplicates"}
    )
    assert (status, merged.partition("?")[0]) == (303, "/contacts/duplicates")
    assert "Merged: the two are one person now." in await page(browser, merged)


async def test_a_person_shows_who_was_merged_into_it_and_what_undoing_that_does(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    carol = world.add(world.alice, contact("Carol"))
    stays = "3 notes written since stay with <Carol>."
    made: dict[str, Any] = {
        "merged_at": datetime.now(UTC),
        "other_id": new_id(),
        "other_name": "Caro",
        "other_emails": ("c@x.example",),
    }
    last = q.MergeRecord(id=new_id(), consequences=(stays,), **made)
    first = q.MergeRecord(id=new_id(), consequences=(), blocked_by=last.id, **made)
    world.merged = [(carol.id, last), (carol.id, first)]
    html = await page(browser, f"/contacts/{carol.id}")
    assert "<bdi>3 notes written since stay with &lt;Carol&gt;.</bdi>" in html
    assert f'action="/merges/{last.id}/undo"' in html
    assert f'action="/merges/{first.id}/undo"' not in html
    assert "undo that one first" in html


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
