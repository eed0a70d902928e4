"""The embedded servers: they start, keep port and data, survive a crash, and report why they can't."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from libs.local import leftovers
from libs.local.bus_admin import admin_stream
from libs.local.migrate import migrate_bus
from libs.local.secrets import generate
from libs.local.servers import Nats, Postgres, Server, ServerFailed, Valkey
from libs.local.servers.majors import programs
from tests.support.servers import UNSAFE

SECRETS = generate()
NOBODY = 65534


def seen_from_outside(entered_by_others: bool) -> int:
    """The user as whom PostgreSQL runs: in a user namespace, which looks like root, also where its programs can't be reached."""
    reachable = all(folder.stat().st_mode & 0o001 for folder in programs().parents)
    return NOBODY if entered_by_others and reachable else 0


def postgres(folder: Path) -> Postgres:
    return Postgres(folder / "postgres", "superuser-password", UNSAFE)


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[None]:
    try:
        await server.start()
        yield
    finally:
        await server.stop()


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_postgres_keeps_port_and_data(tmp_path: Path, end: str) -> None:
    server = postgres(tmp_path)
    async with running(server):
        port = server.port
        connection = await asyncpg.connect(server.url("postgres"))
        await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        await connection.close()
        await getattr(server, end)()
        assert not server.running
        await server.restart()
        assert server.port == port
        connection = await asyncpg.connect(server.url("postgres"))
        assert await connection.fetchval("SELECT answer FROM kept") == 42
        await connection.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_nats_keeps_port_and_streams(tmp_path: Path, end: str) -> None:
    server = Nats(tmp_path / "nats", SECRETS)
    async with running(server):
        port = server.port
        await migrate_bus(server.admin_url)
        async with admin_stream(server.admin_url) as js:
            await js.publish("message.ingested", b"{}")
        await getattr(server, end)()
        await server.restart()
        assert server.port == port
        async with admin_stream(server.admin_url) as js:
            assert (await js.stream_info("EVENTS")).state.messages == 1


async def test_valkey_keeps_port_and_data_and_wants_its_password(tmp_path: Path) -> None:
    server = Valkey(tmp_path / "valkey", SECRETS)
    async with running(server):
        port = server.port
        async with redis.asyncio.Redis.from_url(server.admin_url) as client:
            await client.set("kept", "42")
        await server.restart()
        assert server.port == port
        async with redis.asyncio.Redis.from_url(server.admin_url) as client:
            assert await client.get("kept") == b"42"
        async with redis.asyncio.Redis(port=port, retry=Retry(NoBackoff(), 0)) as stranger:
            with pytest.raises(redis.exceptions.AuthenticationError):
                await stranger.ping()


async def test_every_server_listens_on_loopback_only(tmp_path: Path) -> None:
    for server in (postgres(tmp_path), Nats(tmp_path / "nats", SECRETS), Valkey(tmp_path / "valkey", SECRETS)):
        async with running(server):
            assert server.process
            listening = [
                connection.laddr.ip
                for connection in psutil.Process(server.process.pid).net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            ]
            assert listening == ["127.0.0.1"]


async def test_postgres_refuses_a_wrong_password_and_uses_scram(tmp_path: Path) -> None:
    server = postgres(tmp_path)
    async with running(server):
        connection = await asyncpg.connect(server.url("postgres"))
        assert (await connection.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'")).startswith(
            "SCRAM-"
        )
        await connection.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url("postgres").replace("superuser-password", "guess"))


async def test_data_of_another_password_is_reported_as_such(tmp_path: Path) -> None:
    async with running(postgres(tmp_path)):
        pass
    other = Postgres(tmp_path / "postgres", "another-password", UNSAFE)
    with pytest.raises(ServerFailed, match="another password"):
        await other.start()
    assert not other.running


async def test_a_server_that_can_not_start_reports_what_is_in_its_log(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", "superuser-password", {**UNSAFE, "shared_buffers": "nonsense"})
    with pytest.raises(ServerFailed, match="shared_buffers"):
        await server.start()


@pytest.mark.parametrize("server_class", [Nats, Valkey])
async def test_a_server_that_nobody_noted_is_ended_before_another_one_starts_on_its_port(
    server_class: type[Nats | Valkey], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "ORPHAN_SECONDS", 0.2)
    left, again = server_class(tmp_path / "server", SECRETS), server_class(tmp_path / "server", SECRETS)
    async with running(left):
        (tmp_path / "server" / "pid").unlink()
        async with running(again):
            assert not left.running
            assert again.port == left.port


async def test_postgres_waits_for_a_leftover_that_is_still_stopping(tmp_path: Path) -> None:
    left = postgres(tmp_path)
    async with running(left):
        connection = await asyncpg.connect(left.url("postgres"))  # a smart shutdown would wait for it
        try:
            async with running(postgres(tmp_path)):
                assert not left.running
        finally:
            connection.terminate()


@pytest.mark.parametrize("holder", ["a process of something else", "a process that is not reaped"])
async def test_the_lock_of_a_server_that_is_gone_does_not_stop_the_next(tmp_path: Path, holder: str) -> None:
    server = postgres(tmp_path)
    async with running(server):
        await server.kill()
    dead = subprocess.Popen(["true"])
    await asyncio.to_thread(os.waitid, os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
    pid = os.getpid() if holder == "a process of something else" else dead.pid
    lock = server.data / "postmaster.pid"
    lock.write_text(lock.read_text().replace(lock.read_text().splitlines()[0], str(pid), 1))
    async with running(server):
        assert server.running
    dead.wait()


async def test_what_survived_of_a_server_that_was_killed_is_ended_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "ORPHAN_SECONDS", 0.2)
    server = postgres(tmp_path)
    async with running(server):
        connection = await asyncpg.connect(server.url("postgres"))
        await connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
        survivor = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
        survivor.suspend()
        assert server.process
        psutil.Process(server.process.pid).kill()
        await server.process.wait()
        async with running(postgres(tmp_path)):
            assert not survivor.is_running() or survivor.status() == psutil.STATUS_ZOMBIE
        connection.terminate()
    async with running(server):
        connection = await asyncpg.connect(server.url("postgres"))
        assert await connection.fetchval("SELECT number FROM kept") == 42
        await connection.close()


async def test_a_postgres_that_somebody_runs_on_the_folder_is_named_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "ORPHAN_SECONDS", 0.2)
    by_hand = postgres(tmp_path)
    async with running(by_hand):
        (by_hand.folder / "pid").unlink()
        assert by_hand.process
        with pytest.raises(
            ServerFailed, match=f"did not start runs on .* \\(process {by_hand.process.pid}\\): stop it"
        ):
            await postgres(tmp_path).start()
        assert by_hand.running


@pytest.mark.parametrize("entered_by_others", [True, False])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the user")
async def test_as_root_postgres_runs_as_somebody_else_wherever_its_data_is(entered_by_others: bool) -> None:
    """As nobody where that user gets to the data; below a folder of mode 0700 in a user namespace, seen from outside as root."""
    outer = Path(tempfile.mkdtemp(prefix="pingcrm-root-"))
    outer.chmod(0o711 if entered_by_others else 0o700)
    server = postgres(outer)
    try:
        async with running(server):
            assert server.process
            assert psutil.Process(server.process.pid).uids().real == seen_from_outside(entered_by_others)
        outer.chmod(0o700 if entered_by_others else 0o711)
        async with running(server):  # the other way round on the same data
            assert psutil.Process(server.process.pid).uids().real == seen_from_outside(not entered_by_others)
    finally:
        shutil.rmtree(outer)


async def test_configuration_with_passwords_is_private(tmp_path: Path) -> None:
    async with running(Nats(tmp_path / "nats", SECRETS)), running(Valkey(tmp_path / "valkey", SECRETS)):
        for file in (
            tmp_path / "nats" / "nats.conf",
            tmp_path / "valkey" / "valkey.conf",
            tmp_path / "nats" / "server.log",
        ):
            assert file.stat().st_mode & 0o077 == 0, file
