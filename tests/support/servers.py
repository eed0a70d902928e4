"""The servers of a test process: started when the first test requests them, gone with the last."""

import shutil
import tempfile
from pathlib import Path

from libs.local.secrets import POSTGRES_ADMIN, Secrets
from libs.local.servers import Postgres, Valkey
from tests.support.database import prepare_template

UNSAFE = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
"""A crash of the machine may cost the tests' data; a crash of the server may not."""


class Servers:
    """PostgreSQL and Valkey, each started by the first test that needs it."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self.folder = Path(tempfile.mkdtemp(prefix="pingcrm-tests-"))
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
