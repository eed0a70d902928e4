"""For how long events have waited: what one consumer has in hand, what it returned to be delivered again, and what it was not handed yet.

The server tells how many these are, not since when: its oldest message could only be read by somebody who may read all of them. Each
message that comes names its own time, and messages come in order: what was not handed out yet is younger than the youngest that was.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo

from libs.common.measuring import sample
from libs.common.requests import Sample
from libs.common.topology import DurableConsumer

RETURNED_KEPT = 5_000  # more than a consumer may have unacknowledged


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Unsettled:
    """Of one consumer, as far as this process has received of it. Several replicas each know their part: the largest age is true."""

    _youngest: datetime = field(default_factory=_now)
    _in_hand: dict[int, datetime] = field(default_factory=dict)
    _returned: dict[int, datetime] = field(default_factory=dict)

    @contextmanager
    def in_hand(self, messages: Sequence[Msg]) -> Iterator[None]:
        """These are being handled. They came in the order in which they were published."""
        first, last = messages[0].metadata, messages[-1].metadata
        if self._returned:
            for message in messages:
                self._returned.pop(message.metadata.sequence.stream, None)
        self._youngest = max(self._youngest, last.timestamp)
        self._in_hand[first.sequence.stream] = first.timestamp
        try:
            yield
        finally:
            self._in_hand.pop(first.sequence.stream, None)

    def returned(self, message: Msg) -> None:
        """It is to be delivered again, to whichever replica."""
        if len(self._returned) >= RETURNED_KEPT:  # nobody measures, and other replicas settled them
            self._returned.pop(next(iter(self._returned)))
        self._returned[message.metadata.sequence.stream] = message.metadata.timestamp

    async def measure(self, stream: JetStreamContext, consumer: DurableConsumer) -> list[Sample]:
        """How much waits for the consumer, and for how long. Raises what NATS raises."""
        info = await stream.consumer_info(consumer.stream, consumer.name)
        return queue_samples(consumer.name, info, self.age_seconds(info, datetime.now(UTC)))

    def age_seconds(self, info: ConsumerInfo, now: datetime) -> float:
        """For how long the oldest event has waited, at most; 0 where none does."""
        floor = info.ack_floor.stream_seq if info.ack_floor else 0
        settled = not info.num_ack_pending
        self._returned = {seq: at for seq, at in self._returned.items() if seq > floor and not settled}
        waiting = [*self._in_hand.values(), *self._returned.values()]
        if info.num_pending:
            waiting.append(self._youngest)
        else:
            self._youngest = max(self._youngest, now)  # all that there is was handed out: what waits later came later
        return max((now - min(waiting)).total_seconds(), 0.0) if waiting else 0.0


def queue_samples(name: str, info: ConsumerInfo, age_seconds: float) -> list[Sample]:
    """What the server says of a consumer, and how old the oldest of it is."""
    last = info.delivered.last_active if info.delivered else None
    delivered = [sample("pingcrm_queue_delivered_timestamp_seconds", last.timestamp(), consumer=name)] if last else []
    return [
        sample("pingcrm_queue_waiting", info.num_pending or 0, consumer=name),
        sample("pingcrm_queue_in_hand", info.num_ack_pending or 0, consumer=name),
        sample("pingcrm_queue_age_seconds", age_seconds, consumer=name),
        *delivered,
    ]
