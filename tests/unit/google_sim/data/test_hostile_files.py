"""Files that were made to keep the loaders busy: twice as long must take about twice as long."""

from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest

from libs.google_sim.loaders import load_calendar, load_mail, load_people

OWNER = "me@home.example"
SIZE = 60_000
ENVELOPE = b"From ann@x.org Mon Jan  5 10:00:00 2026\n"


def calendar(*lines: bytes) -> bytes:
    return b"\r\n".join([b"BEGIN:VCALENDAR", *lines, b"END:VCALENDAR", b""])


def event(*lines: bytes) -> bytes:
    return calendar(b"BEGIN:VEVENT", b"DTSTART:20260105T100000Z", *lines, b"END:VEVENT")


def card(*lines: bytes) -> bytes:
    return b"\r\n".join([b"BEGIN:VCARD", *lines, b"END:VCARD", b""])


FORMS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "parameters never closed": ("ics", lambda size: event(b"ATTENDEE" + b';A="b' * (size // 5) + b":x")),
    "many parameters": ("ics", lambda size: event(b"ATTENDEE" + b";A=b" * (size // 4) + b":x")),
    "backslashes": ("ics", lambda size: event(b"SUMMARY:" + b"\\" * size)),
    "many excluded dates": ("ics", lambda size: event(b"RRULE:FREQ=DAILY", b"EXDATE:" + b"20260101T000000Z," * (size // 17))),
    "folds": ("ics", lambda size: event(b"SUMMARY:a" + b"\r\n b" * (size // 4))),
    "nested components": ("ics", lambda size: calendar(*[b"BEGIN:X"] * (size // 18), *[b"END:Y"] * (size // 14))),
    "events of one id": ("ics", lambda size: calendar(*[b"BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260105\r\nEND:VEVENT"] * (size // 50))),
    "parameters of a phone": ("vcf", lambda size: card(b"TEL:tel:1" + b";a=b" * (size // 4))),
    "a name that is all separators": ("vcf", lambda size: card(b"N:" + b"\\;;" * (size // 3))),
    "soft line breaks": ("vcf", lambda size: card(b"FN;ENCODING=QUOTED-PRINTABLE:" + b"=41=\r\n" * (size // 6))),
    "a charset that takes quadratic time": ("vcf", lambda size: card(b"FN;CHARSET=punycode:\xff-" + b"z" * size)),
    "equal cards": ("vcf", lambda size: card(b"FN:a") * (size // 30)),
    "bare from lines": ("mbox", lambda size: ENVELOPE + b"\n" + b"From \n" * (size // 6)),
    "a long from line": ("mbox", lambda size: ENVELOPE + b"\nFrom " + b"Mon Jan 5 " * (size // 10) + b"\nA: b\n"),
    "labels in quotes never closed": ("mbox", lambda size: ENVELOPE + b"X-Gmail-Labels: " + b'"a,' * (size // 3) + b"\n\n"),
    "encoded words never closed": ("mbox", lambda size: ENVELOPE + b"X-Gmail-Labels: " + b"=?a?q?" * (size // 6) + b"\n\n"),
    "a date of zone names": ("mbox", lambda size: ENVELOPE + b"Date: " + b"GMT " * (size // 4) + b"\n\n"),
    "a body in punycode": (
        "mbox",
        lambda size: ENVELOPE + b"Content-Type: text/plain; charset=punycode\n\na-" + b"z" * size,
    ),
}  # fmt: skip
LOADERS: dict[str, Callable[[Path], object]] = {
    "ics": lambda path: load_calendar(path, OWNER),
    "vcf": load_people,
    "mbox": lambda path: load_mail(path, OWNER),
}


def seconds(path: Path, content: bytes, load: Callable[[Path], object]) -> float:
    """The least processor time of three loads."""
    path.write_bytes(content)
    taken = []
    for _ in range(3):
        started = process_time()
        load(path)
        taken.append(process_time() - started)
    return min(taken)


@pytest.mark.parametrize("form", FORMS)
def test_a_hostile_file_takes_linear_time(tmp_path: Path, form: str) -> None:
    suffix, made = FORMS[form]
    once, twice = (seconds(tmp_path / f"x.{suffix}", made(size), LOADERS[suffix]) for size in (SIZE, 2 * SIZE))
    assert twice < 3 * once + 0.1
    assert twice < 5
