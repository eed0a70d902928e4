"""The service `contacts` alone on real servers, and the ends of the bus that sync, auth and the gateway have in the product."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.events import Event
from libs.common.ids import Service
from libs.common.service import Resources, running
from libs.common.topology import consumer_of
from libs.local.bus_admin import admin_stream
from libs.local.supervisor import Stack
from tests.bench.processes import usage


@dataclass(frozen=True)
class ContactsAlone:
    """`contacts` as it runs for people, and nobody else."""

    stack: Stack

    @property
    def memory_mb(self) -> float:
        """Its memory now."""
        return usage({"contacts": self.stack.processes["contacts"]})["contacts"].memory_bytes / 1e6

    async def until_handled(self, event: type[Event], *, seconds: float) -> None:
        """Wait until no such event waits for contacts, or is in its hands. TimeoutError."""
        consumer = consumer_of("contacts", event)
        async with asyncio.timeout(seconds), admin_stream(self.stack.admin_nats_url) as stream:
            while True:
                info = await stream.consumer_info(consumer.stream, consumer.name)
                if not info.num_pending and not info.num_ack_pending:
                    return
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def bus_of(self, service: Service) -> AsyncIterator[Bus]:
        """The end of the bus that another service would have."""
        environment = self.stack.settings_for(service)
        names = ("postgres_url", "nats_url", "redis_url", "secret_keys")
        values = {
            name: environment[f"PINGCRM_{name.upper()}"] for name in names if f"PINGCRM_{name.upper()}" in environment
        }
        async with running(service, Settings(**values), _silent) as resources:  # type: ignore[arg-type]
            yield resources.bus

    @asynccontextmanager
    async def database(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """The administrator's connection, in the schema of `contacts`."""
        connection = await asyncpg.connect(
            self.stack.admin_postgres_url, server_settings={"search_path": "contacts"}, command_timeout=300
        )
        try:
            yield connection
        finally:
            await connection.close()


async def _silent(_: Resources) -> None:
    """Publishes and requests only."""


@asynccontextmanager
async def contacts_alone(folder: Path) -> AsyncIterator[ContactsAlone]:
    async with Stack.start(folder / "data", {"PINGCRM_LOG_FORMAT": "json"}, services=("contacts",)) as stack:
        yield ContactsAlone(stack)
