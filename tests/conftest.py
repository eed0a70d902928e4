"""Fixtures for every test. Real servers: `database`, `nats_server`, `redis_url`, or `service_settings` for all three.

PostgreSQL and Valkey are started once per test process, NATS once per module, and only when a test requests them; each test gets a
database of its own, an empty bus and an empty Redis. The first integration test takes about two seconds to set up, the others a
fraction of one.
"""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
import pytest_asyncio
import redis.asyncio
from hypothesis import settings

from libs.common.config import Settings
from libs.common.ids import Service
from libs.common.topology import CLOCK_STREAM, DEAD_STREAM, EVENT_STREAM
from libs.local import ROOT
from libs.local.migrate import migrate_bus
from libs.local.secrets import SECRET_KEYS, WEBHOOK_KEYS, Secrets, generate
from libs.local.servers import Nats
from libs.local.urls import redis_url as redis_url_of
from tests.support.bus import stop_schedules
from tests.support.database import Database, fresh_database
from tests.support.servers import Servers, new_folder

ServiceSettings = Callable[[Service], Settings]

# How long an example takes depends on the machine; what must be fast counts its steps, or is in `make bench`.
settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a developer's shell exports must not decide how a test ends."""
    for name in [name for name in os.environ if name.startswith("PINGCRM_") and name != "PINGCRM_CORPUS"]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def secrets() -> Secrets:
    """One set of passwords for all servers of this test process."""
    return generate()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(secrets: Secrets) -> AsyncIterator[Servers]:
    """PostgreSQL and Valkey: `await servers.postgres()`, `await servers.valkey()`."""
    running = Servers(secrets)
    yield running
    await running.stop()


@pytest_asyncio.fixture
async def database(servers: Servers, secrets: Secrets) -> AsyncIterator[Database]:
    """A fresh, migrated, empty database: `database.admin_url`, `database.url_for("contacts")`."""
    async with fresh_database(await servers.postgres(), secrets) as fresh:
        yield fresh


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_database(servers: Servers, secrets: Secrets) -> AsyncIterator[Database]:
    """A database that the tests of a module share: for those that have many cases and clean up behind themselves."""
    async with fresh_database(await servers.postgres(), secrets) as fresh:
        yield fresh


@asynccontextmanager
async def migrated_nats(secrets: Secrets) -> AsyncIterator[Nats]:
    """A fresh NATS server with streams and consumers. No schedule fires."""
    folder = new_folder("nats")
    server = Nats(folder, secrets)
    await server.start()
    try:
        await migrate_bus(server.admin_url)
        await stop_schedules(server.admin_url)
        yield server
    finally:
        await server.kill()
        shutil.rmtree(folder)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _nats_of_the_module(secrets: Secrets) -> AsyncIterator[Nats]:
    async with migrated_nats(secrets) as server:
        yield server


@pytest_asyncio.fixture
async def nats_server(_nats_of_the_module: Nats) -> Nats:
    """A NATS server with streams and consumers, and nothing else: `.admin_url`, `.url_for("sync")`.

    The tests of a module share it: who kills or changes it, or publishes the same event again and again, takes `own_nats_server`.
    """
    connection = await nats.connect(_nats_of_the_module.admin_url)
    try:
        js = connection.jetstream()
        await js.purge_stream(EVENT_STREAM)
        await js.purge_stream(DEAD_STREAM)
        await js.purge_stream(CLOCK_STREAM, subject="clock.>")
    finally:
        await connection.close()
    return _nats_of_the_module


@pytest_asyncio.fixture
async def own_nats_server(secrets: Secrets) -> AsyncIterator[Nats]:
    """A fresh NATS server of the test's own. A module whose tests all want that defines `nats_server = own_nats_server`."""
    async with migrated_nats(secrets) as server:
        yield server


@pytest_asyncio.fixture
async def redis_url(servers: Servers) -> AsyncIterator[str]:
    """The administrator's URL of an empty Redis."""
    server = await servers.valkey()
    if not server.running:  # a test killed it
        await server.restart()
    async with redis.asyncio.Redis.from_url(server.admin_url) as client:
        await client.flushall()
    yield server.admin_url


@pytest_asyncio.fixture
async def redis_admin(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """Redis as its administrator sees it: all keys, with the namespaces of the services."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def service_settings(database: Database, nats_server: Nats, redis_url: str, secrets: Secrets) -> ServiceSettings:
    """The settings of a service, with its own logins on servers of this test: `service_settings("contacts")`."""

    def settings(service: Service) -> Settings:
        return Settings(
            postgres_url=database.url_for(service),
            nats_url=nats_server.url_for(service),
            redis_url=redis_url_of(redis_url, service, secrets),
            secret_keys=secrets[SECRET_KEYS],
            webhook_keys=secrets[WEBHOOK_KEYS],
        )

    return settings


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder with the corpus of real mail (mail.jsonl.gz, calendar.jsonl.gz, people.jsonl.gz). Mark such tests `corpus`."""
    folder = Path(os.environ.get("PINGCRM_CORPUS", ROOT.parent / "shared" / "data"))
    if not (folder / "mail.jsonl.gz").exists():
        pytest.skip(f"the corpus is not in {folder}; set PINGCRM_CORPUS")
    return folder
