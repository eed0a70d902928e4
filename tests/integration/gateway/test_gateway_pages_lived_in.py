"""The pages that one lives in: home, a person's timeline, meetings and their notes, why an email is missing; and what they weigh."""

import gzip
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import aiohttp

from libs.common import requests as q
from libs.common.errors import Refused
from libs.common.ids import ContactId, InteractionId, MeetingId, new_id
from tests.support.gateway import RunningGateway
from tests.support.gateway.pages import HOSTILE, HTML, browser, gateway, interaction, page, requested, submit
from tests.support.gateway.values import NOW, contact

__all__ = ["browser", "gateway"]  # fixtures
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


def texts(html: str) -> str:
    """What is read, without markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def waiting_mail(**changes: Any) -> q.WaitingMail:
    fields: dict[str, Any] = {
        "interaction_id": InteractionId(new_id()), "contact_id": ContactId(new_id()), "name": "Lukas Vogel", "topic": HOSTILE,
        "text": "Could you?", "asked": True, "occurred_at": datetime.now(UTC) - timedelta(days=6),
    }  # fmt: skip
    return q.WaitingMail(**fields | changes)


async def test_home_shows_who_is_next_and_who_waits_and_when_the_first_brief_comes(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    world.starts_at = datetime.now(UTC) + timedelta(minutes=20)
    priya = world.add(world.alice, contact("Priya", "p@x.example"))
    world.guests = (
        q.MeetingGuest(address="p@x.example", name="Priya", contact_id=priya.id, label="Strong", score=8, known=True),
        q.MeetingGuest(address="j@x.example", name="Jonas"),
    )
    world.waiting = (waiting_mail(), waiting_mail(topic="", asked=False))
    shown = texts(await page(browser, "/"))
    assert "Priya (Strong) , Jonas · first meeting · 45 min" in shown
    assert "no brief: nobody is a known contact" in shown, "what has become of it goes before what might have"
    assert "Lukas Vogel asked about &lt;img src=x onerror=alert(1)&gt; &amp; &#34;quotes&#34; , 6 days ago" in shown
    assert "Lukas Vogel wrote to you , 6 days ago" in shown
    assert "Your first brief comes 45 minutes before your next meeting" in shown, (
        "as the service has it that sends them"
    )
    assert "Send a brief 45 minutes before each meeting" in texts(await page(browser, "/settings"))


async def test_a_dismissal_is_sent_on_and_can_be_taken_back_for_ten_seconds_whatever_has_home_made_anew(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    mail = waiting_mail()
    gateway.world.waiting = (mail,)
    async with browser.post(f"/waiting/{mail.interaction_id}/dismiss", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/#waiting")
        cookie = response.cookies["pingcrm_dismissed"]
    assert requested(gateway, q.DismissWaiting)[-1].interaction_id == mail.interaction_id
    assert (cookie.value, cookie["max-age"], cookie["httponly"]) == (str(mail.interaction_id), "10", True)
    html = await page(browser, "/", pingcrm_dismissed=cookie.value)
    assert f'action="/waiting/{mail.interaction_id}/restore"' in html
    async with browser.post(f"/waiting/{mail.interaction_id}/restore", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, f"/#waits-{mail.interaction_id}")
        assert response.cookies["pingcrm_dismissed"]["max-age"] == "0"
    assert requested(gateway, q.RestoreWaiting)[-1].interaction_id == mail.interaction_id
    assert "/restore" not in await page(browser, "/")
    assert "/restore" not in await page(browser, "/", pingcrm_dismissed="nothing")
    async with browser.get("/api/v1/waiting") as response:
        assert [item["name"] for item in (await response.json())["items"]] == ["Lukas Vogel"]
    assert (await submit(browser, f"/waiting/{new_id()}/dismiss"))[0] == 404
    assert (await submit(browser, "/waiting/nothing/dismiss"))[0] == 404


async def test_what_a_page_needs_is_requested_together_where_the_one_does_not_follow_from_the_other(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    """The frame with the page; the zone, where no cookie has it; what became of a brief and who its people are; what is here so far."""
    world = gateway.world
    world.starts_at = datetime.now(UTC) + timedelta(hours=1)
    world.sessions["session-of-alice"] = world.alice.model_copy(update={"created_at": datetime.now(UTC)})
    world.time_zones = {world.account(world.alice).id: "Asia/Kathmandu"}
    world.guests = (q.MeetingGuest(address="carol@example.com", name="Priya", label="Strong", score=8, known=True),)
    clock = world.starts_at.astimezone(ZoneInfo("Asia/Kathmandu")).strftime("%H:%M")
    zone = {"pingcrm_zone": quote("Europe/Berlin", safe="")}
    meeting = f"/meetings/{world.meeting.meeting_id}"
    together: tuple[tuple[str, dict[str, str], type[q.Request[Any]], type[q.Request[Any]], str], ...] = (
        ("/contacts", zone, q.SearchContacts, q.GetSyncStatus, "Nobody is here yet."),
        ("/meetings", {}, q.GetSettings, q.GetSyncStatus, clock),
        ("/meetings", zone, q.ForecastPreps, q.GetPreps, "Priya (Strong)"),
        ("/", zone, q.ListAccounts, q.CountContacts, "Your first day"),
        (f"{meeting}?preview=text", zone, q.ForecastPreps, q.PreviewPrep, "Priya Strong"),
    )
    for path, cookies, first, second, shown in together:
        world.forget_what_was_requested()
        world.after = {first: second}
        assert shown in texts(await page(browser, path, **cookies)), (path, first)


async def test_a_timeline_is_fetched_anew_down_to_where_it_was_read_and_goes_on_below(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    person = world.add(world.alice, contact("Carol", "carol@example.com"))
    world.interactions, world.older = (interaction("Hello"),), "older"
    here = f"/contacts/{person.id}"
    html = await page(browser, f"{here}?side=they")
    assert f'hx-get="{here}?side=they&amp;down_to=older"' in html
    await page(browser, f"{here}?side=they&down_to=older")
    (fresh,) = [query for query in requested(gateway, q.GetTimeline)[-2:] if query.when == "past"]
    assert (fresh.down_to, fresh.cursor, fresh.direction, fresh.limit) == ("older", None, "inbound", 200)
    month = world.interactions[0].occurred_at.strftime("%Y-%m")
    older = f"{here}?cursor=older&month={month}"
    plain = await page(browser, older)
    assert requested(gateway, q.GetTimeline)[-1].cursor == "older"
    assert ('class="month hidden"' in plain, "Back to the newest" in plain) == (False, True), "a page of its own"
    assert 'id="recent" >' in plain, "what is old does not change by itself"
    async with browser.get(older, headers={"HX-Request": "true"}) as response:
        assert 'class="month hidden"' in await response.text(), "it goes on in the month above"


async def test_one_note_after_a_meeting_stands_on_the_timeline_of_every_guest_and_is_one_however_often_it_is_sent(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    people = [world.add(world.alice, contact(name)) for name in ("Priya", "Jonas")]
    known = tuple(q.MeetingGuest(address=f"{who.name}@x.example", name=who.name, contact_id=who.id) for who in people)
    world.guests = (*known, q.MeetingGuest(address="s@x.example", name="Stranger"))
    here = f"/meetings/{world.meeting.meeting_id}"
    html = await page(browser, here)
    assert "One note for Priya , Jonas : it stands on each of their timelines." in texts(html)
    assert ESCAPED in html
    assert "alert(2)" not in html
    for _ in range(2):
        assert await submit(browser, f"{here}/note", {"text": " They want green. "}) == (303, f"{here}?noted#note")
    notes = requested(gateway, q.AddInteraction)
    assert [(note.contact_id, note.text) for note in notes] == [(who.id, "They want green.") for who in people] * 2
    assert len({note.ref for note in notes}) == 2, "the second time it is the same"
    assert {note.thread for note in notes} == {f"meeting:{world.meeting.meeting_id}"}
    assert {note.occurred_at for note in notes} == {world.meeting.ends_at}
    world.interactions = (
        interaction("Another"),
        interaction("They want <green>.", thread=notes[0].thread, platform="note"),
    )
    html = await page(browser, f"{here}?noted")
    assert ">They want &lt;green&gt;.</textarea>" in html, "it is there to be changed"
    assert "Saved on the timelines of Priya , Jonas ." in texts(html)
    assert await submit(browser, f"{here}/note", {"text": " "}) == (303, here)
    world.guests = ()
    assert "there is no timeline to write on" in await page(browser, here)
    world.starts_at = datetime.now(UTC) + timedelta(hours=1)
    world.guests = known
    assert await submit(browser, f"{here}/note", {"text": "Too early"}) == (303, here)
    assert len(requested(gateway, q.AddInteraction)) == 4
    assert "Your note" not in await page(browser, here)


async def test_the_note_after_a_meeting_is_written_read_and_changed_by_programs_too(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    priya = world.add(world.alice, contact("Priya"))
    known = (q.MeetingGuest(address="p@x.example", name="Priya", contact_id=priya.id),)
    world.guests = (*known, q.MeetingGuest(address="s@x.example", name="Stranger"))
    here = f"/api/v1/meetings/{world.meeting.meeting_id}/note"

    async def put(body: object, path: str = here) -> tuple[int, str]:
        async with browser.put(path, json=body) as response:
            return response.status, await response.text()

    assert (await put({"text": " They want green. "}))[0] == 200
    (note,) = requested(gateway, q.AddInteraction)
    assert (note.contact_id, note.text, note.occurred_at) == (priya.id, "They want green.", world.meeting.ends_at)
    await submit(browser, f"/meetings/{world.meeting.meeting_id}/note", {"text": "They want blue."})
    assert requested(gateway, q.AddInteraction)[-1].ref == note.ref, "the page changes the same note"
    world.interactions = (interaction("They want blue.", thread=note.thread, platform="note"),)
    async with browser.get(here) as response:
        assert await response.json() == {"text": "They want blue.", "contact_ids": [str(priya.id)]}
    assert [(await put(body))[0] for body in ({"text": " \n"}, {"text": ""}, {}, {"text": "x" * 10_001})] == [422] * 4
    assert (await put({"text": "Whose?"}, here.replace(str(world.meeting.meeting_id), str(new_id()))))[0] == 404
    world.guests = ()
    assert (await put({"text": "Nobody"}))[0] == 409
    world.guests, world.starts_at = known, datetime.now(UTC) + timedelta(hours=1)
    status, problem = await put({"text": "Too early"})
    assert (status, "has not begun" in problem) == (409, True)
    assert len(requested(gateway, q.AddInteraction)) == 2


async def test_a_brief_is_looked_at_in_light_in_dark_and_as_text_and_written_once_for_each_look(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    here = f"/meetings/{world.meeting.meeting_id}"
    assert "iframe" not in await page(browser, here)
    for asked, look in (("light", "light"), ("dark", "dark"), ("nonsense", "light"), ("", "light")):
        html = await page(browser, f"{here}?preview={asked}")
        assert f'sandbox src="{here}/brief?scheme={look}"' in html
    assert not requested(gateway, q.PreviewPrep), "the frame fetches it"
    assert "The brief &lt;b&gt;</pre>" in await page(browser, f"{here}?preview=text")
    for look, rule in (("light", "@media not all {"), ("dark", "@media all {")):
        async with browser.get(f"{here}/brief?scheme={look}") as response:
            assert rule in await response.text()
            assert "sandbox" in response.headers["Content-Security-Policy"]
    assert len(requested(gateway, q.PreviewPrep)) == 3
    world.brief_refused = Refused(429, "too_many_briefs", "Too many <b>briefs</b>.")
    async with browser.get(f"{here}/brief") as response:
        assert (response.status, response.content_type) == (429, "text/plain")
        assert await response.text() == "Too many <b>briefs</b>."
        assert response.headers["X-Frame-Options"] == "SAMEORIGIN", "the frame shows it"


async def test_the_meetings_that_were_and_the_dry_run_state_in_words_why_there_was_no_brief(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    world.starts_at = datetime.now(UTC) - timedelta(minutes=10)
    assert ESCAPED in await page(browser, "/meetings"), "it is under way"
    assert ESCAPED not in await page(browser, "/meetings?past"), "it is not over"
    world.starts_at = datetime.now(UTC) - timedelta(days=2)
    assert ESCAPED not in await page(browser, "/meetings")
    html = await page(browser, "/meetings?past")
    assert ESCAPED in html
    assert "no brief: nobody is a known contact" in html
    assert "/meetings?past&amp;back=1" in html
    for back in ("1", "99999999999999999999", "-1", "x"):
        await page(browser, f"/meetings?past&back={back}")
    world.dry_run_lines = tuple(
        q.DryRunLine(
            meeting_id=MeetingId(new_id()),
            title=HOSTILE,
            starts_at=world.starts_at,
            would_send=not reason,
            reason=reason,
        )
        for reason in ("", "declined", "nobody_known")
    )
    shown = texts(await page(browser, "/meetings/dry-run"))
    assert "Of your 3 meetings in the last 30 days, 1 would have got a brief" in shown
    assert "no brief: you declined" in shown
    world.dry_run_lines = world.dry_run_lines[1:2]
    alone = texts(await page(browser, "/meetings/dry-run"))
    assert "Your only meeting of the last 30 days would have got no brief by the settings of today." in alone
    assert "no brief: nobody you know" in shown
    world.model_calls = tuple(
        q.ModelCall(
            meeting_id=world.meeting.meeting_id, called_at=world.starts_at, host=HOSTILE, model="claude-haiku-4-5", characters=2_345,
            guests=2, interactions=7, bios=1, outcome=outcome, input_tokens=1_200, output_tokens=150, cost_usd=0.00195,
        )
        for outcome in ("answered", "timeout")
    )  # fmt: skip
    html = await page(browser, "/settings/ai")
    shown = texts(html)
    assert "written by claude-haiku-4-5 at api.anthropic.com" in shown
    assert "$0.0123 of $0.50 are used today" in shown
    assert "2 guests, 7 interactions and 1 bio" in shown
    assert "not answered in time" in shown
    assert "$0.0039 in all" in shown
    assert ESCAPED not in html
    assert "<img src=x" not in html
    world.model_calls, world.model_host = (), ""
    assert "Nothing is sent: there is no key." in texts(await page(browser, "/settings/ai"))


async def test_why_an_email_is_missing_is_answered_by_its_id_in_every_account_and_by_words_of_its_subject(
    gateway: RunningGateway, browser: aiohttp.ClientSession
) -> None:
    world = gateway.world
    person = world.add(world.alice, contact("Carol", "carol@example.com"))
    theirs = world.add(world.bob, contact("Dan", "dan@example.com"))
    here = f"/why?contact_id={person.id}"
    assert "It is not known here." in await page(browser, f"{here}&message_id=%3Ca%40mail.example%3E")
    owners = (
        q.TimelineOwner(id=person.id, name="Carol"),
        q.TimelineOwner(id=ContactId(new_id()), name=HOSTILE, archived=True),
    )
    shared: dict[str, Any] = {
        "interaction_id": InteractionId(new_id()),
        "occurred_at": NOW,
        "title": HOSTILE,
        "text": "Signed?",
    }
    world.mails = (
        q.FoundMail(**shared, sender="ann@x.example", owners=owners, owners_total=7),
        q.FoundMail(**shared, automated="list"),
    )
    for asked in (f"{here}&message_id=the%20contract", "/why?message_id=the%20contract"):
        html = await page(browser, asked)
        assert [query.q for query in requested(gateway, q.FindMail)] == ["the contract"], "on whosever timeline"
        gateway.world.requests.clear()
        assert f"/contacts/{person.id}?q=the%20contract#i-{shared['interaction_id']}" in html
        assert "(archived) and 5 more." in texts(html)
        assert "it was sent automatically" in html
        assert "<img src=x" not in html
    world.mails = ()
    assert "No recorded mail has “ the contract ”" in texts(await page(browser, f"{here}&message_id=the%20contract"))
    assert "Find out" in await page(browser, "/why")
    assert "Show original" in await page(browser, "/why?message_id=words")
    for contact_id in (theirs.id, "nobody"):
        assert (await browser.get(f"/why?contact_id={contact_id}&message_id=a%40b")).status == 404


async def test_what_is_large_goes_over_the_wire_compressed_where_that_is_asked_for(gateway: RunningGateway) -> None:
    session = gateway.browser(**HTML)
    async with session as browser:
        for path in ("/", "/contacts", "/meetings", "/settings"):
            async with browser.get(path, headers={"Accept-Encoding": "gzip, br"}) as response:
                assert response.headers["Content-Encoding"] == "gzip", path
                assert response.headers["Vary"] == "Accept-Encoding, Sec-Fetch-Site"
                assert "</html>" in await response.text()
        for refused in ("", "identity", "br", "gzip;q=0", "gzip; q=0.0"):
            async with browser.get("/", headers={"Accept-Encoding": refused}) as response:
                assert "Content-Encoding" not in response.headers, refused
        led_here = {"Accept-Encoding": "gzip", "Sec-Fetch-Site": "cross-site"}
        async with browser.get("/contacts?q=guess", headers=led_here) as response:
            assert "Content-Encoding" not in response.headers, "its length is not to be compared with a guess"
    async with aiohttp.ClientSession(gateway.url, auto_decompress=False) as program:
        home = await (await program.get("/login", headers={"Accept-Encoding": "identity"})).text()
        weight = 0
        for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', home):
            body = await (await program.get(path, headers={"Accept-Encoding": "gzip"})).read()
            weight += len(body)
            assert gzip.decompress(body) if path.endswith((".css", ".js")) else body
        assert weight < 40_000
        async with program.get("/health/live", headers={"Accept-Encoding": "gzip"}) as response:
            assert "Content-Encoding" not in response.headers, "too small to be worth it"
