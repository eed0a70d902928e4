"""The bus: publish events and subscribe to them, send requests and respond to them, over NATS JetStream.

    bus = Bus(settings, "contacts", cache)
    bus.subscribe_batch(MessageIngested, interactions.record_messages)   # durable, at least once
    bus.respond(GetContact, contacts.get_contact)                        # request and reply
    async with bus:                                                      # connects, subscribes, stops gracefully
        await bus.publish(ContactChanged(...))
        account = await bus.request(ListAccounts(user_id=user_id))

FastStream's broker holds the connection and serves the requests, which responding.py handles. Durable consumers are pulled by
pull.py and handled by delivery.py: docs/decisions/0002-own-pull-loop.md says why. No message is sent that the server would not take
(payloads.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, TypeVar

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from pydantic import BaseModel

from libs.common import cache as cache_module
from libs.common import db
from libs.common.bus.backlogs import limit_backlogs
from libs.common.bus.client import Broker, NatsMessage
from libs.common.bus.consumer_check import ConsumerCheck
from libs.common.bus.delivery import Delivery
from libs.common.bus.forwarding import Forwarding, ListPurged, purge_copies
from libs.common.bus.letters import DeadLetters
from libs.common.bus.payloads import PUBLISHES_AT_ONCE, EncodedEvent, encoded, in_chunks, limit_of
from libs.common.bus.publisher import Publisher
from libs.common.bus.publishing import PUBLISH_TIMEOUT_SECONDS, publish_chunk, store_letter
from libs.common.bus.pull import PullLoop
from libs.common.bus.requesting import send_request
from libs.common.bus.responding import Responder
from libs.common.bus.unsettled import Unsettled
from libs.common.cache import Cache
from libs.common.config import Settings
from libs.common.dead_letters import Letter, purge_filter
from libs.common.errors import Outage, Refused
from libs.common.events import BROADCAST, Event
from libs.common.ids import AccountId, Service, UserId
from libs.common.log import TRACE_HEADER, current_trace, error_text, get_logger, traced
from libs.common.requests import Request, Sample
from libs.common.tls import with_tls_files
from libs.common.topology import (
    BACKLOG_LIMITER,
    DEAD_LETTER_PURGER,
    DEAD_STREAM,
    FORWARDER,
    LARGE_BATCH,
    DurableConsumer,
    batch_of,
    consumer_of,
    inbox_prefix,
)

F = TypeVar("F", bound=Event)
R = TypeVar("R", bound=BaseModel)

REQUEST_TIMEOUT_SECONDS = 10.0
GRACE_SECONDS = 15.0
RESPONDER_WORKERS = 32

OUTAGES: tuple[type[BaseException], ...] = (
    Outage,
    *db.OUTAGES,
    *cache_module.OUTAGES,
    OSError,
    TimeoutError,
    nats.errors.Error,
    nats.js.errors.Error,
)


@dataclass(frozen=True)
class _Subscription:
    """What is pulled, how much of it at a time, what delivers that to its handler, and how many do so side by side."""

    consumer: DurableConsumer
    batch: int
    deliver: Callable[[Sequence[Any]], Awaitable[None]]
    loops: int
    unsettled: Unsettled

    async def deliver_noted(self, messages: Sequence[Any]) -> None:
        with self.unsettled.in_hand(messages):
            await self.deliver(messages)


@contextmanager
def _cancelled_by_others() -> Iterator[None]:
    """Without a cancellation that nobody asked of this task.

    A client that closes cancels its own search for a server. Where both wait for the end of the same connection, the search takes the
    future that they wait for along, and the one who closes learns that they were cancelled.
    """
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise


@dataclass
class Bus:
    """One service's end of the bus. Handlers are registered first; entering the context connects and subscribes."""

    settings: Settings
    service: Service
    cache: Cache
    subscribed: list[type[Event]] = field(default_factory=list)
    served: list[type[Request[Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._subscriptions: list[_Subscription] = []
        self._deliveries: list[Delivery] = []
        self._loops: list[asyncio.Task[None]] = []
        self._missed_broadcasts: Callable[[], None] = lambda: None
        self._stopping = asyncio.Event()
        self._client: Client | None = None
        self._consumer_check = ConsumerCheck([])
        self._publisher = Publisher(self._send)
        self._log = get_logger()
        self._broker = Broker(
            with_tls_files(self.settings.nats_url, self.settings.tls_files),
            name=self.service,
            inbox_prefix=inbox_prefix(self.service),
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            connect_timeout=5,
            graceful_timeout=GRACE_SECONDS,
            logger=None,
            apply_types=False,
            decoder=_undecoded,
            error_cb=self._on_error,
            reconnected_cb=self._on_reconnected,
        )

    # -- registering -----------------------------------------------------------------------------------------------------

    def subscribe(
        self, event: type[F], handler: Callable[[F], Awaitable[None]], *, at_once: int = 8, loops: int = 1
    ) -> None:
        """Handle an event one by one, at most `at_once` at the same time. Returning acknowledges it; raising has it redelivered.

        `loops`: pulled by so many, each of which waits until what it pulled is handled. By one, a slow event holds up what came after it;
        by as many as there may be at once, where handling takes seconds, it holds up nothing.
        """

        async def each(events: Sequence[F]) -> None:
            for received in events:
                await handler(received)

        delivery = Delivery(self.service, event, each, self.cache, OUTAGES, one_by_one=True)
        self._register(event, delivery, at_once // loops, loops)

    def subscribe_batch(self, event: type[F], handler: Callable[[Sequence[F]], Awaitable[None]]) -> None:
        """Handle an event in batches. A batch that fails is retried one by one, so that none can hold back others."""
        self._register(
            event, Delivery(self.service, event, handler, self.cache, OUTAGES, one_by_one=False), batch_of(event)
        )

    def subscribe_broadcast(self, event: type[F], handler: Callable[[F], Awaitable[None]]) -> None:
        """Handle a broadcast event on every replica, at most once: for browsers that are connected to this one."""
        if event not in BROADCAST or self.service not in event.consumed_by:
            raise KeyError(
                f"libs/common/events does not declare that {self.service} receives the broadcast {event.subject}"
            )
        self.subscribed.append(event)

        @self._broker.subscriber(event.subject, decoder=_undecoded, no_reply=True)
        async def _(message: Msg) -> None:
            with traced((message.headers or {}).get(TRACE_HEADER, ""), span=event.subject):
                try:
                    await handler(event.model_validate_json(message.data))
                except Exception:
                    self._log.exception("live_failed", subject=event.subject)

    def on_missed_broadcasts(self, handler: Callable[[], None]) -> None:
        """Called where broadcasts may have been missed: the connection was away, or they came faster than they were handled."""
        self._missed_broadcasts = handler

    def respond(self, request: type[Request[R]], handler: Callable[[Any], Awaitable[R]]) -> None:
        """Serve a request: the handler returns the reply, or raises Refused."""
        if request.served_by != self.service:
            raise KeyError(f"requests/ does not declare that {self.service} serves {request.subject}")
        self.served.append(request)
        responder = Responder(self.service, request, handler, self.cache, OUTAGES)

        @self._broker.subscriber(
            request.subject, queue=self.service, max_workers=RESPONDER_WORKERS, decoder=_undecoded, no_reply=True
        )
        async def _(message: Msg) -> None:
            await responder.respond(self.client, message)

    def _register(self, event: type[Event], delivery: Delivery, batch: int, loops: int = 1) -> None:
        consumer = consumer_of(self.service, event)  # refuses what events/ does not declare
        self.subscribed.append(event)
        self._deliveries.append(delivery)
        self._pull(_Subscription(consumer, batch, delivery.deliver, loops, delivery.unsettled))

    def forward_to_integrations(self, list_purged: ListPurged) -> None:
        """Store for integrations copies of what they may have, whoever published it; of what was purged none is kept."""
        if self.service != FORWARDER.service:
            raise KeyError(f"topology.py lets {FORWARDER.service} store copies for integrations, not {self.service}")
        forwarding = Forwarding(lambda: (self.client, self._stream), list_purged, OUTAGES)
        self._pull(_Subscription(FORWARDER, LARGE_BATCH, forwarding.deliver, 1, Unsettled()))

    def _pull(self, subscription: _Subscription) -> None:
        self._consumer_check.consumers.append(subscription.consumer)
        self._subscriptions.append(subscription)

    # -- running -----------------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect without subscribing: for programs that only publish and request."""
        try:
            self._client = await self._broker.connect()
        except (OSError, nats.errors.Error) as error:
            raise Outage(f"NATS can't be reached: {error}. Check PINGCRM_NATS_URL.") from error

    async def start(self) -> None:
        """Connect and subscribe."""
        await self.connect()
        await self._broker.start()
        await self.client.flush()  # the server knows our subscriptions before we report that we are ready
        for subscription in self._subscriptions:
            loop = PullLoop(self.client, subscription.consumer, subscription.batch, subscription.deliver_noted)
            name = f"pull {subscription.consumer.name}"
            self._loops += [asyncio.create_task(loop.run(self._stopping), name=name) for _ in range(subscription.loops)]

    async def stop_listening(self) -> None:
        """Stop pulling, let what is in hand finish within 15 s, return the rest. Publishing and requesting go on."""
        self._stopping.set()
        if self._loops:
            _, late = await asyncio.wait(self._loops, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            self._loops.clear()

    async def stop(self) -> None:
        """Stop pulling, and disconnect. Where NATS is away nothing is sent any more, and nobody goes on looking for it."""
        await self.stop_listening()
        try:
            with _cancelled_by_others():
                await self._broker.stop()
        except OUTAGES as error:
            self._log.warning("bus_away_at_stop", error=error_text(error))
        finally:
            if self._client is not None and not self._client.is_closed:
                with _cancelled_by_others():
                    await self._client.close()

    async def __aenter__(self) -> "Bus":
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.stop)
            await self.start()
            stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def run_guarded(self, work: Callable[[], Awaitable[Any]], *, pause_seconds: float = 1.0) -> bool:
        """Do a piece of background work; an outage or a bug in it is logged, not fatal. True if it succeeded."""
        try:
            await work()
        except OUTAGES as error:
            self._log.warning("background_unavailable", error=error_text(error))
        except Exception:
            self._log.exception("background_failed")
        else:
            return True
        await asyncio.sleep(pause_seconds)
        return False

    # -- publishing and requesting ---------------------------------------------------------------------------------------

    async def publish(self, *events: Event) -> None:
        """Publish events, and wait until the stream has stored them. Integrations get theirs from it: that is not waited for.

        Outage: at least one was not confirmed; publish all again. PayloadTooLarge: one does not fit; none was published.
        """
        trace = {TRACE_HEADER: current_trace()} if current_trace() else {}
        await self._publisher.publish([encoded(event, trace, limit_of(self.client)) for event in events])

    async def _send(self, messages: Sequence[EncodedEvent]) -> None:
        for chunk in in_chunks(messages):
            await publish_chunk(self.client, self._stream, chunk)

    async def request(
        self, request: Request[R], *, seconds: float = REQUEST_TIMEOUT_SECONDS, idempotency_key: str | None = None
    ) -> R:
        """Send a request, and wait for its reply. Refused: the other service's no. Outage: no reply within `seconds`.

        A command that is sent again under its `idempotency_key`, within a day, is not done again: its first reply comes back.
        """
        return await send_request(self.client, request, seconds, idempotency_key)

    async def dead_letter(self, letter: Letter) -> None:
        """Set aside what this service can't publish or handle. Outage: not confirmed. PayloadTooLarge: compressed too."""
        await store_letter(self.client, self.service, letter)

    async def purge_dead_letters(self, user_id: UserId, account_id: AccountId | None = None) -> None:
        """Delete all services' dead letters about a user, or about one account of theirs, and what waits for integrations.

        Outage: try again.
        """
        if self.service != DEAD_LETTER_PURGER:
            raise KeyError(f"topology.py lets {DEAD_LETTER_PURGER} delete dead letters, not {self.service}")
        try:
            await self._stream.purge_stream(DEAD_STREAM, subject=purge_filter(user_id, account_id))
            await purge_copies(self._stream, user_id, account_id)
        except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
            raise Outage(f"Dead letters were not deleted: {type(error).__name__}") from error

    @property
    def dead_letters(self) -> DeadLetters:
        """Those of all services, to be listed and replayed. Outage: not connected."""
        if self.service != DEAD_LETTER_PURGER:
            raise KeyError(f"topology.py lets {DEAD_LETTER_PURGER} read dead letters, not {self.service}")
        return DeadLetters(self.service, self._stream, self.handle_again, self.request)

    async def handle_again(self, subject: str, payload: bytes) -> None:
        """Handle a dead letter of this service once more. Refused: `not_replayable`, `failed_again`. Outages: try later."""
        for delivery in self._deliveries:
            if delivery.takes(subject):
                await delivery.handle_again(subject, payload)
                return
        raise Refused(409, "not_replayable", f"{self.service} does not handle {subject} (any more).")

    async def limit_backlogs(self, now: datetime) -> None:
        """Give up what waits for integrations that take nothing any more, and let them know what they missed. Outage: try again."""
        if self.service != BACKLOG_LIMITER:
            raise KeyError(f"topology.py lets {BACKLOG_LIMITER} limit the backlogs of integrations, not {self.service}")
        try:
            await limit_backlogs(self.client, self._stream, now)
        except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
            raise Outage(f"The backlogs of integrations were not limited: {type(error).__name__}") from error

    # -- state ---------------------------------------------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        if self._client is None:
            raise Outage("The bus is not connected yet.")
        return self._client

    @property
    def _stream(self) -> JetStreamContext:
        if not hasattr(self, "_jetstream"):
            self._jetstream: JetStreamContext = self.client.jetstream(
                timeout=PUBLISH_TIMEOUT_SECONDS, publish_async_max_pending=2 * PUBLISHES_AT_ONCE
            )
        return self._jetstream

    async def waiting(self, *events: type[Event]) -> int:
        """How many of these events are on their way to this service: published, and not handled by any of its replicas yet.

        The server counts an event a moment after it was stored.
        """
        consumers = [consumer_of(self.service, event) for event in events]
        infos = [await self._stream.consumer_info(consumer.stream, consumer.name) for consumer in consumers]
        return sum((info.num_pending or 0) + (info.num_ack_pending or 0) for info in infos)

    @property
    def server_version(self) -> str:
        """That of the NATS server; empty while it is not connected."""
        version = self.client.connected_server_version
        return f"{version.major}.{version.minor}.{version.patch}" if self.client.is_connected else ""

    async def measure(self) -> list[Sample]:
        """How much waits for this service, and for how long. Raises what NATS raises."""
        measured = await asyncio.gather(*(s.unsettled.measure(self._stream, s.consumer) for s in self._subscriptions))
        return [found for samples in measured for found in samples]

    async def ping(self) -> None:
        """Outage: not connected, a loop that should be pulling has ended, or what it pulls from is gone."""
        if self._client is None or not self._client.is_connected:
            raise Outage("NATS is not connected.")
        if dead := [task.get_name() for task in self._loops if task.done()]:
            raise Outage(f"Not pulling any more: {', '.join(dead)}")
        if missing := await self._consumer_check.missing(self._stream):
            raise Outage(f"Gone from NATS: {', '.join(missing)}. `pingcrm migrate` declares them.")

    async def _on_error(self, error: Exception) -> None:
        self._log.warning("nats_error", error=error_text(error))
        if isinstance(error, nats.errors.SlowConsumerError):
            self._missed_broadcasts()

    async def _on_reconnected(self) -> None:
        """The server knows our subscriptions again: what is published from now on comes in."""
        self._missed_broadcasts()


async def _undecoded(message: NatsMessage) -> Msg:
    """FastStream's decoder, switched off: each message is parsed once, into its own type, where it is handled.

    The message keeps what this returns: itself it would hold until Python looks for cycles, thousands of messages later.
    """
    return message.raw_message
