"""The data of an older major version of PostgreSQL is carried over to ours: backed up, and restored into a new folder beside it.

Nothing is changed of the old one until the new one is whole, and it is kept then (servers/majors.py). Cut off at any moment, the next
start begins anew, or finishes the renaming.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg

from libs.common import __version__
from libs.local.backup.archive import Archive
from libs.local.backup.backing_up import Source, back_up
from libs.local.backup.contents import Show, find_data
from libs.local.backup.failures import BackupFailed, NoInstallation, Unrestorable
from libs.local.backup.restoring import fill_database, prepare_database
from libs.local.secrets import Secrets
from libs.local.servers import Postgres, ServerFailed, majors
from libs.local.waiting import Report, explained

FAILURES = (
    BackupFailed,
    NoInstallation,
    Unrestorable,
    ServerFailed,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)
DISCARD_TRIES = 40
DISCARD_SECONDS = 0.25


async def carry_over(to: Postgres, secrets: Secrets, report: Report, *, renewed: bool = False) -> None:
    """The data in the folder of `to`, on which nothing runs, is of its major version afterwards; nothing is done where it is already.

    `renewed`: the passwords are new ones. `report` is called with what happens, and from time to time with how far it is. Raises
    ServerFailed where it is refused, with what to do, or could not be done. Then everything is as it was.
    """
    majors.settle(to.folder)
    new = Postgres(to.folder / majors.NEXT, to.password, to.options)
    await _discard(new)  # what a run that was cut off has left
    verdict, major = majors.examine(to.folder), majors.read_major(to.data)
    if verdict.action == "refuse":
        raise ServerFailed(verdict.sentence)
    if verdict.action == "start" or major is None:
        return
    old = Postgres(to.folder, to.password, to.options, major=major)
    stage = ""

    def show(what: str, done: int, total: int) -> None:
        nonlocal stage
        stage = f" ({what[:1].lower()}{what[1:]}{f', {done / total:.0%}' if total else ''})"

    report(f"{to.data} is carried over from PostgreSQL {major} to {to.major} …")
    try:
        if renewed:
            await old.reset_password()
        async with explained(lambda: f"PostgreSQL's data to be carried over{stage}", report):
            await _copy(old, new, secrets, show)
    except BaseException as error:
        await _discard(new)
        if not isinstance(error, FAILURES):
            raise
        raise ServerFailed(
            f"{to.data} could not be carried over from PostgreSQL {major} to {to.major}, and is as it was: {error}"
        ) from error
    kept = majors.replace_data(
        to.folder, major
    )  # in one go: what is begun here has to be finished, now or by the next start
    await _discard(new)
    report(
        f"PostgreSQL {to.major} has the data now. As {major} had it, it stays in {kept} until PingCRM has started once more."
    )


async def _copy(old: Postgres, new: Postgres, secrets: Secrets, show: Show) -> None:
    """All of it; the numbers of rows are compared. Neither runs afterwards."""
    file = new.folder / "data.zip"
    async with _running(old):
        is_empty = not await _has_data(old)
        if not is_empty:
            new.folder.mkdir(mode=0o700)
            await back_up(Source(old.admin_url), file, datetime.now(UTC), show)
    async with _running(new):
        if not is_empty:
            with Archive(file, __version__) as archive:
                program = await prepare_database(new.admin_url, secrets, archive.manifest)
                await fill_database(program, new.admin_url, archive, show)


async def _has_data(server: Postgres) -> bool:
    """Not where its first start was cut off before anything was stored."""
    try:
        connection = await asyncpg.connect(server.admin_url)
    except asyncpg.InvalidCatalogNameError:
        return False
    try:
        return await find_data(connection) is not None
    finally:
        await connection.close()


@asynccontextmanager
async def _running(server: Postgres) -> AsyncIterator[None]:
    try:
        await server.start()
        yield
    finally:
        await server.stop()


async def _discard(server: Postgres) -> None:
    """The whole folder of a server, and what may still run there. ServerFailed: it can't be removed."""
    if not server.folder.exists():
        return
    await server.end_leftovers()
    for _ in range(DISCARD_TRIES):
        await asyncio.to_thread(shutil.rmtree, server.folder, ignore_errors=True)
        if not server.folder.exists():
            return
        await asyncio.sleep(DISCARD_SECONDS)  # the initdb of a run that was killed still writes
    raise ServerFailed(f"{server.folder}, which was not finished, can't be removed: remove it, and start again.")
