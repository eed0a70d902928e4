"""The tables of `sync` for tests of its SQL and its handlers: one database for all of them, since each undoes what it has done."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from libs.common.db import Connection
from libs.local.secrets import Secrets
from tests.support.database import Database, fresh_database
from tests.support.servers import Servers
from tests.support.sync_tables import sync_tables


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _shared_database(servers: Servers, secrets: Secrets) -> AsyncIterator[Database]:
    async with fresh_database(await servers.postgres(), secrets) as fresh:
        yield fresh


@pytest_asyncio.fixture
async def connection(_shared_database: Database) -> AsyncIterator[Connection]:
    """In a transaction that is rolled back."""
    async with sync_tables(_shared_database) as connection:
        yield connection


@pytest_asyncio.fixture
async def emptied_database(_shared_database: Database) -> AsyncIterator[Database]:
    """What is committed to it is deleted at the end."""
    yield _shared_database
    connection = await asyncpg.connect(_shared_database.url_for("sync"))
    try:
        await connection.execute(
            "DELETE FROM accounts; DELETE FROM preferences; DELETE FROM forgotten; DELETE FROM outbox"
        )
    finally:
        await connection.close()
