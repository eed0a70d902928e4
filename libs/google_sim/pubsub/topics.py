"""Topics, subscriptions, and what happens to messages between them. No HTTP."""

import asyncio
import base64
import random
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

ACK_SECONDS = 10.0
TOPIC = re.compile(r"projects/[^/\s]+/topics/[^/\s]+")
SUBSCRIPTION = re.compile(r"projects/[^/\s]+/subscriptions/[^/\s:]+")


@dataclass(frozen=True)
class Message:
    """One publication, as subscribers get it."""

    id: str
    data: bytes
    published_at: float

    def resource(self) -> dict[str, Any]:
        at = datetime.fromtimestamp(self.published_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"data": base64.b64encode(self.data).decode(), "messageId": self.id, "publishTime": at}


@dataclass(frozen=True)
class Push:
    """Where a push subscription sends messages, and as whom: `email` is the service account that signs for `audience`."""

    endpoint: str
    audience: str
    email: str


@dataclass(frozen=True)
class DeliveryFaults:
    """Faults of the way to a subscription, each with its probability; a delay lasts up to `seconds`."""

    lose: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    reorder: float = 0.0
    seconds: float = 1.0

    def __post_init__(self) -> None:
        probabilities = (self.lose, self.duplicate, self.delay, self.reorder)
        if not all(0 <= probability <= 1 for probability in probabilities) or self.seconds < 0:
            raise ValueError("lose, duplicate, delay and reorder are probabilities from 0 to 1, seconds is at least 0.")


@dataclass
class DeliveryCounters:
    """What became of the messages of one subscription."""

    published: int = 0
    lost: int = 0
    duplicated: int = 0
    delayed: int = 0
    reordered: int = 0
    delivered: int = 0
    acknowledged: int = 0
    refused: int = 0


@dataclass
class Subscription:
    """`waiting`: to be delivered. `leased`: delivered to a puller until its deadline, by ack id."""

    name: str
    topic: str
    push: Push | None = None
    ack_seconds: float = ACK_SECONDS
    waiting: deque[Message] = field(default_factory=deque)
    leased: dict[str, tuple[Message, float]] = field(default_factory=dict)
    counters: DeliveryCounters = field(default_factory=DeliveryCounters)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _leases: int = 0

    def put(self, message: Message) -> None:
        self.waiting.append(message)
        self.arrived.set()

    def lease(self, maximum: int, now: float) -> list[tuple[str, Message]]:
        """Lease up to `maximum` messages, each under a new ack id; those whose deadline has passed come again."""
        for ack_id in [expired for expired, (_, deadline) in self.leased.items() if deadline <= now]:
            self.waiting.append(self.leased.pop(ack_id)[0])
        taken = [self.waiting.popleft() for _ in range(min(maximum, len(self.waiting)))]
        leases = []
        for message in taken:
            self._leases += 1
            ack_id = f"{message.id}-{self._leases}"
            self.leased[ack_id] = (message, now + self.ack_seconds)
            leases.append((ack_id, message))
        self.counters.delivered += len(leases)
        self.arrived.clear()
        return leases

    def acknowledge(self, ack_ids: list[str]) -> None:
        """Remove what a puller has handled. Unknown ids, and those past their deadline, are passed over in silence, as Pub/Sub does."""
        self.counters.acknowledged += sum(self.leased.pop(ack_id, None) is not None for ack_id in ack_ids)


class PubSub:
    """All topics of the local Google. `closed_topics`: those that Gmail has no permission to publish to."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self.closed_topics: set[str] = set()
        self.faults = DeliveryFaults()
        self.closing = asyncio.Event()
        self._now = now
        self._random = random.Random(0)
        self._published = 0
        self._held: dict[str, Message] = {}

    def script(self, faults: DeliveryFaults, seed: int) -> None:
        """Set the faults from now on; chance comes from one seeded source, so a script repeats."""
        self.faults = faults
        self._random = random.Random(seed)

    def subscribe(self, subscription: Subscription) -> None:
        """Add a subscription. Raises ValueError where a name is not one of Pub/Sub's, or is taken."""
        if not SUBSCRIPTION.fullmatch(subscription.name) or not TOPIC.fullmatch(subscription.topic):
            raise ValueError("Names are projects/PROJECT/subscriptions/NAME and projects/PROJECT/topics/NAME.")
        if subscription.name in self.subscriptions:
            raise ValueError(f"There is a subscription {subscription.name} already.")
        self.subscriptions[subscription.name] = subscription

    def publish(self, topic: str, data: bytes) -> None:
        """Send data to every subscription of the topic, with the faults that are scripted."""
        self._published += 1
        message = Message(str(self._published), data, self._now())
        for subscription in self.subscriptions.values():
            if subscription.topic == topic:
                self._send(subscription, message)

    def _send(self, subscription: Subscription, message: Message) -> None:
        counters, faults = subscription.counters, self.faults
        counters.published += 1
        if self._occurs(faults.lose):
            counters.lost += 1
            return
        if self._occurs(faults.reorder) and subscription.name not in self._held:
            counters.reordered += 1
            self._held[subscription.name] = message
            self._later(faults.seconds, self._release, subscription)  # where no other comes to overtake it
            return
        if self._occurs(faults.delay):
            counters.delayed += 1
            self._later(faults.seconds * self._random.random(), subscription.put, message)
        else:
            subscription.put(message)
        if self._occurs(faults.duplicate):
            counters.duplicated += 1
            self._later(faults.seconds * self._random.random(), subscription.put, message)
        self._release(subscription)

    def _release(self, subscription: Subscription) -> None:
        """Deliver what was held back to be overtaken."""
        if message := self._held.pop(subscription.name, None):
            subscription.put(message)

    def _occurs(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability

    @staticmethod
    def _later(seconds: float, act: Callable[..., None], *arguments: Any) -> None:
        asyncio.get_running_loop().call_later(seconds, act, *arguments)
