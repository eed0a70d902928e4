"""Publishing for many at once: while one batch is on its way, the next one gathers.

A server spends on a batch, however small it is, what it spends on some hundred messages: two hundred runs that each publish fifteen are
dear by themselves, and cheap together.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from libs.common.bus.payloads import PUBLISHES_AT_ONCE, EncodedEvent
from libs.common.errors import Outage

Waiting = tuple[Sequence[EncodedEvent], "asyncio.Future[None]"]


@dataclass
class Publisher:
    """Hands events to `send`, which returns once they are stored. Who publishes while nobody else does is not kept waiting."""

    send: Callable[[Sequence[EncodedEvent]], Awaitable[None]]
    _waiting: list[Waiting] = field(default_factory=list)
    _sending: bool = False

    async def publish(self, messages: Sequence[EncodedEvent]) -> None:
        """Returns once these are stored. Raises what `send` raises, for these alone."""
        if all(message.broadcast for message in messages):
            await self.send(messages)  # nothing is waited for
        elif self._sending:
            stored = asyncio.get_running_loop().create_future()
            self._waiting.append((messages, stored))
            await stored
        else:
            self._sending = True
            try:
                await self.send(messages)
            finally:
                self._sending = False
                self._go_on()

    def _go_on(self) -> None:
        self._waiting = [(messages, stored) for messages, stored in self._waiting if not stored.done()]
        if self._waiting and not self._sending:
            self._sending = True
            self._task = asyncio.create_task(self._send_waiting(), name="publish together")

    async def _send_waiting(self) -> None:
        try:
            await self._send_together(self._next_together())
        finally:
            self._sending = False
            self._go_on()

    def _next_together(self) -> list[Waiting]:
        """In their order, as many as go into one batch; at least one."""
        together = [self._waiting.pop(0)]
        size = len(together[0][0])
        while self._waiting and (size := size + len(self._waiting[0][0])) <= PUBLISHES_AT_ONCE:
            together.append(self._waiting.pop(0))
        return together

    async def _send_together(self, together: Sequence[Waiting]) -> None:
        """What fails together is tried again by each alone, so that nobody's events fail because of another's."""
        try:
            await self.send([message for messages, _ in together for message in messages])
        except Exception as error:
            if len(together) == 1:
                _settle(together[0][1], error)
            else:
                await asyncio.gather(*(self._send_alone(messages, stored) for messages, stored in together))
        except BaseException:
            for _, stored in together:
                _settle(stored, Outage("Publishing was ended."))
            raise
        else:
            for _, stored in together:
                _settle(stored, None)

    async def _send_alone(self, messages: Sequence[EncodedEvent], stored: "asyncio.Future[None]") -> None:
        try:
            await self.send(messages)
        except Exception as error:
            _settle(stored, error)
        else:
            _settle(stored, None)


def _settle(stored: "asyncio.Future[None]", error: Exception | None) -> None:
    if stored.done():
        return  # who waited for it was cancelled
    if error is None:
        stored.set_result(None)
    else:
        stored.set_exception(error)
