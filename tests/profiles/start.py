"""Where the time of a start goes, and the memory of what has been started: once from nothing, then on the data.

python -m tests.profiles.start [FOLDER]     (a folder with data, else a fresh one)
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from time import perf_counter
from typing import Any

from libs.local import migrate, streams, supervisor
from libs.local.forking import ForkServer
from libs.local.servers import Nats, Postgres, Valkey
from libs.local.supervisor import Stack
from tests.bench.processes import usage

STEPS: tuple[tuple[Any, str], ...] = (
    (Postgres, "start"),
    (Nats, "start"),
    (Valkey, "start"),
    (migrate, "create_database"),
    (migrate, "apply_roles"),
    (migrate, "apply_migrations"),
    (migrate, "apply_views"),
    (migrate, "apply_row_security"),
    (migrate, "migrate_bus"),
    (streams, "forward_events"),
    (supervisor, "_let_integrations_in"),
    (ForkServer, "until_ready"),
    (Stack, "until_ready"),
)
IDLE_SECONDS = 45.0

_began = 0.0


def _timed(name: str, step: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(step)
    async def timed(*args: Any, **kwargs: Any) -> Any:
        began = perf_counter()
        try:
            return await step(*args, **kwargs)
        finally:
            ended = perf_counter()
            print(f"  {began - _began:6.2f} → {ended - _began:5.2f} s  {name}")

    return timed


async def main(folder: Path) -> None:
    """Two starts, and what each process has after some idle seconds of the second."""
    global _began
    for owner, step in STEPS:
        setattr(owner, step, _timed(f"{owner.__name__}.{step}", getattr(owner, step)))
    for start in ("first", "second"):
        _began = perf_counter()
        async with Stack.start(folder, {"PINGCRM_MAIL_POLL_SECONDS": "0", "PINGCRM_LOG_FORMAT": "json"}) as stack:
            print(f"{start} start: {perf_counter() - _began:.2f} s")
            if start == "second":
                await asyncio.sleep(IDLE_SECONDS)
                _print_memory(stack)


def _print_memory(stack: Stack) -> None:
    pids = {**stack.processes, **stack.server_processes}
    if stack.fork_server_pid:
        pids["fork server"] = stack.fork_server_pid
    found = usage(pids)
    memory = sum(used.memory_bytes for used in found.values())
    unshared = sum(used.unshared_bytes for used in found.values())
    for name, used in found.items():
        print(f"  {used.memory_bytes / 1e6:6.1f} MB, unshared {used.unshared_bytes / 1e6:6.1f}  {name}")
    print(f"  {memory / 1e6:6.1f} MB, unshared {unshared / 1e6:6.1f}  everything")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory(prefix="pingcrm-profile-") as fresh:
            asyncio.run(main(Path(fresh)))
