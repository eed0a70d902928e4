"""What becomes of a pulled message, whatever its handler does: acknowledged, redelivered after a delay, or a dead letter."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import nats.errors
import pytest
from nats.aio.msg import Msg
from pydantic import BaseModel
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from libs.common.bus import delivery
from libs.common.bus.delivery import FAILURE_MEMORY, RETRY_DELAYS, Delivery, Handler, capped_delay
from libs.common.cache import Cache
from libs.common.dead_letters import Letter
from libs.common.errors import Outage, PayloadTooLarge, Throttled, Unprocessable
from libs.common.events import EVENTS, Event, MailboxNotified, MessageRemoved, UserDeleted
from libs.common.ids import AccountId, UserId
from libs.common.log import TRACE_HEADER
from libs.common.topology import consumer_of

USER, ACCOUNT = UserId(UUID(int=1)), AccountId(UUID(int=2))
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
TRACE = "0af7651916cd43dd8448eb211c80319c"


def removed(number: int = 1) -> MessageRemoved:
    return MessageRemoved(user_id=USER, account_id=ACCOUNT, gmail_id=f"m{number}", revision=1, reason="deleted")


@dataclass
class Pulled:
    """A message as nats-py hands it over, which remembers how it was settled."""

    event: Event
    data: bytes = b""
    settled: list[object] = field(default_factory=list)
    disconnected: bool = False
    is_acked: bool = False
    progress: int = 0

    def __post_init__(self) -> None:
        self.data = self.data or self.event.model_dump_json().encode()
        self.subject = self.event.subject
        self.headers = {TRACE_HEADER: TRACE}
        self.metadata = SimpleNamespace(sequence=SimpleNamespace(stream=77), timestamp=NOW)
        self._client = "client"

    async def ack(self) -> None:
        self.settled.append("ack")

    async def term(self) -> None:
        self.settled.append("term")

    async def nak(self, delay: float) -> None:
        if self.disconnected:
            raise nats.errors.ConnectionClosedError
        self.settled.append(delay)

    async def in_progress(self) -> None:
        self.progress += 1
        if self.disconnected:
            raise nats.errors.ConnectionClosedError


@dataclass
class Failures:
    """Counts failures as the cache does; `away`: it is not there."""

    count: int = 0
    away: bool = False
    asked: list[tuple[object, ...]] = field(default_factory=list)

    async def count_failure(self, *arguments: object) -> int:
        self.asked.append(arguments)
        if self.away:
            raise Outage("Redis is away")
        self.count += 1
        return self.count


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, object, Letter]]:
    """The dead letters that were stored, and where. No jitter either."""
    stored: list[tuple[object, object, Letter]] = []

    async def store_letter(client: object, service: object, letter: Letter) -> None:
        stored.append((client, service, letter))

    monkeypatch.setattr(delivery, "store_letter", store_letter)
    monkeypatch.setattr(delivery, "uniform", lambda low, high: (low, high) == (0.8, 1.2) and 1.0)
    return stored


async def deliver(
    handler: Handler, *messages: Pulled, failures: Failures | None = None, one_by_one: bool = False
) -> list[Any]:
    """Deliver these together; the log."""
    event = type(messages[0].event)
    service = event.consumed_by[0]
    cache = cast(Cache, failures or Failures())
    with capture_logs() as logs:
        await Delivery(service, event, handler, cache, (Outage,), one_by_one).deliver(cast(Sequence[Msg], messages))
    return logs


def raising(error: Exception) -> Handler:
    async def handler(_: Sequence[Event]) -> None:
        raise error

    return handler


class Recorder:
    """A handler that remembers its batches; it fails where `m3` is among them."""

    def __init__(self, bad: str = "") -> None:
        self.batches: list[list[str]] = []
        self.contexts: list[dict[str, Any]] = []
        self.bad = bad

    async def __call__(self, events: Sequence[Any]) -> None:
        self.batches.append([event.gmail_id for event in events])
        self.contexts.append(dict(get_contextvars()))
        if self.bad in self.batches[-1]:
            raise KeyError(self.bad)


async def test_a_batch_is_handled_once_and_each_message_acknowledged(letters: list[Any]) -> None:
    handler, messages = Recorder(), [Pulled(removed(number)) for number in range(3)]
    logs = await deliver(handler, *messages)
    assert handler.batches == [["m0", "m1", "m2"]]
    assert [message.settled for message in messages] == [["ack"]] * 3
    assert handler.contexts[0] == {
        "trace": TRACE, "subject": "message.removed", "user": str(USER), "account": str(ACCOUNT),
    } | {name: value for name, value in handler.contexts[0].items() if name not in ("trace", "subject", "user", "account")}  # fmt: skip
    [line] = logs
    assert (line["event"], line["count"], line["log_level"]) == ("handled", 3, "info")
    assert 0 <= line["ms"] < 60_000


async def test_messages_of_a_consumer_of_single_events_are_handled_one_by_one(letters: list[Any]) -> None:
    handler, messages = Recorder(), [Pulled(removed(number)) for number in range(2)]
    logs = await deliver(handler, *messages, one_by_one=True)
    assert sorted(handler.batches) == [["m0"], ["m1"]]
    assert [message.settled for message in messages] == [["ack"]] * 2
    assert [line["count"] for line in logs] == [1, 1]


async def test_a_batch_that_fails_is_tried_in_parts_and_only_the_bad_message_waits(letters: list[Any]) -> None:
    handler, messages = Recorder(bad="m3"), [Pulled(removed(number)) for number in range(9)]
    logs = await deliver(handler, *messages)
    names = [f"m{number}" for number in range(9)]
    assert handler.batches == [names, names[:3], names[3:6], ["m3"], ["m4"], ["m5"], names[6:]]
    assert [message.settled for message in messages] == [["ack"]] * 3 + [[1.0]] + [["ack"]] * 5
    split = [line for line in logs if line["event"] == "batch_split"]
    assert [(line["subject"], line["size"], line["error"]) for line in split] == [
        ("message.removed", 9, "KeyError: 'm3'"), ("message.removed", 3, "KeyError: 'm3'"),
    ]  # fmt: skip


async def test_what_can_not_be_parsed_is_a_dead_letter_and_the_others_are_handled(letters: list[Any]) -> None:
    handler = Recorder()
    bad, good = Pulled(removed(), data=b'{"user_id": "x", "account_id": 5}'), Pulled(removed(2))
    await deliver(handler, bad, good)
    assert (bad.settled, good.settled, handler.batches) == (["term"], ["ack"], [["m2"]])
    [(client, service, letter)] = letters
    assert (client, service) == ("client", "contacts")
    assert letter.reason.startswith("invalid payload: ")
    assert (letter.subject, letter.payload, letter.attempts) == ("message.removed", bad.data, 1)
    assert letter.consumer == consumer_of("contacts", MessageRemoved).name
    await deliver(handler, bad)
    assert handler.batches == [["m2"]], "with nothing to handle the handler is not called"
    assert letters[1][2].reason == letter.reason


async def test_what_can_never_succeed_is_a_dead_letter_at_once(letters: list[Any]) -> None:
    message = Pulled(removed())
    logs = await deliver(raising(Unprocessable("It is broken.")), message)
    [(_, _, letter)] = letters
    assert (letter.reason, letter.attempts, letter.about) == ("It is broken.", 1, {"user": USER, "account": ACCOUNT})
    assert message.settled == ["term"]
    assert [(line["event"], line["reason"], line["attempts"], line["subject"]) for line in logs] == [
        ("dead_letter", "It is broken.", 1, "message.removed")
    ]


@pytest.mark.parametrize(
    ("error", "delay"),
    [
        (Outage("away"), 3.0),
        (Throttled("slow"), 3.0),
        (Throttled("slow", timedelta(seconds=60)), 60.0),
        (Throttled("slow", timedelta(seconds=1)), 3.0),
        (Throttled("slow", timedelta(seconds=60.26)), 60.26),
    ],
)
async def test_an_outage_is_waited_out_and_never_counts(error: Exception, delay: float, letters: list[Any]) -> None:
    failures, batch = Failures(), [Pulled(removed(1)), Pulled(removed(2))]
    logs = await deliver(raising(error), *batch, failures=failures)
    assert [message.settled for message in batch] == [[delay], [delay]]
    alone = Pulled(removed())
    await deliver(raising(error), alone, failures=failures)
    assert (alone.settled, failures.asked) == ([delay], [])
    [line] = logs
    assert (line["event"], line["count"], line["delay_s"], line["subject"]) == (
        "postponed",
        2,
        round(delay, 1),
        "message.removed",
    )
    assert line["error"] == f"{type(error).__name__}: {error}"


async def test_a_failure_is_redelivered_ever_later_and_then_a_dead_letter(letters: list[Any]) -> None:
    failures, message = Failures(), Pulled(removed())
    logs = []
    for _ in range(len(RETRY_DELAYS) + 1):
        logs += await deliver(raising(ValueError("bad\nrow")), message, failures=failures)
    assert message.settled == [1.0, 5.0, 30.0, 120.0, 600.0, "term"]
    assert [(line["event"], line.get("strikes"), line.get("delay_s")) for line in logs[:2]] == [
        ("struck", 1, 1.0), ("struck", 2, 5.0),
    ]  # fmt: skip
    assert logs[0]["subject"] == "message.removed"
    assert isinstance(logs[0]["exc_info"], ValueError)
    [(_, _, letter)] = letters
    assert (letter.reason, letter.attempts) == ("ValueError: bad", 6)
    consumer = consumer_of("contacts", MessageRemoved).name
    assert set(failures.asked) == {(f"strike:{consumer}:77", FAILURE_MEMORY)}
    assert timedelta(days=1) == FAILURE_MEMORY


async def test_without_the_cache_a_failure_is_waited_out(letters: list[Any]) -> None:
    message = Pulled(removed())
    logs = await deliver(raising(KeyError("x")), message, failures=Failures(away=True))
    assert message.settled == [3.0]
    assert [(line["event"], line["error"]) for line in logs] == [("postponed", "Outage: Redis is away")]


class Row(BaseModel):
    number: int


async def test_the_reason_of_an_invalid_value_holds_nothing_of_it(letters: list[Any]) -> None:
    async def handler(_: Sequence[Event]) -> None:
        Row.model_validate({"number": "secret"})

    await deliver(handler, Pulled(removed()), failures=Failures(count=5))
    [(_, _, letter)] = letters
    assert letter.reason.startswith("ValidationError: Row: number")
    assert "secret" not in letter.reason


async def test_a_hint_is_dropped_instead_of_kept(letters: list[Any]) -> None:
    message = Pulled(MailboxNotified(address="a@x.example", history_id=5, notified_at=NOW))
    logs = await deliver(raising(Unprocessable("Odd.")), message)
    assert (message.settled, letters) == (["term"], [])
    assert [(line["event"], line["reason"], line["attempts"], line["subject"]) for line in logs] == [
        ("hint_dropped", "Odd.", 1, "mailbox.notified")
    ]


async def test_the_letter_of_an_order_to_delete_is_nobody_s(letters: list[Any]) -> None:
    order = UserDeleted(user_id=USER, account_ids=(ACCOUNT,))
    await deliver(raising(Unprocessable("Odd.")), Pulled(order))
    assert letters[0][2].about == {}
    assert any(event.outlives_purge for event in EVENTS)
    broken = Pulled(removed(), data=f'{{"user_id": "{USER}", "account_id": "{ACCOUNT}"}}'.encode())
    await deliver(Recorder(), broken)
    assert letters[1][2].about == {"user": USER, "account": ACCOUNT}


@pytest.mark.parametrize(
    "error", [Outage("away"), PayloadTooLarge("s", 2, 1), nats.errors.TimeoutError(), ConnectionResetError("gone")]
)
async def test_what_can_not_be_put_with_the_dead_letters_stays_unsettled(
    error: Exception, letters: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def store_letter(*_: object) -> None:
        raise error

    monkeypatch.setattr(delivery, "store_letter", store_letter)
    message = Pulled(removed())
    logs = await deliver(raising(Unprocessable("Odd.")), message)
    assert message.settled == []
    [line] = logs
    assert (line["event"], line["subject"], line["log_level"]) == ("burial_postponed", "message.removed", "warning")
    assert line["error"].startswith(type(error).__name__)


async def test_a_redelivery_that_can_not_be_requested_happens_by_itself(letters: list[Any]) -> None:
    logs = await deliver(raising(Outage("away")), Pulled(removed(), disconnected=True))
    assert [(line["event"], line.get("error")) for line in logs] == [
        ("postponed", "Outage: away"), ("nak_failed", "ConnectionClosedError"),
    ]  # fmt: skip
    assert logs[1]["subject"] == "message.removed"


async def test_long_work_is_reported_until_it_is_done(letters: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "ACK_WAIT_SECONDS", 0.003)
    working, acked = Pulled(removed(1)), Pulled(removed(2), is_acked=True)
    lost = Pulled(removed(3), disconnected=True)
    with capture_logs() as logs:
        async with delivery._kept_alive(cast(Sequence[Msg], [working, acked, lost])):
            while working.progress < 3:
                await delivery.asyncio.sleep(0.001)
    assert (acked.progress, lost.progress >= 2) == (0, True)
    assert {(line["event"], line["error"]) for line in logs} == {("progress_unreported", "ConnectionClosedError")}


@pytest.mark.parametrize(
    ("delay", "left", "capped"),
    [
        (5.0, 100.0, 5.0),
        (90.0, 100.0, 85.0),
        (90.0, 15.0, 15.0),
        (90.0, 15.5, 0.5),
        (90.0, 0.0, 90.0),
        (90.0, -1.0, 90.0),
    ],
)
def test_a_delay_leaves_time_for_a_last_try(delay: float, left: float, capped: float) -> None:
    assert capped_delay(delay, NOW + timedelta(seconds=left), NOW) == capped
    assert capped_delay(delay, None, NOW) == delay
