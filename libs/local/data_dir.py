"""The folder of an installation: where it is, who may enter it, that only one PingCRM uses it, what runs there."""

import asyncio
import fcntl
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from pydantic import BaseModel, ValidationError

from libs.common.ids import Service
from libs.local.leftovers import is_alive
from libs.local.private_file import write_private

HOLDER_ENDS_SECONDS = 1.0
LOCK_POLL_SECONDS = 0.02


class InUse(Exception):
    """Another supervisor uses the folder."""


class Unusable(Exception):
    """The folder can't be made, entered or written; the message states what to do."""

    def __init__(self, data_dir: Path, error: OSError) -> None:
        super().__init__(
            f"The data folder {data_dir} can't be used ({error.strerror}): choose another with --data-dir or PINGCRM_DATA_DIR."
        )


class Runtime(BaseModel):
    """What runs on a folder, for the commands that talk to it (runtime.json, 0600: the URLs carry administrators' logins)."""

    pid: int
    url: str
    postgres_url: str
    nats_url: str
    redis_url: str
    redis_urls: dict[Service, str] = {}
    health_ports: dict[str, int]


def default_data_dir(environment: Mapping[str, str]) -> Path:
    """`PINGCRM_DATA_DIR`, else under the user's data home."""
    if chosen := environment.get("PINGCRM_DATA_DIR"):
        return Path(chosen).expanduser().absolute()
    if home := environment.get("XDG_DATA_HOME"):
        return Path(home) / "pingcrm"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "pingcrm"
    return Path.home() / ".local" / "share" / "pingcrm"


def create(data_dir: Path) -> None:
    """For us alone. As root others may pass through, because PostgreSQL then runs as nobody; the files are 0600 either way.

    Raises Unusable.
    """
    try:
        if not data_dir.exists():
            data_dir.mkdir(parents=True)
            data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        raise Unusable(data_dir, error) from error


@asynccontextmanager
async def locked(data_dir: Path) -> AsyncIterator[None]:
    """Hold the folder for this process. Raises InUse or Unusable. The kernel lets go of it however the process ends.

    Waits a moment for a holder that was killed just now: it holds on until the kernel has cleared it away.
    """
    try:
        descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unusable(data_dir, error) from error
    try:
        if not await _acquire(descriptor):
            holder = os.read(descriptor, 20).decode().strip() or "unknown"
            raise InUse(
                f"PingCRM runs on {data_dir} already (process {holder}). Stop that one, or choose another folder with --data-dir."
            )
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


async def _acquire(descriptor: int) -> bool:
    deadline = asyncio.get_running_loop().time() + HOLDER_ENDS_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(LOCK_POLL_SECONDS)
        else:
            return True


@contextmanager
def announced(data_dir: Path, runtime: Runtime) -> Iterator[None]:
    """Other commands find what runs here, as long as it does."""
    file = data_dir / "runtime.json"
    write_private(file, runtime.model_dump_json(indent=2) + "\n")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def read_runtime(data_dir: Path) -> Runtime | None:
    """What was announced there; None where nothing was or its supervisor is gone. Raises Unusable where we may not look."""
    try:
        runtime = Runtime.model_validate_json((data_dir / "runtime.json").read_text())
    except (FileNotFoundError, ValidationError):
        return None
    except OSError as error:
        raise Unusable(data_dir, error) from error
    return runtime if is_alive(runtime.pid) else None
