"""The pull loop of one durable consumer.

One pull request at a time is open at the server; whatever arrives is handled at once, together with what arrived meanwhile, so
that a single message waits for nobody and a flood comes in full batches. nats-py's `fetch` either waits until the batch is full
or needs an extra round trip, and FastStream's pull subscribers build on it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from libs.common.log import get_logger
from libs.common.topology import Consumer

PULL_SECONDS = 10.0
PAUSE_SECONDS = 1.0
_STATUS = "Status"

Deliver = Callable[[Sequence[Msg]], Awaitable[None]]


async def pull(client: Client, consumer: Consumer, batch: int, deliver: Deliver, stopping: asyncio.Event) -> None:
    """Pull and deliver until `stopping` is set. Survives restarts of the server; logs it when the consumer is gone."""
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    stop = asyncio.create_task(stopping.wait())
    try:
        while not stopping.is_set():
            try:
                await _pull_once(client, subscription, inbox, consumer, batch, deliver, stop)
            except (nats.errors.Error, OSError) as error:
                get_logger().warning("pull_interrupted", consumer=consumer.name, error=type(error).__name__)
                await _pause(stop)
            except Exception as error:
                # A bug, or a cache that refuses to write: what was in hand comes again after ack_wait. Nobody else would listen.
                get_logger().error(
                    "pull_interrupted", consumer=consumer.name, error=type(error).__name__, exc_info=True
                )
                await _pause(stop)
    finally:
        stop.cancel()
        if client.is_connected:
            await _return_undelivered(client, subscription)


async def _pull_once(
    client: Client, subscription: Subscription, inbox: str, consumer: Consumer, batch: int, deliver: Deliver,
    stop: "asyncio.Task[bool]",
) -> None:  # fmt: skip
    """Ask for up to `batch` messages and deliver what comes, until they came or the server ends the request."""
    request = {"batch": batch, "expires": int(PULL_SECONDS * 1e9)}
    await client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.name}", orjson.dumps(request), inbox)
    deadline = asyncio.get_running_loop().time() + PULL_SECONDS + 1
    wanted = batch
    while wanted > 0:
        first = await _next(subscription, stop, deadline)
        if first is None:
            return
        arrived = [first, *_waiting(subscription, wanted - 1)]
        messages = [message for message in arrived if not _status(message)]
        if messages:
            await deliver(messages)
            wanted -= len(messages)
        for status in filter(None, map(_status, arrived)):
            if status not in ("404", "408"):  # no messages, request timed out: the pull simply ended
                get_logger().warning("consumer_unavailable", consumer=consumer.name, status=status)
                await _pause(stop)
            return


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
