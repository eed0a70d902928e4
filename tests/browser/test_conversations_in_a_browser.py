"""Conversations on a timeline: opened where they stand, live while they are open, and on a page of their own without JavaScript."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_pages_in_a_browser import mail, person_called
from tests.support.product import Product

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
expect.set_options(timeout=15_000)
THREAD = "0f01ded000000001"


async def write(it: Product, priya: dict[str, Any], number: int, *, days_ago: int) -> None:
    """Priya sends the next message of one conversation."""
    me = (await it.google.addresses())[0]
    sent = mail(f"Priya Raman <{priya['emails'][0]}>", me, f"Draft {number}", "As we said.", days_ago=days_ago)
    await it.google.control("POST", f"/accounts/{me}/messages", {**sent, "threadId": THREAD})


def drafts(*numbers: int) -> list[re.Pattern[str]]:
    return [re.compile(f"Draft {number}") for number in numbers]


async def test_a_conversation_is_opened_where_it_stands_and_goes_on_while_it_is_open(
    running: Product, visit: Visit
) -> None:
    priya = await person_called(running, "Priya Raman")
    async with visit() as visitor, visit(java_script_enabled=False) as reader:
        page = visitor.page
        async with page.expect_request("**/api/v1/events*"):
            await visitor.open(f"/contacts/{priya['id']}")
        for number in (1, 2, 3):
            await write(running, priya, number, days_ago=4 - number)
        lines = page.locator("#recent .line", has_text="Draft")
        conversation = page.locator("#recent > .timeline > li", has_text="Draft 3")
        await expect(conversation.locator("summary")).to_have_text("3 messages")
        await expect(lines).to_have_text(drafts(3))
        await conversation.locator("summary").focus()
        await page.keyboard.press("Enter")
        await expect(lines).to_have_text(drafts(3, 2, 1))
        await visitor.check()
        await write(running, priya, 4, days_ago=0)
        await expect(lines).to_have_text(drafts(4, 3, 2, 1))
        conversation = page.locator("#recent > .timeline > li", has_text="Draft 4")
        await expect(conversation.locator("summary")).to_have_text("4 messages")
        await expect(conversation.locator("details")).to_have_attribute("open", "")
        await page.keyboard.press("Escape")
        await expect(conversation.locator("details")).not_to_have_attribute("open", "")
        await conversation.locator("summary").click()
        await expect(lines).to_have_text(drafts(4, 3, 2, 1))
        await page.locator("#find").fill("draft 2")
        await expect(lines).to_have_text(drafts(2))
        await visitor.check()
        await reader.open(f"/contacts/{priya['id']}")
        lines = reader.page.locator("#recent .line", has_text="Draft")
        await expect(lines).to_have_text(drafts(4))
        await reader.page.locator("#recent > .timeline > li", has_text="Draft 4").locator("summary").click()
        await reader.page.get_by_role("link", name="All 4 messages of this conversation").click()
        await expect(lines).to_have_text(drafts(4, 3, 2, 1))
        await reader.page.get_by_role("link", name="Show everything").click()
        await expect(lines).to_have_text(drafts(4))
        assert reader.complaints == []
