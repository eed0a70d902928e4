"""Services as copies of one process: each its own all the same, and gone with it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from libs.common.ids import SERVICES
from libs.local import ROOT
from libs.local.environment import inherited
from libs.local.forking import ForkServer, NoForkServer, can_fork

pytestmark = pytest.mark.skipif(not can_fork(), reason="no descriptors of processes")

SERVICE = """\
import os, sys, time
print(os.environ.get("SAYS", ""), flush=True)
print("as an error", file=sys.stderr, flush=True)
if __name__ == "__main__":
    exec(os.environ["DOES"])
"""
SLEEP = "time.sleep(600)"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of packages whose services do what their environment says."""
    for service in SERVICES:
        package = tmp_path / "services" / service
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(SERVICE)
    (tmp_path / "services" / "__init__.py").touch()
    (tmp_path / "libs").symlink_to(ROOT / "libs")
    return tmp_path


@pytest_asyncio.fixture
async def server(root: Path) -> AsyncIterator[ForkServer]:
    running = ForkServer(root, {**inherited(os.environ), "ORIGINS": "own"})
    await running.until_ready()
    yield running
    await running.stop()


def environment(does: str, **more: str) -> Mapping[str, str]:
    return {**inherited(os.environ), "DOES": does, **more}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("does", "code", "words"),
    [
        ("print('its last words')", 0, "its last words"),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('No such key.')", 1, "No such key."),
        ("raise ValueError('a bug')", 1, "ValueError: a bug"),
        ("os.kill(os.getpid(), 11)", -signal.SIGSEGV, ""),
    ],
)
async def test_a_copy_ends_as_a_process_that_was_started_by_itself(
    server: ForkServer, tmp_path: Path, does: str, code: int, words: str
) -> None:
    log = tmp_path / "sync.log"
    log.write_text("of the run before\n")
    process = server.fork("sync", environment(does, SAYS="its first words"), log)
    assert await process.wait() == code
    printed = process.last_lines()
    assert printed.startswith("its first words\nas an error")
    assert printed.endswith(words)


async def test_a_copy_has_its_own_environment_session_and_name_and_no_descriptor_of_ours(
    server: ForkServer, tmp_path: Path
) -> None:
    does = (
        "print(sorted(os.environ)); print(os.getsid(0) == os.getpid()); print(sorted(os.listdir('/proc/self/fd')));"
        + SLEEP
    )
    others = [server.fork("auth", environment(SLEEP, SECRET="of auth"), None) for _ in range(2)]
    process = server.fork("contacts", environment(does, OWN="of contacts"), tmp_path / "log")
    await until(lambda: len(process.last_lines().splitlines()) == 5)
    _, _, names, session, descriptors = process.last_lines().splitlines()
    assert names == str(sorted(environment(does, OWN="")))
    assert (session, descriptors) == ("True", "['0', '1', '2', '3']")  # the last is of the list itself
    shown = psutil.Process(process.pid)
    assert shown.cmdline()[-1] == "services.contacts"
    assert "of contacts" not in str(shown.environ())
    for started in (*others, process):
        assert await started.kill() == -signal.SIGKILL


async def test_who_is_killed_takes_nobody_along_and_is_started_again(server: ForkServer) -> None:
    victim, other = (server.fork(service, environment(SLEEP), None) for service in ("sync", "prep"))
    await victim.kill()
    again = server.fork("sync", environment(SLEEP), None)
    assert (other.exit_code, again.exit_code) == (None, None)
    assert len({victim.pid, other.pid, again.pid}) == 3
    assert await again.stop(signal.SIGTERM, 10) == -signal.SIGTERM
    assert other.exit_code is None
    other.send(signal.SIGKILL)
    assert await other.wait() == -signal.SIGKILL


async def test_without_their_origin_copies_end_and_no_more_are_made(server: ForkServer) -> None:
    copies = [server.fork("sync", environment(SLEEP), None) for _ in range(2)]
    os.kill(server.pid, signal.SIGKILL)
    assert [await copy.wait() for copy in copies] == [-signal.SIGKILL] * 2
    with pytest.raises(NoForkServer):
        server.fork("sync", environment(SLEEP), None)


async def test_services_that_can_not_be_imported_can_not_be_copied(root: Path) -> None:
    (root / "services" / "prep" / "__main__.py").write_text("import no_such_module")
    server = ForkServer(root, inherited(os.environ))
    with pytest.raises(NoForkServer):
        await server.until_ready()
    with pytest.raises(NoForkServer):
        server.fork("sync", environment(SLEEP), None)
    await server.stop()


async def test_all_ends_with_the_supervisor(root: Path, tmp_path: Path) -> None:
    code = f"""
import asyncio, os, pathlib
from libs.local.forking import ForkServer
async def main():
    server = ForkServer(pathlib.Path({str(root)!r}), dict(os.environ))
    await server.until_ready()
    print(server.pid, server.fork("sync", {{**os.environ, "DOES": {SLEEP!r}}}, pathlib.Path({str(tmp_path / "log")!r})).pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    supervisor = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout
    family = [psutil.Process(int(pid)) for pid in (await asyncio.to_thread(supervisor.stdout.readline)).split()]
    supervisor.kill()
    await asyncio.to_thread(supervisor.wait)
    supervisor.stdout.close()
    await until(
        lambda: not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)
    )


def test_copies_draw_different_ids() -> None:
    """What draws by chance begins anew in each."""
    code = """
import os, random, secrets
from libs.common.ids import new_id
new_id(), random.random()
for _ in range(3):
    if os.fork() == 0:
        print(str(new_id())[14:], random.random(), secrets.token_hex(8), flush=True)
        os._exit(0)
    os.wait()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    drawn = [
        column for line in zip(*(line.split() for line in done.stdout.splitlines()), strict=True) for column in line
    ]
    assert len(drawn) == len(set(drawn)) == 9
