"""The log of a process that runs for months takes no more than twice its size."""

import asyncio
import errno
import os
import stat
from pathlib import Path

import pytest

from libs.local import log_files
from libs.local.log_files import keep_bounded, set_aside


def appending(file: Path) -> int:
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def test_what_has_grown_too_large_is_set_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    log, old = tmp_path / "sync.log", tmp_path / "sync.old.log"
    writer = appending(log)
    os.write(writer, b"0123456789")
    assert not set_aside(log, 10)
    os.write(writer, b"!\n")
    assert set_aside(log, 10)
    assert (log.read_bytes(), old.read_bytes()) == (b"", b"0123456789!\n")
    os.write(writer, b"and on, further than that\n")
    assert log.read_bytes() == b"and on, further than that\n"
    assert set_aside(log, 10)
    assert not set_aside(log, 10)
    assert old.read_bytes() == b"and on, further than that\n"
    assert stat.S_IMODE(old.stat().st_mode) == 0o600
    assert not set_aside(old, 10)
    assert not set_aside(tmp_path / "none.log", 10)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sync.log", "sync.old.log"]
    os.close(writer)


async def test_files_are_looked_at_again_and_again_also_after_the_disk_was_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, looks = tmp_path / "sync.log", 0
    log.write_bytes(b"x" * (log_files.LOG_KEPT_BYTES + 1))

    def files() -> list[Path]:
        nonlocal looks
        looks += 1
        return [log]

    def full_at_first(file: Path) -> bool:
        if looks == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return set_aside(file)

    monkeypatch.setattr(log_files, "EVERY_SECONDS", 0)
    monkeypatch.setattr(log_files, "set_aside", full_at_first)
    looking = asyncio.create_task(keep_bounded(files))
    while looks < 3:
        assert not looking.done()
        await asyncio.sleep(0)
    looking.cancel()
    assert log.read_bytes() == b""
