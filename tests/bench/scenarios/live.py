"""How soon an open page shows a mail after Gmail pushes it: from the moment it is in the mailbox until a browser has changed the page."""

import asyncio
from datetime import UTC, datetime
from time import time

from playwright.async_api import Page, async_playwright

from libs.google_sim.sample import generate_mailbox
from libs.local.demo.google import LocalGoogle
from libs.local.demo.person import Person, person_at
from tests.bench.figure import Figure, at_most, percentile
from tests.bench.mail import letter
from tests.bench.pushing import PUSHED, subscribe, until_watched
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import WAIT_SECONDS, google_with, product_at
from tests.browser.chromium import find_chromium

DELIVERIES = 40
PAUSE_SECONDS = 2.5  # Gmail notifies of a mailbox at most once a second, and a page that just changed may wait
ADDRESS = "owner@gmail.com"
# In the page: the moment when a text is there, in milliseconds since 1970, as this machine's clock has it.
_WHEN_SHOWN = """text => new Promise(resolve => {
    const look = () => document.body.textContent.includes(text) && (observer.disconnect(), resolve(Date.now()))
    const observer = new MutationObserver(look)
    observer.observe(document.body, {childList: true, subtree: true, characterData: true})
    look()
})"""


async def run(setting: Setting) -> list[Figure]:
    chromium = await asyncio.to_thread(find_chromium)
    if chromium is None:
        raise RuntimeError("No Chromium is installed: `make browser` fetches one.")
    mailbox = generate_mailbox(ADDRESS, 20, seed=1, now=datetime.now(UTC))
    setting.publish("starting")
    async with (
        google_with(setting.folder, [mailbox]) as google,
        product_at(setting.folder, google, PUSHED) as product,
        person_at(product.url) as person,
        async_playwright() as playwright,
    ):
        await subscribe(google, product)
        await person.sign_in(ADDRESS)
        await google.control("POST", f"/accounts/{ADDRESS}/messages", letter(ADDRESS, "the first one"))
        await product.settled(person)
        await until_watched(google)
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page()
        await _open_author(page, person)
        count = setting.size(DELIVERIES, 3)
        setting.publish(f"{count} deliveries")
        seen = [await _delivered(google, page, f"delivery-{number:03}") for number in range(count)]
        await browser.close()
    how = f"{count} deliveries, one each {PAUSE_SECONDS} s; from just before the delivery until the author's open page has the subject"
    return [
        Figure("push to changed page, p50", percentile(seen, 50), "ms", how),
        Figure("push to changed page, p95", percentile(seen, 95), "ms", "the same", at_most(200)),
    ]


async def _open_author(page: Page, person: Person) -> None:
    """The page of who writes, signed in as the person is."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not (found := (await person.call("GET", "/contacts", q="Ada Byron"))["items"]):
            await asyncio.sleep(0.1)
    await page.context.add_cookies(
        [{"name": cookie.key, "value": cookie.value, "url": person.url} for cookie in person.http.cookie_jar]
    )
    await page.goto(f"{person.url}/contacts/{found[0]['id']}")
    await page.wait_for_load_state("load")


async def _delivered(google: LocalGoogle, page: Page, subject: str) -> float:
    """Milliseconds."""
    await asyncio.sleep(PAUSE_SECONDS)
    shown = asyncio.ensure_future(page.evaluate(_WHEN_SHOWN, subject))
    await asyncio.sleep(0.1)  # the observer is in the page
    begun = time()
    await google.control("POST", f"/accounts/{ADDRESS}/messages", letter(ADDRESS, subject))
    async with asyncio.timeout(20):
        return float(await shown) - begun * 1000


SCENARIO = Scenario("live", "How soon does an open page show new mail?", run, limit_seconds=300)
