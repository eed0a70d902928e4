"""Persons at browsers, as many as a scenario needs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp

from libs.common.scopes import FEATURES
from libs.local.demo.person import Person, Unexpected, poll_until
from tests.bench.stage import WAIT_SECONDS

AT_ONCE = 6


@asynccontextmanager
async def people_at(url: str, count: int) -> AsyncIterator[list[Person]]:
    """Each comes from an address of their own, as the limit on sign-ins expects it of people, and keeps no connection open.

    Linux answers on all of 127.0.0.0/8; elsewhere these addresses have to be set up first.
    """
    async with AsyncExitStack() as stack:
        people: list[Person] = []
        for number in range(count):
            source = f"127.0.{1 + number // 250}.{1 + number % 250}"
            http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(local_addr=(source, 0), force_close=True),
                cookie_jar=aiohttp.CookieJar(unsafe=True),
                timeout=aiohttp.ClientTimeout(total=60),
            )
            people.append(Person(url, await stack.enter_async_context(http)))
        yield people


async def sign_in_all(people: Sequence[Person], addresses: Sequence[str]) -> None:
    """Everybody signs in with an account of their own, a few at a time."""
    turnstile = asyncio.Semaphore(AT_ONCE)

    async def sign_in(person: Person, address: str) -> None:
        async with turnstile:
            await _sign_in_unseen(person, address)

    await asyncio.gather(*map(sign_in, people, addresses))


async def _sign_in_unseen(person: Person, address: str) -> None:
    """The whole way to Google and back with everything permitted, without the pages that nobody looks at."""
    ticked = [("scope", scope) for scope in FEATURES]
    consent = aiohttp.FormData([("account", address), ("decision", "allow"), *ticked])
    google = await _next_stop(person, "GET", f"{person.url}/login/google")
    callback = await _next_stop(person, "POST", google, consent)
    if await _next_stop(person, "GET", callback) != "/":
        raise Unexpected("Google was not content with one consent.")


async def _next_stop(person: Person, method: str, url: str, form: aiohttp.FormData | None = None) -> str:
    async with person.http.request(method, url, data=form, allow_redirects=False) as answer:
        if answer.status != 302:
            raise Unexpected(f"{answer.url.path} answered {answer.status} in place of leading on.")
        return answer.headers["Location"]


async def recorded(person: Person, messages: int, *, every: float = 0.05) -> None:
    """Wait until so many messages are on the person's timelines. TimeoutError: they are not."""

    async def enough() -> bool:
        counts = (await person.call("GET", "/me"))["counts"]
        return counts is not None and bool(counts["messages"] >= messages)

    if not await poll_until(enough, seconds=WAIT_SECONDS, every=every):
        raise TimeoutError(f"{messages} messages were not on the timelines after {WAIT_SECONDS:.0f} s.")


async def mail_read(person: Person, *, every: float = 0.25) -> dict[str, Any]:
    """Wait until the mail of the person's first account has been read; its run. TimeoutError: it has not."""
    run: dict[str, Any] | None = None

    async def ended() -> bool:
        nonlocal run
        run = (await person.call("GET", "/accounts"))["items"][0]["syncs"].get("mail")
        if run and run["state"] == "failed":
            raise RuntimeError(f"The sync of mail failed: {run['error']}")
        return bool(run and run["state"] == "completed")

    if not await poll_until(ended, seconds=WAIT_SECONDS, every=every) or run is None:
        raise TimeoutError(f"The mail was not read after {WAIT_SECONDS:.0f} s.")
    return run
