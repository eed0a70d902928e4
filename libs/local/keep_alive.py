"""Keeping processes alive: what ends by itself is started again, after a pause that grows while it keeps ending."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from libs.local.process import Process
from libs.local.servers import Server, ServerFailed
from libs.local.servers.server import STOP_SECONDS
from libs.local.waiting import Report

GRACE_SECONDS = 15.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
DOWN_POLL_SECONDS = 0.2


class Backoff:
    """0.5 s, 1, 2, 4 … 30; from the beginning again after a minute without a failure."""

    def __init__(self) -> None:
        self._failures = 0

    def pause(self, lived_seconds: float) -> float:
        """How long to wait now, after something that lived that long has ended."""
        self._failures = 1 if lived_seconds >= STEADY_SECONDS else self._failures + 1
        return min(FIRST_PAUSE_SECONDS * 2.0 ** (self._failures - 1), LONGEST_PAUSE_SECONDS)


class ServiceProcess:
    """One replica of a service. `start` makes its process; `run()` keeps it alive until `stop()`."""

    def __init__(self, name: str, start: Callable[[], Process], log: Path | None, report: Report) -> None:
        self.name = name
        self.log = log
        self.exits = 0
        self._start = start
        self._report = report
        self._stopping = False
        self._restarting = False
        self._pause = asyncio.Event()
        self._process = self._ended = start()
        self._started = asyncio.get_running_loop().time()

    @property
    def pid(self) -> int:
        """Of the process that runs now, or ran last."""
        return self._process.pid

    def last_lines(self) -> str:
        """The end of what the process printed that ended by itself last; of the one that runs where none has."""
        return (self._ended if self.exits else self._process).last_lines()

    async def run(self) -> None:
        loop, backoff = asyncio.get_running_loop(), Backoff()
        while True:
            code = await self._process.wait()
            if not (self._stopping or self._restarting):
                self.exits += 1
                self._ended = self._process
                pause = backoff.pause(loop.time() - self._started)
                where = f" Its log: {self.log}" if self.log else ""
                self._report(f"{self.name} ended with exit code {code}; started again in {pause:g} s.{where}")
                await self._sleep(pause)
            if self._stopping:
                return
            self._restarting = False
            self._process = self._start()
            self._started = loop.time()

    async def _sleep(self, seconds: float) -> None:
        """Shorter where somebody stops or restarts us meanwhile."""
        self._pause.clear()
        try:
            await asyncio.wait_for(self._pause.wait(), seconds)
        except TimeoutError:
            return

    async def kill(self) -> None:
        """SIGKILL, as a crash would: run() starts it again after a pause."""
        await self._process.kill()

    async def restart(self) -> None:
        """Request its end, and let run() start it at once."""
        self._restarting = True
        self._pause.set()
        await self._process.stop(signal.SIGTERM, GRACE_SECONDS)

    async def stop(self) -> None:
        """Request its end for good; after the grace it is killed."""
        self._stopping = True
        self._pause.set()
        await self._process.stop(signal.SIGTERM, GRACE_SECONDS)


def in_background(cleanup: AsyncExitStack, work: Coroutine[None, None, None]) -> None:
    """Do the work beside everything else; it ends with `cleanup`."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    cleanup.push_async_callback(end)


async def keep_running(server: Server, report: Report) -> None:
    """Start an embedded server again that ended by itself, or can't work on without that. One that was killed on purpose is left down."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_end_useless(server, report))
        group.create_task(_start_again(server, report))


async def _end_useless(server: Server, report: Report) -> None:
    while True:
        reason = await server.until_useless()
        if server.process is not None and server.wanted:
            report(f"{reason} It is started anew.")
            await server.process.stop(server.stop_signal, STOP_SECONDS)


async def _start_again(server: Server, report: Report) -> None:
    backoff, loop = Backoff(), asyncio.get_running_loop()
    while True:
        process, since = server.process, loop.time()
        if process is None:
            await asyncio.sleep(DOWN_POLL_SECONDS)
            continue
        code = await process.wait()
        if server.process is not process or not server.wanted:
            await asyncio.sleep(DOWN_POLL_SECONDS)
            continue
        pause = backoff.pause(loop.time() - since)
        report(f"{server.name} ended with exit code {code}; started again in {pause:g} s. Its log: {server.log}")
        await asyncio.sleep(pause)
        if server.process is not process or not server.wanted:
            continue
        try:
            await server.start()
        except ServerFailed as error:
            report(str(error))
        except OSError as error:  # a full disk: there may be room in a while
            report(f"{server.name} could not be started: {error}")
