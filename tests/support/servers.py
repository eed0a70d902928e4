"""The servers of a test process: started when the first test requests them, gone with the last."""

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import psutil

from libs.local.secrets import POSTGRES_ADMIN, Secrets
from libs.local.servers import Postgres, Valkey
from tests.support.database import prepare_template

UNSAFE = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "dynamic_shared_memory_type": "mmap",  # in the folder of the server, with which it is removed
}
"""A crash of the machine may cost the tests' data; a crash of the server may not."""

_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 4 << 30
_PREFIX = "pingcrm-test"


def new_folder(name: str) -> Path:
    """A fresh folder for the files of a server, in memory where there is plenty: tests make and remove files by the hundred thousand."""
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}-{os.getpid()}-{name}-", dir=_parent()))


@cache
def _parent() -> Path | None:
    """Where folders are made; None is the system's own place. What killed test processes have left in memory is removed first."""
    if not os.access(_MEMORY, os.W_OK):
        return None
    for left in _MEMORY.glob(f"{_PREFIX}-*"):
        if not psutil.pid_exists(int(left.name.removeprefix(f"{_PREFIX}-").partition("-")[0])):
            shutil.rmtree(left, ignore_errors=True)  # another process may be removing it, too
    free = min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available)
    return _MEMORY if free >= _ENOUGH_BYTES else None


class Servers:
    """PostgreSQL and Valkey, each started by the first test that needs it."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self.folder = new_folder("servers")
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None

    async def postgres(self) -> Postgres:
        if self._postgres is None:
            self._postgres = Postgres(self.folder / "postgres", self.secrets[POSTGRES_ADMIN], UNSAFE)
            await self._postgres.start()
            await prepare_template(self._postgres, self.secrets)
        return self._postgres

    async def valkey(self) -> Valkey:
        if self._valkey is None:
            self._valkey = Valkey(self.folder / "valkey", self.secrets)
            await self._valkey.start()
        return self._valkey

    async def stop(self) -> None:
        for server in (self._postgres, self._valkey):
            if server is not None:
                await server.kill()  # nobody needs the data any more
        shutil.rmtree(self.folder)
