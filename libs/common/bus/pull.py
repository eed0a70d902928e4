"""The pull loop of one durable consumer.

One pull request at a time is open at the server; whatever arrives is handled at once, together with what arrived meanwhile, so
that a single message waits for nobody and a flood comes in full batches, of at most 4 MB. nats-py's `fetch` either waits until
the batch is full or needs an extra round trip, and FastStream's pull subscribers build on it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import count

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from libs.common.log import get_logger
from libs.common.topology import DurableConsumer

PULL_SECONDS = 10.0
PAUSE_SECONDS = 1.0
MAX_PULL_BYTES = 4 * 1024 * 1024
"""What a batch may have, so that a handful of large messages is a batch too. A message that is larger comes alone."""

_STATUS, _DESCRIPTION = "Status", "Description"
_ENDED = ("404", "408")  # no messages, request timed out: the pull simply ended
_COMPLETED = "Batch Completed"  # the server says so of a request that is limited in bytes, behind its last message
_OVER_BYTES = "Message Size Exceeds MaxBytes"

Deliver = Callable[[Sequence[Msg]], Awaitable[None]]


@dataclass(frozen=True)
class PullLoop:
    """The loop of one consumer: `batch` messages at most are delivered together."""

    client: Client
    consumer: DurableConsumer
    batch: int
    deliver: Deliver

    async def run(self, stopping: asyncio.Event) -> None:
        """Pull and deliver until `stopping` is set. Survives restarts of the server; logs it when the consumer is gone."""
        inbox = self.client.new_inbox()
        subscription = await self.client.subscribe(f"{inbox}.*")
        replies = (f"{inbox}.{number}" for number in count())
        stop = asyncio.create_task(stopping.wait())
        limited = True
        try:
            while not stopping.is_set():
                try:
                    limited = await self._pull_once(subscription, next(replies), stop, limited=limited)
                except (nats.errors.Error, OSError) as error:
                    get_logger().warning("pull_interrupted", consumer=self.consumer.name, error=type(error).__name__)
                    await _pause(stop)
                except Exception as error:
                    # A bug, or a cache that refuses to write: what was in hand comes again after ack_wait. Nobody else pulls.
                    get_logger().error(
                        "pull_interrupted", consumer=self.consumer.name, error=type(error).__name__, exc_info=True
                    )
                    await _pause(stop)
        finally:
            stop.cancel()
            if self.client.is_connected:
                await _return_undelivered(self.client, subscription)

    async def _pull_once(
        self, subscription: Subscription, reply: str, stop: "asyncio.Task[bool]", *, limited: bool
    ) -> bool:
        """Request a batch and deliver what comes, until that came or the server ends the request.

        `reply` is this request's own, by which the end of an earlier one is told from its end.

        `limited`: in bytes too. Returns whether the next one may be: not where the next message alone is over the limit.
        """
        wanted = self.batch if limited else 1
        request = {"batch": wanted, "expires": int(PULL_SECONDS * 1e9)} | (
            {"max_bytes": MAX_PULL_BYTES} if limited else {}
        )
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.consumer.stream}.{self.consumer.name}"
        await self.client.publish(subject, orjson.dumps(request), reply)
        deadline = asyncio.get_running_loop().time() + PULL_SECONDS + 1
        came, bytes_left = 0, MAX_PULL_BYTES
        while came < wanted and (bytes_left > 0 or not limited):  # filled to the byte, a request ends without a status
            first = await _next(subscription, stop, deadline)
            if first is None:
                return True
            arrived = [first, *_waiting(subscription, wanted - came - 1)]
            messages = [message for message in arrived if not _status(message)]
            if messages:
                await self.deliver(messages)
                came += len(messages)
                bytes_left -= sum(map(_size_bytes, messages))
            for status in arrived:
                if not _status(status) or status.subject != reply:
                    continue
                if _describes(status, _OVER_BYTES):  # the next message does not fit into what is left of its bytes
                    return came > 0
                if _status(status) not in _ENDED and not _describes(status, _COMPLETED):
                    await self._report_unavailable(status, stop)
                return True
        return True

    async def _report_unavailable(self, status: Msg, stop: "asyncio.Task[bool]") -> None:
        reason = (status.headers or {}).get(_DESCRIPTION, "")
        get_logger().warning("consumer_unavailable", consumer=self.consumer.name, status=_status(status), reason=reason)
        await _pause(stop)


async def _next(subscription: Subscription, stop: "asyncio.Task[bool]", deadline: float) -> Msg | None:
    """The next message; None when it is time to stop or the server has stayed silent past its own deadline."""
    left = deadline - asyncio.get_running_loop().time()
    waiting = asyncio.ensure_future(subscription.next_msg(timeout=None))
    try:
        await asyncio.wait({waiting, stop}, timeout=max(left, 0), return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else None
    finally:
        if not waiting.done():
            waiting.cancel()


def _waiting(subscription: Subscription, most: int) -> list[Msg]:
    """What is already here, without waiting."""
    messages: list[Msg] = []
    queue = subscription._pending_queue
    while len(messages) < most and not queue.empty():
        message = queue.get_nowait()
        subscription._pending_size -= len(message.data)
        messages.append(message)
    return messages


def _status(message: Msg) -> str | None:
    """The status code of a control message; None for a real one."""
    return message.headers.get(_STATUS) if message.headers and not message.data else None


def _size_bytes(message: Msg) -> int:
    """As the server counts it against `max_bytes`: subject, reply subject, headers as they are sent, payload."""
    headers = sum(len(name) + len(value.encode()) + 4 for name, value in (message.headers or {}).items())
    return len(message.subject) + len(message.reply) + len(message.data) + (headers + 12 if headers else 0)


def _describes(status: Msg, reason: str) -> bool:
    """Whether the server ended the request for this reason."""
    return reason.casefold() in (status.headers or {}).get(_DESCRIPTION, "").casefold()


async def _return_undelivered(client: Client, subscription: Subscription) -> None:
    """End the subscription, and return undelivered messages at once instead of after ack_wait.

    Messages may be on their way until the server knows that nobody wants them any more: `unsubscribe` drops those.
    """
    try:
        await client._send_unsubscribe(subscription._id)
        await client.flush()
        for message in _waiting(subscription, 10_000):
            if not _status(message):
                await message.nak()
    except nats.errors.Error as error:
        get_logger().info("give_back_failed", error=type(error).__name__)  # the server redelivers them by itself
    finally:
        client._remove_sub(subscription._id)


async def _pause(stop: "asyncio.Task[bool]") -> None:
    await asyncio.wait({stop}, timeout=PAUSE_SECONDS)
