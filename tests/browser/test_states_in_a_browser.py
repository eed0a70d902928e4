"""What is not every day: something is not there, was refused, or has no connection; and a setting that changes what a page promises."""

import asyncio
import re
from urllib.parse import urlencode

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import DESKTOP, LOOKS, Visit
from tests.support.product import Product

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
expect.set_options(timeout=15_000)
NOBODY = "/contacts/00000000-0000-0000-0000-000000000000"


async def open_until_it_shows(page: Page, address: str, place: Locator, text: re.Pattern[str]) -> str:
    """Open the page until this place shows the text: what a setting changes reaches the services one after the other."""
    async with asyncio.timeout(15):
        while True:
            await page.goto(address)
            shown = await place.inner_text()
            if text.search(shown):
                return shown
            await asyncio.sleep(0.1)


async def test_the_other_pages_and_every_refusal_are_accessible_too(running: Product, visit: Visit) -> None:
    account = (await running.person.call("GET", "/accounts"))["items"][0]
    (priya,) = (await running.person.call("GET", "/contacts", q="Priya Raman"))["items"]
    async with visit(**LOOKS["phone"], color_scheme="dark") as visitor:
        page = visitor.page
        await visitor.open("/meetings")
        meeting = await page.locator("main a.row").first.get_attribute("href")
        for path in (
            "/contacts/duplicates", "/meetings/dry-run", f"{meeting}?preview=dark", f"{meeting}?preview=text",
            f"/settings/accounts/{account['id']}", f"/settings/accounts/{account['id']}/disconnect",
            f"/why?contact_id={priya['id']}&message_id=nobody%40sent.example", "/api/v1/docs",
        ):  # fmt: skip
            await visitor.open(path)
            await visitor.check()
        await visitor.open(NOBODY)
        visitor.forgive("status of 404")
        await expect(page.locator("main")).to_contain_text("There is no such contact.")
        await visitor.check_in_both_lights()
        await visitor.open("/contacts/new")
        await page.locator("form.narrow [name=email]").fill(priya["emails"][0])
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("Priya Raman")
        visitor.forgive("status of 409")
        await visitor.check_in_both_lights()


async def test_without_a_connection_a_line_states_it_and_takes_it_back(running: Product, visit: Visit) -> None:
    async with visit() as visitor:
        page, line = visitor.page, visitor.page.locator("#offline")
        async with page.expect_request("**/events*"):
            await visitor.open("/")
        await page.context.set_offline(True)
        await expect(line).to_contain_text("No connection. What you see may be old.")
        await visitor.check_in_both_lights()
        await page.context.set_offline(False)
        await expect(line).to_contain_text("Connected again.")


async def test_a_setting_changes_what_a_page_promises_and_is_undone_by_a_click(running: Product, visit: Visit) -> None:
    async with visit() as visitor:
        page = visitor.page
        await visitor.open("/meetings")
        promised = page.locator("main a.row", has_text="brief at").last
        meeting = visitor.url + (await promised.get_attribute("href") or "")
        other = await page.context.new_page()
        visitor.watch(other)
        state = other.locator("#brief-state")
        before = await open_until_it_shows(other, meeting, state, re.compile(r"^at \d\d:\d\d$"))
        await visitor.open("/settings")
        briefs = page.locator("[name=meeting_prep_enabled]")
        await briefs.uncheck()
        await expect(page.locator("#briefs .saved")).to_contain_text("Saved.")
        await visitor.check_in_both_lights()
        await open_until_it_shows(other, meeting, state, re.compile("briefs are turned off"))
        await page.get_by_role("button", name="Undo").click()
        await expect(briefs).to_be_checked()
        assert await open_until_it_shows(other, meeting, state, re.compile(r"^at \d\d:\d\d$")) == before
        await visitor.check()


async def test_an_assistant_is_allowed_by_a_click_and_the_browser_goes_back_to_it(
    running: Product, visit: Visit
) -> None:
    callback = "http://127.0.0.1:3030/callback"
    async with visit() as visitor:
        page = visitor.page
        await page.route(f"{callback}*", lambda route: route.fulfill(body="back"))
        body = {"client_name": "Claude", "redirect_uris": [callback]}
        client = await (await page.request.post(f"{visitor.url}/oauth/register", data=body)).json()
        query = {
            "client_id": client["client_id"], "redirect_uri": callback, "response_type": "code", "scope": "read write",
            "code_challenge": "c" * 43, "code_challenge_method": "S256", "state": "s",
        }  # fmt: skip
        await visitor.open(f"/oauth/authorize?{urlencode(query)}")
        await expect(page.get_by_role("heading", level=1)).to_have_text("May an assistant use PingCRM?")
        panel = await page.locator(".panel").bounding_box()
        assert panel
        assert panel["x"] * 2 + panel["width"] == DESKTOP["width"], "it stands in the middle"
        await visitor.check_in_both_lights()
        allow = page.get_by_role("button", name="Allow", exact=True)
        await expect(allow).to_have_css("animation-name", "withheld")  # where nothing hovers: not at once, either
        place = await allow.bounding_box()
        assert place
        await page.mouse.move(place["x"] + 5, place["y"] + 5)
        await page.mouse.down()  # the second half of a double click that began on another site's window
        await page.mouse.up()
        await expect(page.get_by_role("heading", level=1)).to_have_text("May an assistant use PingCRM?")
        await allow.click()  # once the pointer has rested; what is answered already would be gone
        await page.wait_for_url(f"{callback}?code=*")
        assert "&state=s&iss=" in page.url
        visitor.forgive("http://127.0.0.1:3030")  # that it went there
