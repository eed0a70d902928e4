"""One running product for all browser tests of a module, and a browser in which every complaint of a page is a failure.

Where no Chromium is found the tests are skipped with a reason; with PINGCRM_BROWSER=required they fail.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

from libs.google_sim.sample import sample
from tests.browser.chromium import find_chromium
from tests.support.product import Product, product

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
# Whatever is named here breaks the page for somebody.
SERIOUS = {"serious", "critical"}


@dataclass
class Visitor:
    """A person at a browser who is signed in. `complaints` collects what no page may cause."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def press(self, *keys: str) -> None:
        """Press the keys once the page has its script."""
        await self.page.wait_for_load_state()
        for key in keys:
            await self.page.keyboard.press(key)

    async def check(self) -> None:
        """Nothing was complained about, nothing hangs over the side, and axe finds nothing serious."""
        assert self.complaints == []
        width = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, f"{self.page.url} is {width} px wider than the screen"
        results = await Axe().run(self.page)
        violations = [found for found in results.response["violations"] if found["impact"] in SERIOUS]
        assert violations == [], f"{self.page.url}\n{results.generate_report()}"

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self._complain(message.type == "error", f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: self._complain(True, f"{page.url}: {error}"))
        page.on("request", lambda request: self._complain(self._leads_away(request.url), f"request to {request.url}"))

    def _complain(self, is_complaint: bool, text: str) -> None:
        if is_complaint:
            self.complaints.append(text)

    def _leads_away(self, url: str) -> bool:
        return not url.startswith((self.url, "data:", "blob:"))


Visit = Callable[..., AbstractAsyncContextManager[Visitor]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    """The product with the sample, imported; it looks for new mail every second."""
    folder: Path = tmp_path_factory.mktemp("product")
    accounts = sample(datetime.now(UTC))
    async with product(folder, accounts, settings={"PINGCRM_MAIL_POLL_SECONDS": "1"}) as it:
        await it.person.sign_in(accounts[0].address)
        await it.settle()
        yield it


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = await asyncio.to_thread(find_chromium)
    if path is None:
        reason = "no Chromium is installed: `make browser` fetches one"
        if os.environ.get("PINGCRM_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        # Inside of containers there is no sandbox for Chromium; it sees our own pages only.
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
def visit(running: Product, chromium: Browser) -> Visit:
    """`async with visit(dark=True, …) as visitor`: a fresh browser profile with the session of the person."""

    @asynccontextmanager
    async def visiting(**options: Any) -> AsyncIterator[Visitor]:
        context = await chromium.new_context(
            **{"viewport": DESKTOP, "timezone_id": "Europe/Stockholm", "locale": "en-GB", **options}
        )
        cookies = running.person.http.cookie_jar
        await context.add_cookies(
            [
                {"name": cookie.key, "value": cookie.value, "url": running.stack.url}
                for cookie in cookies
                if cookie.key == "pingcrm_session"
            ]
        )
        page = await context.new_page()
        visitor = Visitor(page, running.stack.url)
        visitor.watch(page)
        try:
            yield visitor
        finally:
            await context.close()

    return visiting
