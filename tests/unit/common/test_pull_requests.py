"""The pull loop against a server of its own: what it requests, and what it makes of each reply."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import nats.errors
import orjson
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from structlog.testing import capture_logs

from libs.common.bus import pull
from libs.common.bus.pull import MAX_PULL_BYTES, PullLoop
from libs.common.topology import Consumer

CONSUMER = cast(Consumer, SimpleNamespace(stream="EVENTS", name="contacts_message"))
NEXT = "$JS.API.CONSUMER.MSG.NEXT.EVENTS.contacts_message"


@dataclass
class Arrived:
    """A message, or with a status a control message."""

    data: bytes = b"x"
    subject: str = "message.ingested"
    reply: str = "ack"
    headers: dict[str, str] | None = None
    returned: bool = False

    async def nak(self) -> None:
        self.returned = True


def status(code: str, description: str = "", subject: str = "inbox.0") -> Arrived:
    return Arrived(b"", subject, "", {"Status": code, "Description": description})


@dataclass
class Server:
    """Stands in for nats-py's client and its subscription: each request is answered with the next of `replies`."""

    replies: list[list[Arrived]]
    stopping: asyncio.Event
    is_connected: bool = True
    requests: list[dict[str, Any]] = field(default_factory=list)
    subjects: list[tuple[str, str]] = field(default_factory=list)
    ended: list[object] = field(default_factory=list)
    late: list[Arrived] = field(default_factory=list)
    failing: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._pending_queue: asyncio.Queue[Arrived] = asyncio.Queue()
        self._pending_size = 0
        self._id = 7

    def new_inbox(self) -> str:
        return "inbox"

    async def subscribe(self, subject: str) -> "Server":
        assert subject == "inbox.*"
        return self

    async def publish(self, subject: str, payload: bytes, reply: str) -> None:
        if self.failing:
            raise self.failing.pop(0)
        self.requests.append(orjson.loads(payload))
        self.subjects.append((subject, reply))
        if not self.replies:
            self.stopping.set()
            return
        for message in self.replies.pop(0):
            self._pending_size += len(message.data)
            self._pending_queue.put_nowait(message)

    async def next_msg(self, timeout: None) -> Arrived:
        message = await self._pending_queue.get()
        self._pending_size -= len(message.data)
        return message

    async def _send_unsubscribe(self, number: int) -> None:
        self.ended.append(number)

    async def flush(self) -> None:
        self.ended.append("flush")
        for message in self.late:
            self._pending_queue.put_nowait(message)

    def _remove_sub(self, number: int) -> None:
        self.ended.append(("removed", number))


@dataclass
class Run:
    """What a whole run of the loop came to."""

    server: Server
    batches: list[list[bytes]]
    logs: list[Any]


async def run(*replies: list[Arrived], batch: int = 3, error: Exception | None = None, **server_fields: Any) -> Run:
    """Run the loop until each of these replies was given, and once more."""
    stopping = asyncio.Event()
    server = Server(list(replies), stopping, **server_fields)
    batches: list[list[bytes]] = []
    errors = [error] if error else []

    async def deliver(messages: Sequence[Msg]) -> None:
        batches.append([message.data for message in messages])
        if errors:
            raise errors.pop()

    with capture_logs() as logs:
        await asyncio.wait_for(PullLoop(cast(Client, server), CONSUMER, batch, deliver).run(stopping), 20)
    return Run(server, batches, logs)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "PAUSE_SECONDS", 0.001)


LIMITED = {"batch": 3, "expires": 10_000_000_000, "max_bytes": MAX_PULL_BYTES}


async def test_a_request_names_its_consumer_and_has_a_reply_subject_of_its_own() -> None:
    found = await run([Arrived(b"a"), Arrived(b"b"), Arrived(b"c")], [status("404", subject="inbox.1")])
    assert found.server.requests == [LIMITED] * 3
    assert found.server.subjects == [(NEXT, f"inbox.{number}") for number in range(3)]
    assert found.batches == [[b"a", b"b", b"c"]]
    assert found.logs == []
    assert found.server.ended == [7, "flush", ("removed", 7)]
    assert MAX_PULL_BYTES == 4_194_304


@pytest.mark.parametrize("end", [("404", ""), ("408", "Request Timeout"), ("409", "batch completed")])
async def test_a_request_that_simply_ended_is_followed_by_the_next(end: tuple[str, str]) -> None:
    found = await run([Arrived(b"a"), status(*end)], [status(*end, subject="inbox.1")])
    assert (found.batches, found.server.requests, found.logs) == ([[b"a"]], [LIMITED] * 3, [])


async def test_what_is_already_here_comes_in_one_batch_and_never_more_than_was_wanted() -> None:
    found = await run([Arrived(bytes([number])) for number in range(5)], [status("404", subject="inbox.1")])
    assert found.batches == [[b"\x00", b"\x01", b"\x02"], [b"\x03", b"\x04"]]
    assert found.server._pending_size == 0


async def test_the_end_of_an_earlier_request_is_not_taken_for_the_end_of_this_one() -> None:
    found = await run([status("409", "Odd", "inbox.9"), Arrived(b"a"), status("404")])
    assert (found.batches, len(found.server.requests), found.logs) == ([[b"a"]], 2, [])


async def test_a_message_that_is_over_the_limit_is_requested_alone_and_without_one() -> None:
    over = "Message Size Exceeds MaxBytes"
    found = await run([status("409", over)], [Arrived(b"large")], [status("404", subject="inbox.2")])
    assert found.server.requests == [LIMITED, {"batch": 1, "expires": 10_000_000_000}, LIMITED, LIMITED]
    assert found.batches == [[b"large"]]
    beside = await run([Arrived(b"a"), status("409", over)])
    assert beside.server.requests == [LIMITED] * 2, "it fits into a request of its own"


async def test_a_request_that_is_filled_to_the_byte_ends_without_a_status() -> None:
    # subject 16, reply 3, headers 12 + (4 + 2 + 4)
    full = Arrived(bytes(MAX_PULL_BYTES - 16 - 3 - 12 - 10), headers={"Name": "é"})
    found = await run([full])
    assert len(found.server.requests) == 2
    assert pull._size_bytes(cast(Msg, full)) == MAX_PULL_BYTES
    assert pull._size_bytes(cast(Msg, Arrived(b"abc"))) == 22
    almost = await run([Arrived(bytes(MAX_PULL_BYTES - 20)), Arrived(b"y"), status("404")])
    assert [len(batch) for batch in almost.batches] == [2]


async def test_a_consumer_that_is_not_there_is_a_warning_and_asked_for_again() -> None:
    found = await run([status("409", "Consumer Deleted")], [Arrived(b"a"), status("404", subject="inbox.1")])
    assert found.batches == [[b"a"]]
    assert found.logs == [
        {"event": "consumer_unavailable", "consumer": "contacts_message", "status": "409", "reason": "Consumer Deleted",
         "log_level": "warning"}
    ]  # fmt: skip


@pytest.mark.parametrize("error", [nats.errors.ConnectionClosedError(), ConnectionResetError("gone")])
async def test_a_lost_connection_is_survived(error: Exception) -> None:
    found = await run([Arrived(b"a"), status("404", subject="inbox.1")], failing=[error])
    assert found.batches == [[b"a"]]
    [line] = found.logs
    assert (line["event"], line["consumer"], line["error"], line["log_level"]) == (
        "pull_interrupted", "contacts_message", type(error).__name__, "warning",
    )  # fmt: skip


async def test_a_bug_in_delivering_is_logged_and_pulling_goes_on() -> None:
    found = await run([Arrived(b"a")], [Arrived(b"b"), status("404", subject="inbox.1")], error=KeyError("x"))
    assert found.batches == [[b"a"], [b"b"]]
    [line] = found.logs
    assert (line["event"], line["consumer"], line["error"], line["log_level"], line["exc_info"]) == (
        "pull_interrupted", "contacts_message", "KeyError", "error", True,
    )  # fmt: skip


async def test_what_arrives_too_late_is_returned_at_once() -> None:
    late = [Arrived(b"late"), status("408")]
    found = await run(late=late)
    assert [message.returned for message in late] == [True, False]
    assert found.server.ended == [7, "flush", ("removed", 7)]
    offline = await run(is_connected=False)
    assert offline.server.ended == []


async def test_a_server_that_forgets_the_end_of_a_request_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "PULL_SECONDS", -0.99)
    found = await run([Arrived(b"a")], [])
    assert (found.batches, len(found.server.requests)) == ([[b"a"]], 3)


@pytest.mark.parametrize("headers", [None, {}, {"Other": "x"}])
def test_an_empty_message_is_a_message(headers: dict[str, str] | None) -> None:
    assert pull._status(cast(Msg, Arrived(b"", headers=headers))) is None
    assert pull._status(cast(Msg, Arrived(b"x", headers={"Status": "404"}))) is None
    assert not pull._describes(cast(Msg, Arrived(headers=headers)), "anything")
