"""Streams, consumers, schedules and permissions of the bus, derived from events/, integrations.py and requests/.

`pingcrm migrate` declares the streams, consumers and schedules; `pingcrm nats-config` writes the users with their permissions.
`pingcrm integration` makes the consumers and users of integrations.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from libs.common.events import ALSO_KEPT, BATCHED, BROADCAST, EVENTS, OFFERED, TICKS, Event, Tick
from libs.common.ids import SERVICES, Service
from libs.common.integrations import (
    INTEGRATION_STREAM,
    PUBLISHABLE,
    Grants,
    forwarded_events,
    missed_subject,
    published_subjects,
    reported_by_integrations,
    subscribed_subjects,
)
from libs.common.requests import REQUESTS

EVENT_STREAM = "EVENTS"
CLOCK_STREAM = "CLOCK"
DEAD_STREAM = "DEAD"

# What a server must carry. It is a margin: pages of lists are cut at a sixteenth of it (pagination.py).
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
# Who deletes the dead letters and the copies for integrations of a user or account that is deleted, and lists and replays dead
# letters for operators: the service that holds most about them.
DEAD_LETTER_PURGER: Service = "contacts"
# Who gives up the backlog of an integration that takes nothing any more: who has to do with connectors anyway.
BACKLOG_LIMITER: Service = "contacts"
# What may wait for integrations, of all of them together. Past it the oldest goes: who is less behind than that misses nothing,
# whatever others leave lying.
INTEGRATION_STREAM_BYTES = 256 * 1024 * 1024
INTEGRATION_ACK_PENDING = 1_000

ACK_WAIT_SECONDS = 30.0
DAY_SECONDS = 86_400
BATCH, LARGE_BATCH = 100, 500  # messages handled together; more of those that come by the thousand

Stream = Literal["EVENTS", "CLOCK"]


class DurableConsumer(Protocol):
    """What somebody who pulls has to know of it: its stream, and its name there."""

    @property
    def stream(self) -> str: ...

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Consumer:
    """A durable pull consumer: what one service consumes of one subject."""

    service: Service
    stream: Stream
    event: type[Event]

    @property
    def name(self) -> str:
        return f"{self.service}_{self.event.subject.replace('.', '_')}"

    @property
    def subjects(self) -> tuple[str, ...]:
        """Under which it comes: what integrations publish names its author."""
        own = (self.event.subject,)
        return (*own, reported_by_integrations(self.event)) if self.event in PUBLISHABLE else own

    def takes(self, subject: str) -> bool:
        """Whether what is published under this subject comes to it."""
        return any(_matches(subject.split("."), pattern.split(".")) for pattern in self.subjects)

    def config(self) -> ConsumerConfig:
        """Redelivered for ever: who gives up is our own code, which then writes a dead letter."""
        return ConsumerConfig(
            durable_name=self.name,
            filter_subject=self.event.subject if len(self.subjects) == 1 else None,
            filter_subjects=list(self.subjects) if len(self.subjects) > 1 else None,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            deliver_policy=DeliverPolicy.ALL,
            max_deliver=-1,
            max_ack_pending=4 * LARGE_BATCH if self.event in BATCHED else BATCH,
        )


def _matches(subject: Sequence[str], pattern: Sequence[str]) -> bool:
    """Word by word; `*` in the pattern is any word that is no wildcard itself."""
    return len(subject) == len(pattern) and all(
        word not in ("", "*", ">") if wanted == "*" else word == wanted
        for word, wanted in zip(subject, pattern, strict=True)
    )


# What the stream EVENTS keeps: a broadcast that integrations may have waits there for the forwarder, where one of them wants it,
# and for whom ALSO_KEPT names.
KEPT: tuple[type[Event], ...] = tuple(event for event in EVENTS if event not in BROADCAST or event in OFFERED)

CONSUMERS: tuple[Consumer, ...] = tuple(
    Consumer(service, "EVENTS", event)
    for event in EVENTS
    if event not in BROADCAST or event in ALSO_KEPT
    for service in event.consumed_by
) + tuple(Consumer(service, "CLOCK", tick) for tick in TICKS for service in tick.consumed_by)


@dataclass(frozen=True)
class Forwarder:
    """The durable consumer of what integrations get copies of: `service` pulls it, and stores them (bus/forwarding.py)."""

    service: Service
    stream: Stream

    @property
    def name(self) -> str:
        return f"{self.service}_integrations"

    def config(self, of: Iterable[Grants]) -> ConsumerConfig:
        """What integrations with these grants may have waits for it; whatever else is published is none of its business."""
        return ConsumerConfig(
            durable_name=self.name,
            filter_subjects=[event.subject for event in forwarded_events(of)] or [UNUSED_SUBJECT],
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            deliver_policy=DeliverPolicy.ALL,
            max_deliver=-1,
            max_ack_pending=4 * LARGE_BATCH,
        )


# A subject of EVENTS under which nobody publishes: no integration has this name.
UNUSED_SUBJECT = f"{PUBLISHABLE[0].subject}.-.-"
# Who deletes what integrations have not got yet stores it, too.
FORWARDER = Forwarder(DEAD_LETTER_PURGER, "EVENTS")


def batch_of(event: type[Event]) -> int:
    """How many of an event are handled together, at most."""
    return LARGE_BATCH if event in BATCHED else BATCH


def consumer_of(service: Service, event: type[Event]) -> Consumer:
    """The declared consumer; KeyError where events/ does not declare that `service` consumes `event`."""
    for consumer in CONSUMERS:
        if consumer.service == service and consumer.event is event:
            return consumer
    raise KeyError(f"libs/common/events does not declare that {service} consumes {event.subject}")


def streams(replicas: int) -> tuple[StreamConfig, ...]:
    """EVENTS and INTEGRATIONS forget what every consumer has acked, so that nothing private lingers."""
    return (
        StreamConfig(
            name=EVENT_STREAM,
            subjects=[event.subject for event in KEPT] + [reported_by_integrations(event) for event in PUBLISHABLE],
            retention=RetentionPolicy.INTEREST,
            storage=StorageType.FILE,
            max_age=14 * DAY_SECONDS,
            duplicate_window=120,
            allow_atomic=True,
            num_replicas=replicas,
        ),
        # One message a subject: the schedule itself, and the newest tick of it. No max age: it would delete the schedules.
        StreamConfig(
            name=CLOCK_STREAM,
            subjects=["clock.>", "schedule.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            max_msgs_per_subject=1,
            allow_msg_schedules=True,
            num_replicas=replicas,
        ),
        StreamConfig(
            name=DEAD_STREAM,
            subjects=["dead.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            max_age=30 * DAY_SECONDS,
            num_replicas=replicas,
        ),
        # Copies for integrations (bus/forwarding.py). One that nobody reads any more holds up nothing here but others of its kind.
        StreamConfig(
            name=INTEGRATION_STREAM,
            subjects=["users.>", "rejected.>", "missed.*"],
            allow_direct=True,
            retention=RetentionPolicy.INTEREST,
            storage=StorageType.FILE,
            max_age=14 * DAY_SECONDS,
            max_bytes=INTEGRATION_STREAM_BYTES,
            duplicate_window=120,
            allow_atomic=True,
            num_replicas=replicas,
        ),
    )


def schedule_subject(tick: type[Tick]) -> str:
    """Where a tick's schedule message lies: `schedule.mail` fires `clock.mail`."""
    return tick.subject.replace("clock.", "schedule.", 1)


def inbox_prefix(user: str) -> str:
    """Each user has reply inboxes of its own, so that none can read another's replies."""
    return f"_INBOX_{user}"


@dataclass(frozen=True)
class Permissions:
    """What one NATS user may publish and subscribe to. `may_respond`: to whoever sent it a request."""

    user: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    may_respond: bool = True


def permissions(service: Service) -> Permissions:
    """The permissions of one service, no more than events/ and requests/ declare."""
    pulled: list[Consumer | Forwarder] = [consumer for consumer in CONSUMERS if consumer.service == service]
    publish = [event.subject for event in EVENTS if service in event.published_by]
    publish += [request.subject for request in REQUESTS if service in request.requested_by]
    publish += [f"rejected.*.{event.subject}" for event in PUBLISHABLE if service in event.consumed_by]
    publish.append(f"dead.{service}.>")
    if service == FORWARDER.service:
        pulled.append(FORWARDER)
        publish += [f"users.*.*.{event.subject}" for event in OFFERED]
    for consumer in pulled:
        publish += [
            f"$JS.API.CONSUMER.INFO.{consumer.stream}.{consumer.name}",
            f"$JS.API.CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.name}",
            f"$JS.ACK.{consumer.stream}.{consumer.name}.>",
        ]
    if service == DEAD_LETTER_PURGER:
        publish += [f"$JS.API.STREAM.PURGE.{stream}" for stream in (DEAD_STREAM, INTEGRATION_STREAM)]
        publish += [f"$JS.API.STREAM.{what}.{DEAD_STREAM}" for what in ("INFO", "MSG.GET", "MSG.DELETE")]
    if service == BACKLOG_LIMITER:
        publish += [
            missed_subject("*"),
            f"$JS.API.STREAM.INFO.{INTEGRATION_STREAM}",
            f"$JS.API.CONSUMER.LIST.{INTEGRATION_STREAM}",
            f"$JS.API.CONSUMER.RESET.{INTEGRATION_STREAM}.*",
            f"$JS.API.DIRECT.GET.{INTEGRATION_STREAM}.{missed_subject('*')}",
        ]
    subscribe = [f"{inbox_prefix(service)}.>"]
    subscribe += [request.subject for request in REQUESTS if request.served_by == service]
    subscribe += [event.subject for event in BROADCAST if service in event.consumed_by]
    return Permissions(service, tuple(publish), tuple(subscribe))


def connector_permissions() -> Permissions:
    """A connector of another platform may report interactions and profiles, and nothing else."""
    published = tuple(event.subject for event in EVENTS if "connector" in event.published_by)
    return Permissions("connector", published, (f"{inbox_prefix('connector')}.>",), may_respond=False)


def integration_user(name: str) -> str:
    """The NATS user of an integration: apart from those of services, whatever either is called."""
    return f"integration-{name}"


def integration_permissions(name: str, grants: Grants) -> Permissions:
    """It publishes under its own name, pulls and acknowledges from its own consumer, and reads its own inbox."""
    user = integration_user(name)
    publish = (
        *published_subjects(name, grants),
        f"$JS.API.CONSUMER.INFO.{INTEGRATION_STREAM}.{name}",
        f"$JS.API.CONSUMER.MSG.NEXT.{INTEGRATION_STREAM}.{name}",
        f"$JS.ACK.{INTEGRATION_STREAM}.{name}.>",
    )
    return Permissions(user, publish, (f"{inbox_prefix(user)}.>",), may_respond=False)


def integration_consumer(name: str, grants: Grants, metadata: dict[str, str], first_sequence: int) -> ConsumerConfig:
    """Its durable consumer: everything that it may have, in the order in which it happened, from `first_sequence` on.

    A sequence, and not "what is new": only then the server lets the consumer be moved on (bus/backlogs.py).
    """
    return ConsumerConfig(
        durable_name=name,
        filter_subjects=list(subscribed_subjects(name, grants)),
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_SECONDS,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=first_sequence,
        max_deliver=-1,
        max_ack_pending=INTEGRATION_ACK_PENDING,
        metadata=metadata,
    )


def all_permissions() -> tuple[Permissions, ...]:
    return (*(permissions(service) for service in SERVICES), connector_permissions())
