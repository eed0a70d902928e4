"""pg_dump and pg_restore: which of them is used, and how what they write comes out and goes in, piece by piece."""

import asyncio
import os
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from libs.common.ids import SERVICES
from libs.local.backup.contents import Show
from libs.local.backup.failures import BackupFailed
from libs.local.servers import ServerFailed
from libs.local.servers.majors import major_of, programs

PIECE_BYTES = 1 << 18
LINE_BYTES = 1 << 20
LOCK_WAIT = "60s"
ERRORS_SHOWN = 3

_TABLE = re.compile(r'(?:dumping contents of|processing data for) table "(.+)"$')
_CREATED = re.compile(r'creating (?:[A-Z]+ )+"(.+)"$')
_ERROR = re.compile(r"^pg_(?:dump|restore): error: (.*)$")


@dataclass(frozen=True)
class Program:
    """One of PostgreSQL's client programs, its major version, and whether it is to insist on TLS, as our own connection has it."""

    path: Path
    major: int
    tls: bool


def find_program(name: Literal["pg_dump", "pg_restore"], at_least: int, *, tls: bool) -> Program:
    """One that is no older than that: of the wheel that the embedded server is from, else on the path. Raises BackupFailed."""
    for path in _candidates(name, tls=tls):
        if (major := major_of(path)) >= at_least:
            return Program(path, major, tls)
    raise BackupFailed(
        f"There is no {name} of PostgreSQL {at_least} or newer here{' that speaks TLS' if tls else ''}: install its client programs"
        f" (such as the package postgresql-client-{at_least}) where the PATH leads to them."
    )


def _candidates(name: str, *, tls: bool) -> Iterable[Path]:
    """That of the wheel speaks no TLS."""
    if not tls:
        with suppress(ServerFailed):  # the wheel is not installed, as in containers
            yield programs() / name
    if found := shutil.which(name):
        yield Path(found)


async def dump(program: Program, url: str, snapshot: str, add: Callable[[bytes], None], show: Show) -> None:
    """Hand every piece of a dump of all schemas to `add`, as they are in the snapshot. Raises BackupFailed."""
    arguments = [
        "--format=custom", f"--snapshot={snapshot}", "--encoding=UTF8", f"--lock-wait-timeout={LOCK_WAIT}",
        *(f"--schema={service}" for service in SERVICES),
    ]  # fmt: skip
    async with _running(program, url, arguments, stdout=PIPE) as (process, following):
        assert process.stdout is not None
        following.on_table = lambda table: show(f"Writing {table}", following.bytes, 0)
        while piece := await process.stdout.read(PIECE_BYTES):
            add(piece)
            following.bytes += len(piece)


async def restore(program: Program, url: str, pieces: Iterable[bytes], size: int, show: Show) -> None:
    """Everything, or nothing: in one transaction, as who owned it. Schemas and roles are there already. Raises BackupFailed."""
    arguments = ["--single-transaction", *(f"--schema={service}" for service in SERVICES)]
    async with _running(program, url, arguments, stdin=PIPE) as (process, following):
        assert process.stdin is not None
        following.on_table = lambda table: show(f"Restoring {table}", following.bytes, size)
        with suppress(ConnectionError):  # it ended before its input did: its reason is reported
            for piece in pieces:
                process.stdin.write(piece)
                await process.stdin.drain()
                following.bytes += len(piece)
                following.on_table(following.table)
            process.stdin.close()
            await process.stdin.wait_closed()


class _Following:
    """What a program prints with --verbose: which table it is at, and its errors. Not what these quote of rows.

    `bytes` is how much of the dump has come out or gone in.
    """

    def __init__(self) -> None:
        self.on_table: Callable[[str], None] = lambda _: None
        self.table = ""
        self.bytes = 0
        self.errors: list[str] = []

    async def read(self, lines: asyncio.StreamReader) -> None:
        async for raw in lines:
            line = raw.decode(errors="replace").rstrip()
            if found := _TABLE.search(line) or _CREATED.search(line):
                self.table = found[1]
                self.on_table(self.table)
            elif (error := _ERROR.match(line)) and len(self.errors) < ERRORS_SHOWN:
                self.errors.append(error[1])


@asynccontextmanager
async def _running(
    program: Program, url: str, arguments: Sequence[str], *, stdin: int = DEVNULL, stdout: int = DEVNULL
) -> AsyncIterator[tuple[Process, _Following]]:
    """The program, until it has ended by itself; ended by us where the block is left early. Raises BackupFailed."""
    target, environment = _connection(url, tls=program.tls)
    process = await asyncio.create_subprocess_exec(
        program.path, "--verbose", "--no-password", f"--dbname={target}", *arguments,
        stdin=stdin, stdout=stdout, stderr=PIPE, env=environment, limit=LINE_BYTES, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    following = _Following()
    reading = asyncio.create_task(following.read(process.stderr))
    try:
        yield process, following
        await reading
        if await process.wait() != 0:
            raise BackupFailed(f"{program.path.name} failed: {' '.join(following.errors) or process.returncode}")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


def _connection(url: str, *, tls: bool) -> tuple[str, dict[str, str]]:
    """The URL without its password, which would be in the list of processes, and an environment that has it."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    user = quote(unquote(login.partition(":")[0]), safe="")
    target = urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host))
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME") or name.startswith("PG")}
    insisting = {"PGSSLMODE": "require"} if tls else {}  # a URL that asks for more has its way
    password = {"PGPASSWORD": unquote(parts.password)} if parts.password else {}
    return target, {**insisting, **kept, **password, "LC_ALL": "C.UTF-8"}
