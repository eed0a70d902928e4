"""A backup is made: one moment of the whole database, into one file."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nats.errors

from libs.common import __version__
from libs.local.backup.archive import new_archive
from libs.local.backup.contents import Show, read_contents, snapshot
from libs.local.backup.dumping import dump, find_program
from libs.local.backup.failures import NoInstallation
from libs.local.backup.manifest import Manifest, file_name
from libs.local.bus_admin import Unreachable, admin_stream
from libs.local.data_dir import locked
from libs.local.environment import Servers
from libs.local.integrations import Integration, list_integrations
from libs.local.locate import locate
from libs.local.secrets import POSTGRES_ADMIN, load
from libs.local.servers import Nats, Postgres, majors


@dataclass(frozen=True)
class Source:
    """What is backed up: the administrator's URL of its database, and the integrations that its bus has; why these are not known."""

    postgres_url: str
    integrations: tuple[Integration, ...] = ()
    unknown: str = ""


def choose_file(destination: Path, now: datetime) -> Path:
    """Where the backup goes: the file that was named, or a new one in the folder. Raises OSError where it can't be there."""
    file = destination / file_name(now) if destination.is_dir() else destination
    if file.exists():
        raise FileExistsError(f"{file} exists already, and nothing is overwritten: name another file.")
    if not file.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {file.parent}: make it first.")
    return file


@asynccontextmanager
async def source(data_dir: Path, environment: Mapping[str, str]) -> AsyncIterator[Source]:
    """The servers of the environment, or those that run on the folder; of a folder on which none run, PostgreSQL is started.

    That of an older major version is backed up as it is.

    Raises NoInstallation, InUse, LostSecrets, ServerFailed.
    """
    servers = locate(data_dir, environment).servers
    if servers.postgres:
        yield await _with_integrations(servers)
        return
    folder = data_dir / "postgres"
    if not majors.has_data(folder):
        raise NoInstallation(
            f"There is no PingCRM in {data_dir}: name its folder with --data-dir, or its database with PINGCRM_POSTGRES_URL."
        )
    async with locked(data_dir):
        secrets = load(data_dir, environment)
        majors.settle(folder)
        major = majors.read_major(folder / majors.DATA) or majors.MAJOR
        postgres = Postgres(folder, secrets[POSTGRES_ADMIN], major=major)
        try:
            await postgres.start()
            yield Source(postgres.admin_url, tuple(Nats(data_dir / "nats", secrets).integrations()))
        finally:
            await postgres.stop()


async def _with_integrations(servers: Servers) -> Source:
    """The database is backed up also while NATS is away."""
    if not servers.nats:
        return Source(servers.postgres, unknown="PINGCRM_NATS_URL is not set.")
    try:
        async with admin_stream(servers.nats) as js:
            found = await list_integrations(js)
    except (Unreachable, nats.errors.Error) as error:
        return Source(servers.postgres, unknown=str(error))
    return Source(servers.postgres, tuple(waiting.integration for waiting in found))


async def back_up(of: Source, file: Path, now: datetime, show: Show) -> Manifest:
    """Write the file; what it is of. Services may run meanwhile: all is as it was at one moment.

    Raises NoInstallation, BackupFailed, and what PostgreSQL or the file system refuse; the file is not there then.
    """
    async with snapshot(of.postgres_url) as (connection, name):
        contents = await read_contents(connection, of.postgres_url, show)
        program = find_program("pg_dump", contents.server, tls=contents.tls)
        with new_archive(file, now) as archive:
            with archive.dump() as taken:
                await dump(program, of.postgres_url, name, taken.add, show)
            manifest = Manifest(
                format=1,
                version=__version__,
                created_at=now.astimezone(UTC),
                server=contents.server,
                dumped_by=program.major,
                migrations=contents.migrations,
                rows=contents.rows,
                sealed_with=contents.sealed_with,
                integrations={integration.name: integration.metadata() for integration in of.integrations},
                dump_bytes=taken.bytes,
                dump_sha256=taken.sha256,
            )
            archive.add_manifest(manifest)
    return manifest
