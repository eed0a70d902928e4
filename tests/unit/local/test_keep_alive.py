"""What ends by itself is started again, later and later."""

import asyncio
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from libs.local.keep_alive import Backoff, ServiceProcess, in_background, keep_running
from libs.local.leftovers import end_noted, note_pid
from libs.local.process import Process, spawn
from libs.local.servers import Server


def test_the_pause_doubles_up_to_half_a_minute() -> None:
    backoff = Backoff()
    assert [backoff.pause(0) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_minute_without_failure_forgets_the_earlier_failures() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.pause(1)
    assert backoff.pause(61) == 0.5
    assert backoff.pause(1) == 1


def python(code: str) -> Process:
    return spawn([sys.executable, "-c", code], death_signal=signal.SIGKILL, env={}, log=None)


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_process_that_crashed_is_started_again_and_reported() -> None:
    reports: list[str] = []
    supervised = ServiceProcess("sync", lambda: python("import time; time.sleep(60)"), Path("sync.log"), reports.append)
    running = asyncio.create_task(supervised.run())
    first = supervised.pid
    await supervised.kill()
    await until(lambda: supervised.pid != first)
    assert reports == ["sync ended with exit code -9; started again in 0.5 s. Its log: sync.log"]
    await supervised.stop()
    await running
    assert supervised.exits == 1


async def test_a_restart_is_no_crash() -> None:
    reports: list[str] = []
    supervised = ServiceProcess("sync", lambda: python("import time; time.sleep(60)"), None, reports.append)
    running = asyncio.create_task(supervised.run())
    first = supervised.pid
    await supervised.restart()
    await until(lambda: supervised.pid != first)
    await supervised.stop()
    await running
    assert reports == []


async def test_stopping_ends_the_pause_before_the_next_start() -> None:
    starts: list[int] = []

    def start() -> Process:
        starts.append(1)
        return python("raise SystemExit(3)")

    supervised = ServiceProcess("sync", start, None, lambda _: None)
    running = asyncio.create_task(supervised.run())
    await until(lambda: supervised.exits == 3)  # the next pause is two seconds
    await supervised.stop()
    await asyncio.wait_for(running, 1)
    assert len(starts) == 3


class Idle(Server):
    """A server whose disk has room, or not."""

    name, program_name = "Idle", "python"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.has_room, self.useless = True, asyncio.Event()

    @property
    def admin_url(self) -> str:
        return ""

    async def prepare(self) -> None:
        if not self.has_room:
            raise OSError(errno.ENOSPC, "No space left on device")

    def command(self) -> Sequence[str]:
        return [sys.executable, "-c", "import time; time.sleep(60)"]

    async def probe(self) -> Exception | None:
        return None

    async def until_useless(self) -> str:
        await self.useless.wait()
        self.useless.clear()
        return "It idles."


@asynccontextmanager
async def kept_running(server: Server) -> AsyncIterator[list[str]]:
    """What is reported of it."""
    reports: list[str] = []
    await server.start()
    async with AsyncExitStack() as cleanup:
        cleanup.push_async_callback(server.stop)
        in_background(cleanup, keep_running(server, reports.append))
        yield reports


async def test_a_server_that_could_not_be_started_on_a_full_disk_is_started_when_there_is_room(tmp_path: Path) -> None:
    server = Idle(tmp_path)
    async with kept_running(server) as reports:
        server.has_room = False
        os.kill(server.process.pid, signal.SIGKILL)  # type: ignore[union-attr]
        await until(lambda: "Idle could not be started: [Errno 28] No space left on device" in reports)
        server.has_room = True
        await until(lambda: server.running)


async def test_a_server_that_is_of_no_use_until_it_is_started_anew_is_started_anew(tmp_path: Path) -> None:
    server = Idle(tmp_path)
    async with kept_running(server) as reports:
        before = server.process
        server.useless.set()
        await until(lambda: server.running and server.process is not before)
        assert reports[0] == "It idles. It is started anew."
        await server.stop()
        server.useless.set()  # it was stopped on purpose
        await until(lambda: not server.useless.is_set())
        assert (server.running, len(reports)) == (False, 2)


async def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = f"import signal, time, pathlib; signal.signal(15, signal.SIG_IGN); pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    process = python(code)
    await until(ready.exists)
    assert await process.stop(signal.SIGTERM, 0.2) == -signal.SIGKILL


async def test_a_leftover_of_an_earlier_run_is_ended(tmp_path: Path) -> None:
    process = python("import time; time.sleep(60)")
    note_pid(tmp_path / "pid", process)
    await end_noted(tmp_path / "pid", signal.SIGTERM)
    assert process.exit_code == -signal.SIGTERM


@pytest.mark.parametrize("text", ["", "nonsense", "99999999 1.0", "{own} 1.0"])
async def test_a_note_that_fits_no_living_process_ends_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "pid").write_text(text.format(own=os.getpid()))
    await end_noted(tmp_path / "pid", signal.SIGTERM)
    await end_noted(tmp_path / "missing", signal.SIGTERM)


async def test_the_log_of_a_process_is_private_and_kept_once_when_large(tmp_path: Path) -> None:
    log = tmp_path / "sync.log"
    log.write_bytes(b"x" * 10_000_001)
    process = spawn([sys.executable, "-c", "print('new')"], death_signal=signal.SIGKILL, env={}, log=log)
    await process.wait()
    assert log.read_text() == "new\n"
    assert (tmp_path / "sync.old.log").stat().st_size == 10_000_001
    assert log.stat().st_mode & 0o077 == 0
