"""Dead letters: messages that a service gave up on. To look at, and to publish once more when the cause is mended."""

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from libs.common.bus.letters import (
    DeadLetter,
    NoSuchDeadLetter,
    NotReplayable,
    get_dead_letter,
    iterate_dead_letters,
)
from libs.common.dead_letters import Letter, read_about
from libs.common.log import TRACE_HEADER
from libs.common.topology import CONSUMERS, DEAD_STREAM

__all__ = [
    "DeadLetter",
    "NoSuchDeadLetter",
    "NotReplayable",
    "address_old_letters",
    "get_dead_letter",
    "iterate_dead_letters",
    "replay",
]


async def replay(js: JetStreamContext, number: int) -> DeadLetter:
    """Publish it again on its subject, under the trace it had, then remove it from the dead.

    Every consumer of the subject gets it, which is harmless: handling twice equals handling once. A crash in between
    leaves the letter, and it can be replayed again. Raises NoSuchDeadLetter, NotReplayable.
    """
    found = await get_dead_letter(js, number)
    found.require_declared()
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
