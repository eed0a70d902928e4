"""A person at a browser, as far as the demo and the end-to-end tests need one: signs in through Google, calls the API."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import aiohttp


class Unexpected(Exception):
    """A page or response that is not what a person should have got."""


class Unavailable(Unexpected):
    """PingCRM reports that a part of it is away for the moment."""


@dataclass(frozen=True)
class Person:
    """One browser session. `url` is PingCRM's address; cookies are kept as a browser keeps them."""

    url: str
    http: aiohttp.ClientSession

    async def sign_in(self, address: str, *, without: Collection[str] = ()) -> None:
        """Sign in with this Google account, unticking the permissions in `without`."""
        async with self.http.get(f"{self.url}/login/google") as page:
            await self.consent(page, address, without)

    async def add_account(self, address: str, *, without: Collection[str] = ()) -> None:
        """Connect one more Google account to the user who is signed in."""
        body = await self.call("POST", "/accounts/connect", {})
        async with self.http.get(body["authorize_url"]) as page:
            await self.consent(page, address, without)

    async def consent(self, page: aiohttp.ClientResponse, address: str, without: Collection[str] = ()) -> None:
        """Fill in Google's consent page, as often as it is shown, until the browser is back at PingCRM."""
        for _ in range(3):
            html = await page.text()
            if str(page.url).startswith(self.url):
                if page.status != 200:
                    raise Unexpected(f"{page.url.path} answered {page.status}: {_plain(html)[:300]}")
                return
            form = _Form.of(html)
            fields = [(name, value) for name, value in form.fields if name != "scope" or value not in without]
            fields = [(name, value) for name, value in fields if name not in ("account", "decision")]
            fields += [("account", address), ("decision", "allow")]
            page = await self.http.post(urljoin(str(page.url), form.action), data=fields)
        raise Unexpected("Google's consent page did not lead back to PingCRM.")

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One API call, `path` under /api/v1.

        Unexpected: the response is an error; its problem text is in the message. Unavailable: it is worth another try.
        """
        async with self.http.request(
            method,
            f"{self.url}/api/v1{path}",
            json=body,
            params={name: str(value) for name, value in query.items() if value is not None},
            headers={"Origin": self.url},
        ) as response:
            if response.status >= 400:
                kind = Unavailable if response.status == 503 else Unexpected
                raise kind(f"{method} {path} answered {response.status}: {(await response.text())[:500]}")
            return await response.json() if response.status != 204 else None

    async def all(self, path: str, **query: Any) -> AsyncIterator[Any]:
        """Every item of a list, page by page."""
        cursor: str | None = None
        while True:
            page = await self.call("GET", path, cursor=cursor, **query)
            for item in page["items"]:
                yield item
            cursor = page.get("next_cursor")
            if not cursor:
                return


@asynccontextmanager
async def person_at(url: str) -> AsyncIterator[Person]:
    """A fresh browser session at PingCRM under `url`."""
    jar = aiohttp.CookieJar(unsafe=True)  # cookies for 127.0.0.1 too
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=60)) as http:
        yield Person(url, http)


class _Form(HTMLParser):
    """The first form of a page: its action and its hidden, ticked and checked fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []

    @classmethod
    def of(cls, html: str) -> "_Form":
        form = cls()
        form.feed(html)
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = given.get("action", "")
        if tag == "input" and given.get("name"):
            kind = given.get("type", "text")
            if kind in ("hidden", "text") or (kind == "checkbox" and "checked" in given):
                self.fields.append((given["name"], given.get("value", "on")))


class _Text(HTMLParser):
    """The words of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def _plain(html: str) -> str:
    """The text of a page, for error messages."""
    page = _Text()
    page.feed(html)
    return " ".join(page.words)


async def poll_until(request: Any, *, seconds: float, every: float = 0.25) -> bool:
    """Call `request` again and again until it returns true; false when `seconds` have passed without that."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await request():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(every)
    return True
