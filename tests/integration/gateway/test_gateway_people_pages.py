"""The pages of people: lists, who is going cold, and a person's timeline."""

import re
from datetime import UTC, datetime, timedelta
from html import escape
from urllib.parse import quote

import aiohttp

from libs.common import requests as q
from tests.support.gateway import RunningGateway
from tests.support.gateway.pages import browser, gateway, interaction, page, requested
from tests.support.gateway.values import contact

__all__ = ["browser", "gateway"]  # fixtures


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
