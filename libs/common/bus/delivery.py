"""What happens to a message that was pulled: handled and acknowledged, redelivered later, or put with the dead letters.

- It can't be parsed, or its handler raises Unprocessable: dead letter at once.
- Something we need is away (an outage, throttling): it is redelivered after a while. That never counts as a failure.
- Anything else is a failure. It is redelivered after a growing delay; after the last one it becomes a dead letter.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import uniform
from time import perf_counter
from typing import Any
from uuid import UUID

import nats.errors
from nats.aio.msg import Msg
from pydantic import ValidationError

from libs.common.bus.validation import first_problem
from libs.common.cache import Cache
from libs.common.errors import Throttled, Unprocessable
from libs.common.events import Event, Tick
from libs.common.ids import Service
from libs.common.log import TRACE_HEADER, current_trace, get_logger, traced
from libs.common.topology import ACK_WAIT_SECONDS, consumer_of

RETRY_DELAYS = (1.0, 5.0, 30.0, 120.0, 600.0)
OUTAGE_DELAY_SECONDS = 3.0
FAILURE_MEMORY = timedelta(days=1)

Handler = Callable[[Sequence[Any]], Awaitable[None]]


@dataclass(frozen=True)
class Delivery:
    """How one service handles one kind of event."""

    service: Service
    event: type[Event]
    handler: Handler
    cache: Cache
    outages: tuple[type[BaseException], ...]
    one_by_one: bool

    async def deliver(self, messages: Sequence[Msg]) -> None:
        """Settle every message: ack, nak with a delay, or dead letter and term."""
        parsed: list[tuple[Msg, Event]] = []
        for message in messages:
            try:
                parsed.append((message, self._parse(message)))
            except ValidationError as error:
                with self._traced(message, ()):
                    await self._dead_letter(message, f"invalid payload: {_reason(error)}", attempts=1)
        if not parsed:
            return
        if self.one_by_one:
            await asyncio.gather(*(self._deliver_single(message, event) for message, event in parsed))
        elif not await self._deliver_all(parsed):
            for message, event in parsed:
                await self._deliver_single(message, event)

    def _parse(self, message: Msg) -> Event:
        return self.event() if issubclass(self.event, Tick) else self.event.model_validate_json(message.data)

    async def _deliver_all(self, parsed: list[tuple[Msg, Event]]) -> bool:
        """The whole batch in one go; false where that failed for a reason that may lie in one of its messages."""
        messages = [message for message, _ in parsed]
        started = perf_counter()
        events = [event for _, event in parsed]
        with self._traced(messages[0], events):
            try:
                async with _kept_alive(messages):
                    await self.handler(events)
            except self.outages as error:
                await self._postpone(messages, error)
                return True
            except Exception as error:
                if len(messages) == 1:
                    await self._record_failure(messages[0], error)
                    return True
                get_logger().warning(
                    "batch_split", subject=self.event.subject, size=len(messages), error=_reason(error)
                )
                return False
            for message in messages:
                await message.ack()
            self._handled(started, len(messages))
            return True

    async def _deliver_single(self, message: Msg, event: Event) -> None:
        started = perf_counter()
        with self._traced(message, [event]):
            try:
                async with _kept_alive([message]):
                    await self.handler([event])
            except Unprocessable as error:
                await self._dead_letter(message, str(error), attempts=1)
            except self.outages as error:
                await self._postpone([message], error)
            except Exception as error:
                await self._record_failure(message, error)
            else:
                await message.ack()
                self._handled(started, 1)

    async def _postpone(self, messages: Sequence[Msg], error: BaseException) -> None:
        requested = error.retry_after.total_seconds() if isinstance(error, Throttled) and error.retry_after else 0.0
        delay = max(requested, OUTAGE_DELAY_SECONDS) * uniform(0.8, 1.2)
        get_logger().warning(
            "postponed", subject=self.event.subject, count=len(messages), delay_s=round(delay, 1), error=_reason(error)
        )
        for message in messages:
            await self._nak(message, delay)

    async def _record_failure(self, message: Msg, error: BaseException) -> None:
        if isinstance(error, Unprocessable):
            await self._dead_letter(message, str(error), attempts=1)
            return
        sequence = message.metadata.sequence.stream
        key = f"strike:{consumer_of(self.service, self.event).name}:{sequence}"
        try:
            failures = await self.cache.count_failure(key, FAILURE_MEMORY)
        except self.outages as outage:
            await self._postpone([message], outage)
            return
        if failures > len(RETRY_DELAYS):
            await self._dead_letter(message, _reason(error), attempts=failures)
            return
        delay = RETRY_DELAYS[failures - 1] * uniform(0.8, 1.2)
        get_logger().error(
            "struck", subject=self.event.subject, strikes=failures, delay_s=round(delay, 1), exc_info=error
        )
        await self._nak(message, delay)

    async def _dead_letter(self, message: Msg, reason: str, attempts: int) -> None:
        """To the dead letters first, then off the stream: a crash in between writes two, which loses nothing."""
        headers = {
            "Pingcrm-Reason": " ".join(reason.split())[:500],
            "Pingcrm-Attempts": str(attempts),
            "Pingcrm-Subject": message.subject,
            "Pingcrm-Consumer": consumer_of(self.service, self.event).name,
            "Pingcrm-At": datetime.now(UTC).isoformat(),
            TRACE_HEADER: current_trace(),
        }
        subject = f"dead.{self.service}.{message.subject}"
        try:
            await message._client.request(subject, message.data, timeout=5, headers=headers)
            await message.term()
        except (nats.errors.Error, OSError, TimeoutError) as error:
            get_logger().warning("burial_postponed", subject=message.subject, error=type(error).__name__)
            return  # still unacknowledged: it comes again after ack_wait
        get_logger().error("dead_letter", subject=message.subject, reason=headers["Pingcrm-Reason"], attempts=attempts)

    async def _nak(self, message: Msg, delay_seconds: float) -> None:
        try:
            await message.nak(delay=delay_seconds)
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


@asynccontextmanager
async def _kept_alive(messages: Sequence[Msg]) -> AsyncIterator[None]:
    """Tell the server that we are still at it, so that long work is not handed to another replica."""

    async def remind() -> None:
        while True:
            await asyncio.sleep(ACK_WAIT_SECONDS / 3)
            for message in messages:
                await message.in_progress()

    reminder = asyncio.create_task(remind())
    try:
        yield
    finally:
        reminder.cancel()


def _reason(error: BaseException) -> str:
    """The error in words, without what the payload or the row held: that may be private."""
    if isinstance(error, ValidationError):
        return first_problem(error, "payload")
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
