"""One running product for all browser tests, and a browser in which every complaint of a page is a failure.

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
from playwright.async_api import Browser, Page, Request, async_playwright

from libs.google_sim.sample import sample
from tests.browser.chromium import find_chromium
from tests.browser.newcomers import nora, otto
from tests.support.product import Product, product

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": DESKTOP},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "is_mobile": True, "has_touch": True},
}
# Whatever is named here breaks the page for somebody.
SERIOUS = {"serious", "critical"}


@dataclass
class Visitor:
    """A person at a browser. `complaints` collects what no page may cause."""

    page: Page
    url: str
    google_url: str
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def press(self, *keys: str) -> None:
        """Press the keys once the page has its script."""
        await self.page.wait_for_load_state()
        for key in keys:
            await self.page.keyboard.press(key)

    async def check(self, page: Page | None = None) -> None:
        """Nothing was complained about, nothing hangs over the side, and axe finds nothing serious on the page that is looked at."""
        page = page or self.page
        assert self.complaints == []
        width = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, f"{page.url} is {width} px wider than the screen"
        results = await Axe().run(page)
        violations = [found for found in results.response["violations"] if found["impact"] in SERIOUS]
        assert violations == [], f"{page.url}\n{results.generate_report()}"

    async def check_in_both_lights(self, page: Page | None = None) -> None:
        """As `check`, on a wide screen by day and on a phone by night."""
        page = page or self.page
        for size, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
            await page.set_viewport_size(size)  # type: ignore[arg-type]
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            await self.check(page)

    async def choose_at_google(self, address: str, *, without: str = "") -> None:
        """At Google's consent: untick a permission, and go on as this account, until the browser is back."""
        if without:
            await self.page.locator(f'[name=scope][value="{without}"]').uncheck()
        await self.page.locator(f'button[value="{address}"]').click()
        await self.page.wait_for_url(f"{self.url}/**")

    def forgive(self, text: str) -> None:
        """What the browser itself writes to its console where a request fails as it is meant to: that it has, and nothing else."""
        assert self.complaints, "nothing has failed"
        assert [found for found in self.complaints if text not in found] == []
        self.complaints.clear()

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self._complain(message.type == "error", f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: self._complain(True, f"{page.url}: {error}"))
        page.on("request", lambda request: self._complain(self._leads_away(request), f"request to {request.url}"))

    def _complain(self, is_complaint: bool, text: str) -> None:
        if is_complaint:
            self.complaints.append(text)

    def _leads_away(self, request: Request) -> bool:
        """Whoever signs in goes to Google. No page sends anything there, or anywhere else."""
        at_google = request.is_navigation_request() and request.url.startswith(self.google_url)
        return not at_google and not request.url.startswith((self.url, "data:", "blob:", "about:"))


Visit = Callable[..., AbstractAsyncContextManager[Visitor]]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    """The product with the sample, imported, and two accounts of people who have not signed in; it looks for new mail every second."""
    folder: Path = tmp_path_factory.mktemp("product")
    now = datetime.now(UTC)
    accounts = [*sample(now), nora(now), otto(now)]
    async with product(folder, accounts, settings={"PINGCRM_MAIL_POLL_SECONDS": "1"}) as it:
        await it.person.sign_in(accounts[0].address)
        await it.settle()
        yield it


@pytest_asyncio.fixture(scope="package", loop_scope="session")
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


@pytest.fixture(scope="package")
def visit(running: Product, chromium: Browser) -> Visit:
    """`async with visit(color_scheme="dark", …) as visitor`: a fresh browser profile with the session of the person, or with none."""

    @asynccontextmanager
    async def visiting(*, signed_in: bool = True, **options: Any) -> AsyncIterator[Visitor]:
        context = await chromium.new_context(
            **{"viewport": DESKTOP, "timezone_id": "Europe/Stockholm", "locale": "en-GB", **options}
        )
        cookies = running.person.http.cookie_jar if signed_in else ()
        await context.add_cookies(
            [
                {"name": cookie.key, "value": cookie.value, "url": running.stack.url}
                for cookie in cookies
                if cookie.key == "pingcrm_session"
            ]
        )
        page = await context.new_page()
        visitor = Visitor(page, running.stack.url, running.google.url)
        visitor.watch(page)
        try:
            yield visitor
        finally:
            await context.close()

    return visiting
