"""Dead letters as the stream DEAD keeps them: read, handled again, and deleted then. dead_letters.py has what they are made of."""

from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from libs.common.dead_letters import ENCODING_HEADER, original_subject, payload_of, readable
from libs.common.errors import Refused, not_found
from libs.common.events import EVENTS
from libs.common.ids import Service
from libs.common.log import TRACE_HEADER, get_logger, traced
from libs.common.measuring import sample
from libs.common.requests import HANDLE_AGAIN, Sample
from libs.common.topology import CONSUMERS, DEAD_STREAM, KEPT, Consumer

HANDLE_AGAIN_SECONDS = 30.0
_BY_NAME = {consumer.name: consumer for consumer in CONSUMERS}


class NoSuchDeadLetter(Exception):
    """No dead letter has this number (any more)."""


class NotReplayable(Exception):
    """Nothing of this version has to do with what a dead letter is about; the message says what to do with it."""


@dataclass(frozen=True)
class DeadLetter:
    """`number` is its place in the stream. `payload` is private: shown on request only, never listed.

    `service` wrote it about `subject`, which is the address that the server let it store it under; the rest is by the word of that
    service, as text that can be shown: whether `at` is a time and `attempts` a number is for whoever needs that (`read_time`,
    `read_attempts`).
    """

    number: int
    service: str
    at: str
    consumer: str
    subject: str
    attempts: str
    reason: str
    trace: str
    stored: bytes = field(repr=False)
    encoding: str

    @property
    def payload(self) -> bytes:
        """As it was published. Unpacked when it is wanted, which it is not for a list."""
        return payload_of(self.stored, {ENCODING_HEADER: self.encoding})

    @property
    def given_up_by(self) -> Consumer | None:
        """The consumer that can handle it again, one of the service that wrote it. None: it was to be published, or orders to delete.

        An order to delete is published to everybody by whoever runs the installation; no service may give one to another.
        """
        consumer = _BY_NAME.get(self.consumer)
        if consumer is None or consumer.service != self.service or consumer.event.outlives_purge:
            return None
        return consumer if consumer.takes(self.subject) else None

    def require_declared(self) -> None:
        """NotReplayable where the service that wrote it neither consumes nor publishes under its subject.

        A service chooses the subjects of its letters freely, and whoever replays them may publish under any: orders to NATS itself,
        or requests that no service may make of another.
        """
        consumed = any(consumer.service == self.service and consumer.takes(self.subject) for consumer in CONSUMERS)
        published = any(event.subject == self.subject and self.service in event.published_by for event in KEPT)
        if not (consumed or published):
            raise NotReplayable(
                f"Dead letter {self.number} stays: {self.service} neither consumes nor publishes {self.subject}."
                f" `pingcrm dead show {self.number}` shows what it is. If an older version wrote it, nothing needs it any more, and it"
                " goes by itself after 30 days; if none did, look into that service."
            )

    @property
    def event_subject(self) -> str:
        """The subject of its event: what integrations publish names the user as well."""
        consumer = _BY_NAME.get(self.consumer)
        return consumer.event.subject if consumer else self.subject


async def iterate_dead_letters(js: JetStreamContext, service: str = "*") -> AsyncIterator[DeadLetter]:
    """Oldest first; of all services, or of one."""
    number = 0
    while True:
        try:
            found = await js.get_msg(DEAD_STREAM, seq=number + 1, subject=f"dead.{service}.>", next=True)
        except NotFoundError:
            return
        letter = dead_letter_of(found)
        number = letter.number
        yield letter


async def get_dead_letter(js: JetStreamContext, number: int) -> DeadLetter:
    """Raises NoSuchDeadLetter."""
    try:
        return dead_letter_of(await js.get_msg(DEAD_STREAM, seq=number))
    except NotFoundError:
        raise NoSuchDeadLetter(
            f"There is no dead letter {number}. `pingcrm dead list` shows those there are."
        ) from None


@dataclass(frozen=True)
class DeadLetters:
    """Those of all services, for the one that may read and delete them. Raises what NATS raises.

    `handle_own`: handles a letter of this service again; `request`: sends a request to another one.
    """

    service: Service
    stream: JetStreamContext
    handle_own: Callable[[str, bytes], Awaitable[None]]
    request: Callable[..., Awaitable[Any]]

    async def list_oldest(self, limit: int) -> list[DeadLetter]:
        """At most so many."""
        found: list[DeadLetter] = []
        async for letter in iterate_dead_letters(self.stream):
            found.append(letter)
            if len(found) == limit:
                break
        return found

    async def replay(self, number: int) -> None:
        """Have the service that gave it up handle it again, under the trace it had; then it is deleted.

        A crash in between leaves it: handling twice equals handling once. Refused: `not_found`, `not_replayable`, or `failed_again`,
        and it stays. Outage: try again.
        """
        try:
            letter = await get_dead_letter(self.stream, number)
            letter.require_declared()
        except NoSuchDeadLetter as error:
            raise not_found("dead letter") from error
        except NotReplayable as error:
            raise Refused(409, "not_replayable", str(error)) from error
        consumer = letter.given_up_by
        if consumer is None:
            raise Refused(
                409, "not_replayable", f"This one is for whoever runs the machine: `pingcrm dead replay {number}`."
            )
        with traced(letter.trace, span="replay"):
            await self._handle(letter, consumer.service)
            await self.stream.delete_msg(DEAD_STREAM, number)
            get_logger().info("dead_letter_replayed", subject=letter.event_subject, consumer=letter.consumer)

    async def _handle(self, letter: DeadLetter, service: Service) -> None:
        if service == self.service:
            await self.handle_own(letter.subject, letter.payload)
            return
        command = HANDLE_AGAIN[service](event_subject=letter.subject, payload=b64encode(letter.payload))
        await self.request(command, seconds=HANDLE_AGAIN_SECONDS)

    async def measure(self) -> list[Sample]:
        """How many there are, by who gave them up and what they are."""
        state = (await self.stream.stream_info(DEAD_STREAM, subjects_filter="dead.>")).state
        return [
            sample("pingcrm_dead_letters", count, given_up_by=service, subject=subject)
            for (service, subject), count in sorted(counted(state.subjects or {}).items())
        ]


def counted(addresses: Mapping[str, int]) -> Counter[tuple[str, str]]:
    """Letters by service and event, out of the numbers of the stream, whose subjects name users."""
    counts: Counter[tuple[str, str]] = Counter()
    for address, number in addresses.items():
        counts[address.split(".")[1], _event_subject(original_subject(address))] += number
    return counts


def _event_subject(subject: str) -> str:
    """Without what an integration adds to it; `other` where no event is called so (any more)."""
    return next((event.subject for event in EVENTS if f"{subject}.".startswith(f"{event.subject}.")), "other")


def dead_letter_of(message: RawStreamMsg) -> DeadLetter:
    """What is stored, whatever its headers are."""
    headers = {name: readable(value) for name, value in (message.headers or {}).items()}
    address = message.subject or ""
    return DeadLetter(
        number=message.seq or 0,
        service=address.split(".")[1] if address.startswith("dead.") else "",
        at=headers.get("Pingcrm-At", ""),
        consumer=headers.get("Pingcrm-Consumer", ""),
        subject=readable(original_subject(address)),
        attempts=headers.get("Pingcrm-Attempts", ""),
        reason=headers.get("Pingcrm-Reason", ""),
        trace=headers.get(TRACE_HEADER, ""),
        stored=message.data or b"",
        encoding=headers.get(ENCODING_HEADER, ""),
    )
