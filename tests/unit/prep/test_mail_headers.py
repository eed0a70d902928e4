"""The only mail that we send, with hostile texts in each of its headers: it has those headers and no others, or is refused."""

from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.brief_mark import BRIEF_HEADER
from libs.common.errors import Refused, Unprocessable
from libs.common.idempotency import checked_key
from services.prep.domain.clean import line
from services.prep.domain.mail import MAX_SUBJECT_TITLE, compose, subject
from services.prep.sending import new_token

HEADERS = ["From", "To", "Subject", "Auto-Submitted", BRIEF_HEADER, "MIME-Version", "Content-Type"]
PIECES = (
    "\r\n", "\n", "\r", "\r\n\r\n", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x00", "\t", " ", ",", ";", ":", "<", ">", '"',
    "\\", "@", "(", ")", "Bcc: all@evil.example", "=?utf-8?q?x=0D=0ABcc:_all@evil.example?=", "=?utf-8?b?DQpCY2M6IGFAYi5j?=", "=?", "?=",
    "ü", "李", "\ud800", "\u202e", "a@b.example", "me@x.example", "a" * 100,
)  # fmt: skip
hostile = st.builds("".join, st.lists(st.sampled_from(PIECES) | st.text(max_size=20), max_size=8))


def sent(address: str, title: str) -> EmailMessage | None:
    """The brief as it is read at the other end; None where it was refused."""
    try:
        raw = compose(address, subject(title, 35), "<p>x</p>", "x", new_token())
    except Unprocessable:
        return None
    head = raw.split(b"\r\n\r\n", 1)[0]
    assert not [row for row in head.split(b"\r\n") if b"\n" in row or b"\r" in row or len(row) > 998]
    return cast(EmailMessage, message_from_bytes(raw, policy=default))


@settings(max_examples=120, deadline=None)
@given(address=hostile | st.just("me@x.example"), title=hostile)
def test_no_text_becomes_another_header_or_another_reader(address: str, title: str) -> None:
    message = sent(address, title)
    if message is None:
        assert address != "me@x.example"
        return
    assert sorted(message.keys()) == sorted(HEADERS)
    for name in ("From", "To"):
        (mailbox,) = message[name].addresses
        assert mailbox.addr_spec == address
    assert message["Subject"] == f"Meeting prep: {line(title, MAX_SUBJECT_TITLE) or '(no title)'} in 35 minutes"


@pytest.mark.parametrize("piece", PIECES)
def test_each_piece_in_the_middle_of_a_title_stays_in_the_subject(piece: str) -> None:
    message = sent("me@x.example", f"Lunch {piece} today")
    assert message is not None
    assert sorted(message.keys()) == sorted(HEADERS)
    assert message["Subject"].startswith("Meeting prep: Lunch")
    assert message["Subject"].endswith("today in 35 minutes")


@pytest.mark.parametrize(
    "title",
    [
        "?==?",
        "=?utf-8?q?Lunch?=",
        "= ?utf-8?q?a?== =?utf-8?q?b?=李?= " + "a" * 80,
        "李" * 100,
        "Lunch  with   blanks " * 5,
        "🧑‍🚀" * 30,
    ],
)
def test_whoever_reads_the_subject_reads_the_title_as_it_is(title: str) -> None:
    message = sent("me@x.example", title)
    assert message is not None
    assert message["Subject"] == f"Meeting prep: {line(title, MAX_SUBJECT_TITLE)} in 35 minutes"
    assert decoded(message) == message["Subject"], "by another reader of encoded words"


def decoded(message: EmailMessage) -> str:
    (written,) = [value for name, value in message.raw_items() if name == "Subject"]
    return str(make_header(decode_header(str(written))))


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028"])
def test_a_subject_with_line_ends_is_refused(end: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        compose("me@x.example", f"Lunch{end}Bcc: b@c.example", "<p>x</p>", "x", new_token())


@given(key=hostile)
def test_a_key_of_a_request_travels_in_a_header_only_where_it_is_plain(key: str) -> None:
    """`Idempotency-Key` comes from the client and goes on in a header of the bus."""
    try:
        checked = checked_key(key)
    except Refused:
        return
    assert checked.isascii()
    assert checked.isprintable()
    assert " " not in checked


@pytest.mark.parametrize(
    "address",
    [
        "a@=?utf-8?q?evil?=",
        "=?utf-8?q?a=0D=0ABcc:_x?=@b.example",
        "a@b.example, c@d.example",
        "",
        "@",
        "a@b.example\x80",
        "a@bücher.example",
    ],
)
def test_an_address_that_would_be_read_as_another_one_is_refused(address: str) -> None:
    assert sent(address, "Lunch") is None
