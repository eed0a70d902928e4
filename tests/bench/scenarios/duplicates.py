"""Who is there twice, among a hundred thousand people: found in the background, while somebody else searches."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from random import Random
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.bus import Bus
from libs.common.ids import UserId, new_id
from libs.common.requests import ListDuplicates, SearchContacts
from services.contacts.domain.text import folded, words
from tests.bench.contacts_alone import contacts_alone
from tests.bench.figure import Figure, at_least, at_most, percentile
from tests.bench.scenario import Scenario, Setting

PEOPLE, NAMESAKES, TWICE = 90_000, 10_000, 1_000
SEARCH_EVERY_SECONDS = 0.05
_NEVER = datetime.max.replace(tzinfo=UTC)
LONGEST_SECONDS = 170.0
_GIVEN = (
    "anna", "ben", "carla", "david", "elena", "frank", "greta", "henry", "ines", "jonas", "katherine",
    "liam", "maria", "nils", "olga", "peter", "robert", "sofia", "thomas", "vera",
)  # fmt: skip
_SYLLABLES = (
    "ba", "be", "da", "do", "fe", "ga", "ho", "ka", "la", "lo",
    "ma", "mi", "na", "no", "pe", "ra", "ri", "sa", "so", "ta", "te", "va", "vo", "wi",
)  # fmt: skip


async def run(setting: Setting) -> list[Figure]:
    people, namesakes = setting.size(PEOPLE, 4_500), setting.size(NAMESAKES, 500)
    twice = setting.size(TWICE, 50)
    user_id, other_id = UserId(new_id()), UserId(new_id())
    setting.publish("starting")
    async with (
        contacts_alone(setting.folder) as product,
        product.bus_of("gateway") as gateway,
        product.database() as database,
    ):
        await _fill(database, other_id, _people(Random(2), 500, 0))
        setting.publish(
            f"{people + namesakes:,} people, of whom {namesakes:,} have one name and {twice:,} are there twice"
        )
        begun = perf_counter()
        rows = [
            *_people(Random(1), people - twice, twice),
            *(("Jane Doe", f"jane{n}@d{n}.example", "") for n in range(namesakes)),
        ]
        await _fill(database, user_id, rows)
        filled = perf_counter() - begun
        searches = await _search_until_compared(database, gateway, other_id)
        seconds = perf_counter() - begun - filled
        found = await gateway.request(ListDuplicates(user_id=user_id, limit=1))
        pairs = await database.fetchval("SELECT count(*) FROM duplicate_suggestions WHERE user_id = $1", user_id)
        sure = await database.fetchval(
            "SELECT count(*) FROM duplicate_suggestions WHERE user_id = $1 AND confidence > 0.9", user_id
        )
    how = f"{people + namesakes:,} contacts of one user, all due at once; until none is due any more"
    return [
        Figure("duplicates: time", seconds, "s", how, at_most(60)),
        Figure("duplicates: sure pairs found", sure, "", f"of {twice:,} people who have name and company twice", at_least(twice)),
        Figure("duplicates: pairs in all", pairs, "", f"{namesakes:,} people of one name among them; the list counts {found.total:,}"),
        Figure("duplicates: another user's search, p99", percentile(searches, 99), "ms", "through the bus, meanwhile", at_most(100)),
    ]  # fmt: skip


def _people(random: Random, count: int, twice: int) -> Iterator[tuple[str, str, str]]:
    """Name, email and phone of so many people, of whom the first are there twice."""
    for number in range(count):
        family = "".join(random.choice(_SYLLABLES) for _ in range(random.randint(3, 5))).title()
        name = f"{random.choice(_GIVEN).title()} {family}"
        domain = f"firm{number % 5_000}.example"
        yield name, f"p{number}@{domain}", f"+4930{number:08}"
        if number < twice:
            yield name, f"second{number}@{domain}", ""


async def _fill(
    database: "asyncpg.Connection[asyncpg.Record]", user_id: UserId, people: Iterable[tuple[str, str, str]]
) -> None:
    contacts: list[tuple[Any, ...]] = []
    addresses: list[tuple[UUID, str, str, str, UUID]] = []
    for name, email, phone in people:
        id_ = new_id()
        phones = [phone] if phone else []
        contacts.append((id_, user_id, name, folded(name), words(name), words(email), phones, phones, id_.hex, _NEVER))
        addresses.append((user_id, "email", email, email, id_))
    columns = [
        "id",
        "user_id",
        "name",
        "name_key",
        "words_name",
        "words_near",
        "phones",
        "phone_keys",
        "bcc_hash",
        "due_at",
    ]
    async with database.transaction():
        await database.copy_records_to_table("contacts", records=contacts, columns=columns)
        of_address = ["user_id", "kind", "value", "shown", "contact_id"]
        await database.copy_records_to_table("addresses", records=addresses, columns=of_address)
    await database.execute("ANALYZE contacts, addresses")


async def _search_until_compared(
    database: "asyncpg.Connection[asyncpg.Record]", gateway: Bus, user_id: UserId
) -> list[float]:
    """How long each search took, in milliseconds. TimeoutError."""
    searches: list[float] = []
    async with asyncio.timeout(LONGEST_SECONDS):
        while await database.fetchval("SELECT EXISTS (SELECT FROM contacts WHERE duplicates_due)"):
            begun = perf_counter()
            await gateway.request(SearchContacts(user_id=user_id, q=_GIVEN[len(searches) % len(_GIVEN)]))
            searches.append((perf_counter() - begun) * 1000)
            await asyncio.sleep(SEARCH_EVERY_SECONDS)
    return searches


SCENARIO = Scenario("duplicates", "How long until it is known who is there twice?", run, limit_seconds=300)
