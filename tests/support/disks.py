"""Disks that can be full: a file system of its own in memory for a folder, whose room is taken away at what is on it just then.

It takes root, and not every container lets its root mount one: tests that need one are skipped elsewhere, with that for a reason.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from libs.local.process import run_apart

ROOM_BYTES = 2 << 30  # a bound: only what is on it takes memory
_SOURCE = "pingcrm-test"
_TRIES = 20


class NoDisk(Exception):
    """No file system can be mounted here."""


class Disk:
    """What is mounted on a folder. `room` is set while there is some."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.room = asyncio.Event()
        self.room.set()

    @asynccontextmanager
    async def full(self) -> AsyncIterator[None]:
        """Inside, whoever writes more than is there already gets ENOSPC. What somebody deletes is room again."""
        self.room.clear()
        try:
            self._leave_no_room()
            yield
        finally:
            _resize(self.folder, ROOM_BYTES)
            self.room.set()

    def _leave_no_room(self) -> None:
        """The system refuses less than there is: somebody may have written in between."""
        for _ in range(_TRIES):
            state = os.statvfs(self.folder)
            used = (state.f_blocks - state.f_bfree) * state.f_frsize
            if _resize(self.folder, max(used, state.f_frsize)):  # none at all would be no limit
                return
        raise AssertionError(f"{self.folder} is written faster than its room can be taken away")


@contextmanager
def own_disk(folder: Path) -> Iterator[Disk]:
    """A disk for a folder, which is made where it is not there; afterwards only the logs are left of what was on it.

    NoDisk: it can't be.
    """
    _unmount_left()
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    options = f"size={ROOM_BYTES},mode={folder.stat().st_mode & 0o777:o}"
    mounted = run_apart(["mount", "-t", "tmpfs", "-o", options, f"{_SOURCE}-{os.getpid()}", str(folder)])
    if mounted.returncode != 0:
        raise NoDisk(mounted.stderr.strip())
    try:
        yield Disk(folder)
    finally:
        logs = {path.name: path.read_bytes() for path in folder.glob("*.log")}
        run_apart(["umount", "--lazy", str(folder)])
        for name, lines in logs.items():
            (folder / name).write_bytes(lines)


@cache
def why_no_disk() -> str:
    """Why no disk can be full here; empty where one can."""
    if os.geteuid() != 0:
        return "only root mounts a disk that can be full"
    try:
        with TemporaryDirectory() as folder, own_disk(Path(folder)):
            return ""
    except (NoDisk, OSError) as error:
        return f"no disk that can be full may be mounted here: {error}"


def _resize(folder: Path, room_bytes: int) -> bool:
    return run_apart(["mount", "-o", f"remount,size={room_bytes}", str(folder)]).returncode == 0


def _unmount_left() -> None:
    """What test processes that were killed have left in memory."""
    for line in Path("/proc/mounts").read_text().splitlines():
        source, folder = line.split(" ")[:2]
        owner = source.removeprefix(f"{_SOURCE}-")
        if owner != source and not psutil.pid_exists(int(owner)):
            run_apart(["umount", "--lazy", folder])
