"""The streams, consumers and schedules of the bus, as topology.py wants them."""

import asyncio
from dataclasses import dataclass

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NotFoundError

from libs.common.events import TICKS, Tick
from libs.common.integrations import INTEGRATION_STREAM
from libs.common.topology import CLOCK_STREAM, CONSUMERS, FORWARDER, schedule_subject, streams
from libs.local.dead import address_old_letters
from libs.local.integrations import forward_events

EMPTY = b"{}"
WRONG_LAST_SEQUENCE = 10071  # "wrong last sequence": there is one already


@dataclass(frozen=True)
class Declared:
    """What was changed, by name."""

    deleted_consumers: tuple[str, ...]
    published_schedules: tuple[str, ...]


async def declare(connection: Client, replicas: int) -> Declared:
    """Create what is missing, change what differs, delete consumers that topology.py doesn't know. Needs the admin user."""
    js = connection.jetstream(timeout=20)
    wanted = streams(replicas)
    for config in wanted:
        await _declare_stream(js, config)
    await asyncio.gather(*(js.add_consumer(consumer.stream, consumer.config()) for consumer in CONSUMERS))
    await forward_events(js)
    ours = [
        str(config.name) for config in wanted if config.name != INTEGRATION_STREAM
    ]  # there each belongs to an integration
    deleted = [name for stream in ours for name in await _delete_stale(js, stream)]
    await address_old_letters(js)
    published = [tick.subject for tick in TICKS if await _publish_schedule(js, tick)]
    return Declared(tuple(deleted), tuple(published))


async def _declare_stream(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.stream_info(str(config.name))
    except NotFoundError:
        await js.add_stream(config)
    else:
        await js.update_stream(config)


async def _delete_stale(js: JetStreamContext, stream: str) -> list[str]:
    """A durable consumer that nobody pulls would keep every message for ever. Ephemeral ones are somebody's debugging."""
    known = {consumer.name for consumer in CONSUMERS if consumer.stream == stream}
    known |= {FORWARDER.name} if FORWARDER.stream == stream else set()
    found = [info.config.durable_name for info in await js.consumers_info(stream) if info.config]
    stale = [name for name in found if name and name not in known]
    for name in stale:
        await js.delete_consumer(stream, name)
    return stale


async def _publish_schedule(js: JetStreamContext, tick: type[Tick]) -> bool:
    """Whether it had to be published. A schedule that is there as wanted is left alone: publishing restarts its timer."""
    subject = schedule_subject(tick)
    wanted = {"Nats-Schedule": tick.schedule, "Nats-Schedule-Target": tick.subject}
    expected = 0
    while True:
        try:
            await js.publish(subject, EMPTY, headers={**wanted, "Nats-Expected-Last-Subject-Sequence": str(expected)})
        except APIError as error:
            if error.err_code != WRONG_LAST_SEQUENCE:
                raise
        else:
            return True
        try:
            stored = await js.get_last_msg(CLOCK_STREAM, subject)
        except NotFoundError:
            expected = 0
            continue
        if wanted.items() <= (stored.headers or {}).items():
            return False
        expected = stored.seq or 0
