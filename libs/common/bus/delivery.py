"""What happens to a message that was pulled: handled and acknowledged, redelivered later, or put with the dead letters.

- It can't be parsed, or its handler raises Unprocessable: dead letter at once. The integration that published it gets one, too.
- Something we need is away (an outage, throttling): it is redelivered after a while. That never counts as a failure.
- Anything else is a failure, a statement that took too long and an invalid value inside the handler among them. It is redelivered
  after a growing delay; after the last one it becomes a dead letter.
A batch that fails is tried again in parts and these one by one, so that no message holds back others.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isqrt
from random import uniform
from time import perf_counter
from typing import Any
from uuid import UUID

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from libs.common.bus.publishing import store_letter, store_rejection
from libs.common.bus.unsettled import Unsettled
from libs.common.bus.validation import first_problem
from libs.common.cache import Cache
from libs.common.counters import EVENT_OUTCOMES
from libs.common.dead_letters import Letter, read_about
from libs.common.errors import Outage, PayloadTooLarge, Refused, Throttled, Unprocessable
from libs.common.events import Event, Tick
from libs.common.fault_points import reached
from libs.common.ids import Service
from libs.common.integrations import author_of, rejected_subject
from libs.common.log import TRACE_HEADER, current_trace, error_text, get_logger, traced
from libs.common.topology import ACK_WAIT_SECONDS, consumer_of

RETRY_DELAYS = (1.0, 5.0, 30.0, 120.0, 600.0)
OUTAGE_DELAY_SECONDS = 3.0
LAST_TRY_SECONDS = 15.0  # a last try begins so long before handling an event is of no use any more
FAILURE_MEMORY = timedelta(days=1)

Handler = Callable[[Sequence[Any]], Awaitable[None]]
Parsed = tuple[Msg, Event]


@dataclass(frozen=True)
class Delivery:
    """How one service handles one kind of event."""

    service: Service
    event: type[Event]
    handler: Handler
    cache: Cache
    outages: tuple[type[BaseException], ...]
    one_by_one: bool
    unsettled: Unsettled = field(default_factory=Unsettled)

    async def deliver(self, messages: Sequence[Msg]) -> None:
        """Settle every message: ack, nak with a delay, or dead letter and term."""
        async with _kept_alive(messages):
            parsed: list[Parsed] = []
            for message in messages:
                try:
                    parsed.append((message, self._parse(message.subject, message.data)))
                except ValidationError as error:
                    with self._traced(message, ()):
                        await self._dead_letter(
                            message, None, f"invalid payload: {first_problem(error, 'payload')}", attempts=1
                        )
                except Unprocessable as error:
                    with self._traced(message, ()):
                        await self._dead_letter(message, None, str(error), attempts=1)
            if self.one_by_one:
                await asyncio.gather(*(self._deliver_single(message, event) for message, event in parsed))
            elif parsed and not await self._deliver_together(parsed):
                await self._deliver_in_parts(parsed)

    def takes(self, subject: str) -> bool:
        """Whether it handles what comes under this subject: its event's own, or that of an integration."""
        return consumer_of(self.service, self.event).takes(subject)

    async def handle_again(self, subject: str, payload: bytes) -> None:
        """Handle the payload of a dead letter. Refused: `not_replayable`, `failed_again`, with the reason. Outages as they come."""
        if self.event.outlives_purge:  # no service orders another one to delete something
            raise Refused(409, "not_replayable", "An order to delete is given by `pingcrm dead replay` alone.")
        try:
            event = self._parse(subject, payload)
            about = {name: str(value) for name, value in event.about().items()}
            started = perf_counter()
            with traced(current_trace(), subject=self.event.subject, **about):
                await self._handle([event])
                self._handled(started, 1)
        except self.outages:
            raise
        except Exception as error:
            raise Refused(422, "failed_again", f"It failed again. {_reason(error)}") from error

    def _parse(self, subject: str, data: bytes) -> Event:
        """Raises ValidationError, or Unprocessable where an integration claims another user than the server let it."""
        if issubclass(self.event, Tick):
            return self.event()
        event = self.event.model_validate_json(data)
        author = author_of(subject, self.event)
        if author and event.about().get("user") != author.user_id:
            raise Unprocessable("user_id: not the user whom the subject names")
        return event

    async def _deliver_in_parts(self, parsed: Sequence[Parsed]) -> None:
        """√n parts of √n messages: what was only too much at once takes few transactions, and one bad message costs its part."""
        size = isqrt(len(parsed))
        for begin in range(0, len(parsed), size):
            part = parsed[begin : begin + size]
            if not await self._deliver_together(part):
                for message, event in part:
                    await self._deliver_single(message, event)

    async def _deliver_together(self, parsed: Sequence[Parsed]) -> bool:
        """All in one go; false where that failed for a reason that may lie in one of them."""
        if len(parsed) == 1:
            await self._deliver_single(*parsed[0])
            return True
        started = perf_counter()
        events = [event for _, event in parsed]
        with self._traced(parsed[0][0], events):
            try:
                await self._handle(events)
            except self.outages as error:
                await self._postpone(parsed, error)
                return True
            except Exception as error:
                get_logger().warning("batch_split", subject=self.event.subject, size=len(parsed), error=_reason(error))
                return False
            for message, _ in parsed:
                await message.ack()
            self._handled(started, len(parsed))
            return True

    async def _deliver_single(self, message: Msg, event: Event) -> None:
        started = perf_counter()
        with self._traced(message, [event]):
            try:
                await self._handle([event])
            except Unprocessable as error:
                await self._dead_letter(message, event, str(error), attempts=1)
            except self.outages as error:
                await self._postpone([(message, event)], error)
            except Exception as error:
                await self._record_failure(message, event, error)
            else:
                await message.ack()
                self._handled(started, 1)

    async def _handle(self, events: Sequence[Event]) -> None:
        consumer = consumer_of(self.service, self.event).name
        await reached("bus.received", consumer)
        await self.handler(events)
        await reached("bus.handled", consumer)

    async def _postpone(self, parsed: Sequence[Parsed], error: BaseException) -> None:
        requested = error.retry_after.total_seconds() if isinstance(error, Throttled) and error.retry_after else 0.0
        delay = max(requested, OUTAGE_DELAY_SECONDS) * uniform(0.8, 1.2)
        get_logger().warning(
            "postponed", subject=self.event.subject, count=len(parsed), delay_s=round(delay, 1), error=_reason(error)
        )
        self._count("postponed", len(parsed))
        for message, event in parsed:
            await self._nak(message, event, delay)

    async def _record_failure(self, message: Msg, event: Event, error: BaseException) -> None:
        sequence = message.metadata.sequence.stream
        key = f"strike:{consumer_of(self.service, self.event).name}:{sequence}"
        try:
            failures = await self.cache.count_failure(key, FAILURE_MEMORY)
        except self.outages as outage:
            await self._postpone([(message, event)], outage)
            return
        if failures > len(RETRY_DELAYS):
            await self._dead_letter(message, event, _reason(error), attempts=failures)
            return
        delay = RETRY_DELAYS[failures - 1] * uniform(0.8, 1.2)
        get_logger().error(
            "struck", subject=self.event.subject, strikes=failures, delay_s=round(delay, 1), exc_info=error
        )
        self._count("failed")
        await self._nak(message, event, delay)

    async def _dead_letter(self, message: Msg, event: Event | None, reason: str, attempts: int) -> None:
        """To the dead letters first, then off the stream: a crash in between writes two, which loses nothing."""
        letter = Letter(
            subject=message.subject,
            payload=message.data,
            reason=reason,
            consumer=consumer_of(self.service, self.event).name,
            attempts=attempts,
            about=self._about(message, event),
        )
        client: Client = message._client
        try:
            if not self.event.is_hint:
                await store_letter(client, self.service, letter)
            if author := author_of(message.subject, self.event):
                key = f"{letter.consumer}:{message.metadata.sequence.stream}"
                await store_rejection(client, rejected_subject(author, self.event), letter, key)
            await message.term()
        except (Outage, PayloadTooLarge, nats.errors.Error, OSError) as error:
            get_logger().warning("burial_postponed", subject=message.subject, error=_reason(error))
            return  # still unacknowledged: it comes again after ack_wait
        self._count("dropped" if self.event.is_hint else "dead_letter")
        if self.event.is_hint:
            get_logger().error("hint_dropped", subject=message.subject, reason=letter.short_reason, attempts=attempts)
        else:
            get_logger().error("dead_letter", subject=message.subject, reason=letter.short_reason, attempts=attempts)

    def _about(self, message: Msg, event: Event | None) -> Mapping[str, UUID]:
        """Whose letter it is. That of an order to delete is nobody's: it must not go in the deletion that it orders."""
        if self.event.outlives_purge:
            return {}
        if event:
            return event.about()
        author = author_of(message.subject, self.event)
        named = {"user": author.user_id} if author and author.user_id else {}
        return read_about(message.data) | named

    async def _nak(self, message: Msg, event: Event, delay_seconds: float) -> None:
        self.unsettled.returned(message)
        try:
            await message.nak(delay=capped_delay(delay_seconds, event.useful_until(), datetime.now(UTC)))
        except (nats.errors.Error, OSError) as error:
            # Not connected: the server brings it back by itself after ack_wait.
            get_logger().warning("nak_failed", subject=message.subject, error=type(error).__name__)

    def _traced(self, message: Msg, events: Sequence[Event]) -> AbstractContextManager[None]:
        """Under the message's trace, with the user and the account that all these events are about."""
        about: dict[str, set[UUID]] = defaultdict(set)
        for event in events:
            for name, value in event.about().items():
                about[name].add(value)
        shared = {name: str(*values) for name, values in about.items() if len(values) == 1}
        return traced((message.headers or {}).get(TRACE_HEADER, ""), subject=self.event.subject, **shared)

    def _handled(self, started: float, count: int) -> None:
        get_logger().info("handled", count=count, ms=round((perf_counter() - started) * 1000, 1))
        self._count("handled", count)

    def _count(self, outcome: str, events: int = 1) -> None:
        EVENT_OUTCOMES.labels(self.event.subject, outcome).inc(events)


def capped_delay(delay_seconds: float, useful_until: datetime | None, now: datetime) -> float:
    """The delay of a retry, in seconds: early enough for one more try while it is of use, else no later than that ends.

    What is past its use already waits as long as anything: its handler says what becomes of it.
    """
    left = (useful_until - now).total_seconds() if useful_until else 0.0
    if left <= 0:
        return delay_seconds
    return min(delay_seconds, left - LAST_TRY_SECONDS if left > LAST_TRY_SECONDS else left)


@asynccontextmanager
async def _kept_alive(messages: Sequence[Msg]) -> AsyncIterator[None]:
    """Report to the server that these are being worked on, so that long work is not handed to another replica."""

    async def report() -> None:
        while True:
            await asyncio.sleep(ACK_WAIT_SECONDS / 3)
            try:
                for message in messages:
                    if not message.is_acked:
                        await message.in_progress()
            except (nats.errors.Error, OSError) as error:
                # Not connected: once it is, the server may have handed them to somebody else, which is harmless.
                get_logger().warning("progress_unreported", error=type(error).__name__)

    reporter = asyncio.create_task(report())
    try:
        yield
    finally:
        reporter.cancel()


def _reason(error: BaseException) -> str:
    """The error in words, without what the payload or the row held: that may be private."""
    if isinstance(error, ValidationError):  # the payload was valid: a value that the handler made was not
        return f"ValidationError: {error.title}: {first_problem(error, 'the value')}"
    return error_text(error)
