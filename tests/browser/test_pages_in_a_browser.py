"""The pages as people use them: with a mouse, the keyboard alone, a phone, in the dark, without JavaScript."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from playwright.async_api import Response, Route, expect

from tests.browser.conftest import LOOKS, Visit, Visitor
from tests.support.product import Product

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
expect.set_options(timeout=15_000)


async def person_called(it: Product, name: str) -> dict[str, Any]:
    (found,) = [
        person for person in (await it.person.call("GET", "/contacts", q=name))["items"] if person["name"] == name
    ]
    whole: dict[str, Any] = await it.person.call("GET", f"/contacts/{found['id']}")
    return whole


def mail(sender: str, to: str, subject: str, text: str, *, days_ago: int = 0, **headers: str) -> dict[str, str]:
    """An RFC 822 mail of now, or of some days ago."""
    date = datetime.now(UTC) - timedelta(days=days_ago)
    lines = {
        "From": sender, "To": to, "Subject": subject, "Date": date.strftime("%a, %d %b %Y %H:%M:%S +0000"),
        "Message-ID": f"<{subject.replace(' ', '-')}@test.example>", **headers,
    }  # fmt: skip
    raw = "\r\n".join(f"{name}: {value}" for name, value in lines.items()) + f"\r\n\r\n{text}\r\n"
    return {"raw": raw, "internalDate": str(int(date.timestamp() * 1000))}


async def let_through(held: asyncio.Event, route: Route) -> None:
    """The request goes on once the event is set."""
    await held.wait()
    await route.continue_()


async def open_when_merge_is_offered(visitor: Visitor, contact_id: str) -> None:
    """Duplicates are found in the background: fetch the page anew until it has them."""
    async with asyncio.timeout(60):
        while True:
            await visitor.open(f"/contacts/{contact_id}")
            if await visitor.page.get_by_role("button", name="Merge").count():
                return
            await asyncio.sleep(0.2)


async def first_meeting(visitor: Visitor) -> str:
    await visitor.open("/meetings")
    return await visitor.page.locator("main a.row").first.get_attribute("href") or ""


@pytest.mark.parametrize("look", LOOKS)
async def test_every_page_is_accessible_fits_and_calls_nobody_else(running: Product, visit: Visit, look: str) -> None:
    priya = await person_called(running, "Priya Raman")
    async with visit(**LOOKS[look]) as visitor:
        meeting = await first_meeting(visitor)
        for path in (
            "/", "/contacts", "/contacts?q=nobody-at-all", "/contacts/new", f"/contacts/{priya['id']}", f"/contacts/{priya['id']}/edit",
            f"/contacts/{priya['id']}?edit=emails",
            "/meetings", "/meetings?past", meeting, f"{meeting}?preview", "/notifications", "/settings",
            "/settings/calendars", "/settings/ai", "/operations",
        ):  # fmt: skip
            await visitor.open(path)
            await visitor.check()


# From the last to the first: where the focus is, as far as it lies under the bar above or below.
_COVERED = """() => [...document.querySelectorAll("#people a.row")].reverse().map((row) => {
    row.focus();
    const [it, below, above] = [row, ...document.querySelectorAll(".bar, .side")].map((of) => of.getBoundingClientRect());
    return Math.max(above.bottom - it.top, below.top > 0 ? it.bottom - below.top : 0, 0);
})"""


@pytest.mark.parametrize("look", ["desktop", "phone"])
async def test_what_has_the_focus_lies_under_no_bar(running: Product, visit: Visit, look: str) -> None:
    async with visit(**LOOKS[look]) as visitor:
        await visitor.open("/contacts")
        covered = await visitor.page.evaluate(_COVERED)
        assert len(covered) > 20
        assert max(covered) < 1


async def test_the_keyboard_is_enough(running: Product, visit: Visit) -> None:
    async with visit() as visitor:
        page = visitor.page
        await visitor.open("/")
        await visitor.press("g", "p")
        await page.wait_for_url("**/contacts")
        await visitor.press("/")
        await page.keyboard.type("priya", delay=20)
        await expect(page.locator("#people a.row")).to_have_count(1)
        await page.keyboard.press("Escape")
        await visitor.press("j", "Enter")
        await expect(page.get_by_role("heading", name="Priya Raman")).to_be_visible()
        await visitor.press("n")
        await page.keyboard.type("Prefers <b>calls</b> in the morning")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator(".line", has_text="Prefers <b>calls</b> in the morning")).to_be_visible()
        for key, typed, name in (
            ("Escape", "Priya R. Raman", "Priya Raman"),
            ("Enter", "Priya R. Raman", "Priya R. Raman"),
            ("Enter", "Priya Raman", "Priya Raman"),  # the other tests know her by this name
        ):
            await visitor.press("e")
            await expect(page.locator("input[name=name]")).to_be_focused()
            await page.keyboard.press("Control+A")
            await page.keyboard.type(typed)
            await page.keyboard.press(key)
            await expect(page.locator("input[name=name]")).to_have_count(0)
            await expect(page.locator("h1")).to_have_text(re.compile(f"^{re.escape(name)}"))
        await visitor.press("?")
        await expect(page.locator("#shortcuts")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#shortcuts")).to_be_hidden()
        await visitor.check()


async def test_mail_appears_by_itself_in_every_tab_over_one_connection(running: Product, visit: Visit) -> None:
    priya = await person_called(running, "Priya Raman")
    me = (await running.google.addresses())[0]
    async with visit() as visitor:
        streams: list[str] = []
        tabs = [visitor.page, *[await visitor.page.context.new_page() for _ in range(2)]]
        for tab in tabs:
            tab.on("request", lambda request: streams.append(request.url) if "/api/v1/events" in request.url else None)
            await tab.goto(f"{visitor.url}/contacts/{priya['id']}")
        arriving = mail(f"Priya Raman <{priya['emails'][0]}>", me, "The new colours", "What do you think of green?")
        await running.google.control("POST", f"/accounts/{me}/messages", arriving)
        for tab in tabs:
            await expect(tab.locator(".line.they", has_text="What do you think of green?")).to_be_visible()
        assert len(streams) == 1
        await visitor.check()


async def test_mail_that_arrives_while_a_page_is_on_its_way_appears_by_itself(running: Product, visit: Visit) -> None:
    """In the tab with the stream, which opens late; and in another, whose script comes late."""
    priya = await person_called(running, "Priya Raman")
    me = (await running.google.addresses())[0]
    path = f"/contacts/{priya['id']}"

    def arriving(subject: str) -> dict[str, str]:
        return mail(f"Priya Raman <{priya['emails'][0]}>", me, subject, f"{subject} came.")

    async with visit() as visitor:
        page, second = visitor.page, await visitor.page.context.new_page()
        for tab, pattern, subject in ((page, "**/api/v1/events*", "Amber"), (second, "**/page.js", "Beige")):
            held = asyncio.Event()
            await tab.route(pattern, partial(let_through, held))
            await tab.goto(visitor.url + path, wait_until="commit")
            await expect(tab.locator("#recent")).to_be_visible()
            async with running.person.http.get(f"{running.person.url}/api/v1/events") as events:
                await running.google.control("POST", f"/accounts/{me}/messages", arriving(subject))
                await events.content.readuntil(f'["{priya["id"]}"]'.encode())  # the change went by
            held.set()
            await expect(tab.locator("#recent .line.they", has_text=f"{subject} came.")).to_be_visible()
        await visitor.check()


async def test_mail_sent_with_the_copied_bcc_address_appears(running: Product, visit: Visit) -> None:
    priya = await person_called(running, "Priya Raman")
    me = (await running.google.addresses())[0]
    async with visit(permissions=["clipboard-read", "clipboard-write"]) as visitor:
        await visitor.open(f"/contacts/{priya['id']}")
        await visitor.press("c")
        await expect(visitor.page.locator("#message")).to_have_text("Copied.")
        bcc = await visitor.page.evaluate("navigator.clipboard.readText()")
        assert priya["bcc_hash"] in bcc
        sent = mail(f"Maya <{me}>", "somebody@else.example", "About Priya", "She will like it.", Bcc=bcc)
        await running.google.control("POST", f"/accounts/{me}/messages", {**sent, "labelIds": ["SENT"]})
        line = visitor.page.locator(".line.you", has_text="She will like it.")
        await expect(line).to_be_visible()
        await expect(line).to_contain_text("BCC")
        await visitor.check()


async def test_without_javascript_everything_is_done_by_forms(running: Product, visit: Visit) -> None:
    async with visit(java_script_enabled=False) as visitor:
        page = visitor.page
        await visitor.open("/contacts")
        await page.locator("main [name=q]").fill("priya")
        await page.locator("main").get_by_role("button", name="Show").click()
        await page.locator("#people a.row").first.click()
        await page.locator("summary", has_text="Write a note").click()
        await page.locator("#note").fill("Written without a script")
        await page.get_by_role("button", name="Save the note").click()
        await expect(page.locator(".line", has_text="Written without a script")).to_be_visible()
        await page.get_by_role("link", name="Edit all").click()
        await page.locator("[name=title]").fill("Head of Type")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#person")).to_contain_text("Head of Type")
        await visitor.open("/settings")
        await page.locator("[name=meeting_prep_private]").check()
        await page.locator("#briefs").get_by_role("button", name="Save").click()
        await expect(page.get_by_role("status").first).to_contain_text("Saved.")
        assert (await running.person.call("GET", "/settings"))["gmail"]["meeting_prep_private"] is True
        assert visitor.complaints == []


async def test_a_merge_is_one_click_and_so_is_its_undo(running: Product, visit: Visit) -> None:
    made = [
        await running.person.call(
            "POST", "/contacts", {"name": "Ada Example", "phones": ["+46701740999"], "emails": [f"ada{n}@x.example"]}
        )
        for n in (1, 2)
    ]
    async with visit() as visitor:
        page = visitor.page
        await open_when_merge_is_offered(visitor, made[0]["id"])
        await page.get_by_role("button", name="Merge").first.click()
        await expect(page.locator("#person")).to_contain_text("ada2@x.example")
        await visitor.check()
        await page.get_by_role("button", name="Undo").click()
        await expect(page.locator("#person")).not_to_contain_text("ada2@x.example")
        again = await running.person.call("GET", f"/contacts/{made[1]['id']}")
        assert again["emails"] == ["ada2@x.example"]


async def test_mail_that_comes_in_does_not_move_what_one_reads(running: Product, visit: Visit) -> None:
    priya = await person_called(running, "Priya Raman")
    me = (await running.google.addresses())[0]
    async with visit(viewport={"width": 1280, "height": 480}) as visitor:
        page = visitor.page
        await visitor.open(f"/contacts/{priya['id']}")
        thread = page.locator("#recent details.thread").last
        await thread.locator("summary").click()
        await expect(thread.locator(".line").first).to_be_visible()
        await page.locator(".note summary").click()
        await page.locator("#note").fill("Half a thought")
        reading = page.locator("#recent > .timeline > li").last
        await reading.scroll_into_view_if_needed()
        before = await reading.bounding_box()
        arriving = mail(f"Priya Raman <{priya['emails'][0]}>", me, "Another colour", "Or rather blue?")
        await running.google.control("POST", f"/accounts/{me}/messages", arriving)
        await expect(page.locator("#recent .line.they", has_text="Or rather blue?")).to_have_count(1)
        # The browser keeps the place of what is read when it draws the next frame.
        await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        after = await reading.bounding_box()
        assert before is not None
        assert after is not None
        assert abs(after["y"] - before["y"]) < 2, "it stays where it was"
        await expect(thread).to_have_attribute("open", "")
        await expect(thread.locator(".line").first).to_be_visible()
        await expect(page.locator("#note")).to_have_value("Half a thought")
        await visitor.check()


async def test_one_note_after_a_meeting_is_on_the_pages_of_its_guests(running: Product, visit: Visit) -> None:
    async with visit() as visitor:
        page = visitor.page
        await visitor.open("/meetings?past")
        await page.locator("main a.row", has_text="Erik Lindqvist").first.click()
        await page.locator("#note-text").fill("They want <b>green</b>.")
        for button in ("Save the note", "Save the change"):
            await page.get_by_role("button", name=button).click()
            await expect(page.get_by_role("status").first).to_contain_text("Erik Lindqvist")
        await visitor.check()
        await page.locator(".guests a", has_text="Erik Lindqvist").click()
        await page.get_by_role("link", name="notes", exact=True).click()
        await expect(page.locator("#recent .line", has_text="They want <b>green</b>.")).to_have_count(1)
        await visitor.check()


async def test_why_an_email_is_missing_is_answered_on_the_persons_page(running: Product, visit: Visit) -> None:
    priya = await person_called(running, "Priya Raman")
    me = (await running.google.addresses())[0]
    sent = mail(f"Priya Raman <{priya['emails'][0]}>", me, "Where is it", "It is here.", days_ago=3)
    async with visit() as visitor:
        page = visitor.page
        async with page.expect_request("**/api/v1/events*"):
            await visitor.open(f"/contacts/{priya['id']}")
        await running.google.control("POST", f"/accounts/{me}/messages", sent)
        await expect(page.locator("#recent .line", has_text="It is here.")).to_have_count(1)
        await page.locator(".why summary").click()
        await page.locator(".why [name=message_id]").fill("<Where-is-it@test.example>")
        await page.keyboard.press("Enter")
        await expect(page.locator("#why")).to_contain_text("It is on the timeline of Priya Raman")
        await visitor.check()


async def something_comes_meanwhile(route: Route) -> None:
    """An event arrives before the reply does: what is shown is fetched anew behind it."""
    await route.request.frame.evaluate("document.body.dispatchEvent(new CustomEvent('resync'))")
    await route.continue_()


def fetched_anew(response: Response) -> bool:
    request = response.request
    return (
        request.headers.get("hx-target", "").endswith("#live")
        and request.redirected_from is None
        and request.method == "GET"
    )


async def test_who_waits_is_on_the_home_page_until_it_is_dismissed(running: Product, visit: Visit) -> None:
    priya = await person_called(running, "Priya Raman")
    me = (await running.google.addresses())[0]
    async with visit() as visitor:
        page = visitor.page
        await visitor.open("/")
        for written in (
            mail(me, f"Priya Raman <{priya['emails'][0]}>", "Before the offer", "It is on its way.", days_ago=9),
            mail(f"Priya Raman <{priya['emails'][0]}>", me, "The offer", "Could you sign it?", days_ago=6),
        ):
            await running.google.control("POST", f"/accounts/{me}/messages", written)
        waiting = page.locator("#waiting .row", has_text="Priya Raman asked about The offer, 6 days ago")
        await expect(waiting).to_be_visible()
        await visitor.check()
        await page.route("**/waiting/*/dismiss", something_comes_meanwhile)
        async with page.expect_response(fetched_anew):
            await waiting.get_by_role("button").click()
        await expect(waiting).to_have_count(0)
        await visitor.check()
        await page.get_by_role("button", name="Undo").click()
        await expect(waiting).to_be_visible()
        await expect(page.get_by_role("button", name="Undo")).to_have_count(0)
        await waiting.get_by_role("button").click()
        await expect(waiting).to_have_count(0)
        await page.reload()
        await expect(page.locator("#next")).to_be_visible()
        await expect(waiting).to_have_count(0)
        await visitor.check()
