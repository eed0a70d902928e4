"""Replies of the API to requests by chance, to be compared with those of the same installation elsewhere or later."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from yarl import URL

from libs.local.demo.person import Person, poll_until
from tests.support.product import Product

REQUESTS = 200
EVER = {"from": "0002-01-01T00:00:00Z", "to": "9998-12-31T00:00:00Z"}

# What services do in the background after a sync: the numbers that people see are final when none is left.
_UNDONE = """
    SELECT (SELECT count(*) FROM contacts.contacts WHERE merged_into IS NULL AND (due_at <= now() OR derive_due OR duplicates_due))
         + (SELECT count(*) FROM contacts.rechecks) + (SELECT count(*) FROM contacts.groups_due)
         + (SELECT count(*) FROM auth.outbox) + (SELECT count(*) FROM sync.outbox) + (SELECT count(*) FROM prep.outbox)
"""


async def settle(it: Product) -> None:
    await it.settle()

    async def is_done() -> bool:
        return not (await it.rows(_UNDONE))[0][0]

    assert await poll_until(is_done, seconds=60)


async def account_ids(it: Product) -> list[str]:
    return [str(row["id"]) for row in await it.rows("SELECT id FROM auth.google_accounts ORDER BY id")]


async def some_requests(it: Product) -> list[str]:
    """Two hundred paths, by chance, of everything that can be read; the same chance each time."""
    chance = random.Random(7)
    person = it.person
    accounts = await account_ids(it)
    contacts = [contact["id"] async for contact in person.all("/contacts", sort="name")]
    meetings = [meeting["id"] async for meeting in person.all("/meetings", **EVER, limit=200)]
    mails = [row["gmail_id"] for row in await it.rows("SELECT gmail_id FROM sync.messages ORDER BY gmail_id")]

    def pick() -> str:
        limit = {"limit": chance.choice((1, 5, 50))}
        contact, account = f"/contacts/{chance.choice(contacts)}", f"/accounts/{chance.choice(accounts)}"
        path, query = chance.choice(
            (
                ("/me", {}), ("/accounts", {}), ("/settings", {}), ("/tags", {}), ("/waiting", {}), ("/tokens", {}), ("/do-not-record", {}),
                ("/notifications", limit), ("/duplicates", limit), ("/meetings", EVER | limit),
                ("/contacts", {"sort": chance.choice(("name", "recent", "score"))} | limit),
                ("/contacts", {"q": chance.choice("abcdefgh")} | limit),
                (contact, {}), (f"{contact}/duplicates", {}), (f"{contact}/merges", {}),
                (f"{contact}/interactions", limit), (f"{contact}/interactions", {"platform": "email"} | limit),
                (f"{contact}/interactions", {"direction": "inbound"} | limit),
                (f"/meetings/{chance.choice(meetings)}", {}), (f"/meetings/{chance.choice(meetings)}/note", {}),
                (f"{account}/syncs", limit), (f"{account}/audit", {}),
                (f"{account}/messages/{chance.choice(mails)}/why", {}),
            )
        )  # fmt: skip
        return f"{path}?{urlencode(query)}"

    return [pick() for _ in range(REQUESTS)]


async def replies(person: Person, paths: Sequence[str]) -> list[tuple[str, int, Any]]:
    """What the API has for each."""

    async def reply(path: str) -> tuple[str, int, Any]:
        async with person.http.get(URL(f"{person.url}/api/v1{path}", encoded=True)) as response:
            return path, response.status, await response.json()

    return await asyncio.gather(*map(reply, paths))


def browser_of(person: Person) -> dict[str, str]:
    return {name: cookie.value for name, cookie in person.http.cookie_jar.filter_cookies(URL(person.url)).items()}
