"""The wire format of batches: what is sent, and what is made of any response at all."""

from email import message_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Outage
from libs.common.google import batch
from libs.google_sim.gmail import batch as google
from tests.support.strategies import hostile_forms

BOUNDARY = "batch_4X-x"
MULTIPART = f'multipart/mixed; boundary="{BOUNDARY}"'


def part(number: object, status: int = 200, body: str = "{}", *, newline: str = "\r\n", **headers: str) -> str:
    lines = [
        f"--{BOUNDARY}",
        "Content-Type: application/http",
        f"Content-ID: <response-part-{number}>",
        "",
        f"HTTP/1.1 {status} Some words",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        "Content-Type: application/json",
        "",
        body,
        "",
    ]
    return newline.join(lines)


def response(*parts: str, end: str = f"--{BOUNDARY}--") -> bytes:
    return ("".join(parts) + end).encode()


def test_google_reads_what_is_sent() -> None:
    paths = ["/gmail/v1/users/me/messages/a?fields=id", "/gmail/v1/users/me/threads/b%2F..?fields=messages(id)"]
    parts = google.read(batch.CONTENT_TYPE, batch.build(paths))
    assert [(sent.verb, sent.target, sent.content_id) for sent in parts] == [
        ("GET", paths[0], "<part-0>"),
        ("GET", paths[1], "<part-1>"),
    ]
    message = message_from_bytes(f"Content-Type: {batch.CONTENT_TYPE}\r\n\r\n".encode() + batch.build(paths))
    assert not message.defects


def test_responses_are_matched_by_their_content_id() -> None:
    body = response(part(2, body='{"id":"c"}'), part(0, 404, body='{"error":{}}'), part(1, 429, Retry_After="7"))
    responses = batch.parse(MULTIPART, body)
    assert {number: (got.status, got.body.strip()) for number, got in responses.items()} == {
        2: (200, b'{"id":"c"}'),
        0: (404, b'{"error":{}}'),
        1: (429, b"{}"),
    }
    assert responses[1].headers.get("retry-after") == "7"
    dated = batch.parse(MULTIPART, response(part(0, 429, Retry_After="Wed, 04 Mar 2026 12:01:00 GMT")))
    assert dated[0].headers.get("Retry-After") == "Wed, 04 Mar 2026 12:01:00 GMT"


@pytest.mark.parametrize(
    "content_type", [f"multipart/mixed; boundary={BOUNDARY}", f"Multipart/Mixed;BOUNDARY={BOUNDARY}; a=b"]
)
@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_the_boundary_and_line_ends_may_be_written_in_other_ways(content_type: str, newline: str) -> None:
    responses = batch.parse(content_type, response(part(0, newline=newline), part(1, newline=newline)))
    assert sorted(responses) == [0, 1]


def test_a_part_that_broke_off_is_missing_and_the_others_are_there() -> None:
    whole = response(part(0), part(1, body='{"id":"' + "x" * 100 + '"}'))
    cut = whole[: whole.index(b"xxx") + 50]
    assert sorted(batch.parse(MULTIPART, cut)) == [0]


def test_of_two_responses_to_the_same_part_the_first_counts() -> None:
    assert batch.parse(MULTIPART, response(part(0, 404), part(0, 200)))[0].status == 404


@pytest.mark.parametrize(
    "odd",
    [
        part("x"),
        part(-1),
        part(123456),
        part(0).replace("response-part", "item"),
        part(0).replace("HTTP/1.1 200", "HTTP/1.1 abc"),
        f"--{BOUNDARY}\r\n\r\n",
        f"--{BOUNDARY}",
    ],
)
def test_a_part_that_makes_no_sense_is_missing(odd: str) -> None:
    assert sorted(batch.parse(MULTIPART, response(odd, part(1)))) == [1]


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/mixed", "multipart/mixed; boundary="])
def test_what_is_no_multipart_response_is_an_outage(content_type: str) -> None:
    with pytest.raises(Outage):
        batch.parse(content_type, b"{}")


PIECES = st.sampled_from(
    [
        f"--{BOUNDARY}".encode(), b"--", b"\r\n", b"\n", b"\r\n\r\n", b"Content-ID: <response-part-0>", b"content-id: response-part-1",
        b"HTTP/1.1 200 OK", b"HTTP/1.1 429", b"Retry-After: x", b"{", b'{"id": 1}', b"\xff\x00", b":", part(0).encode(), part(1).encode(),
    ]
)  # fmt: skip


@given(
    st.one_of(
        st.just(MULTIPART),
        st.text(max_size=40),
        st.text(max_size=20).map(lambda text: f"multipart/mixed; boundary={text}"),
    ),
    st.lists(st.one_of(PIECES, st.binary(max_size=20), hostile_forms(100).map(str.encode)), max_size=30).map(b"".join),
)
def test_no_response_whatever_breaks_the_reader(content_type: str, body: bytes) -> None:
    try:
        responses = batch.parse(content_type, body)
    except Outage:
        return
    assert set(responses) <= {0, 1}
    assert all(got.headers.get("Retry-After") in (None, "x") for got in responses.values())


@given(st.lists(st.integers(0, 999), unique=True, max_size=12), st.data())
def test_each_part_with_a_response_is_there_once_in_whatever_order(numbers: list[int], data: st.DataObject) -> None:
    order = data.draw(st.permutations(numbers))
    responses = batch.parse(MULTIPART, response(*(part(number, body=f'{{"id":{number}}}') for number in order)))
    assert {number: got.body.strip() for number, got in responses.items()} == {
        number: f'{{"id":{number}}}'.encode() for number in numbers
    }
