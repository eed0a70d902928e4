"""A fresh database per test, copied from one that was migrated once."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from libs.common.db import Pool
from libs.common.ids import Service
from libs.local.migrate import migrate_database
from libs.local.schemas import apply_roles
from libs.local.secrets import Secrets
from libs.local.servers import Postgres
from libs.local.urls import postgres_url

TEMPLATE = "pingcrm_template"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """One database with all schemas. `admin_url` is the superuser's."""

    admin_url: str
    secrets: Secrets

    def url_for(self, service: Service) -> str:
        """With the login of the service's own role."""
        return postgres_url(self.admin_url, service, self.secrets)


async def prepare_template(server: Postgres, secrets: Secrets) -> None:
    await migrate_database(server.url(TEMPLATE), secrets)


@asynccontextmanager
async def fresh_database(server: Postgres, secrets: Secrets) -> AsyncIterator[Database]:
    """Migrated and empty; dropped at the end, whoever is still connected."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(server.url("postgres"))
    try:
        # Files copied as they are cost a fifth of the time that blocks written through the log do.
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE} STRATEGY FILE_COPY')
        await apply_roles(server.url(name), secrets)  # rights on the database itself are not copied
        yield Database(server.url(name), secrets)
    finally:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.close()


async def blocked(pool: Pool, work: asyncio.Task[Any]) -> None:
    """Return when `work` waits for a lock that somebody else holds, or has ended without."""
    async with asyncio.timeout(20):
        while not work.done():
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if await pool.fetchval(waiting):
                return
            await asyncio.sleep(0.01)
