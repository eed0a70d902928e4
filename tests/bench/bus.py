"""Holding back one event from one service: what happens to many people can so begin at one moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from libs.common.events import Event
from libs.common.ids import Service
from libs.common.topology import consumer_of
from libs.local.bus_admin import admin_stream

LONGEST = timedelta(minutes=10)


@asynccontextmanager
async def held_back(admin_nats_url: str, service: Service, event: type[Event]) -> AsyncIterator[None]:
    """The events wait on the bus until the block ends; then the service receives all of them."""
    consumer = consumer_of(service, event)
    until = (datetime.now(UTC) + LONGEST).isoformat().replace("+00:00", "Z")
    async with admin_stream(admin_nats_url) as stream:
        await stream.pause_consumer(consumer.stream, consumer.name, until)
        try:
            yield
        finally:
            await stream.resume_consumer(consumer.stream, consumer.name)
