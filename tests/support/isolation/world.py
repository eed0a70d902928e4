"""All five services on real servers and a local Google, with several users in them, each with something of everything."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import aiohttp
import asyncpg
from pydantic import SecretStr

from libs.common import db
from libs.common.bus import Bus
from libs.common.cache import open_cache
from libs.common.config import Settings
from libs.common.ids import SERVICES, Service
from libs.common.requests import TOKEN_SCOPES, TokenScope
from libs.common.service import running
from libs.google_sim.server import GoogleServer, run_google
from libs.local.demo.person import Person, person_at
from libs.local.demo.progress import wait_until_idle, wait_until_synced
from libs.local.ports import free_port
from libs.local.secrets import SECRET_KEYS, WEBHOOK_KEYS, Secrets
from libs.local.servers import Nats
from libs.local.tick import tick
from libs.local.urls import redis_url
from tests.support.database import Database
from tests.support.isolation.belongings import Belongings, read_belongings
from tests.support.isolation.people import (
    EVENT_IDS,
    contact_fields,
    friend,
    mailbox,
    unclaimed_mail,
)
from tests.support.isolation.rows import Rows, Tables, read_tables

WAIT_SECONDS = 60.0


_DUE = """
    SELECT EXISTS (SELECT FROM contacts.contacts WHERE user_id = $1 AND merged_into IS NULL AND (due_at <= now() OR duplicates_due))
        OR EXISTS (SELECT FROM contacts.rechecks WHERE user_id = $1)
        OR EXISTS (SELECT FROM contacts.exclusions WHERE user_id = $1 AND applied_at IS NULL)
        OR EXISTS (SELECT FROM gateway.exports WHERE user_id = $1 AND state = 'making')
"""


@dataclass(frozen=True)
class Somebody:
    """A signed-in user with what is theirs. `tokens`: one for each scope, with that scope alone."""

    person: Person
    has: Belongings
    tokens: Mapping[TokenScope, str]


@dataclass(frozen=True)
class IsolationWorld:
    """`alice` has two accounts; `bob` and `carol` have one each, and will have destroyed it at the end of a test."""

    alice: Somebody
    bob: Somebody
    carol: Somebody
    google: GoogleServer
    buses: dict[Service, Bus]
    url: str
    nats_url: str
    postgres_url: str
    database: Database
    tables: Tables

    async def settle(self) -> None:
        """Until no run of hers is open, nothing is waiting on the bus, and nothing of hers is to be computed."""
        await wait_until_synced(self.alice.person, seconds=WAIT_SECONDS, every=0.05)
        await wait_until_idle(self.nats_url, seconds=WAIT_SECONDS)
        async with _connected(self.postgres_url) as connection:

            async def nothing_due() -> bool:
                return not await connection.fetchval(_DUE, self.alice.has.user_id)

            await _until(nothing_due)

    async def rows_of(self, user_id: UUID) -> Rows:
        """All that is this user's, in every schema."""
        async with _connected(self.postgres_url) as connection:
            return await self.tables.rows_of_user(connection, user_id)

    async def rows_of_account(self, account_id: UUID) -> Rows:
        async with _connected(self.postgres_url) as connection:
            return await self.tables.rows_of_account(connection, account_id)

    async def of_account(self, somebody: Somebody, number: int) -> Belongings:
        """What is theirs through one of their accounts."""
        account_id, address = somebody.has.accounts[number], somebody.has.addresses[number]
        tag = address.partition("@")[0]
        async with _connected(self.postgres_url) as connection:

            async def ids(query: str) -> tuple[Any, ...]:
                return tuple(row[0] for row in await connection.fetch(query, account_id))

            meetings = await ids("SELECT meeting_id FROM sync.meetings WHERE account_id = $1 ORDER BY starts_at DESC")
            runs = await ids("SELECT run_id FROM sync.runs WHERE account_id = $1")
            interactions = await ids(
                "SELECT interaction_id FROM contacts.sightings WHERE source_id = $1 AND fact IS NOT NULL ORDER BY platform DESC, ref"
            )
            brief_tokens = await ids("SELECT token FROM prep.preps WHERE account_id = $1")
        return replace(
            somebody.has, tag=tag, addresses=(address,), accounts=(account_id,), meetings=meetings, brief_tokens=brief_tokens,
            interactions=interactions[:1],
            emails=(friend(tag)[1],), events=tuple(f"{address}/{event_id}" for event_id in EVENT_IDS),
            ids=frozenset(map(str, (account_id, *meetings, *runs, *interactions))),
        )  # fmt: skip

    def google_requests(self, somebody: Somebody) -> dict[str, int]:
        """How many calls Google has counted for each of the user's mailboxes, and how many mails have left it."""
        world = self.google.world
        counted = {
            address: sum(counter.requests for counter in world.counters.methods.get(address, {}).values())
            for address in somebody.has.addresses
        }
        sent = sum(mail.account in somebody.has.addresses for mail in world.outbox.mails)
        return {**counted, "sent": sent}


@asynccontextmanager
async def isolation_world(database: Database, bus: Nats, redis: str, secrets: Secrets) -> AsyncIterator[IsolationWorld]:
    """Everything up, everybody signed in and everything of theirs read. No schedule fires meanwhile.

    The services work without the second wall, row-level security: it would hide what the first one lets through.
    """
    tags = {"alice": ("alcana", "alcanaone", "alcanatwo"), "bob": ("bobana", "bobana"), "carol": ("carana", "carana")}
    now = datetime.now(UTC).replace(microsecond=0)
    data = [
        mailbox(f"{tag}@mail.example", tag, f"{number:021}", now)
        for number, tag in enumerate((tag for _, *several in tags.values() for tag in several), start=1)
    ]
    port = free_port()
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(run_google(data))
        changes: dict[str, Any] = {
            "port": port, "sign_up": ("open",), "api_requests_per_minute": 0, "mail_poll_seconds": 0,
            "google_api_root": google.url, "google_oauth_root": google.url, "google_client_id": "client",
            "google_client_secret": SecretStr("secret"), "gmail_units_per_minute": 0, "gmail_project_units_per_minute": 0,
        }  # fmt: skip

        def settings(service: Service) -> Settings:
            made = Settings(
                postgres_url=database.url_for(service),
                nats_url=bus.url_for(service),
                redis_url=redis_url(redis, service, secrets),
                secret_keys=secrets[SECRET_KEYS],
                webhook_keys=secrets[WEBHOOK_KEYS],
            )
            return made.model_copy(update=changes)

        with patch.object(db, "_enter", _as_for_all):  # their pools are opened here
            for service in SERVICES:
                await stack.enter_async_context(
                    running(service, settings(service), import_module(f"services.{service}.__main__").wire)
                )
        buses = {service: await _end_of_bus(stack, settings(service), service) for service in SERVICES}
        url = f"http://127.0.0.1:{port}"
        people = {name: await stack.enter_async_context(person_at(url)) for name in tags}
        for name, several in tags.items():
            await people[name].sign_in(f"{several[1]}@mail.example")
            for tag in several[2:]:
                await people[name].add_account(f"{tag}@mail.example")
        setup = _Setup(google, bus.admin_url, database.admin_url)
        await setup.settle(people.values())
        await asyncio.gather(*(setup.write_something_of_everything(people[name], tags[name]) for name in tags))
        await tick(bus.admin_url, "prep")
        await setup.settle(people.values())
        found = {name: await setup.somebody(people[name], several) for name, several in tags.items()}
        async with _connected(database.admin_url) as connection:
            tables = await read_tables(connection)
        yield IsolationWorld(
            **found, google=google, buses=buses, url=url, nats_url=bus.admin_url, postgres_url=database.admin_url,
            database=database, tables=tables,
        )  # fmt: skip


async def _as_for_all(_: object) -> None:
    """Nobody's rows are hidden."""


async def _end_of_bus(stack: AsyncExitStack, settings: Settings, service: Service) -> Bus:
    """An end of the bus with the rights of this service, to send what it may send."""
    cache = open_cache(settings, service)
    stack.push_async_callback(cache.close)
    bus = Bus(settings, service, cache)
    await bus.connect()
    stack.push_async_callback(bus.stop)
    return bus


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@dataclass(frozen=True)
class _Setup:
    """What is done before a test begins."""

    google: GoogleServer
    nats_url: str
    postgres_url: str

    async def settle(self, people: Any) -> None:
        for _ in range(2):
            for person in people:
                progress = await wait_until_synced(person, seconds=WAIT_SECONDS, every=0.05)
                assert progress.failed == ()
            await wait_until_idle(self.nats_url, seconds=WAIT_SECONDS)

    async def write_something_of_everything(self, person: Person, tags: Sequence[str]) -> None:
        """Contacts, a merge, notes, bios, settings, a token, a brief, an offer: by hand, as everybody else does it."""
        tag, key = tags[0], key_of(tags[0])
        await person.call("PUT", "/settings", {"gmail": {"own_addresses": [f"self.{tag}@own.example"]}})
        await create(person, "/tokens", {"name": f"Token {tag}"})
        await create(person, "/do-not-record", {"value": f"hidden.{tag}@hidden.example"})
        typed = [
            (await create(person, "/contacts", contact_fields(tag, n), f"{key}-{n}" if n else key))["id"]
            for n in range(4)
        ]
        friend_id = (await person.call("GET", "/contacts", q=friend(tags[1])[0]))["items"][0]["id"]
        await create(person, f"/contacts/{typed[0]}/merge", {"other_id": typed[1]}, key)
        await person.call("POST", f"/contacts/{typed[0]}/bcc/rotate")
        note = {"title": f"Note {tag}", "text": f"Text {tag}"}
        for contact_id in (friend_id, typed[0], typed[0]):
            await create(person, f"/contacts/{contact_id}/interactions", note)
        chat = {"platform": "telegram", "ref": "chat-1", "title": f"Chat {tag}", "text": f"Text {tag}"}
        await create(person, f"/contacts/{friend_id}/interactions", chat, key)
        profile = {
            "platform": "linkedin",
            "identity": {"kind": "email", "value": friend(tags[1])[1], "emails": [f"shown.{tag}@shown.example"]},
            "bio": f"Bio {tag}",
        }
        await person.call("POST", "/profiles", profile)
        now = datetime.now(UTC).isoformat()
        for meeting in (await person.call("GET", "/meetings", **{"from": now}))["items"]:
            await create(person, f"/meetings/{meeting['id']}/prep", None)
        await self._offer_an_address(person, tags[1], friend_id)
        await person.call("POST", "/me/export")

    async def _offer_an_address(self, person: Person, tag: str, contact_id: str) -> None:
        address = f"{tag}@mail.example"
        hash_ = (await person.call("GET", f"/contacts/{contact_id}"))["bcc_hash"]
        raw = unclaimed_mail(tag, address.replace("@", f"+{hash_}@"), datetime.now(UTC))
        async with aiohttp.ClientSession() as http:
            path = f"{self.google.control_url}/accounts/{address}/messages"
            async with http.post(path, json={"raw": raw}) as response:
                assert response.status == 200, await response.text()
        account = next(a for a in (await person.call("GET", "/accounts"))["items"] if a["address"] == address)
        await person.call("POST", f"/accounts/{account['id']}/sync", {"kinds": ["mail"]})

    async def somebody(self, person: Person, tags: Sequence[str]) -> Somebody:
        """Who they are, and all that is theirs."""

        async def is_asked() -> bool:
            found = (await person.call("GET", "/notifications"))["items"]
            return any(notification["action"] for notification in found)

        await _until(is_asked)
        await wait_until_idle(self.nats_url, seconds=WAIT_SECONDS)
        user_id = UUID((await person.call("GET", "/me"))["id"])
        caller = {"name": f"Caller {tags[0]}", "scopes": TOKEN_SCOPES}
        token = (await create(person, "/tokens", caller))["secret"]
        tokens: dict[TokenScope, str] = {
            scope: (await create(person, "/tokens", {**caller, "scopes": [scope]}))["secret"] for scope in TOKEN_SCOPES
        }
        authorize_url = (await person.call("POST", "/accounts/connect", {}))["authorize_url"]
        cookies = {cookie.key: cookie.value for cookie in person.http.cookie_jar}
        secrets = {**cookies, "token": token, "state": parse_qs(urlsplit(authorize_url).query)["state"][0]}
        async with _connected(self.postgres_url) as connection:
            has = await read_belongings(connection, user_id, tags, secrets)
        return Somebody(person, has, tokens)


def key_of(tag: str) -> str:
    """The Idempotency-Key under which this person created things."""
    return f"key-of-{tag}"


async def create(person: Person, path: str, body: Any, key: str = "") -> Any:
    """POST, under an Idempotency-Key where one is given."""
    headers = {"Origin": person.url, **({"Idempotency-Key": key} if key else {})}
    async with person.http.post(f"{person.url}/api/v1{path}", json=body, headers=headers) as response:
        assert response.status in (200, 201), f"{path}: {await response.text()}"
        return await response.json()


async def _until(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not await check():
            await asyncio.sleep(0.05)
