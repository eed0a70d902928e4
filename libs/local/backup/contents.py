"""What lies in the database of an installation: its tables, migrations and keys, and whether there is anything in it."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from libs.common.db import Connection
from libs.common.ids import SERVICES
from libs.local.backup.failures import NoInstallation
from libs.local.urls import without_login

MIGRATIONS = "schema_migrations"
Show = Callable[[str, int, int], None]
"""Called with what is done now, how much of it is done, and of how much; 0 where nobody knows of how much."""

_TABLES = """
    SELECT nspname AS schema, relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE nspname = ANY($1::text[]) AND relkind IN ('r', 'p') ORDER BY 1, 2
"""
# The name of its key stands behind the first byte of what is sealed (services/auth/keyring.py).
_SEALED_WITH = """
    SELECT DISTINCT encode(substring(refresh_token FROM 2 FOR 4), 'hex') AS id FROM auth.google_accounts
    WHERE refresh_token IS NOT NULL ORDER BY id
"""
_CONNECTED = """
    SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = current_database() AND usename = ANY($1::text[]) ORDER BY 1
"""


@dataclass(frozen=True)
class Contents:
    """`server` is PostgreSQL's major version; `tls`: the connection to it is encrypted. The rest is as in a manifest."""

    server: int
    tls: bool
    migrations: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, int]
    sealed_with: tuple[str, ...]


@asynccontextmanager
async def snapshot(url: str) -> AsyncIterator[tuple[Connection, str]]:
    """A connection that sees one moment of the whole database, and the name under which others can see that moment, too."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection, await connection.fetchval("SELECT pg_export_snapshot()")
    finally:
        await connection.close()


async def read_contents(connection: Connection, url: str, show: Show) -> Contents:
    """Of the moment that the connection sees. Raises NoInstallation where no PingCRM is in the database."""
    tables = await list_tables(connection)
    if any((service, MIGRATIONS) not in tables for service in SERVICES):
        raise NoInstallation(
            f"There is no PingCRM in the database at {without_login(url)}: name another one with PINGCRM_POSTGRES_URL or --data-dir."
        )
    migrations: dict[str, tuple[str, ...]] = {
        service: tuple(
            row["version"] for row in await connection.fetch(f"SELECT version FROM {service}.{MIGRATIONS} ORDER BY version")  # noqa: S608
        )
        for service in SERVICES
    }  # fmt: skip
    rows = await count_rows(connection, tables, show)
    sealed_with = tuple(row["id"] for row in await connection.fetch(_SEALED_WITH))
    return Contents(await get_major_version(connection), await uses_tls(connection), migrations, rows, sealed_with)


async def get_major_version(connection: Connection) -> int:
    """PostgreSQL's."""
    return int(await connection.fetchval("SELECT current_setting('server_version_num')::int / 10000"))


async def uses_tls(connection: Connection) -> bool:
    """Whether this connection is encrypted: then others of ours have to be, too."""
    return bool(await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))


async def list_tables(connection: Connection) -> Sequence[tuple[str, str]]:
    """Schema and name of every table of every service."""
    return [(row["schema"], row["name"]) for row in await connection.fetch(_TABLES, list(SERVICES))]


async def count_rows(connection: Connection, tables: Collection[tuple[str, str]], show: Show) -> dict[str, int]:
    """How many rows each table has, by its full name."""
    counts = {}
    for done, (schema, name) in enumerate(tables):
        show(f"Counting {schema}.{name}", done, len(tables))
        counts[f"{schema}.{name}"] = await connection.fetchval(f'SELECT count(*) FROM {schema}."{name}"')  # noqa: S608
    return counts


async def find_data(connection: Connection) -> str | None:
    """A table in which something lies, migrations aside; None where all are empty, or none are there."""
    for schema, name in await list_tables(connection):
        if name != MIGRATIONS and await connection.fetchval(f'SELECT EXISTS (SELECT FROM {schema}."{name}")'):  # noqa: S608
            return f"{schema}.{name}"
    return None


async def list_connected(connection: Connection) -> list[str]:
    """The services that are connected to the database."""
    found = await connection.fetch(_CONNECTED, [f"pingcrm_{service}" for service in SERVICES])
    return [row["usename"].removeprefix("pingcrm_") for row in found]


async def drop_schemas(connection: Connection) -> None:
    """Of an installation without data: a restored one brings its own."""
    async with connection.transaction():
        for service in SERVICES:
            await connection.execute(f"DROP SCHEMA IF EXISTS {service} CASCADE")
