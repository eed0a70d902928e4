"""The whole product on a local Google: every service a process of its own, real servers, a person who signs in."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import nats

from libs.common.ids import Service
from libs.common.topology import DEAD_STREAM
from libs.google_sim.account import AccountData
from libs.google_sim.server import GoogleServer, run_google
from libs.local.demo.google import LocalGoogle
from libs.local.demo.person import Person, person_at
from libs.local.demo.progress import wait_until_idle, wait_until_synced
from libs.local.demo.report import count_actual, shown_numbers
from libs.local.supervisor import Stack
from tests.support.servers import UNSAFE

# On a local Google, where anybody may sign in and no limit holds anything back.
UNLIMITED = {
    "PINGCRM_GMAIL_UNITS_PER_MINUTE": "0",
    "PINGCRM_GMAIL_PROJECT_UNITS_PER_MINUTE": "0",
    "PINGCRM_GOOGLE_CLIENT_ID": "test.apps.googleusercontent.com",
    "PINGCRM_GOOGLE_CLIENT_SECRET": "test",
    "PINGCRM_SIGN_UP": "open",
    "PINGCRM_API_REQUESTS_PER_MINUTE": "0",
}


@dataclass(frozen=True)
class Product:
    """`person` has a browser at the first gateway; `google` directs the play."""

    stack: Stack
    google: LocalGoogle
    person: Person

    async def settle(self, seconds: float = 120) -> None:
        """Wait until every run has ended and every message is handled."""
        for _ in range(2):
            glimpse = await wait_until_synced(self.person, seconds=seconds)
            await wait_until_idle(self.stack.admin_nats_url, seconds=seconds)
        assert glimpse.failed == ()

    async def numbers(self, **options: Any) -> tuple[dict[str, int], dict[str, int]]:
        """What the oracle expects and what the product shows, without the briefs, which need a scan."""
        expected = shown_numbers(await self.google.expected(**options))
        actually = await count_actual(self.person, self.google)
        return _without_preps(expected), _without_preps(actually)

    async def rows(self, query: str, *values: Any) -> list[asyncpg.Record]:
        """Look into the database as the administrator."""
        connection = await asyncpg.connect(self.stack.admin_postgres_url)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def dead_letters(self) -> int:
        """How many letters nobody could deliver."""
        client = await nats.connect(self.stack.admin_nats_url)
        try:
            return (await client.jetstream().stream_info(DEAD_STREAM)).state.messages
        finally:
            await client.close()

    async def doubled(self) -> int:
        """How many interactions are too many: tied to no copy of anything, or one copy tied to several. Always 0."""
        (row,) = await self.rows("""
            SELECT (SELECT count(*) FROM contacts.interactions i WHERE NOT EXISTS
                       (SELECT FROM contacts.sightings s WHERE s.interaction_id = i.id AND s.fact IS NOT NULL))
                 + (SELECT count(*) FROM (SELECT FROM contacts.sightings WHERE fact IS NOT NULL
                       GROUP BY source_id, platform, ref HAVING count(DISTINCT interaction_id) <> 1) AS torn)
        """)
        return int(row[0])


def _without_preps(numbers: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in numbers.items() if name != "preps"}


@asynccontextmanager
async def product(
    folder: Path,
    accounts: list[AccountData],
    *,
    settings: Mapping[str, str] | None = None,
    replicas: Mapping[Service, int] | None = None,
    prepare: Callable[[GoogleServer], Mapping[str, str]] = lambda _: {},
    **google_options: Any,
) -> AsyncIterator[Product]:
    """Everything up; nobody has signed in yet. Logs of the services are in `folder`/logs.

    `prepare` is given the local Google before the services start, and gives further settings.
    """
    async with (
        local_google(accounts, **google_options) as (server, google),
        started(folder, google, {**(settings or {}), **prepare(server)}, replicas) as it,
    ):
        yield it


@asynccontextmanager
async def local_google(accounts: list[AccountData], **options: Any) -> AsyncIterator[tuple[GoogleServer, LocalGoogle]]:
    """The local Google in this process, and its control."""
    async with run_google(accounts, **options) as server, aiohttp.ClientSession() as http:
        yield server, LocalGoogle(server.url, server.control_url, os.getpid(), http)


@asynccontextmanager
async def started(
    folder: Path,
    google: LocalGoogle,
    settings: Mapping[str, str],
    replicas: Mapping[Service, int] | None = None,
) -> AsyncIterator[Product]:
    """Everything up on a local Google that runs already, with whatever lies in the folder."""
    environment = {
        "PINGCRM_GOOGLE_API_ROOT": google.url,
        "PINGCRM_GOOGLE_OAUTH_ROOT": google.url,
        **UNLIMITED,
        "PINGCRM_MAIL_POLL_SECONDS": "0",
        "PINGCRM_LOG_FORMAT": "json",
        **settings,
    }
    async with (
        Stack.start(folder, environment, replicas=replicas, postgres_options=UNSAFE, report=_quietly) as stack,
        person_at(stack.url) as person,
    ):
        yield Product(stack, google, person)


def _quietly(_: str) -> None:
    """Restarts are what some tests are about."""
