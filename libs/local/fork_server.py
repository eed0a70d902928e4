"""The process that services are copies of: it has imported everything before it starts the first (docs/decisions/0031).

python -m libs.local.fork_server, with a socket of datagrams in the place of its input; forking.py has the other end.

It sends READY; then, for each datagram with a service's name and three descriptors (its environment as JSON, where it prints, where
it prints errors), the id of the process that it has started (0: the system refuses more), and for each process that has ended its id
and exit code. It has no event loop, no thread and no connection, sees no service's environment, and runs nothing of any service
itself: there is little that could end it. When it ends all the same, the kernel ends its copies, and so when its supervisor does.
"""

import ctypes
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from libs.common.ids import SERVICES
from libs.local.forking import DATAGRAM_BYTES, MODULE, READY
from libs.local.process import PR_SET_PDEATHSIG

IMPORTED_LATE = ("anyio._backends._asyncio",)  # by libraries, when they are first used
ARGUMENTS_END = 49  # among the fields of /proc/PID/stat, counted from 1


def main() -> None:
    """Serve until the supervisor closes the socket."""
    supervisor = _connection()
    gc.disable()  # it would look through all that is being imported, again and again, and all of that stays
    for service in SERVICES:
        import_module(f"services.{service}.__main__")
        del sys.modules[f"services.{service}.__main__"]  # it will be run, and what it imports is there
    for module in IMPORTED_LATE:
        import_module(module)
    gc.freeze()  # not for the collectors of the copies: they write into what they look at, and a page that is written to is not shared
    supervisor.send(READY)
    running: dict[int, int] = {}  # process ids, by the descriptors that signal their end
    poll = select.poll()
    poll.register(supervisor, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in running:
                poll.unregister(descriptor)
                os.close(descriptor)
                pid, status = os.waitpid(running.pop(descriptor), 0)
                supervisor.send(f"{pid} {os.waitstatus_to_exitcode(status)}".encode())
                continue
            name, given, _, _ = socket.recv_fds(supervisor, DATAGRAM_BYTES, 3)
            if not name:
                return
            pid = _fork(f"services.{name.decode()}", given, (supervisor.fileno(), *running))
            for number in given:
                os.close(number)
            if pid:
                ended = os.pidfd_open(pid)
                running[ended] = pid
                poll.register(ended, select.POLLIN)
            supervisor.send(str(pid).encode())


def _connection() -> socket.socket:
    """Our input; copies of this process have none."""
    supervisor = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return supervisor


def _fork(module: str, given: list[int], ours: Iterable[int]) -> int:
    """The id of the new process; 0 where the system refuses one. `ours` are the descriptors that it is not to have."""
    origin = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        return 0
    if pid == 0:
        try:
            for descriptor in ours:
                os.close(descriptor)
            _end_with(origin)
            _become(module, *given)
        finally:  # whatever happens, a copy never goes on as its origin
            os._exit(1)
    return pid


def _end_with(parent: int) -> None:
    """When the parent ends; at once where it has."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _become(module: str, environment: int, output: int, errors: int) -> NoReturn:
    """The rest of this process is the module's, in a session of its own."""
    code = 1
    try:
        gc.enable()
        os.setsid()
        os.dup2(output, 1)
        os.dup2(errors, 2)
        os.close(output)
        os.close(errors)
        with os.fdopen(environment) as file:
            os.environ.clear()
            os.environ.update(json.load(file))
        _show_as(module)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = _exit_code(end)
    except BaseException:
        traceback.print_exc()
    finally:  # not through the frames of the process that this one is a copy of
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _exit_code(end: SystemExit) -> int:
    """As Python's own: a sentence is printed."""
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1


def _show_as(module: str) -> None:
    """In lists of processes: the module in the place of our own, as where a service is started by itself."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    end = int(fields[ARGUMENTS_END - 3])  # the first behind the name is the third of all; 0 where nobody may know
    if end and sys.orig_argv[-1] == MODULE:
        shown = module.encode().rjust(len(MODULE), b"\0")
        ctypes.memmove(end - len(shown) - 1, shown, len(shown))


if __name__ == "__main__":
    main()
    os._exit(0)  # nothing is open, and to take everything apart takes time
