"""The demo's folder. It holds people's mail, so it goes with the demo; where that was killed, the next start of PingCRM removes it."""

import fcntl
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from libs.local.leftovers import end_noted

PREFIX = "pingcrm-demo-"
LOCK = "lock"
SERVERS = ("postgres", "nats", "valkey")

Report = Callable[[str], None]


@contextmanager
def demo_folder(report: Report) -> Iterator[Path]:
    """A fresh folder for us alone, with a lock that the kernel holds for as long as we live. Gone afterwards, with all in it."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = _new_lock(folder)
    try:
        yield folder
    finally:
        _remove(folder, report)
        os.close(lock)


async def remove_abandoned_folders(report: Report) -> None:
    """Remove those of our user whose demo is dead; what has no lock, or is somebody else's, is left alone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = _acquire_abandoned(folder)
        if lock is None:
            continue
        try:
            for server in SERVERS:  # some may still be stopping; their data is not needed any more
                await end_noted(folder / "data" / server / "pid", signal.SIGKILL)
            _remove(folder, report)
        finally:
            os.close(lock)


def _new_lock(folder: Path) -> int:
    """Under its name only once it is held: nobody may find it free in between."""
    draft = folder / f".{LOCK}"
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    draft.rename(folder / LOCK)
    return descriptor


def _acquire_abandoned(folder: Path) -> int | None:
    """The lock of a folder of ours whose owner is dead."""
    try:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return None
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:  # no lock, or gone in between
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _remove(folder: Path, report: Report) -> None:
    """The lock last: what can't be removed now is found by the next start."""
    try:
        for path in folder.iterdir():
            if path.name == LOCK:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        shutil.rmtree(folder)
    except OSError as error:
        report(f"{folder} could not be removed ({error.strerror}). It holds the demo's mail: remove it.")
