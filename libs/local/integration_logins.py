"""Letting integrations in: their logins in the configuration of a NATS server that is ours, in force when the call returns.

A server of somebody else's reads a configuration that its operator gives it (`pingcrm nats-config`).
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nats.js import JetStreamContext

from libs.local.bus_admin import Unreachable
from libs.local.data_dir import read_runtime
from libs.local.integrations import list_integrations, locked
from libs.local.locate import locate, secrets_for
from libs.local.servers import Nats

IN_FORCE_SECONDS = 10.0
POLL_SECONDS = 0.02


def own_server(data_dir: Path, environment: Mapping[str, str]) -> Nats | None:
    """The embedded server that the commands talk to; None where it is somebody else's, or none runs."""
    runtime = read_runtime(data_dir)
    folder = data_dir / "nats"
    if runtime is None or not (folder / "pid").exists() or locate(data_dir, environment).nats() != runtime.nats_url:
        return None
    server = Nats.running_on(folder, secrets_for(data_dir, environment))
    return server if server.admin_url == runtime.nats_url else None


async def let_in(server: Nats, js: JetStreamContext) -> None:
    """The logins of the server are those of the integrations that there are."""
    async with locked(js):
        await server.set_integrations([waiting.integration for waiting in await list_integrations(js)])


async def until_in_force(url: str, *, accepted: bool) -> None:
    """Wait until the server accepts (or refuses) the login of the URL. Raises Unreachable."""
    try:
        async with asyncio.timeout(IN_FORCE_SECONDS):
            while await _is_accepted(url) != accepted:  # noqa: ASYNC110 -- the server sets no event of ours
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise Unreachable(
            "NATS did not read its new configuration; its log (nats/server.log) tells why. Restart `pingcrm up`."
        ) from None


async def _is_accepted(url: str) -> bool:
    """In NATS' own protocol: its client keeps trying where a login is refused."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        await reader.readline()  # INFO
        login = {"user": unquote(parts.username or ""), "pass": unquote(parts.password or ""), "verbose": False}
        writer.write(f"CONNECT {json.dumps(login)}\r\nPING\r\n".encode())
        return (await reader.readline()).startswith(b"PONG")
    finally:
        writer.close()
        await writer.wait_closed()
