"""Headers of a dead letter are whatever its service wrote: each letter is listed and shown as what it is."""

import gzip
import zlib
from datetime import UTC, datetime
from email.parser import BytesParser
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nats.js.api import RawStreamMsg

from libs.common.bus.letters import DeadLetter, NotReplayable, dead_letter_of
from libs.common.dead_letters import MAX_HEADER_CHARACTERS, MAX_PAYLOAD_BYTES, payload_of, read_attempts, read_time
from libs.common.requests import LetterSummary, ListDeadLetters
from services.contacts.handlers.operations import list_dead_letters

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def letter(headers: bytes | dict[str, str] | None, payload: bytes = b"payload") -> DeadLetter:
    """As NATS' client hands out what is stored; bytes are headers as they are sent."""
    parsed = dict(BytesParser().parsebytes(headers).items()) if isinstance(headers, bytes) else headers
    message = RawStreamMsg(subject="dead.contacts.-.-.message.ingested", seq=7, data=payload, headers=parsed or None)
    return dead_letter_of(message)


async def summary(found: DeadLetter) -> LetterSummary:
    """As it reaches the page of the operators."""

    async def list_oldest(limit: int) -> list[DeadLetter]:
        return [found]

    bus = cast(Any, SimpleNamespace(dead_letters=SimpleNamespace(list_oldest=list_oldest)))
    [item] = (await list_dead_letters(bus, ListDeadLetters())).items
    return LetterSummary.model_validate_json(item.model_dump_json())


@pytest.mark.parametrize(
    ("header", "attempts"),
    [
        ("6", 6), ("0", 0), ("", None), ("-1", None), ("six", None), ("1.5", None), ("1e9", None), (" 6", None), ("6_000", None),
        ("٦", None), ("²", None), ("9" * 10, None), ("9" * 100_000, None), ("None", None), ("\x00", None),
    ],
)  # fmt: skip
async def test_attempts_are_a_number_or_unknown(header: str, attempts: int | None) -> None:
    assert read_attempts(header) == attempts
    found = letter({"Pingcrm-Attempts": header})
    assert (await summary(found)).attempts == attempts
    assert (found.number, found.subject) == (7, "message.ingested")


@pytest.mark.parametrize(
    ("header", "at"),
    [
        ("2026-01-02T03:04:05+00:00", AT), ("2026-01-02T03:04:05Z", AT), ("2026-01-02T04:04:05+01:00", AT), ("", None),
        ("yesterday", None), ("2026-01-02T03:04:05", None), ("2026-13-02T03:04:05+00:00", None), ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None), ("2026-01-02T03:04:05+99:00", None), ("1767323045", None), ("\x1b[2J", None),
        ("9" * 100_000, None),
    ],
)  # fmt: skip
async def test_a_time_is_a_moment_that_can_be_shown_or_unknown(header: str, at: datetime | None) -> None:
    assert read_time(header) == at
    assert (await summary(letter({"Pingcrm-At": header}))).at == at


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        (b"OperationalError: It was away.", "OperationalError: It was away."),
        (b"\x1b[2J\x1b]0;title\x07", "�[2J�]0;title�"),
        (b"first\r\n second", "first�� second"),
        (b"\xff\xfe caf\xc3\xa9", "�� caf��"),
        (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
        (b"x" * 100_000, "x" * MAX_HEADER_CHARACTERS),
        (b"", ""),
    ],
)
@pytest.mark.parametrize("name", ["Reason", "Consumer", "At", "Attempts", "Trace"])
async def test_what_is_shown_of_a_header_is_text(name: str, header: bytes, shown: str) -> None:
    found = letter(b"Pingcrm-" + name.encode() + b": " + header + b"\r\n\r\n")
    assert getattr(found, name.lower()) == shown
    assert (await summary(found)).subject == "message.ingested"


@pytest.mark.parametrize("headers", [None, b"", b"no header at all\r\n\r\n", b": \r\n: \r\n\r\n", b"\x00\xff\r\n\r\n"])
async def test_a_letter_without_headers_is_listed_by_its_address(headers: bytes | None) -> None:
    found = letter(headers)
    assert (found.service, found.subject, found.consumer, found.given_up_by) == (
        "contacts",
        "message.ingested",
        "",
        None,
    )
    shown = await summary(found)
    assert (shown.number, shown.attempts, shown.at, shown.is_replayable) == (7, None, None, False)


def test_no_header_names_another_subject_than_the_server_let_the_service_write_about() -> None:
    assert letter({"Pingcrm-Subject": "user.deleted"}).subject == "message.ingested"


def of_address(address: str, consumer: str = "") -> DeadLetter:
    return dead_letter_of(RawStreamMsg(subject=address, seq=7, data=b"{}", headers={"Pingcrm-Consumer": consumer}))


@pytest.mark.parametrize(
    "address",
    [
        "dead.contacts.-.-.message.ingested", "dead.contacts.message.ingested", "dead.sync.-.-.clock.mail",
        "dead.prep.-.-.user.deleted", "dead.auth.-.-.user.deleted", "dead.prep.-.-.prep.skipped",
        "dead.contacts.-.-.interaction.reported", "dead.contacts.-.-.interaction.reported.telegram.01940000-0000-7000-8000-000000000001",
    ],
)  # fmt: skip
def test_what_a_service_consumes_or_publishes_may_be_published_again(address: str) -> None:
    of_address(address).require_declared()


@pytest.mark.parametrize(
    "subject",
    [
        "$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.DEAD", "$SYS.REQ.SERVER.PING", "auth.delete_user", "_INBOX_auth.x",
        "schedule.prep", "dead.auth.-.-.user.deleted", "users.-.-.user.deleted", "rejected.telegram.interaction.reported",
        "message", "message.ingested.more", "message.*", "message.>", ">", "*", "", ".", "Message.Ingested", "message.ingested\x1b",
        "message.ingested\u2028", "interaction.reported.telegram", "interaction.reported.*.*", "interaction.reported.telegram.>",
        "interaction.reported..x", "interaction.reported.a.b.c", "meeting.upcoming", "clock.mail", "notification.created",
        "message.ingested." + "x" * 5_000,
    ],
)  # fmt: skip
def test_nothing_else_may_be_whichever_consumer_its_header_names(subject: str) -> None:
    found = of_address(f"dead.contacts.-.-.{subject}", "contacts_message_ingested")
    with pytest.raises(
        NotReplayable, match=r"^Dead letter 7 stays: contacts neither .*`pingcrm dead show 7`"
    ) as refused:
        found.require_declared()
    assert found.given_up_by is None
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not packed",
        gzip.compress(b"x" * 1_000, mtime=0)[:-1],
        gzip.compress(b"x", mtime=0)[:-8] + bytes(8),
        zlib.compress(b"x"),
        b"\x1f\x8b",
    ],
)
async def test_a_payload_that_is_not_packed_as_its_header_says_is_shown_as_it_is(data: bytes) -> None:
    found = letter({"Pingcrm-Encoding": "gzip"}, data)
    assert found.payload == data
    assert (await summary(found)).number == 7


def test_a_payload_that_unpacks_to_more_than_an_event_can_be_is_shown_as_it_is() -> None:
    packed = gzip.compress(bytes(MAX_PAYLOAD_BYTES + 1), compresslevel=1)
    assert payload_of(packed, {"Pingcrm-Encoding": "gzip"}) == packed


async def test_a_list_unpacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zlib, "decompressobj", None)
    assert (await summary(letter({"Pingcrm-Encoding": "gzip"}, b"x"))).number == 7
