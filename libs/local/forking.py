"""Services as copies of one process that has imported everything (fork_server.py): its supervisor's end.

What services import is in memory once, and read from the disk once. Each is a process of its own all the same.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from libs.common.ids import Service
from libs.local.leftovers import is_alive
from libs.local.process import Process, open_log, spawn

MODULE = "libs.local.fork_server"
READY = b"ready"
DATAGRAM_BYTES = 256
IMPORT_SECONDS = 60.0
REPLY_SECONDS = 10.0
STOP_SECONDS = 5.0


class NoForkServer(Exception):
    """It has ended, or does not reply. Services can be started without it."""


def can_fork() -> bool:
    """Whether the system signals the end of a process through a descriptor, as Linux does."""
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


class ForkServer:
    """The process, started and importing. It sees no service's environment, and prints nothing that a service would not print."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        """`root` is the folder of the packages; `environment` has what any Python process needs."""
        self._exit_codes: dict[int, int] = {}
        self._gone = False
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = spawn(
                [sys.executable, "-m", MODULE],
                death_signal=signal.SIGKILL,
                env=environment,
                log=Path(os.devnull),
                cwd=root,
                stdin=theirs.fileno(),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    async def until_ready(self) -> None:
        """Wait until everything is imported. NoForkServer: it could not be, and is no better where a service is started by itself."""
        self._connection.setblocking(False)
        loop, received = asyncio.get_running_loop(), b""
        with suppress(OSError, TimeoutError):
            received = await asyncio.wait_for(loop.sock_recv(self._connection, DATAGRAM_BYTES), IMPORT_SECONDS)
        if received != READY:
            self._gone = True
            raise NoForkServer

    def fork(self, service: Service, environment: Mapping[str, str], log: Path | None) -> Process:
        """A process of the service, within milliseconds. It prints into `log`, or where we do.

        The environment is a file in memory that the new process alone reads. Raises NoForkServer; OSError: the system refuses another.
        """
        with ExitStack() as stack:
            given = os.memfd_create("environment")
            stack.callback(os.close, given)
            os.pwrite(given, json.dumps(dict(environment)).encode(), 0)
            if log is None:
                pid = self._request(service, given, 1, 2)
                return Process(ForkedProcess(self, pid))
            output = open_log(log)
            stack.callback(os.close, output)
            began_at = os.fstat(output).st_size
            pid = self._request(service, given, output, output)
            return Process(ForkedProcess(self, pid), log, began_at)

    def exit_code(self, pid: int) -> int | None:
        """That of a process of ours; None while it runs."""
        self._connection.settimeout(0)
        with suppress(BlockingIOError, NoForkServer):
            while True:
                self._receive()
        if self._gone and pid not in self._exit_codes and not is_alive(pid):
            return -signal.SIGKILL  # by the kernel, when the fork server ended
        return self._exit_codes.get(pid)

    async def stop(self) -> None:
        """End it, and what still runs of its copies."""
        await self._process.stop(signal.SIGTERM, STOP_SECONDS)
        self._connection.close()

    def _request(self, service: Service, *descriptors: int) -> int:
        if self._gone:
            raise NoForkServer
        self._connection.settimeout(REPLY_SECONDS)
        try:
            socket.send_fds(self._connection, [service.encode()], descriptors)
            while (pid := self._receive()) is None:
                pass
        except OSError as error:  # TimeoutError is one
            self._gone = True
            raise NoForkServer from error
        if pid == 0:
            raise OSError("The system refuses another process.")
        return pid

    def _receive(self) -> int | None:
        """Read a datagram: the id of a process that was started; None, and the exit code is kept, where one has ended.

        NoForkServer: there will be no more. BlockingIOError, TimeoutError: there is none yet.
        """
        received = b""
        with suppress(ConnectionError):
            received = self._connection.recv(DATAGRAM_BYTES)
        if not received:
            self._gone = True
            raise NoForkServer
        pid, *exit_code = map(int, received.split())
        if not exit_code:
            return pid
        self._exit_codes[pid] = exit_code[0]
        return None


class ForkedProcess:
    """What a Popen is for a process that was started here."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid = pid
        self._server = server
        self._exit_code: int | None = None

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        if self._exit_code is None:
            self._exit_code = self._server.exit_code(self.pid)
        return self._exit_code

    def send_signal(self, sig: int) -> None:
        """ProcessLookupError: it has ended just now."""
        if self.poll() is None:
            os.kill(self.pid, sig)
