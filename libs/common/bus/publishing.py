"""Publishing: events are sent, and their storing is waited for."""

import asyncio
from collections.abc import Mapping, Sequence

import nats.errors
import nats.js.errors
import orjson
from nats.aio.client import Client
from nats.js import JetStreamContext

from libs.common.bus.payloads import EncodedEvent, limit_of
from libs.common.dead_letters import Letter, compressed
from libs.common.errors import Outage, PayloadTooLarge
from libs.common.ids import Service, new_id

PUBLISH_TIMEOUT_SECONDS = 5.0
_PER_EVENT_SECONDS = 0.02


async def publish_chunk(client: Client, stream: JetStreamContext, chunk: Sequence[EncodedEvent]) -> None:
    """Publish these, and wait until the stream has stored them. Outage: at least one was not confirmed."""
    kept = [message for message in chunk if not message.broadcast]
    try:
        async with asyncio.timeout(_seconds_for(chunk)):
            for message in chunk:
                if message.broadcast:
                    await client.publish(message.subject, message.body, headers=dict(message.headers) or None)
            if len(kept) == 1 or (kept and not await _store_together(client, kept)):
                await asyncio.gather(
                    *[
                        await stream.publish_async(message.subject, message.body, headers=dict(message.headers))
                        for message in kept
                    ]
                )
    except (TimeoutError, nats.errors.Error, nats.js.errors.Error, OSError) as error:
        raise Outage(f"The bus did not confirm {chunk[0].subject}: {type(error).__name__}") from error


async def _store_together(client: Client, messages: Sequence[EncodedEvent]) -> bool:
    """One atomic batch: a single confirmation for all. False: the stream took none of it, as when one was published before."""
    batch = new_id().hex
    for number, message in enumerate(messages, start=1):
        headers = {**message.headers, "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
        if number < len(messages):
            await client.publish(message.subject, message.body, headers=headers)
    headers["Nats-Batch-Commit"] = "1"
    reply = await client.request(message.subject, message.body, timeout=_seconds_for(messages), headers=headers)
    return "error" not in orjson.loads(reply.data)


def _seconds_for(messages: Sequence[EncodedEvent]) -> float:
    return PUBLISH_TIMEOUT_SECONDS + len(messages) * _PER_EVENT_SECONDS


async def store_letter(client: Client, service: Service, letter: Letter) -> None:
    """Store a dead letter; compressed where it is too large. Outage: not confirmed. PayloadTooLarge: compressed too."""
    await _store(client, letter.address(service), letter, {})


async def store_rejection(client: Client, subject: str, letter: Letter, key: str) -> None:
    """Store a dead letter for its author as well; one with the same `key` once. Raises as store_letter does."""
    await _store(client, subject, letter, {"Nats-Msg-Id": key})


async def _store(client: Client, subject: str, letter: Letter, keyed: Mapping[str, str]) -> None:
    data, headers = letter.payload, {**keyed, **letter.headers()}
    if len(data) > limit_of(client):
        data, encoding = compressed(data)
        headers |= encoding
    if len(data) > limit_of(client):
        raise PayloadTooLarge(letter.subject, len(data), limit_of(client))
    try:
        reply = await client.request(subject, data, timeout=PUBLISH_TIMEOUT_SECONDS, headers=headers)
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise Outage(f"The dead letter of {letter.subject} was not confirmed: {type(error).__name__}") from error
    if refused := orjson.loads(reply.data).get("error"):
        raise Outage(f"The dead letter of {letter.subject} was not stored: {refused.get('description')}")
