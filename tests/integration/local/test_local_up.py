"""`pingcrm up` around stand-ins for the services: one folder, one supervisor, no orphan, a clean end."""

import asyncio
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp
import psutil
import pytest

from libs.common.ids import SERVICES
from libs.local.data_dir import Runtime, read_runtime
from libs.local.forking import can_fork
from libs.local.ports import free_port, is_free
from libs.local.secrets import postgres_password_name
from libs.local.servers import Nats
from libs.local.supervisor import Stack
from tests.conftest import own_nats_server
from tests.support.database import Database
from tests.support.stand_ins import pingcrm

nats_server = own_nats_server  # the product is stopped and started around it

START_SECONDS = 120
GONE_SECONDS = 90  # how long a test waits at most; nothing is asserted of how long it takes
PR_SET_CHILD_SUBREAPER = 36


class Up:
    """A running `pingcrm up` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.port = free_port()
        self.folder = folder
        self.process = self.command("up", "--data-dir", str(self.data_dir), "--port", str(self.port))

    def command(self, *arguments: str) -> "subprocess.Popen[str]":
        return pingcrm(self.folder, arguments)

    async def started(self) -> Runtime:
        async with asyncio.timeout(START_SECONDS):
            while (runtime := read_runtime(self.data_dir)) is None:
                if self.process.poll() is not None:
                    raise AssertionError(self.output())
                await asyncio.sleep(0.05)
        return runtime

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def output(self) -> str:
        """All that it printed; it must have ended, or be about to."""
        return self.process.communicate(timeout=GONE_SECONDS)[0]

    async def wait(self) -> int:
        return await asyncio.to_thread(self.process.wait, GONE_SECONDS)


@contextmanager
def running() -> Iterator[Up]:
    folder = Path(tempfile.mkdtemp(prefix="pingcrm-up-"))
    up = Up(folder)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.process.terminate()
            up.process.wait(GONE_SECONDS)
        if up.process.stdout:
            up.process.stdout.close()
        shutil.rmtree(folder)


@pytest.fixture
def up() -> Iterator[Up]:
    """For tests that end it."""
    with running() as fresh:
        yield fresh


@pytest.fixture(scope="module")
def shared_up() -> Iterator[Up]:
    """For tests that leave it as it is."""
    with running() as shared:
        yield shared


async def gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still live after a while."""
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, GONE_SECONDS)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_single_signal_ends_everything_with_exit_code_0(up: Up, sig: signal.Signals) -> None:
    runtime = await up.started()
    family = up.family()
    assert set(runtime.health_ports) == set(SERVICES)
    os.kill(up.process.pid, sig)
    assert await up.wait() == 0
    assert await gone(family) == []
    assert f"PingCRM is at http://127.0.0.1:{up.port}" in up.output()
    assert read_runtime(up.data_dir) is None


async def test_a_signal_while_it_starts_ends_it_cleanly_too(up: Up) -> None:
    while not (up.data_dir / "postgres" / "pid").exists():
        await asyncio.sleep(0.01)
    family = up.family()
    up.process.terminate()
    assert await up.wait() == 0
    assert await gone(family) == []


async def test_sigkill_of_the_supervisor_leaves_no_process_and_the_next_start_works(up: Up) -> None:
    await up.started()
    family = up.family()
    names = {process.name() for process in family}
    assert {"postgres", "nats-server", "valkey-server"} <= names
    up.process.kill()
    assert await up.wait() == -signal.SIGKILL
    again = up.command("up", "--data-dir", str(up.data_dir), "--port", "0")  # at once, while the servers still stop
    assert await gone(family) == []
    up.output()
    up.process = again
    await up.started()


async def test_no_password_and_no_key_is_in_the_list_of_processes_or_in_a_log(shared_up: Up) -> None:
    await shared_up.started()
    secrets = json.loads((shared_up.data_dir / "secrets.json").read_text())
    supervisor, *family = psutil.Process(shared_up.process.pid), *shared_up.family()
    assert {"postgres", "nats-server", "valkey-server"} <= {process.name() for process in family}
    listed = [argument for process in (supervisor, *family) for argument in process.cmdline()]
    of_servers = [
        value for process in family if process.name() != supervisor.name() for value in process.environ().values()
    ]
    logged = [file.read_text(errors="replace") for file in shared_up.data_dir.rglob("*.log")]
    assert len(logged) >= 3
    for name, value in secrets.items():
        assert not [text for text in (*listed, *of_servers, *logged) if value in text], name


@contextmanager
def reaping_late(orphans: list[psutil.Process]) -> Iterator[None]:
    """Orphans become our children, zombies until the end, as under the first process of many a container."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0)
        for orphan in orphans:
            with suppress(ChildProcessError):
                os.waitpid(orphan.pid, os.WNOHANG)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a subreaper")
async def test_sigkill_of_everything_at_once_is_followed_by_a_start_that_works(up: Up) -> None:
    await up.started()
    family = up.family()
    with reaping_late(family):
        up.process.kill()  # first, so that it reaps none of the others
        for process in family:
            with suppress(psutil.NoSuchProcess):  # the kernel signals them too, because their parent has died
                process.kill()
        killed, up.process = up.process, up.command("up", "--data-dir", str(up.data_dir), "--port", str(up.port))
        assert await asyncio.to_thread(killed.wait, GONE_SECONDS) == -signal.SIGKILL
        assert killed.stdout
        killed.stdout.close()
        await up.started()
        up.process.terminate()
        assert await up.wait() == 0


async def test_a_second_up_on_the_same_folder_is_refused_in_a_sentence(shared_up: Up) -> None:
    await shared_up.started()
    second = shared_up.command("up", "--data-dir", str(shared_up.data_dir))
    output = second.communicate(timeout=GONE_SECONDS)[0]
    assert second.returncode == 1
    assert output.strip().endswith(
        f"PingCRM runs on {shared_up.data_dir} already (process {shared_up.process.pid})."
        " Stop that one, or choose another folder with --data-dir."
    )
    assert "Traceback" not in output
    assert read_runtime(shared_up.data_dir) is not None


async def test_a_taken_port_is_reported_in_a_sentence(shared_up: Up) -> None:
    other = shared_up.folder / "other"
    port = (await shared_up.started()).health_ports["auth"]
    second = shared_up.command("up", "--data-dir", str(other), "--port", str(port))
    output = second.communicate(timeout=GONE_SECONDS)[0]
    assert second.returncode == 1
    assert f"Port {port} is taken by another program" in output
    assert not is_free(port)


async def test_a_service_that_is_killed_comes_back(shared_up: Up) -> None:
    await shared_up.started()
    victim = next(process for process in shared_up.family() if process.cmdline()[-1:] == ["services.sync"])
    victim.kill()
    async with asyncio.timeout(10):
        while not any(
            process.pid != victim.pid and process.cmdline()[-1:] == ["services.sync"] for process in shared_up.family()
        ):
            await asyncio.sleep(0.05)


async def test_each_service_process_sees_its_own_password_only(shared_up: Up) -> None:
    runtime = await shared_up.started()
    secrets = json.loads((shared_up.data_dir / "secrets.json").read_text())
    passwords = {service: secrets[postgres_password_name(service)] for service in SERVICES}
    async with aiohttp.ClientSession() as http:
        for service in SERVICES:
            async with http.get(f"http://127.0.0.1:{runtime.health_ports[service]}/") as response:
                seen = json.loads(await response.text())
            assert seen["PINGCRM_POSTGRES_URL"].startswith(f"postgresql://pingcrm_{service}:")
            assert [owner for owner, password in passwords.items() if password in str(seen)] == [service]


@pytest.mark.skipif(not can_fork(), reason="services are started by themselves")
async def test_services_come_back_without_the_process_that_they_were_copies_of(up: Up) -> None:
    await up.started()
    services = {f"services.{service}" for service in SERVICES}
    origin = next(process for process in up.family() if process.cmdline()[-1:] == ["libs.local.fork_server"])
    copies = origin.children()
    assert shown(copies) == services
    origin.kill()
    async with asyncio.timeout(30):
        while not services <= shown(psutil.Process(up.process.pid).children()):
            await asyncio.sleep(0.05)
    assert await gone(copies) == []
    up.process.terminate()
    assert await up.wait() == 0


def shown(processes: list[psutil.Process]) -> set[str]:
    """The last arguments of those that live."""
    found = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            found.update(process.cmdline()[-1:])
    return found


async def test_other_commands_find_what_runs(shared_up: Up) -> None:
    await shared_up.started()
    for arguments, expected in (
        (("tick", "mail"), "Said clock.mail."),
        (("tick", "nonsense"), "there is no clock nonsense"),
        (("dead", "list"), "There are no dead letters."),
        (("dead", "show", "7"), "There is no dead letter 7"),
        (("migrate",), "Everything is up to date."),
        (("doctor",), "PostgreSQL at postgresql://127.0.0.1"),
    ):
        output = shared_up.command(*arguments, "--data-dir", str(shared_up.data_dir)).communicate(timeout=120)[0]
        assert expected in output, output


async def test_urls_in_the_environment_replace_the_embedded_servers(
    database: Database, nats_server: Nats, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    overrides = {
        "PINGCRM_POSTGRES_URL": database.admin_url,
        "PINGCRM_NATS_URL": nats_server.admin_url,
        "PINGCRM_REDIS_URL": redis_url,
        **dict(database.secrets),
    }
    for name, value in database.secrets.items():
        monkeypatch.setenv(name, value)
    async with Stack.start(tmp_path / "data", overrides, services=()) as stack:
        assert (stack.postgres, stack.nats, stack.valkey) == (None, None, None)
        assert stack.server_processes == {}
        settings = stack.settings_for("sync")
        assert settings["PINGCRM_POSTGRES_URL"] == database.url_for("sync")
        assert settings["PINGCRM_NATS_URL"] == nats_server.url_for("sync")
        assert settings["PINGCRM_REDIS_URL"] == redis_url
