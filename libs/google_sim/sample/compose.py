"""Gmail message resources as a real mailbox has them, headers and all."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from libs.google_sim.account import Resource
from libs.google_sim.loaders.snippets import escaped_snippet

Address = tuple[str, str]  # display name, addr-spec
_SPECIALS = set('()<>[]:;@\\,."')


@dataclass(frozen=True)
class Letter:
    """One mail as its author sends it; what each mailbox adds to it comes with `resource`."""

    sent: datetime
    sender: Address
    to: Sequence[Address]
    subject: str
    text: str
    message_id: str
    references: Sequence[str] = ()
    cc: Sequence[Address] = ()
    headers: Sequence[tuple[str, str]] = ()
    mime_type: str = "text/plain"


def message_id_for(seed: str, domain: str) -> str:
    """A Message-ID that looks like one and is the same for the same seed."""
    return f"<{hashlib.sha256(seed.encode()).hexdigest()[:24]}@{domain}>"


def written_address(address: Address) -> str:
    """A mailbox as it stands in a header: RFC 2047 for names beyond ASCII, quotes where needed."""
    name, spec = address
    if not name:
        return spec
    if not name.isascii():
        return f"{encoded(name)} <{spec}>"
    return f'"{name}" <{spec}>' if _SPECIALS & set(name) else f"{name} <{spec}>"


def encoded(text: str) -> str:
    """Header text in RFC 2047 where it is not ASCII."""
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=10_000).encode(linesep="")


def resource(letter: Letter, owner: str, labels: Iterable[str], thread_id: str = "") -> Resource:
    """The letter as it lies in the mailbox of `owner`; it begins a thread of its own without `thread_id`."""
    identifier = hashlib.sha256(f"{owner} {letter.message_id}".encode()).hexdigest()[:16]
    labels = list(labels)
    date = format_datetime(letter.sent)
    received: list[tuple[str, str]] = []
    if "SENT" not in labels:
        relay = letter.sender[1].rpartition("@")[2]
        received = [
            ("Delivered-To", owner),
            ("Received", f"by 2002:a05:6512:3a89:0:0:0:0 with SMTP id {identifier}; {date}"),
            ("Return-Path", f"<{letter.sender[1]}>"),
            ("Received", f"from mail.{relay} (mail.{relay}. [203.0.113.25]) by mx.google.com with ESMTPS; {date}"),
            (
                "Authentication-Results",
                f"mx.google.com; spf=pass smtp.mailfrom={relay}; dmarc=pass header.from={relay}",
            ),
        ]
    own = {name.lower() for name, _ in letter.headers}
    headers = [
        *((name, value) for name, value in received if name.lower() not in own),
        ("MIME-Version", "1.0"),
        ("From", written_address(letter.sender)),
        ("Date", date),
        *(
            (("In-Reply-To", letter.references[-1]), ("References", " ".join(letter.references)))
            if letter.references
            else ()
        ),
        *((("Message-ID", letter.message_id),) if letter.message_id else ()),
        ("Subject", encoded(letter.subject)),
        *((("To", ", ".join(map(written_address, letter.to))),) if letter.to else ()),
        *((("Cc", ", ".join(map(written_address, letter.cc))),) if letter.cc else ()),
        *letter.headers,
        ("Content-Type", f'{letter.mime_type}; charset="UTF-8"'),
    ]
    body = letter.text.encode()
    return {
        "id": identifier,
        "threadId": thread_id or identifier,
        "labelIds": labels,
        "snippet": escaped_snippet(letter.text),
        "historyId": "0",
        "internalDate": str(int(letter.sent.timestamp()) * 1000),
        "sizeEstimate": len(body) + sum(len(name) + len(value) + 4 for name, value in headers),
        "payload": {
            "partId": "",
            "mimeType": letter.mime_type,
            "filename": "",
            "headers": [{"name": name, "value": value} for name, value in headers],
            "body": {"size": len(body), "data": urlsafe_b64encode(body).decode()},
        },
    }


def in_order(messages: list[Resource]) -> list[Resource]:
    """The messages oldest first, with history ids in that order, as they came in."""
    messages.sort(key=lambda message: (int(message["internalDate"]), message["id"]))
    for number, message in enumerate(messages):
        message["historyId"] = str(1_000_000 + number)
    return messages
