"""Integrations on a real server: what `pingcrm up` leaves for commands, and programs of somebody else's that connect."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from libs.common.bus import Bus
from libs.common.events import MessageIngested
from libs.common.ids import UserId, new_id
from libs.local.data_dir import Runtime, announced
from libs.local.migrate import migrate_bus
from libs.local.secrets import FILE, Secrets
from libs.local.servers import Nats
from tests.support.bus import OpenBus, message
from tests.support.bus_programs import pingcrm, url_in
from tests.support.database import Database

ADDRESS, OTHER_ADDRESS = "maya@example.org", "jonas@example.org"
MAYA, JONAS = UserId(new_id()), UserId(new_id())


@dataclass
class Installation:
    """What `pingcrm up` leaves for other commands, with NATS alone running."""

    data_dir: Path
    nats: Nats
    database: Database

    async def pingcrm(self, *arguments: str, code: int = 0) -> str:
        return await pingcrm(self.data_dir, *arguments, code=code)

    async def create(self, name: str, *options: str) -> str:
        """The URL of a new integration."""
        return url_in(await self.pingcrm("integration", "create", name, *options))


@asynccontextmanager
async def installed(data_dir: Path, secrets: Secrets, database: Database) -> AsyncIterator[Installation]:
    """Two users, Maya and Jonas, and no integrations."""
    (data_dir / FILE).write_text(json.dumps(dict(secrets)))
    auth = await asyncpg.connect(database.url_for("auth"))
    for user, address in ((MAYA, ADDRESS), (JONAS, OTHER_ADDRESS)):
        await auth.execute("INSERT INTO users (id, sub, name, address) VALUES ($1, $2, '', $2)", user, address)
        await auth.execute(
            "INSERT INTO google_accounts (id, user_id, sub, address, name, status, scopes, refresh_token)"
            " VALUES ($1, $1, $2, $2, '', 'active', '{}', '')",
            user,
            address,
        )
    await auth.close()
    server = Nats(data_dir / "nats", secrets)
    await server.start()
    try:
        await migrate_bus(server.admin_url)
        runtime = Runtime(
            pid=os.getpid(), url="", postgres_url=database.admin_url, nats_url=server.admin_url, redis_url="", health_ports={}
        )  # fmt: skip
        with announced(data_dir, runtime):
            yield Installation(data_dir, server, database)
    finally:
        await server.kill()


class Program:
    """A program of somebody else's: nats-py as it comes, with what `show` prints."""

    def __init__(self, client: Client, refused: list[str]) -> None:
        self.client, self.refused = client, refused
        self.name = str(client.connected_url.username).removeprefix("integration-")  # type: ignore[union-attr]

    async def pull(self, count: int) -> list[tuple[str, bytes]]:
        """The next messages, acknowledged: subject and payload."""
        waiting = await self.client.jetstream().pull_subscribe_bind(self.name, stream="INTEGRATIONS")
        messages = [await _next(waiting) for _ in range(count)]
        return [(message.subject, message.data) for message in messages]

    async def waiting(self) -> int:
        info = await self.client.jetstream().consumer_info("INTEGRATIONS", self.name)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def _next(waiting: JetStreamContext.PullSubscription) -> Msg:
    [message] = await waiting.fetch(1, timeout=10)
    await message.ack_sync(timeout=5)
    return message


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Program]:
    refused: list[str] = []

    async def record(error: Exception) -> None:
        refused.append(str(error))

    user = url.partition("//")[2].partition(":")[0]
    client = await nats.connect(url, inbox_prefix=f"_INBOX_{user}", error_cb=record, allow_reconnect=False)
    try:
        yield Program(client, refused)
    finally:
        await client.close()


class Purges:
    """Who was purged, as contacts knows it. `meanwhile`: who will have been at the next look."""

    def __init__(self) -> None:
        self.purged: set[UUID] = set()
        self.meanwhile: set[UUID] = set()

    async def among(self, ids: Collection[UUID]) -> set[UUID]:
        found = self.purged.intersection(ids)
        self.purged |= self.meanwhile
        return found


def forwarding_contacts(bus: OpenBus, purges: Purges | None = None) -> Bus:
    """The service that stores copies for integrations."""
    contacts = bus("contacts")
    contacts.forward_to_integrations((purges or Purges()).among)
    return contacts


def mail(user: UserId, gmail_id: str) -> MessageIngested:
    """Each id once in this module: the stream takes the same event a single time."""
    return message(gmail_id).model_copy(update={"user_id": user})


async def until(check: object, seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # type: ignore[operator]
            await asyncio.sleep(0.02)
