"""What somebody waits for who knows a hundred thousand people: search, timelines, pages, and how much travels for each."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin
from uuid import UUID

import asyncpg

from libs.google_sim.account import AccountData
from libs.local.demo.person import Person, Unexpected, person_at
from tests.bench.figure import Figure, at_most, percentile
from tests.bench.large_mailbox import Size, busiest_contact, fill
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import Stage, stage
from tests.bench.waits import milliseconds, page_times, search_times

INTERACTIONS, CONTACTS, BUSIEST = 1_000_000, 100_000, 50_000
SEARCHES, TIMELINE_PAGES, LOADS = 300, 300, 40
SCORED_SECONDS = 60.0
# What a page has the browser fetch, other than the pictures of people.
_FETCHED = re.compile(r'<(?:link|script|img|source)\b[^>]*?\b(?:href|src)="([^"]+)"')


@dataclass(frozen=True)
class Load:
    """A page as it was loaded `seconds` each time, and `size` in bytes over the wire with all that it needs."""

    seconds: Sequence[float]
    size: int


@dataclass(frozen=True)
class Waits:
    """How long each search took, each page of the longest timeline, and each conversation that was opened; in milliseconds.

    `folded`: with its conversations folded, as the page of a contact asks for it; `with_older`: each with some of its older messages.
    """

    searches: Sequence[float]
    timeline: Sequence[float]
    folded: Sequence[float]
    with_older: Sequence[float]
    opened: Sequence[float]


async def run(setting: Setting) -> list[Figure]:
    """Through the gateway, by one person after another request: what is waited for is the product's own time."""
    size = Size(*(setting.size(full, full // 200) for full in (INTERACTIONS, CONTACTS, BUSIEST)))
    setting.publish("starting")
    async with (
        stage(setting.folder, [AccountData("owner@gmail.com", "Owner", "1" * 21)]) as product,
        person_at(product.url) as person,
    ):
        await person.sign_in("owner@gmail.com")
        await product.settled(person)
        setting.publish(f"{size.interactions:,} interactions with {size.contacts:,} people are filled in")
        contact_id = await _filled(product, person, size)
        setting.publish("searching")
        searches = await search_times(person, setting.size(SEARCHES, 18))
        setting.publish("paging")
        timeline = await page_times(person, contact_id, setting.size(TIMELINE_PAGES, 10))
        folded = await page_times(person, contact_id, setting.size(TIMELINE_PAGES, 10), group="true", older="false")
        with_older = await page_times(person, contact_id, setting.size(TIMELINE_PAGES, 10), group="true")
        opened = await _open(person, contact_id, size.busiest // 6, setting.size(TIMELINE_PAGES, 10))
        setting.publish("loading pages")
        loads = await _load_all(person, contact_id, setting.size(LOADS, 3))
    return _figures(size, Waits(searches, timeline, folded, with_older, opened), loads)


async def _filled(product: Stage, person: Person, size: Size) -> UUID:
    """The contact with most interactions."""
    user_id = UUID((await person.call("GET", "/me"))["id"])
    account_id = UUID((await person.call("GET", "/accounts"))["items"][0]["id"])
    database = await asyncpg.connect(
        product.stack.admin_postgres_url, server_settings={"search_path": "contacts"}, command_timeout=300
    )
    try:
        await fill(database, user_id, account_id, size)
        await database.execute("VACUUM ANALYZE")
        contact_id = await busiest_contact(database, user_id)
        await _scored(database, contact_id)
        return contact_id
    finally:
        await database.close()


async def _scored(database: "asyncpg.Connection[asyncpg.Record]", contact_id: UUID) -> None:
    """Wait until the product has computed, in the background as ever, what the page of somebody with very many lines shows."""
    await database.execute("UPDATE contacts SET due_at = '-infinity' WHERE id = $1", contact_id)
    async with asyncio.timeout(SCORED_SECONDS):
        while not await database.fetchval("SELECT due_at > '-infinity' FROM contacts WHERE id = $1", contact_id):
            await asyncio.sleep(0.2)


async def _open(person: Person, contact_id: UUID, conversations: int, count: int) -> list[float]:
    """Conversations from all over the timeline."""
    path = f"/api/v1/contacts/{contact_id}/interactions"
    return [
        await milliseconds(
            person, path, platform="email", thread=f"conversation {number * conversations // count}", limit="60"
        )
        for number in range(count)
    ]


async def _load_all(person: Person, contact_id: UUID, times: int) -> Mapping[str, Load]:
    paths = ("/", "/contacts", f"/contacts/{contact_id}", "/meetings", "/notifications", "/settings")
    loads: dict[str, Load] = {}
    for path in paths:
        size = await _first_load(person, path)
        seconds = [await milliseconds(person, path) for _ in range(times)]
        loads["a contact" if path.endswith(str(contact_id)) else path] = Load(seconds, size)
    return loads


async def _first_load(person: Person, path: str) -> int:
    """Bytes of the page and of what it fetches, as they travel."""
    size, text = await _travelled(person, person.url + path)
    for address in {urljoin(person.url + path, found) for found in _FETCHED.findall(text)}:
        if not address.endswith("/photo"):
            size += (await _travelled(person, address))[0]
    return size


async def _travelled(person: Person, address: str) -> tuple[int, str]:
    """How many bytes the body has as a browser is sent it, and its text."""
    as_browsers_do = {"Accept-Encoding": "gzip, deflate", "Accept": "text/html,*/*"}
    async with person.http.get(address, headers=as_browsers_do) as response:
        if response.status != 200:
            raise Unexpected(f"{address} answered {response.status}.")
        text = await response.text(errors="replace")
        return response.content.total_raw_bytes, text


def _figures(size: Size, waits: Waits, loads: Mapping[str, Load]) -> list[Figure]:
    searches, timeline = waits.searches, waits.timeline
    how = f"{len(searches)} searches of {size.contacts:,} contacts at the gateway, by the beginnings of words"
    slowest = max(loads, key=lambda name: percentile(loads[name].seconds, 95))
    heaviest = max(loads, key=lambda name: loads[name].size)
    each = "each page of the menu and a contact's"
    return [
        Figure("contact search, p50", percentile(searches, 50), "ms", how),
        Figure("contact search, p99", percentile(searches, 99), "ms", "the same", at_most(30)),
        Figure("timeline page, p50", percentile(timeline, 50), "ms",
               f"{len(timeline)} pages of 50 at the gateway; a contact with over {size.busiest:,} of {size.interactions:,} interactions"),
        Figure("timeline page, p99", percentile(timeline, 99), "ms", "the same", at_most(30)),
        Figure("folded timeline page, p99", percentile(waits.folded, 99), "ms",
               "the same with conversations of six messages folded, as the page of a contact asks for it", at_most(30)),
        Figure("folded timeline page with older messages, p99", percentile(waits.with_older, 99), "ms",
               "the same, each conversation with the five older messages"),
        Figure("opened conversation, p99", percentile(waits.opened, 99), "ms",
               f"{len(waits.opened)} conversations from all over that timeline", at_most(30)),
        Figure("time of a page, p95", percentile(loads[slowest].seconds, 95), "ms",
               f"{len(loads[slowest].seconds)} loads of {each}, the slowest: {slowest}", at_most(40)),
        Figure("first load of a page", loads[heaviest].size / 1000, "kB",
               f"page, style, script and icons as they travel, without photos; {each}, the heaviest: {heaviest}", at_most(80)),
    ]  # fmt: skip


SCENARIO = Scenario("pages", "How long does somebody wait who knows 100,000 people?", run, limit_seconds=600)
