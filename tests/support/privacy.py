"""Every place outside the database where something private could stand, searched for every address, name and text of the accounts.

Searched: each line that any process logs, the servers' own logs included, at the level DEBUG; metrics; the subjects and headers of
everything on the bus; the headers of dead letters; the keys of Redis, and its values.

Allowed, and so not searched: rows of PostgreSQL; bodies of events, requests, replies and dead letters, which are what the bus is for
and which go with their consumers' acknowledgements or with the person that they are about; and, in the refusal of a request, the address
that its sender typed into that same request.
"""

import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import nats
import redis.asyncio
from jsonschema import Draft202012Validator
from nats.aio.msg import Msg

from libs.common.addresses import canonical
from libs.common.log_schema import unknown_fields
from libs.google_sim.account import AccountData
from libs.local import ROOT
from tests.support.product import Product

ADDRESS = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
SHORTEST = 8
"""Characters: what is shorter may be a word of a log line by chance."""
PRIVATE_HEADERS = ("From", "To", "Cc", "Bcc", "Reply-To", "Subject", "Message-ID")
PRIVATE_FIELDS = {
    "snippet", "summary", "location", "description", "displayName", "givenName", "familyName", "email", "value", "canonicalForm", "title",
}  # fmt: skip
PUBLIC_VALUES = {"default", "confirmed", "accepted"}


def private_texts(accounts: Iterable[AccountData]) -> frozenset[str]:
    """Addresses, names, subjects, snippets, titles, places and numbers of everybody in these accounts, long enough to be told apart."""
    found: set[str] = set()
    for account in accounts:
        found |= {account.address, account.name, *account.aliases}
        found.update(_texts(account.messages), _texts(account.people))
        for calendar in account.calendars:
            found.update(_texts(calendar.events))
    addresses = {address for text in found for address in ADDRESS.findall(text)}
    spelled = {canonical(address) or address for address in addresses}
    return frozenset(
        text for text in found | addresses | spelled if len(text) >= SHORTEST and text not in PUBLIC_VALUES
    )


def _texts(value: Any, name: str = "") -> Iterator[str]:
    """Every private text below a resource of Google's."""
    match value:
        case {"name": str(header), "value": str(text)} if header in PRIVATE_HEADERS:
            yield text.strip()
        case {"name": str(), "value": str()}:
            return  # another header
        case dict():
            for key, child in value.items():
                yield from _texts(child, key)
        case list():
            for child in value:
                yield from _texts(child, name)
        case str() if name in PRIVATE_FIELDS:
            yield value.strip()


@dataclass
class Recorded:
    """Subjects and headers of what went over the bus, each once."""

    seen: set[str] = field(default_factory=set)

    async def keep(self, message: Msg) -> None:
        self.seen.add(message.subject)
        self.seen.update(f"{name}: {value}" for name, value in (message.headers or {}).items())


@asynccontextmanager
async def recorded_bus(it: Product) -> AsyncIterator[Recorded]:
    """Subjects and headers from now on."""
    recorded = Recorded()
    client = await nats.connect(it.stack.admin_nats_url)
    try:
        await client.subscribe(">", cb=recorded.keep)
        await client.flush()
        yield recorded
    finally:
        await client.close()


def found_in(place: str, text: str, private: Iterable[str]) -> list[str]:
    """What of the private texts stands in this one, with the place and some letters around it."""
    places = ((value, text.find(value)) for value in private)
    return [f"{place}: {value!r} in …{text[max(0, at - 120) : at + 120]}…" for value, at in places if at >= 0]


def logged_lines(folder: Path) -> Iterator[dict[str, Any]]:
    """Every line that a service has logged, as its fields."""
    for file in sorted((folder / "logs").glob("*.log")):
        yield from (json.loads(line) for line in file.read_text().splitlines() if line.startswith("{"))


def outside_of_the_schema(folder: Path) -> list[str]:
    """What of the logged lines docs/logs.schema.json does not have; of lines of one event, level and kinds of values the first."""
    schema = json.loads((ROOT / "docs" / "logs.schema.json").read_text())
    alike = {
        (line["event"], line["level"], *sorted((name, type(value).__name__) for name, value in line.items())): line
        for line in logged_lines(folder)
    }
    validator, found = Draft202012Validator(schema), list[str]()
    for line in alike.values():
        found += [f"{line['event']}: {error.json_path} {error.message}" for error in validator.iter_errors(line)]
        found += [f"{line['event']}: {name} is not named" for name in sorted(unknown_fields(schema, line))]
    assert len(alike) > 10
    return found


def logged(folder: Path) -> Iterator[tuple[str, str]]:
    """(file, its text) of all logs of a data folder; each line once, without what differs from line to line alone."""
    for file in sorted(folder.rglob("*.log")):
        lines = {re.sub(r"\d+", "0", line): line for line in file.read_text(errors="replace").splitlines()}
        yield file.name, "\n".join(lines.values())


async def leaks(it: Product, folder: Path, recorded: Recorded, private: frozenset[str]) -> list[str]:
    """Where private texts stand outside the allowed places; nothing of it is left out."""
    found: list[str] = []
    for place, text in logged(folder):
        found += found_in(f"log {place}", text, private)
    async with aiohttp.ClientSession() as http:
        for (service, replica), port in it.stack.health_ports.items():
            async with http.get(f"http://127.0.0.1:{port}/metrics") as response:
                assert response.status == 200
                found += found_in(f"metrics {service} {replica}", await response.text(), private)
    found += found_in("subjects and headers of the bus", "\n".join(recorded.seen), private)
    assert it.stack.valkey is not None
    async with redis.asyncio.Redis.from_url(it.stack.valkey.admin_url) as client:
        for key in [key async for key in client.scan_iter()]:
            value = await client.get(key) if await client.type(key) == b"string" else b""
            found += found_in("a key of Redis", key.decode(errors="replace"), private)
            found += found_in(f"the value of {key!r} in Redis", (value or b"").decode(errors="replace"), private)
    return found
