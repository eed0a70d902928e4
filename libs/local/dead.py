"""Dead letters: messages that a service gave up on. To look at, and to publish once more when the cause is mended."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from libs.common.dead_letters import Letter, original_subject, payload_of, read_about
from libs.common.log import TRACE_HEADER
from libs.common.topology import CONSUMERS, DEAD_STREAM


class NoSuchDeadLetter(Exception):
    """No dead letter has this number (any more)."""


@dataclass(frozen=True)
class DeadLetter:
    """`number` is its place in the stream. `payload` is private: shown on request only, never listed."""

    number: int
    at: str
    consumer: str
    subject: str
    attempts: str
    reason: str
    trace: str
    payload: bytes


async def iterate_dead_letters(js: JetStreamContext, service: str = "*") -> AsyncIterator[DeadLetter]:
    """Oldest first; of all services, or of one."""
    number = 0
    while True:
        try:
            found = await js.get_msg(DEAD_STREAM, seq=number + 1, subject=f"dead.{service}.>", next=True)
        except NotFoundError:
            return
        letter = _dead_letter(found)
        number = letter.number
        yield letter


async def get_dead_letter(js: JetStreamContext, number: int) -> DeadLetter:
    """Raises NoSuchDeadLetter."""
    try:
        return _dead_letter(await js.get_msg(DEAD_STREAM, seq=number))
    except NotFoundError:
        raise NoSuchDeadLetter(
            f"There is no dead letter {number}. `pingcrm dead list` shows those there are."
        ) from None


async def replay(js: JetStreamContext, number: int) -> DeadLetter:
    """Publish it again on its subject, under the trace it had, then remove it from the dead.

    Every consumer of the subject gets it, which is harmless: handling twice equals handling once. A crash in between
    leaves the letter, and it can be replayed again. Raises NoSuchDeadLetter.
    """
    found = await get_dead_letter(js, number)
    headers = {TRACE_HEADER: found.trace} if found.trace else None
    await js.publish(found.subject, found.payload, headers=headers)
    await js.delete_msg(DEAD_STREAM, number)
    return found


async def address_old_letters(js: JetStreamContext) -> int:
    """Store letters whose subject does not name their user under one that does, so that they go when the user does.

    They keep everything but their number and their age in the stream. Returns how many that were. A crash leaves one twice.
    """
    moved = 0
    for consumer in CONSUMERS:
        while True:
            try:
                found = await js.get_msg(
                    DEAD_STREAM, seq=1, subject=f"dead.{consumer.service}.{consumer.event.subject}", next=True
                )
            except NotFoundError:
                break
            data = found.data or b""
            about = {} if consumer.event.outlives_purge else read_about(data)
            letter = Letter(consumer.event.subject, data, "", consumer.name, about=about)
            await js.publish(letter.address(consumer.service), data, headers=found.headers)
            await js.delete_msg(DEAD_STREAM, found.seq or 0)
            moved += 1
    return moved


def _dead_letter(message: RawStreamMsg) -> DeadLetter:
    headers = message.headers or {}
    subject = message.subject or ""
    return DeadLetter(
        number=message.seq or 0,
        at=headers.get("Pingcrm-At", ""),
        consumer=headers.get("Pingcrm-Consumer", ""),
        subject=headers.get("Pingcrm-Subject") or original_subject(subject),
        attempts=headers.get("Pingcrm-Attempts", ""),
        reason=headers.get("Pingcrm-Reason", ""),
        trace=headers.get(TRACE_HEADER, ""),
        payload=payload_of(message.data or b"", headers),
    )
