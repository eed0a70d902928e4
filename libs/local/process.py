"""Child processes that never outlive us: whatever ends the parent, the kernel ends its children."""

import asyncio
import ctypes
import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.05
LOG_KEPT_BYTES = 10_000_000
LAST_BYTES = 65_536


class Child(Protocol):
    """A process as the system knows it: a Popen, or one that a fork server started for us (forking.py)."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """The exit code; None while it runs."""

    def send_signal(self, sig: int, /) -> None:
        """Nothing where it has ended."""


class Process:
    """A running child. It belongs to no event loop, so a fixture of one loop can serve tests of another."""

    def __init__(self, child: Child, log: Path | None = None, began_at: int = 0) -> None:
        self._child = child
        self._log = log
        self._began_at = began_at  # the log may go on from an earlier process

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative where a signal ended it."""
        return self._child.poll()

    def last_lines(self, count: int = 12) -> str:
        """The end of what this process printed into its log; empty where that is nothing, or it prints where we do."""
        if self._log is None:
            return ""
        with suppress(FileNotFoundError), self._log.open("rb") as file:
            file.seek(max(self._began_at, file.seek(0, os.SEEK_END) - LAST_BYTES))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
        return ""

    def send(self, sig: signal.Signals) -> None:
        """Nothing where it has ended already."""
        with suppress(ProcessLookupError):
            self._child.send_signal(sig)

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        if self._child.poll() is None and hasattr(os, "pidfd_open"):
            await self._wait_for_descriptor()
        while (code := self._child.poll()) is None:  # noqa: ASYNC110 -- the end of a process sets no event elsewhere
            await asyncio.sleep(POLL_SECONDS)
        return code

    async def _wait_for_descriptor(self) -> None:
        """Linux signals through a descriptor that a process ended: an idle supervisor never wakes up."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:  # no child of ours, and its parent has seen its end already
            return
        try:
            loop.add_reader(descriptor, ended.set)
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    async def stop(self, sig: signal.Signals, grace_seconds: float) -> int:
        """Send it `sig`; after the grace it and its children are killed."""
        self.send(sig)
        try:
            return await asyncio.wait_for(self.wait(), grace_seconds)
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """SIGKILL to it and to all its descendants, at once."""
        for process in _with_descendants(self.pid):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return await self.wait()


def _with_descendants(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def spawn(
    command: Sequence[str],
    *,
    death_signal: signal.Signals,
    env: Mapping[str, str],
    log: Path | None,
    as_user: Sequence[str] = (),
    cwd: Path | None = None,
    stdin: int = subprocess.DEVNULL,
) -> Process:
    """Start a child which gets `death_signal` when we die.

    `log` takes what it prints (None: it prints where we do). `as_user` is a command that changes the user and then runs
    the rest. The child has a session of its own, so that Ctrl-C reaches only us and we choose the order of stopping.
    """
    on_death, before_exec = _die_with_parent(death_signal)
    output = None if log is None else open_log(log)
    began_at = 0 if output is None else os.fstat(output).st_size
    try:
        popen = subprocess.Popen(  # noqa: S603 -- the commands are ours
            [*as_user, *on_death, *command],
            env=dict(env),
            cwd=cwd,
            stdin=stdin,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=before_exec,  # only where setpriv is missing
        )
    finally:
        if output is not None:
            os.close(output)
    return Process(popen, log, began_at)


def run_apart(
    command: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a short command to its end, out of reach of the terminal's Ctrl-C: that is for us, who end in order. `env`: in place of ours."""
    return subprocess.run(  # noqa: S603 -- the commands are ours
        command, capture_output=True, text=True, check=False, cwd=cwd, env=env, start_new_session=True
    )


def open_log(path: Path) -> int:
    """A descriptor for appending; what an earlier start wrote is kept once when it has grown large."""
    if path.exists() and path.stat().st_size > LOG_KEPT_BYTES:
        path.replace(path.with_suffix(".old.log"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _die_with_parent(sig: signal.Signals) -> tuple[Sequence[str], Callable[[], None] | None]:
    """A command to put in front, or a function to run between fork and exec; neither outside Linux."""
    if sys.platform != "linux":
        return (), None
    if setpriv := _setpriv():
        return (setpriv, f"--pdeathsig={sig.name.removeprefix('SIG')}", "--"), None
    return (), functools.partial(ctypes.CDLL(None).prctl, PR_SET_PDEATHSIG, int(sig))


@functools.cache
def _setpriv() -> str | None:
    """The setpriv of util-linux; BusyBox has one that knows no --pdeathsig."""
    found = shutil.which("setpriv")
    if found is None:
        return None
    usage = run_apart([found, "--help"])
    return found if "--pdeathsig" in usage.stdout else None
