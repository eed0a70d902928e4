"""A backup is restored: into an installation in which nothing lies yet, which is brought up to date then."""

import sys
from asyncio.subprocess import PIPE, STDOUT, create_subprocess_exec
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from libs.common import __version__
from libs.common.db import Connection
from libs.common.ids import SERVICES, Service
from libs.local import ROOT
from libs.local.backup.archive import Archive
from libs.local.backup.contents import Show, count_rows, drop_schemas, find_data, list_connected, list_tables, uses_tls
from libs.local.backup.dumping import Program, find_program, restore
from libs.local.backup.failures import BackupFailed, Unrestorable
from libs.local.backup.keys import joined, keep_keys, parse_keys
from libs.local.backup.manifest import Installation, Manifest, reasons_against
from libs.local.bus_admin import admin_stream
from libs.local.data_dir import create, locked
from libs.local.environment import Servers, external_servers, service_environment, settings_of
from libs.local.integrations import IntegrationExists, create_integration, read_integration
from libs.local.locate import secrets_for
from libs.local.migrate import migrate_bus, migrate_database
from libs.local.schemas import apply_roles, create_database, migrations_of
from libs.local.secrets import FILE, KEYS, POSTGRES_ADMIN, Secrets
from libs.local.servers import Nats, Postgres
from libs.local.urls import without_login


@dataclass(frozen=True)
class Target:
    """Where a backup is restored: administrators' URLs, and the secrets that the services are to have.

    `folder` is the one whose secrets these are; None where they come from the environment alone.
    """

    servers: Servers
    secrets: Secrets
    folder: Path | None


def keys_of(data_dir: Path, environment: Mapping[str, str], brought: Mapping[str, str]) -> dict[str, str]:
    """The keys that the services will have: those of the environment, else those that were brought along and the folder's."""
    file = data_dir / FILE
    known = joined(brought, parse_keys(file.read_text()) if file.exists() else {})
    return known | {name: environment[name] for name in KEYS if environment.get(name)}


def check(archive: Archive, key_ids: Collection[str], show: Show) -> None:
    """Read all of the file. Raises Unrestorable where it is damaged, or can't be restored by this version with these keys."""
    here = Installation(__version__, {service: _known_migrations(service) for service in SERVICES}, key_ids)
    for reason in reasons_against(archive.manifest, here):
        raise Unrestorable(f"{archive.file} can't be restored. {reason}")
    done = 0
    for piece in archive.pieces():
        done += len(piece)
        show("Checking the file", done, archive.manifest.dump_bytes)


def _known_migrations(service: Service) -> Collection[str]:
    return [file.name.partition("_")[0] for file in migrations_of(service).glob("*.sql")]


@asynccontextmanager
async def target(data_dir: Path, environment: Mapping[str, str], keys: Mapping[str, str]) -> AsyncIterator[Target]:
    """The servers of the environment; in the place of those that it does not name, those of the folder, started for it.

    The folder is made where there is none. Raises InUse, Unusable, LostSecrets, MissingSecret, ServerFailed.
    """
    given = external_servers(environment)
    async with AsyncExitStack() as cleanup:
        if not (given.postgres and given.nats):
            create(data_dir)
            await cleanup.enter_async_context(locked(data_dir))
        secrets = secrets_for(data_dir, environment)
        postgres_url, nats_url = given.postgres, given.nats
        if not postgres_url:
            postgres = Postgres(data_dir / "postgres", secrets[POSTGRES_ADMIN])
            cleanup.push_async_callback(postgres.stop)
            await postgres.start()
            postgres_url = postgres.admin_url
        if not nats_url:
            nats = Nats(data_dir / "nats", secrets)
            cleanup.push_async_callback(nats.stop)
            await nats.start()
            nats_url = nats.admin_url
        servers = Servers(postgres_url, nats_url, given.redis)
        yield Target(servers, Secrets({**secrets, **keys}), data_dir if (data_dir / FILE).exists() else None)


async def restore_into(to: Target, archive: Archive, show: Show, *, replicas: int = 1) -> None:
    """All that is in the backup, brought up to date: the database with its roles, and the bus with the integrations' consumers.

    Cut off in the middle it can be done again. Raises Unrestorable where something lies in the database, or services use it; BackupFailed.
    """
    url, manifest = to.servers.postgres, archive.manifest
    program = await prepare_database(url, to.secrets, manifest)
    if to.folder:
        keep_keys(to.folder, to.secrets)
    await fill_database(program, url, archive, show)
    show("Bringing it up to date", 0, 0)
    await migrate_database(url, to.secrets)
    await migrate_bus(to.servers.nats, replicas=replicas)
    async with admin_stream(to.servers.nats) as js:
        for name, metadata in manifest.integrations.items():
            with suppress(IntegrationExists):  # the bus was not lost
                await create_integration(js, name, read_integration(name, metadata).grants)


async def prepare_database(url: str, secrets: Secrets, manifest: Manifest) -> Program:
    """An empty database with all roles, and the pg_restore for it. Nothing is changed of one that holds something.

    Raises Unrestorable, BackupFailed.
    """
    try:
        await create_database(url)
        connection = await asyncpg.connect(url)
        try:
            await _refuse_used(connection, url)
            program = find_program("pg_restore", manifest.dumped_by, tls=await uses_tls(connection))
            await drop_schemas(connection)
        finally:
            await connection.close()
        await apply_roles(url, secrets)
        return program
    except asyncpg.InsufficientPrivilegeError as error:
        raise BackupFailed(
            f"PostgreSQL at {without_login(url)} refused: {error}. The login of PINGCRM_POSTGRES_URL must be an administrator's."
        ) from error


async def fill_database(program: Program, url: str, archive: Archive, show: Show) -> None:
    """All that is in the backup, and nothing else. Raises BackupFailed where that is not there afterwards."""
    await restore(program, url, archive.pieces(), archive.manifest.dump_bytes, show)
    await _examine(url, archive.manifest, show)


async def _refuse_used(connection: Connection, url: str) -> None:
    if table := await find_data(connection):
        raise Unrestorable(
            f"The database at {without_login(url)} is not empty ({table}): a backup is restored into a new installation. Name another"
            " folder with --data-dir, or another database with PINGCRM_POSTGRES_URL."
        )
    if services := await list_connected(connection):
        raise Unrestorable(f"{', '.join(services)} use the database at {without_login(url)}: stop the services first.")


async def _examine(url: str, manifest: Manifest, show: Show) -> None:
    """Whether everything is there; the planner of queries is given its numbers at the same occasion."""
    connection = await asyncpg.connect(url)
    try:
        show("Computing statistics", 0, 0)
        await connection.execute("ANALYZE")
        rows = await count_rows(connection, await list_tables(connection), show)
    finally:
        await connection.close()
    if differing := sorted(name for name in {*rows, *manifest.rows} if rows.get(name) != manifest.rows.get(name)):
        raise BackupFailed(
            f"Not all rows of {', '.join(differing)} are there: restore another backup, into another place."
        )


async def give_up_unreadable_tokens(to: Target, environment: Mapping[str, str]) -> None:
    """The accounts whose tokens no key opens wait for their users. Raises BackupFailed."""
    process = await create_subprocess_exec(
        sys.executable, "-m", "services.auth.lost_keys", cwd=ROOT, stdout=PIPE, stderr=STDOUT, start_new_session=True,
        env=service_environment("auth", environment, settings_of(environment), to.servers, to.secrets),
    )  # fmt: skip
    printed, _ = await process.communicate()
    if process.returncode != 0:
        raise BackupFailed(
            f"The tokens sealed with the lost key could not be given up. {printed.decode(errors='replace')}"
        )
