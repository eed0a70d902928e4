"""Everything of a user as one archive, streamed: how long that takes, and what it costs the gateway in memory."""

import asyncio
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any
from uuid import UUID, uuid5

import aiohttp
import asyncpg

from libs.common.ids import new_id
from libs.google_sim.account import AccountData
from libs.local.demo.person import person_at
from tests.bench.figure import Figure, at_most
from tests.bench.processes import usage
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import Stage, stage

ADDRESS = "archivist@gmail.com"
MAILS, PEOPLE = 100_000, 5_000
OTHERS_ON_A_MAIL = 2
SAMPLE_SECONDS = 0.1
MEBIBYTE = 2**20
SENTENCES = (
    "The numbers of this week are in, and they are not what we thought.",
    "Could we meet on Thursday and talk about what they mean for us?",
    "I have attached the plan; the second page is new.",
    "Thank you for the long answer, it helped a lot.",
    "Nothing is decided before the others have read it.",
    "See you in Lisbon, if the trains run.",
)
DOWNLOAD_SECONDS = 300.0


async def run(setting: Setting) -> list[Figure]:
    mails, people = setting.size(MAILS, 500), setting.size(PEOPLE, 50)
    async with (
        stage(setting.folder, [AccountData(ADDRESS, "Archie Vist", "")]) as product,
        person_at(product.url) as person,
    ):
        await person.sign_in(ADDRESS)
        await product.settled(person)
        user_id = UUID((await person.call("GET", "/me"))["id"])
        setting.publish(f"writing {mails:,} mails with {people:,} people into the tables of contacts")
        await _fill(product.stack.admin_postgres_url, user_id, mails, people)
        setting.publish("exporting")
        archive = setting.folder / "export.zip"
        begun = perf_counter()
        async with _peak_of_gateway(product) as memory:
            first_byte = await _download(person.http, f"{product.url}/api/v1/me/export", archive)
        seconds = perf_counter() - begun
        setting.publish("reading the archive")
        exported = await asyncio.to_thread(_lines, archive, "interactions.jsonl")
    if exported != mails:
        raise AssertionError(f"the archive has {exported:,} interactions in place of {mails:,}")
    how = f"{mails:,} mails with {people:,} people, each with {OTHERS_ON_A_MAIL + 1} participants"
    grown = (max(memory) - memory[0]) / MEBIBYTE
    return [
        Figure("export", seconds, "s", f"{how}; from the request to the last byte", at_most(120)),
        Figure("export, first byte", first_byte, "s", "the first page of each list is read before", at_most(5)),
        Figure("export, rate", mails / seconds, "mails/s", how),
        Figure(
            "export, peak memory of the gateway", grown, "MiB",
            f"its memory above that before the export, read every {SAMPLE_SECONDS} s", at_most(50),
        ),
        Figure("export, size", archive.stat().st_size / MEBIBYTE, "MiB", "the archive"),
    ]  # fmt: skip


@asynccontextmanager
async def _peak_of_gateway(product: Stage) -> AsyncIterator[list[int]]:
    """The gateway's memory in bytes, again and again; the first is from before."""
    pid = {"gateway": product.stack.processes["gateway"]}
    samples = [usage(pid)["gateway"].memory_bytes]

    async def sample() -> None:
        while True:
            samples.append((await asyncio.to_thread(usage, pid))["gateway"].memory_bytes)
            await asyncio.sleep(SAMPLE_SECONDS)

    sampling = asyncio.create_task(sample())
    try:
        yield samples
    finally:
        sampling.cancel()


async def _download(http: aiohttp.ClientSession, url: str, to: Path) -> float:
    """After how many seconds the first byte came."""
    begun, first = perf_counter(), 0.0
    with to.open("wb") as file:
        async with http.get(url, timeout=aiohttp.ClientTimeout(total=DOWNLOAD_SECONDS)) as response:
            response.raise_for_status()
            async for piece in response.content.iter_any():
                first = first or perf_counter() - begun
                file.write(piece)
    return first


def _lines(archive: Path, name: str) -> int:
    with zipfile.ZipFile(archive) as opened, opened.open(name) as file:
        return sum(1 for _ in file)


# --- what is in the tables ------------------------------------------------------------------------------------------------


async def _fill(postgres_url: str, user_id: UUID, mails: int, people: int) -> None:
    """As contacts leaves it after so many mails, as far as an export looks at it."""
    connection = await asyncpg.connect(postgres_url, server_settings={"search_path": "contacts"})
    try:
        contact_ids = [new_id() for _ in range(people)]
        await _copy(connection, "contacts", _contacts(user_id, contact_ids))
        await _copy(connection, "addresses", _addresses(user_id, contact_ids))
        rows = await connection.fetch(
            "SELECT id FROM addresses WHERE user_id = $1 AND kind = 'email' AND NOT is_me", user_id
        )
        address_ids = [row["id"] for row in rows]
        await _copy(connection, "interactions", _interactions(user_id, address_ids, mails))
        await _copy(connection, "participants", _participants(user_id, address_ids, mails))
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def _copy(connection: Any, table: str, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows)
    columns = list(first)

    def values() -> Iterator[Sequence[Any]]:
        yield list(first.values())
        for row in rows:
            yield list(row.values())

    await connection.copy_records_to_table(table, records=values(), columns=columns, timeout=120)


def _contacts(user_id: UUID, contact_ids: Sequence[UUID]) -> Iterator[dict[str, Any]]:
    for number, contact_id in enumerate(contact_ids):
        yield {
            "id": contact_id, "user_id": user_id, "name": f"Person Number {number}", "bcc_hash": f"{number:010}",
            "name_key": f"person number {number}", "due_at": datetime.max.replace(tzinfo=UTC),
        }  # fmt: skip


def _addresses(user_id: UUID, contact_ids: Sequence[UUID]) -> Iterator[dict[str, Any]]:
    for number, contact_id in enumerate(contact_ids):
        address = f"person{number}@example.org"
        yield {
            "user_id": user_id, "kind": "email", "value": address, "shown": address, "contact_id": contact_id,
            "name": f"Person Number {number}",
        }  # fmt: skip


def _interaction_id(user_id: UUID, number: int) -> UUID:
    return uuid5(user_id, str(number))


def _sent_at(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) - timedelta(minutes=5 * number)


def _on_mail(address_ids: Sequence[int], number: int) -> list[int]:
    """The author of a mail and the others on it."""
    return [address_ids[(number + position) % len(address_ids)] for position in range(OTHERS_ON_A_MAIL + 1)]


def _interactions(user_id: UUID, address_ids: Sequence[int], mails: int) -> Iterator[dict[str, Any]]:
    chance = Random(1)
    for number in range(mails):
        text = " ".join(chance.choices(SENTENCES, k=6))
        yield {
            "id": _interaction_id(user_id, number), "user_id": user_id, "platform": "email", "grp": f"<{number}@example.org>",
            "ref": f"<{number}@example.org>", "kind": "email", "thread": f"t{number // 4}", "occurred_at": _sent_at(number),
            "title": chance.choice(SENTENCES), "text": text, "crowd": OTHERS_ON_A_MAIL + 1,
            "author_id": _on_mail(address_ids, number)[0],
        }  # fmt: skip


def _participants(user_id: UUID, address_ids: Sequence[int], mails: int) -> Iterator[dict[str, Any]]:
    for number in range(mails):
        for position, address_id in enumerate(_on_mail(address_ids, number)):
            yield {
                "address_id": address_id, "occurred_at": _sent_at(number), "interaction_id": _interaction_id(user_id, number),
                "role": "cc" if position else "from",
            }  # fmt: skip


SCENARIO = Scenario(
    "export", "How long does an export of 100,000 mails take, and in how much memory?", run, limit_seconds=400
)
