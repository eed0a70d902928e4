"""PostgreSQL and a streaming standby. What is committed is on both disks, so a promotion loses nothing that anybody was told is stored."""

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from libs.local.ports import LOOPBACK
from libs.local.private_file import write_private
from libs.local.process import run_apart
from libs.local.servers import Postgres, ServerFailed
from libs.local.servers.majors import programs
from libs.local.servers.postgres import DATABASE
from libs.local.servers.unprivileged import Unprivileged

REPLICATION: Mapping[str, str] = {
    "wal_level": "replica",
    "max_wal_senders": "4",
    "hot_standby": "on",
    "wal_keep_size": "256MB",  # how far a standby may be behind that was away; then it is made anew
    "wal_retrieve_retry_interval": "200ms",  # commits wait for the standby to be back
}
IN_STEP_SECONDS = 30.0
PROMOTION_SECONDS = 60
POLL_SECONDS = 0.1

_STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
# What may go wrong while a server starts, restarts or is cut off.
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class NoStandby(Exception):
    """There is no standby that has all that was committed; the message says what to do."""


class PostgresNode(Postgres):
    """One of the two. `source` is whose standby it is; None: it is the primary. `fenced`: nothing may start it, another is the primary."""

    def __init__(self, folder: Path, password: str, options: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, password, {**REPLICATION, **(options or {})})
        self.source: Postgres | None = None
        self.fenced = False
        self._starting = asyncio.Lock()

    @property
    def title(self) -> str:
        """`postgres-1` or `postgres-2`."""
        return self.folder.name

    async def start(self) -> None:
        async with self._starting:
            await super().start()

    async def start_as_copy_of(self, source: Postgres) -> None:
        """Whatever it was before. ServerFailed: it can't be copied, or does not start."""
        async with self._starting:
            self.source, self.fenced = source, False
            await asyncio.to_thread(shutil.rmtree, self.data, ignore_errors=True)
            await super().start()

    async def prepare(self) -> None:
        signal_file = self.data / "standby.signal"
        if self.source is None:
            signal_file.unlink(missing_ok=True)  # chosen as primary, and cut off before it was promoted
        elif not signal_file.exists():  # a former primary, or a copy that was cut off: nobody's standby
            await asyncio.to_thread(shutil.rmtree, self.data, ignore_errors=True)
        await super().prepare()

    async def fill(self, user: Unprivileged) -> None:
        """A standby begins as a copy of its primary. ServerFailed: it can't be copied."""
        if self.source is None:
            await super().fill(user)
            return
        write_private(self._password_file, f"*:*:*:postgres:{self.password}\n")
        os.chown(self._password_file, *user.owner)
        command = [
            *user.prefix, str(programs() / "pg_basebackup"), f"--pgdata={self.data}", f"--dbname={self._source_address(self.source)}",
            "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-password",
        ]  # fmt: skip
        if self.options.get("fsync") == "off":
            command.append("--no-sync")
        plain = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
        done = await asyncio.to_thread(run_apart, command, Path("/"), plain)
        if done.returncode != 0:
            raise ServerFailed(f"PostgreSQL could not be copied into {self.data}: {done.stderr.strip()}")

    def command(self) -> list[str]:
        """A standby is given its primary's address anew at each start: the port may have changed. The password is in a file.

        ServerFailed: it is fenced. Nothing happens between this and the start of the process, so no late restart slips through.
        """
        if self.fenced:
            raise ServerFailed(f"{self.title} is not the primary any more: it is not started as one.")
        following = ["-c", f"primary_conninfo={self._source_address(self.source)}"] if self.source else []
        return [*super().command(), *following]

    def _source_address(self, source: Postgres) -> str:
        quoted = str(self._password_file).replace("\\", "\\\\").replace("'", "\\'")
        return f"host={LOOPBACK} port={source.port} user=postgres application_name={self.title} passfile='{quoted}'"

    @property
    def _password_file(self) -> Path:
        return self.folder / "passfile"


class PostgresPair:
    """Two servers in a folder, of which a file there names the primary. `in_step`: whether the standby has all that is committed."""

    def __init__(self, folder: Path, password: str, options: Mapping[str, str] | None = None) -> None:
        first, second = (PostgresNode(folder / f"postgres-{number}", password, options) for number in (1, 2))
        self._note = folder / "primary"
        noted = self._note.read_text().strip() if self._note.exists() else first.title
        self.primary, self.standby = (second, first) if noted == second.title else (first, second)
        self.in_step = False

    @property
    def nodes(self) -> tuple[PostgresNode, PostgresNode]:
        return self.primary, self.standby

    @property
    def admin_url(self) -> str:
        """Both hosts; whoever connects gets the one that can be written, also after a promotion."""
        first, second = sorted(self.nodes, key=lambda node: node.title)
        hosts = f"{LOOPBACK}:{first.port},{LOOPBACK}:{second.port}"
        return f"postgresql://postgres:{self.primary.password}@{hosts}/{DATABASE}?target_session_attrs=read-write"

    async def start(self) -> None:
        """The primary, its standby, and both in step. ServerFailed: one of them does not start."""
        await self.primary.start()
        self.standby.source = self.primary
        await self.standby.start()
        try:
            await self._get_in_step()
        except TimeoutError:  # it was away for too long, and what it misses is gone
            await self.renew_standby()

    async def renew_standby(self) -> None:
        """Make the standby anew out of the primary. ServerFailed: it can't be."""
        self.in_step = False
        await self.standby.stop()
        await self.standby.start_as_copy_of(self.primary)
        try:
            await self._get_in_step()
        except TimeoutError:
            raise ServerFailed(
                f"The standby {self.standby.title} does not follow its primary. Its log: {self.standby.log}"
            ) from None

    async def promote(self) -> None:
        """The standby becomes the primary; the primary before it is stopped first, and stays down until `renew_standby`.

        NoStandby: nothing was changed. ServerFailed: it is neither; the next start begins with the new one.
        """
        old, new = self.nodes
        if not self.in_step or not new.running:
            raise NoStandby(f"{new.title} does not have all that is committed yet: try again when it is back in step.")
        self.in_step = False
        old.fenced = True
        await old.stop()
        write_private(self._note, f"{new.title}\n")
        new.source = None  # before anything can restart it: as a standby it would be copied anew from nobody
        self.primary, self.standby = new, old
        try:
            await _execute(new, "ALTER SYSTEM RESET synchronous_standby_names")
            await _execute(new, f"SELECT pg_promote(true, {PROMOTION_SECONDS})")
        except _AWAY as error:
            raise ServerFailed(f"{new.title} could not be promoted: {error}") from error

    async def _get_in_step(self) -> None:
        """Wait until the standby streams; from then on a commit is one when it is on both. TimeoutError: it does not follow."""
        async with asyncio.timeout(IN_STEP_SECONDS):
            while not await self._require_standby():  # noqa: ASYNC110 -- another process, which sets no event here
                await asyncio.sleep(POLL_SECONDS)
        self.in_step = True

    async def _require_standby(self) -> bool:
        """Whether it streams, and the primary waits for it from now on."""
        try:
            if not await _execute(self.primary, _STREAMING):
                return False
            await _execute(self.primary, f"ALTER SYSTEM SET synchronous_standby_names = '\"{self.standby.title}\"'")
            await _execute(self.primary, "SELECT pg_reload_conf()")
        except _AWAY:  # it is being restarted
            return False
        return True


async def _execute(server: Postgres, statement: str) -> object:
    """One statement as the superuser, outside of any transaction; its first value."""
    connection = await asyncpg.connect(server.url("postgres"), timeout=5)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
