"""What the three embedded servers have in common: start until it responds, stop, kill, restart where it was."""

import asyncio
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from libs.local.leftovers import end_noted, kill_all, note_pid, wait_for_orphans
from libs.local.ports import choose_port
from libs.local.process import Process, spawn

START_SECONDS = 60.0
STOP_SECONDS = 20.0
PROBE_SECONDS = 0.02


class ServerFailed(Exception):
    """An embedded server did not start; the message ends with the last lines of its log."""


class Server(ABC):
    """One embedded server. Its folder holds data, configuration (0600), port, pid and log."""

    name: ClassVar[str]
    program_name: ClassVar[str]  # of its processes, as the system lists them
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.process: Process | None = None
        self.wanted = False  # false between kill() and restart(): a supervisor must not start it then

    @property
    def workplace(self) -> Path:
        """The working directory of its processes."""
        return self.folder

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.exit_code is None

    async def start(self) -> None:
        """Returns when it responds. Raises ServerFailed with the reason when it never does."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self.end_leftovers()
        self.port = choose_port(self.folder / "port")
        await self.prepare()
        self.process = spawn(
            self.command(),
            death_signal=self.stop_signal,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            log=self.log,
            as_user=self.as_user(),
            cwd=self.folder,
        )
        self.wanted = True
        note_pid(self.folder / "pid", self.process)
        await self._wait_until_ready(self.process)

    async def end_leftovers(self) -> None:
        """No process of an earlier run works on the folder afterwards. The folder is ours: its supervisor holds the lock."""
        await end_noted(self.folder / "pid", self.stop_signal)
        await kill_all(await wait_for_orphans(self.workplace, self.program_name))

    async def _wait_until_ready(self, process: Process) -> None:
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while True:
            failure = await self.probe()
            if failure is None:
                return
            if process.exit_code is not None:
                raise ServerFailed(f"{self.name} ended with exit code {process.exit_code}.\n{process.last_lines()}")
            if asyncio.get_running_loop().time() > deadline:
                await process.kill()
                raise ServerFailed(
                    f"{self.name} did not answer within {START_SECONDS:.0f} s: {failure}\n{process.last_lines()}"
                )
            await asyncio.sleep(PROBE_SECONDS)

    async def until_useless(self) -> str:
        """Returns when it runs and can't do its work any more until it is started anew, with why, in a sentence. Most never do."""
        await asyncio.Event().wait()
        return ""

    async def stop(self) -> None:
        """A clean end; nothing where it does not run."""
        self.wanted = False
        if self.process is not None:
            await self.process.stop(self.stop_signal, STOP_SECONDS)
            self.process = None

    async def kill(self) -> None:
        """SIGKILL, as if the power had gone. It stays down until restart()."""
        self.wanted = False
        if self.process is not None:
            await self.process.kill()
            self.process = None

    async def restart(self) -> None:
        """Up again on the same port and data, whether it runs or not."""
        await self.stop()
        await self.start()

    @property
    @abstractmethod
    def admin_url(self) -> str:
        """With the administrator's login."""

    @abstractmethod
    async def prepare(self) -> None:
        """Write what the server reads at its start."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The program and its arguments."""

    def as_user(self) -> Sequence[str]:
        """A command in front that changes the user."""
        return ()

    @abstractmethod
    async def probe(self) -> Exception | None:
        """None when it responds, else why not. Raises what waiting can't mend."""
