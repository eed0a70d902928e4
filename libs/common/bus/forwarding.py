"""Events on their way to integrations: of each that one of them may have a copy, whose subject names its user.

Whoever publishes sends an event once, and knows nothing of integrations. From the moment at which the creation of one is confirmed, the
server keeps what it may have for the consumer FORWARDER of topology.py; the service that pulls it stores copies in the stream
INTEGRATIONS, where whoever does not take them holds up nobody. What no integration subscribes to is not even read.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from libs.common.bus.backlogs import limit_backlogs
from libs.common.bus.delivery import OUTAGE_DELAY_SECONDS
from libs.common.bus.payloads import EncodedEvent, in_chunks
from libs.common.bus.publishing import publish_chunk
from libs.common.dead_letters import read_about
from libs.common.events import OFFERED
from libs.common.ids import AccountId, UserId
from libs.common.integrations import INTEGRATION_STREAM, copy_subject, purge_filters
from libs.common.log import TRACE_HEADER, error_text, get_logger
from libs.common.topology import INTEGRATION_STREAM_BYTES

ListPurged = Callable[[Collection[UUID]], Awaitable[Collection[UUID]]]
"""Of these users and accounts, those that were purged: nothing about them is kept any more."""
About = Mapping[str, UUID]

# What may be stored between two looks at how full the stream is. There is room for five times as much when backlogs are given up.
UNCHECKED_BYTES = INTEGRATION_STREAM_BYTES // 20

_ORDERS = frozenset(event.subject for event in OFFERED if event.outlives_purge)


@dataclass
class Forwarding:
    """What is done with the messages of FORWARDER. `connection`: the client and its JetStream, once connected."""

    connection: Callable[[], tuple[Client, JetStreamContext]]
    list_purged: ListPurged
    outages: tuple[type[BaseException], ...]
    _unchecked_bytes: int = field(default=0, init=False)

    async def deliver(self, messages: Sequence[Msg]) -> None:
        """Store a copy of each, then acknowledge all. Where something that this needs is away they come again after a while."""
        started = perf_counter()
        try:
            await self._copy([(message, read_about(message.data)) for message in messages])
        except self.outages as error:
            get_logger().warning("forwarding_postponed", count=len(messages), error=error_text(error))
            for message in messages:
                await message.nak(delay=OUTAGE_DELAY_SECONDS)
            return
        for message in messages:
            await message.ack()
        get_logger().info("forwarded", count=len(messages), ms=round((perf_counter() - started) * 1000, 1))

    async def _copy(self, messages: Sequence[tuple[Msg, About]]) -> None:
        """Nothing is copied of whom was purged, and nothing stays of whom is purged meanwhile; but orders to delete are, and do."""
        client, stream = self.connection()
        purged = set(await self.list_purged(_ids(about for _, about in messages)))
        wanted = [
            (message, about)
            for message, about in messages
            if "user" in about and (message.subject in _ORDERS or purged.isdisjoint(about.values()))
        ]
        for chunk in in_chunks([_copy_of(message, about) for message, about in wanted]):
            await publish_chunk(client, stream, chunk)
            self._unchecked_bytes += sum(copy.size_bytes for copy in chunk)
        await self._purge_again(stream, [about for message, about in wanted if message.subject not in _ORDERS])
        if self._unchecked_bytes > UNCHECKED_BYTES:
            self._unchecked_bytes = 0
            await limit_backlogs(client, stream, datetime.now(UTC))

    async def _purge_again(self, stream: JetStreamContext, stored: Sequence[About]) -> None:
        """The mark of a purge is set before the copies are deleted: for a copy that came behind that, the mark is found now."""
        if not stored:
            return
        purged = set(await self.list_purged(_ids(stored)))
        late = {(about["user"], about.get("account")) for about in stored if not purged.isdisjoint(about.values())}
        for user, account in late:
            own = None if account is None or user in purged else AccountId(account)
            await purge_copies(stream, UserId(user), own)


async def purge_copies(stream: JetStreamContext, user_id: UserId, account_id: AccountId | None = None) -> None:
    """Delete what waits for integrations about a user, or about one account of theirs. Raises what NATS raises."""
    for subject in purge_filters(user_id, account_id):
        await stream.purge_stream(INTEGRATION_STREAM, subject=subject)


def _ids(about: Iterable[About]) -> set[UUID]:
    return {value for each in about for value in each.values()}


def _copy_of(message: Msg, about: About) -> EncodedEvent:
    """The same payload under its user's subject, with a key of its own where the event has none: stored twice it is there once."""
    headers = message.headers or {}
    place = message.metadata
    key = headers.get("Nats-Msg-Id") or f"{message.subject}:{place.sequence.stream}:{place.timestamp.isoformat()}"
    trace = {TRACE_HEADER: headers[TRACE_HEADER]} if TRACE_HEADER in headers else {}
    return EncodedEvent(
        copy_subject(message.subject, about), message.data, {**trace, "Nats-Msg-Id": key}, broadcast=False
    )
