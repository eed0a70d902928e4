"""The demo's folder, which holds people's mail: gone with the demo, whatever ends it."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import termios
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from libs.local import ROOT
from libs.local.demo_folder import demo_folder, remove_abandoned_folders
from tests.support.stand_ins import heed_hang_ups

START_SECONDS = 120
GONE_SECONDS = 90  # how long a test waits at most; nothing is asserted of how long it takes


class Demo:
    """A running `pingcrm demo`, whose temporary folder is `folder`. With `terminal` that file is what it is controlled by."""

    def __init__(self, folder: Path, terminal: int | None = None) -> None:
        self.folder = folder
        output = subprocess.DEVNULL if terminal is None else terminal
        self.process = subprocess.Popen(
            [sys.executable, "-m", "libs.local", "demo"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(folder)},
            stdin=output,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lambda: _prepare(terminal),
        )

    def folders(self) -> set[Path]:
        return set(self.folder.glob("pingcrm-demo-*"))

    async def servers_started(self, besides: Collection[Path] = ()) -> list[psutil.Process]:
        """Its processes, once the servers have begun to write; `besides` are folders of others."""
        async with asyncio.timeout(START_SECONDS):
            while not any((folder / "data" / "postgres" / "pid").exists() for folder in self.folders() - set(besides)):
                assert self.process.poll() is None
                await asyncio.sleep(0.02)
        return psutil.Process(self.process.pid).children(recursive=True)

    async def wait(self) -> int:
        return await asyncio.to_thread(self.process.wait, GONE_SECONDS)


def _prepare(terminal: int | None) -> None:
    heed_hang_ups()
    if terminal is not None:
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


@contextmanager
def running(folder: Path, terminal: int | None = None) -> Iterator[Demo]:
    demo = Demo(folder, terminal)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()


async def gone(processes: list[psutil.Process]) -> bool:
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, GONE_SECONDS)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
async def test_no_mail_is_left_when_a_signal_ends_the_demo(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as demo:
        family = await demo.servers_started()
        demo.process.send_signal(number)
        assert await demo.wait() == 128 + number
        assert await gone(family)
    assert list(tmp_path.iterdir()) == []


async def test_no_mail_is_left_when_the_terminal_is_closed(tmp_path: Path) -> None:
    screen, terminal = os.openpty()
    with running(tmp_path, terminal) as demo:
        os.close(terminal)
        family = await demo.servers_started()
        os.close(screen)
        assert await demo.wait() == 128 + signal.SIGHUP
        assert await gone(family)
    assert list(tmp_path.iterdir()) == []


async def test_what_a_killed_demo_left_is_removed_by_the_next_and_a_running_one_is_left_alone(tmp_path: Path) -> None:
    with running(tmp_path) as killed:
        await killed.servers_started()
        killed.process.kill()
        await killed.wait()
    (left,) = killed.folders()
    with running(tmp_path) as other:  # at once, while the servers of the first still stop
        await other.servers_started(besides={left})
        assert not left.exists()
        (others,) = other.folders()
        with running(tmp_path) as following:
            await following.servers_started(besides={others})
            assert (others / "data" / "postgres" / "pid").exists()
            following.process.terminate()
            await following.wait()
        other.process.terminate()
        await other.wait()
    assert list(tmp_path.iterdir()) == []


async def test_only_folders_of_dead_demos_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    reports: list[str] = []
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "lock").touch()
    (tmp_path / "pingcrm-demo-link").symlink_to(precious)
    (tmp_path / "pingcrm-demo-starting").mkdir()  # its lock is about to be made
    (tmp_path / "pingcrm-demo-file").touch()
    dead = tmp_path / "pingcrm-demo-dead"
    (dead / "data" / "postgres").mkdir(parents=True)
    (dead / "lock").touch()
    (dead / "data" / "elsewhere").symlink_to(precious)
    with demo_folder(reports.append) as held:
        (held / "mail").touch()
        await remove_abandoned_folders(reports.append)
        assert (held / "mail").exists()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"precious", "pingcrm-demo-link", "pingcrm-demo-starting", "pingcrm-demo-file"}
    assert (precious / "lock").exists()
    assert reports == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may remove everything")
async def test_a_folder_that_can_not_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    reports: list[str] = []
    with demo_folder(reports.append) as folder:
        (folder / "data").mkdir()
        (folder / "data" / "mail").touch()
        (folder / "data").chmod(0o500)
    (folder / "data").chmod(0o700)
    assert [str(folder) in sentence for sentence in reports] == [True]
    assert (folder / "lock").exists()
