"""Whether the durable consumers that a service pulls from are there: one that is gone delivers nothing, and nothing fails."""

import asyncio
from dataclasses import dataclass, field

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext

from libs.common.errors import Outage
from libs.common.log import get_logger
from libs.common.topology import DurableConsumer

FRESH_SECONDS = 5.0
TIMEOUT_SECONDS = 2.0  # less than the 3 s of a readiness check


@dataclass
class ConsumerCheck:
    """What was found is kept for five seconds, however often it is wanted."""

    consumers: list[DurableConsumer]
    _missing: tuple[str, ...] = ()
    _checked_at: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def missing(self, stream: JetStreamContext) -> tuple[str, ...]:
        """The names of those that are gone. Outage: JetStream does not reply."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._checked_at >= FRESH_SECONDS:
                found = await asyncio.gather(*(_is_there(stream, consumer) for consumer in self.consumers))
                missing = tuple(c.name for c, there in zip(self.consumers, found, strict=True) if not there)
                if missing and missing != self._missing:
                    get_logger().error("consumers_missing", consumers=missing)
                self._missing, self._checked_at = missing, now
            return self._missing


async def _is_there(stream: JetStreamContext, consumer: DurableConsumer) -> bool:
    try:
        await stream.consumer_info(consumer.stream, consumer.name, timeout=TIMEOUT_SECONDS)
    except nats.js.errors.NotFoundError:
        return False
    except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
        raise Outage(f"JetStream does not reply: {type(error).__name__}") from error
    return True
