"""What is sent over the bus, as bytes, and whether it fits: checked here, because the server ends the connection over it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nats.aio.client import Client

from libs.common.errors import PayloadTooLarge
from libs.common.events import BROADCAST, Event

# Left free in every message: a dead letter carries the reason and the origin on top of what it was.
HEADER_ROOM_BYTES = 4_096
PUBLISHES_AT_ONCE = 500  # a stream takes batches of at most 1,000
BYTES_AT_ONCE = 4 * 1024 * 1024


@dataclass(frozen=True)
class EncodedEvent:
    """An event as it is sent. `broadcast`: to whoever is connected, nothing is stored."""

    subject: str
    body: bytes
    headers: Mapping[str, str]
    broadcast: bool

    @property
    def size_bytes(self) -> int:
        headers = sum(len(name) + len(value.encode()) + 4 for name, value in self.headers.items())
        return len(self.body) + headers


def limit_of(client: Client) -> int:
    """How many bytes a message may have on the server that `client` is connected to."""
    return client.max_payload - HEADER_ROOM_BYTES


def encoded(event: Event, headers: Mapping[str, str], limit_bytes: int) -> EncodedEvent:
    """The event with the key by which the stream recognises one that is published again. Raises PayloadTooLarge."""
    key = event.key()
    keyed = {**headers, "Nats-Msg-Id": f"{event.subject}:{key}"} if key else dict(headers)
    message = EncodedEvent(event.subject, event.model_dump_json().encode(), keyed, type(event) in BROADCAST)
    if message.size_bytes > limit_bytes:
        raise PayloadTooLarge(event.subject, message.size_bytes, limit_bytes)
    return message


def in_chunks(messages: Sequence[EncodedEvent]) -> Iterator[list[EncodedEvent]]:
    """What is published together: bounded in number and in bytes, each chunk with at least one."""
    chunk: list[EncodedEvent] = []
    size = 0
    for message in messages:
        if chunk and (len(chunk) == PUBLISHES_AT_ONCE or size + message.size_bytes > BYTES_AT_ONCE):
            yield chunk
            chunk, size = [], 0
        chunk.append(message)
        size += message.size_bytes
    if chunk:
        yield chunk
