"""Servers that an earlier run left on a folder: where everything was killed at once, some are still stopping, or not reaped yet."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from libs.local.process import POLL_SECONDS, Process

NOTED_SECONDS = 15.0
ORPHAN_SECONDS = 5.0
KILLED_SECONDS = 3.0  # the kernel needs moments; a zombie that nobody reaps never goes, and does no harm


def is_alive(pid: int) -> bool:
    """Whether a process runs under this id. One that has ended and is not reaped yet (a zombie) does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def note_pid(file: Path, process: Process) -> None:
    """Write down which process serves a folder: its id and when it was started."""
    with suppress(psutil.NoSuchProcess):
        file.write_text(f"{process.pid} {psutil.Process(process.pid).create_time()}")


async def end_noted(file: Path, stop_signal: signal.Signals, grace_seconds: float = NOTED_SECONDS) -> None:
    """Stop the process in `file` and wait for its end; it is killed after the grace. Nothing where it is gone."""
    noted = _read_pid(file)
    if noted is None:
        return
    with suppress(psutil.NoSuchProcess):
        noted.send_signal(stop_signal)
    deadline = asyncio.get_running_loop().time() + grace_seconds
    while is_alive(noted.pid) and noted.is_running():
        if asyncio.get_running_loop().time() > deadline:
            with suppress(psutil.NoSuchProcess):
                noted.kill()
        await asyncio.sleep(POLL_SECONDS)


def signal_noted(file: Path, sig: signal.Signals) -> bool:
    """Send a signal to the process in `file`; whether there is one."""
    noted = _read_pid(file)
    if noted is None:
        return False
    with suppress(psutil.NoSuchProcess):
        noted.send_signal(sig)
    return True


def _read_pid(file: Path) -> psutil.Process | None:
    """The process in `file`, if it still lives and its id was not given to another one."""
    try:
        pid, created = file.read_text().split()
        process = psutil.Process(int(pid))
        return process if process.create_time() == float(created) else None
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None


def working_in(folder: Path, program: str) -> Iterator[psutil.Process]:
    """The living processes of the program whose working directory is the folder, whoever started them."""
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == program and works_in(process, folder):
            yield process


def works_in(process: psutil.Process, folder: Path) -> bool:
    """Whether it lives and has the folder as its working directory; not where we may not know."""
    try:
        return Path(process.cwd()).samefile(folder)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, OSError):
        return False


async def wait_for_orphans(folder: Path, program: str) -> list[psutil.Process]:
    """Wait until no process of the program works in the folder; those that still do after some seconds."""
    deadline = asyncio.get_running_loop().time() + ORPHAN_SECONDS
    while remaining := list(working_in(folder, program)):
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(POLL_SECONDS)
    return remaining


async def kill_all(processes: list[psutil.Process]) -> None:
    """SIGKILL, and wait until they are gone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    await asyncio.to_thread(psutil.wait_procs, processes, KILLED_SECONDS)
