"""What becomes of imports, timelines and search while the database grows, mailbox by mailbox."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from os import getloadavg
from time import perf_counter
from uuid import UUID

import asyncpg

from libs.common.ids import new_id
from libs.google_sim.account import AccountData
from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import Person
from tests.bench.curve import Panel, drawing
from tests.bench.figure import Figure, at_least, at_most, percentile
from tests.bench.large_mailbox import Size, busiest_contact, fill
from tests.bench.people import people_at, recorded, sign_in_all
from tests.bench.relations import Database
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import Stage, stage
from tests.bench.waits import page_times, search_times

SIZES = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)
MAILBOX = Size(100_000, 10_000, 5_000)
"""Of each user; one of them is looked at."""
PAGES, SEARCHES = 100, 90
LIMIT_SECONDS = 7_200.0
ROOM_BYTES = 6_000
"""What an interaction may take on the disk while it is filled in, with what is written ahead."""
DRAWING = "growth.svg"

# The ledger beside what `contacts` hold of a mailbox.
_LEDGER = """
INSERT INTO sync.messages (account_id, gmail_id, thread_id, state, rfc_message_id, occurred_at, position, revision)
SELECT $1, lpad(to_hex(nth), 16, '0'), lpad(to_hex(nth / 3), 16, '0'), 'recorded', nth || '@mail.example',
       now() - nth * interval '1 minute', nth, nth
FROM generate_series(1, $2::int) nth
"""


@dataclass(frozen=True)
class Measured:
    """What was measured with so many interactions in the database: milliseconds, messages a second, bytes. `load`: of the machine, when it
    began.
    """

    interactions: int
    messages_a_second: float
    pages: Sequence[float]
    searches: Sequence[float]
    filled_a_second: float
    database_bytes: int
    load: float


async def run(setting: Setting) -> list[Figure]:
    sizes, mailbox = _sizes(setting)
    now = datetime.now(UTC)
    accounts = [AccountData("owner@gmail.com", "Owner", "1" * 21)]
    accounts += [
        generate_mailbox(f"new{number}@gmail.com", setting.messages, seed=number, now=now)
        for number, _ in enumerate(sizes)
    ]
    setting.publish("starting")
    found: list[Measured] = []
    async with (
        stage(setting.folder, accounts) as product,
        people_at(product.url, len(accounts)) as (owner, *newcomers),
        _database(product) as database,
    ):
        await sign_in_all([owner], ["owner@gmail.com"])
        await product.settled(owner)
        filling = _Filling(database, owner, mailbox)
        for size, newcomer, account in zip(sizes, newcomers, accounts[1:], strict=True):
            if reason := filling.why_not(setting, size):
                setting.publish(f"{size:,} interactions are too many here: {reason}")
                break
            setting.publish(f"{size:,} interactions are filled in")
            await filling.fill_up(size)
            setting.publish("measuring")
            found.append(await _measured(setting, filling, product, newcomer, account))
    if setting.drawings:
        (setting.drawings / DRAWING).write_text(_drawing(found))
    return _figures(found, setting.messages)


def _sizes(setting: Setting) -> tuple[list[int], Size]:
    """How many interactions there are to be, one after another, and what a user has of them."""
    if setting.quick:
        return [1_000, 3_000], Size(1_000, 100, 100)
    return [size for size in SIZES if size <= setting.interactions] or [SIZES[0]], MAILBOX


class _Filling:
    """Mailboxes put into the database, the first one that of the owner, and how long that took."""

    def __init__(self, database: Database, owner: Person, mailbox: Size) -> None:
        self.database, self.owner, self.mailbox = database, owner, mailbox
        self.interactions = 0
        self._begun, self._filled_seconds = perf_counter(), 0.0

    @property
    def filled_a_second(self) -> float:
        return self.interactions / self._filled_seconds

    def why_not(self, setting: Setting, size: int) -> str:
        """Why there is no use in filling up to this size; empty where it can be."""
        missing = size - self.interactions
        free = shutil.disk_usage(setting.folder).free
        if free < missing * ROOM_BYTES:
            return f"{free / 1e9:.0f} GB are free, of {missing * ROOM_BYTES / 1e9:.0f} that they may take"
        seconds = missing / self.filled_a_second if self.interactions else 0.0
        if perf_counter() - self._begun + seconds > LIMIT_SECONDS * 0.8:
            return f"they would take {seconds:.0f} s more"
        return ""

    async def fill_up(self, size: int) -> None:
        """Users are added until there are so many interactions. What the filling leaves behind is tidied up as it would be in time."""
        begun = perf_counter()
        while self.interactions < size:
            user_id, account_id = (UUID(str(new_id())), UUID(str(new_id())))
            if not self.interactions:
                user_id = UUID((await self.owner.call("GET", "/me"))["id"])
            await fill(self.database, user_id, account_id, self.mailbox)
            async with self.database.transaction():
                await self.database.execute("SET LOCAL session_replication_role = replica")  # nobody has this account
                await self.database.execute(_LEDGER, account_id, self.mailbox.interactions)
            self.interactions += self.mailbox.interactions
        self._filled_seconds += perf_counter() - begun
        await self.database.execute("VACUUM ANALYZE")
        await self.database.execute("CHECKPOINT")

    async def busiest(self) -> UUID:
        """The owner's contact with most interactions."""
        return await busiest_contact(self.database, UUID((await self.owner.call("GET", "/me"))["id"]))


async def _measured(
    setting: Setting, filling: _Filling, product: Stage, newcomer: Person, account: AccountData
) -> Measured:
    """The owner's pages and searches, and then the first import of somebody new."""
    load = getloadavg()[0]
    searches = await search_times(filling.owner, setting.size(SEARCHES, 9))
    pages = await page_times(filling.owner, await filling.busiest(), setting.size(PAGES, 5))
    begun = perf_counter()
    await sign_in_all([newcomer], [account.address])
    await recorded(newcomer, len(account.messages))
    seconds = perf_counter() - begun
    await product.settled(newcomer)
    size = await filling.database.fetchval("SELECT pg_database_size(current_database())")
    return Measured(
        filling.interactions, len(account.messages) / seconds, pages, searches, filling.filled_a_second, size, load
    )


def _drawing(found: Sequence[Measured]) -> str:
    over = "interactions in the database"
    sizes = [m.interactions for m in found]
    curves = (
        (f"first import of somebody new, over {over}", "messages a second", [m.messages_a_second for m in found]),
        ("page of a timeline, p95", "ms", [percentile(m.pages, 95) for m in found]),
        ("search for contacts, p95", "ms", [percentile(m.searches, 95) for m in found]),
    )
    panels = [Panel(title, unit, list(zip(sizes, values, strict=True))) for title, unit, values in curves]
    return drawing(f"Import rate, timeline pages and searches over {over}", panels)


def _figures(found: Sequence[Measured], messages: int) -> list[Figure]:
    figures: list[Figure] = []
    for m in found:
        at = f"at {m.interactions:,} interactions"
        figures += [
            Figure(f"{at}: messages a second", m.messages_a_second, "1/s",
                   f"{messages:,} messages of somebody new, from the sign-in to the last one on its timeline;"
                   f" load average before it all: {m.load:.1f}"),
            Figure(f"{at}: timeline page, p95", percentile(m.pages, 95), "ms",
                   f"{len(m.pages)} pages of 50 at the gateway"),
            Figure(f"{at}: contact search, p95", percentile(m.searches, 95), "ms",
                   f"{len(m.searches)} searches at the gateway"),
            Figure(f"{at}: size of the database", m.database_bytes / 1e9, "GB",
                   f"filled in by {m.filled_a_second:,.0f} interactions a second"),
        ]  # fmt: skip
    first, last = found[0], found[-1]
    how = f"at {last.interactions:,} interactions, of that at {first.interactions:,}"
    kept = last.messages_a_second / first.messages_a_second
    return [
        *figures,
        Figure("growth: import rate kept", kept, "", how, at_least(0.8)),
        Figure(
            "growth: timeline page, p95", percentile(last.pages, 95), "ms", "with the most interactions", at_most(30)
        ),
        Figure("growth: contact search, p95", percentile(last.searches, 95), "ms", "the same", at_most(30)),
    ]


@asynccontextmanager
async def _database(product: Stage) -> AsyncIterator[Database]:
    """The administrator's connection, in the schema of `contacts`."""
    connection = await asyncpg.connect(
        product.stack.admin_postgres_url, server_settings={"search_path": "contacts"}, command_timeout=1_800
    )
    try:
        yield connection
    finally:
        await connection.close()


SCENARIO = Scenario("growth", "Does the product slow down while its database grows?", run, limit_seconds=LIMIT_SECONDS)
