"""`make screens`: every page and state of the product as pictures in docs/screens: desktop, phone and dark, on the built-in sample.

Exit code 0: all are there; 1: no Chromium can be had.
"""

import argparse
import asyncio
import io
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from libs.google_sim.account import CalendarData
from libs.google_sim.sample import sample
from libs.local.demo.person import Person
from tests.browser.chromium import find_chromium
from tests.support.product import Product, product

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOOKS: Mapping[str, dict[str, Any]] = {
    "desktop": {"viewport": DESKTOP},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "is_mobile": True, "has_touch": True},
}
# A page that goes on for ever is shown by its beginning.
LONGEST = 2600
SCORED_SECONDS = 60
WEBP = {"format": "WEBP", "quality": 78, "method": 6}

Act = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True)
class Screen:
    """A page in a state. `path` may name one of the things that `Things` finds; `act` is what somebody does there."""

    name: str
    path: str
    act: Act | None = None
    signed_in: bool = True


async def _search_for_nobody(page: Page) -> None:
    await page.locator("main [name=q]").fill("nobody at all")
    await page.locator(".empty").first.wait_for()


async def _list_keys(page: Page) -> None:
    await page.keyboard.press("?")
    await page.locator("#shortcuts").wait_for()


async def _open_conversation(page: Page) -> None:
    conversation = page.locator("#recent details.thread:not(.bulk)").first
    await conversation.locator("summary").click()
    await conversation.locator(".line").first.wait_for()


async def _list_parts(page: Page) -> None:
    await page.locator(".relationship summary").click()


async def _lose_the_network(page: Page) -> None:
    await page.context.set_offline(True)
    await page.locator("#offline:not([hidden])").wait_for()


FIRST_RUN = (Screen("sign-in", "/login", signed_in=False), Screen("first-run", "/"))
SCREENS = (
    Screen("home", "/"),
    Screen("people", "/contacts"),
    Screen("people-nobody-found", "/contacts", _search_for_nobody),
    Screen("people-going-cold", "/contacts?going_cold=yes"),
    Screen("people-duplicates", "/contacts/duplicates"),
    Screen("person", "/contacts/{amara}"),
    Screen("person-relationship", "/contacts/{amara}", _list_parts),
    Screen("person-conversation", "/contacts/{lukas}", _open_conversation),
    Screen("person-field", "/contacts/{amara}?edit=title"),
    Screen("person-edit", "/contacts/{amara}/edit"),
    Screen("person-duplicate", "/contacts/{twin}"),
    Screen("person-long-name", "/contacts/{long}"),
    Screen("person-new", "/contacts/new"),
    Screen("why", "/why?contact_id={amara}&message_id=nobody%40sent.example"),
    Screen("meetings", "/meetings"),
    Screen("meetings-past", "/meetings?past"),
    Screen("meetings-dry-run", "/meetings/dry-run"),
    Screen("meeting", "{meeting}"),
    Screen("meeting-brief-light", "{meeting}?preview=light"),
    Screen("meeting-brief-dark", "{meeting}?preview=dark"),
    Screen("meeting-brief-text", "{meeting}?preview=text"),
    Screen("notifications", "/notifications"),
    Screen("settings", "/settings"),
    Screen("settings-calendars", "/settings/calendars"),
    Screen("settings-ai", "/settings/ai"),
    Screen("operations", "/operations"),
    Screen("settings-account", "/settings/accounts/{account}"),
    Screen("settings-disconnect", "/settings/accounts/{account}/disconnect"),
    Screen("assistant", "{asked}"),
    Screen("keys", "/", _list_keys),
    Screen("offline", "/", _lose_the_network),
    Screen("not-found", "/contacts/00000000-0000-0000-0000-000000000000"),
)
LAST = (Screen("sign-in-again", "/"), Screen("settings-sign-in-again", "/settings"))


async def take_all(only: Sequence[str]) -> int:
    """Take the pictures whose name has one of these in it; all where there is none."""
    chromium = find_chromium()
    if chromium is None:
        print("No Chromium is installed: `make browser` fetches one.")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    accounts = sample(datetime.now(UTC))
    accounts[0].calendars += [
        CalendarData(f"{name}@group.calendar.google.com", name.title()) for name in ("family", "studio")
    ]
    with tempfile.TemporaryDirectory(prefix="pingcrm-screens-") as folder:
        Path(folder).chmod(0o755)
        async with product(Path(folder), accounts) as running, async_playwright() as playwright:
            # Inside of containers there is no sandbox for Chromium; it sees our own pages only.
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            camera = Camera(browser, running.person, only)
            await running.person.sign_in(accounts[0].address)
            await camera.take(FIRST_RUN, {})
            await running.settle()
            await _scored(running.person)
            await camera.take(SCREENS, await _things(running))
            await _revoke(running, accounts[0].address)
            await camera.take(LAST, {})
            await browser.close()
    print(f"{camera.taken} pictures in {FOLDER.relative_to(FOLDER.parents[1])}, {camera.size / 1e6:.1f} MB.")
    return 0


class Camera:
    """A browser that takes pictures of pages, as the person sees them."""

    def __init__(self, browser: Browser, person: Person, only: Sequence[str]) -> None:
        self._browser = browser
        self._person = person
        self._only = only
        self.taken = 0
        self.size = 0

    async def take(self, screens: tuple[Screen, ...], things: Mapping[str, str]) -> None:
        for look, options in LOOKS.items():
            for screen in screens:
                if not self._only or any(text in screen.name for text in self._only):
                    await self._take(screen, screen.path.format(**things), look, options)

    async def _take(self, screen: Screen, path: str, look: str, options: dict[str, Any]) -> None:
        context = await self._browser.new_context(timezone_id="Europe/Stockholm", locale="en-GB", **options)
        if screen.signed_in:
            await self._sign_in(context)
        page = await context.new_page()
        await page.goto(self._person.url + path)
        await page.wait_for_load_state()
        if screen.act:
            await screen.act(page)
        await _stretch(page, options["viewport"])
        picture = Image.open(io.BytesIO(await page.screenshot(animations="disabled")))
        target = FOLDER / f"{screen.name}-{look}.webp"
        picture.convert("RGB").save(target, **WEBP)
        await context.close()
        self.taken += 1
        self.size += target.stat().st_size
        print(f"{target.name}  {target.stat().st_size / 1000:.0f} kB", flush=True)

    async def _sign_in(self, context: BrowserContext) -> None:
        cookies = [cookie for cookie in self._person.http.cookie_jar if cookie.key.endswith("pingcrm_session")]
        await context.add_cookies(
            [{"name": found.key, "value": found.value, "url": self._person.url} for found in cookies]
        )


async def _stretch(page: Page, viewport: Mapping[str, int]) -> None:
    """A screen as long as the page, so that what keeps to its edges is there in the picture, too."""
    height = await page.evaluate("document.documentElement.scrollHeight")
    await page.set_viewport_size({"width": viewport["width"], "height": max(viewport["height"], min(height, LONGEST))})


async def _scored(person: Person) -> None:
    """How close people are is computed in the background: wait until lists show it as their pages do."""
    async with asyncio.timeout(SCORED_SECONDS):
        while True:
            listed = (await person.call("GET", "/contacts", limit=200))["items"]
            pages = [await person.call("GET", f"/contacts/{found['id']}") for found in listed]
            shown = ("score", "last_interaction_at", "going_cold")
            if all(found[name] == page[name] for found, page in zip(listed, pages, strict=True) for name in shown):
                return
            await asyncio.sleep(0.5)


async def _things(running: Product) -> Mapping[str, str]:
    """What is shown in places that an id leads to, some of it made for the pictures."""
    person = running.person
    twins = [
        await person.call(
            "POST", "/contacts", {"name": "Ada Example", "phones": ["+46 70 174 09 99"], "emails": [address]}
        )
        for address in ("ada@analytical.example", "ada.example@home.example")
    ]
    long = await person.call(
        "POST", "/contacts", {"name": "Wolfeschlegelsteinhausen " * 8, "emails": ["w@long.example"]}
    )
    now = datetime.now(UTC).isoformat()
    meetings = (await person.call("GET", "/meetings", **{"from": now}))["items"]
    met = next(meeting for meeting in meetings if len(meeting["guests"]) > 1)
    return {
        **{name: (await person.call("GET", "/contacts", q=name))["items"][0]["id"] for name in ("amara", "lukas")},
        "twin": twins[0]["id"],
        "long": long["id"],
        "meeting": f"/meetings/{met['id']}",
        "account": (await person.call("GET", "/accounts"))["items"][0]["id"],
        "asked": await _asked(person),
    }


async def _asked(person: Person) -> str:
    """Where the person is asked whether an assistant may use PingCRM."""
    callback = "https://assistant.example/connected"
    body = {"client_name": "Example Assistant", "redirect_uris": [callback]}
    async with person.http.post(f"{person.url}/oauth/register", json=body) as response:
        client = (await response.json())["client_id"]
    query = {
        "client_id": client, "redirect_uri": callback, "response_type": "code", "code_challenge": "c" * 43,
        "code_challenge_method": "S256", "scope": "read write",
    }  # fmt: skip
    async with person.http.get(f"{person.url}/oauth/authorize", params=query, allow_redirects=False) as response:
        return response.headers["Location"]


async def _revoke(running: Product, address: str) -> None:
    """As if somebody took the permission back at Google."""
    await running.google.control("POST", f"/accounts/{address}/revoke")
    account = (await running.person.call("GET", "/accounts"))["items"][0]
    await running.person.call("POST", f"/accounts/{account['id']}/sync", {"kinds": ["mail"]})
    async with asyncio.timeout(60):
        while (await running.person.call("GET", "/accounts"))["items"][0]["status"] != "reauth_required":
            await asyncio.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make screens ARGS=…", description=__doc__)
    parser.add_argument(
        "--only", nargs="*", default=(), metavar="TEXT", help="only pictures with one of these in their name"
    )
    return asyncio.run(take_all(parser.parse_args().only))


if __name__ == "__main__":
    sys.exit(main())
