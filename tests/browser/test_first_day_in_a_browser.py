"""The first day of somebody new: sign in, watch the pages fill, read the first brief; and who permits less, or takes it back."""

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from libs.common.scopes import CALENDAR_READ
from libs.local.tick import tick
from tests.browser.conftest import Visit, Visitor
from tests.browser.newcomers import INES, NORA, OTTO
from tests.support.product import Product

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
expect.set_options(timeout=15_000)
READ = "Your mail is read: 6 messages, 1 meeting and 1 person are here"


async def brief_to(running: Product, address: str) -> dict[str, Any]:
    """The brief in this mailbox, once it is there."""
    async with asyncio.timeout(30):
        while True:
            for mail in await running.google.briefs():
                if mail["recipients"] == [address]:
                    return mail
            await asyncio.sleep(0.1)


async def open_mail(visitor: Visitor, html: str) -> Page:
    """A mail's HTML as a mail program shows it, in a window of its own."""
    window = await visitor.page.context.new_page()
    visitor.watch(window)
    await window.set_content(html)
    return window


async def test_the_first_day_leads_from_the_sign_in_to_the_brief_in_the_mailbox(running: Product, visit: Visit) -> None:
    lists = r"gmail\.users\.messages\.list|people\.people\.connections\.list|calendar\.events\.list"
    away = {"match": lists, "kind": "5xx", "account": NORA}  # nobody is there yet, however soon the page is looked at
    await running.google.control("PUT", "/faults", {"rules": [away]})
    async with visit(signed_in=False) as visitor:
        page, steps = visitor.page, visitor.page.locator(".steps li")
        await visitor.open("/")
        await expect(page).to_have_url(f"{visitor.url}/login")
        await visitor.check_in_both_lights()
        await page.locator("a.google").click()
        await visitor.choose_at_google(NORA)
        await expect(page.locator(".skeletons")).to_be_attached()
        await expect(steps.nth(0)).to_have_class("done")
        await visitor.check_in_both_lights()
        await running.google.control("PUT", "/faults", {"rules": []})

        # From here on the page is only looked at: it fills by itself.
        await page.evaluate("window.sameDocument = true")
        await expect(steps.nth(1)).to_contain_text(READ)
        await expect(page.locator("main a.row", has_text="Ines Holm").last).to_be_visible()
        await expect(steps.nth(2)).to_have_text(
            re.compile(r"Your first brief comes (?:today|tomorrow) at \d\d:\d\d, before Layouts with Ines$")
        )
        await visitor.check()
        await tick(running.stack.admin_nats_url, "prep")
        brief = await brief_to(running, NORA)
        await expect(page.locator("main a.row", has_text="Layouts with Ines")).to_contain_text("brief sent")
        await expect(steps).to_have_count(0)
        assert await page.evaluate("window.sameDocument")

        headers = dict(brief["headers"])
        assert re.fullmatch(r"Meeting prep: Layouts with Ines in \d\d minutes", headers["Subject"])
        window = await open_mail(visitor, brief["html"])
        await expect(window.get_by_role("heading", name="Layouts with Ines")).to_be_visible()
        await expect(window.locator("body")).to_contain_text(INES)
        await expect(window.locator("body")).to_contain_text("The chairs, part 0")
        await visitor.check_in_both_lights(window)
        link = window.get_by_role("link", name="Open the meeting in PingCRM")
        address = await link.get_attribute("href") or ""
        await link.click()
        await expect(window.get_by_role("heading", name="Layouts with Ines")).to_be_visible()
        await expect(window.locator("#brief-state")).to_contain_text("sent")
        await visitor.check(window)
    async with visit(signed_in=False) as elsewhere:
        await elsewhere.page.goto(address)
        await expect(elsewhere.page).to_have_url(f"{elsewhere.url}/login")
        await elsewhere.page.locator("a.google").click()
        await elsewhere.choose_at_google(NORA)
        await expect(elsewhere.page).to_have_url(address)
        await expect(elsewhere.page.locator("#brief-state")).to_contain_text("sent")
        assert elsewhere.complaints == []


async def test_what_was_not_permitted_is_off_in_words_and_begins_when_it_is_requested_again(
    running: Product, visit: Visit
) -> None:
    async with visit(signed_in=False) as visitor:
        page = visitor.page
        await visitor.open("/settings")
        await page.locator("a.google").click()
        await visitor.choose_at_google(OTTO, without=CALENDAR_READ)
        card = page.locator("article.card")
        calendar = card.locator("[data-kind=calendar]")
        off = "PingCRM may not read your calendar, so meetings on timelines and briefs before meetings are off."
        await expect(card).to_contain_text(off)
        await expect(calendar).to_contain_text("not permitted")
        await expect(card.locator("[data-kind=mail]")).to_contain_text("up to date")
        await visitor.check_in_both_lights()
        for empty in ("/", "/contacts", "/meetings", "/notifications"):
            await visitor.open(empty)
            await visitor.check_in_both_lights()
        await visitor.open("/")
        await expect(page.locator(".notice", has_text=off)).to_be_visible()

        await page.get_by_role("link", name="Ask Google again").click()
        await visitor.choose_at_google(OTTO)
        await expect(page.locator("main a.row", has_text="Coffee with a stranger")).to_be_visible()
        await expect(page.locator(".notice", has_text=off)).to_have_count(0)
        await visitor.open("/settings")
        await expect(calendar).to_contain_text("1 new")
        await expect(card).not_to_contain_text(off)

        await running.google.control("POST", f"/accounts/{OTTO}/revoke")
        await card.get_by_role("button", name="Sync now").click()
        again = card.locator(".notice.bad")
        await expect(again).to_contain_text("Nothing that was read is lost")
        for path in ("/settings", "/"):
            await visitor.open(path)
            await visitor.check_in_both_lights()
        await page.get_by_role("link", name="Connect again").first.click()
        await visitor.choose_at_google(OTTO)
        await visitor.open("/settings")
        await expect(again).to_have_count(0)
        assert visitor.complaints == []
