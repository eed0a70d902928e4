"""One raw message as a Gmail `users.messages` resource (`format=full`)."""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime

from libs.google_sim.account import Resource
from libs.google_sim.loaders.encodings import decoded, text_of
from libs.google_sim.loaders.labels import folder_label, gmail_labels
from libs.google_sim.loaders.mbox import RawMessage
from libs.google_sim.loaders.snippets import snippet_of

MAX_TEXT = 16_384  # bytes of a text part that are kept; nobody reads more, and a mailbox has to fit into memory
_ADDRESS = re.compile(r"[\w.!#$%&'*/=?^`{|}~+-]{1,64}@[\w.-]{1,190}")
_MOZILLA_EXPUNGED = 0x0008
_LONGEST_DATE = 200
# "10:00:00 GMT +0100", "10:00:00+01:00": the offset counts
_OFFSET = re.compile(r"\s*(?:\b(?:GMT|UTC?)\s*)?([+-]\d\d):?(\d\d)(?=\s*(?:\(|$))")
_BROKEN_HEADER = (MessageError, LookupError, ValueError, TypeError, AttributeError, RecursionError)


class MessageReader:
    """Makes resources out of raw messages. The same content gets the same id, a second copy the next one."""

    def __init__(self, owner: str, aliases: Iterable[str]) -> None:
        self._mine = {address.lower() for address in (owner, *aliases)}
        self._copies: dict[str, int] = {}

    def read(self, raw: RawMessage) -> Resource:
        """The resource of one message; without threads and history ids, which need all messages. Never raises."""
        identifier = self._identifier(raw.content)
        try:
            message: Message | None = BytesParser().parsebytes(raw.content)
            payload = _part(message, "") if message is not None else {}
        except _BROKEN_HEADER:  # the standard library's parser gives up on some hostile mail
            message, payload = None, {"partId": "", "mimeType": "text/plain", "filename": "", "headers": []}
            payload["body"] = _body(raw.content)
        headers: list[dict[str, str]] = payload["headers"]
        resource: Resource = {
            "id": identifier,
            "threadId": _takeout_thread(headers) or identifier,
            "labelIds": self._labels(headers, raw.folder),
            "snippet": snippet_of(payload),
            "historyId": "0",
            "internalDate": str(_internal_date(headers, text_of(raw.envelope))),
            "sizeEstimate": len(raw.content),
            "payload": payload,
        }
        return resource

    def _identifier(self, content: bytes) -> str:
        digest = hashlib.sha256(content).digest()
        copies = self._copies.get(digest.hex(), 0)
        self._copies[digest.hex()] = copies + 1
        return f"{(int.from_bytes(digest[:8], 'big') + copies) % 2**64:016x}"

    def is_own_copy(self, headers: list[dict[str, str]]) -> bool:
        """Whether the owner wrote the message, and nothing shows that this copy of it ever arrived."""
        return self._is_mine(headers) and not first_header(headers, "received", "delivered-to")

    def _is_mine(self, headers: list[dict[str, str]]) -> bool:
        written_by = {address.lower() for address in _ADDRESS.findall(first_header(headers, "from"))}
        return bool(written_by & self._mine)

    def _labels(self, headers: list[dict[str, str]], folder: str) -> list[str]:
        """Takeout's labels; else what the mail folder is called, or whether the owner wrote it."""
        place = folder_label(folder)
        if takeout := first_header(headers, "x-gmail-labels"):
            labels = gmail_labels(takeout)
            return [*labels, place] if place and place not in labels else labels
        if _deleted_in_thunderbird(first_header(headers, "x-mozilla-status")):
            return ["TRASH"]
        return [place or ("SENT" if self._is_mine(headers) else "INBOX")]


def _deleted_in_thunderbird(status: str) -> bool:
    """Whether the message is only waiting for its folder to be compacted: Thunderbird does not show it any more."""
    return re.fullmatch(r"[0-9A-Fa-f]{4}", status.strip()) is not None and bool(int(status, 16) & _MOZILLA_EXPUNGED)


def first_header(headers: list[dict[str, str]], *names: str) -> str:
    """The first value of a header, by its lower-case name or names; "" without one."""
    return next((header["value"] for header in headers if header["name"].lower() in names), "")


def _takeout_thread(headers: list[dict[str, str]]) -> str:
    thread = first_header(headers, "x-gm-thrid").strip()
    return f"{int(thread) % 2**64:016x}" if thread.isascii() and thread.isdecimal() and len(thread) <= 20 else ""


def _part(message: Message, part_id: str) -> Resource:
    filename = _decoded_filename(message)
    part: Resource = {
        "partId": part_id,
        "mimeType": message.get_content_type(),
        "filename": filename,
        "headers": [{"name": name, "value": _value(value)} for name, value in message.raw_items()],
        "body": {"size": 0},
    }
    content = message.get_payload()
    if isinstance(content, list):
        prefix = f"{part_id}." if part_id else ""
        part["parts"] = [_part(child, f"{prefix}{number}") for number, child in enumerate(content)]
    else:
        content = message.get_payload(decode=True)
        raw = content if isinstance(content, bytes) else b""
        if filename or message.get_content_maintype() != "text":
            part["body"] = {"attachmentId": hashlib.sha256(raw).hexdigest()[:32], "size": len(raw)}
        else:
            part["body"] = _body(_as_utf8(raw, message.get_content_charset("utf-8")))
    return part


def _decoded_filename(message: Message) -> str:
    try:
        return _value(message.get_filename() or "")
    except _BROKEN_HEADER:
        return ""


def _value(written: object) -> str:
    """A header value on one line, 8-bit bytes decoded, encoded words left as they are."""
    raw = str(written).encode("utf-8", "surrogateescape")
    return re.sub(r"\r?\n(?=[ \t])", "", text_of(raw)).strip("\r\n").strip()


def _as_utf8(raw: bytes, charset: str) -> bytes:
    text = decoded(raw, charset)
    return (text_of(raw) if text is None else text).encode("utf-8", "replace")


def _body(text: bytes) -> Resource:
    kept = text[:MAX_TEXT].decode("utf-8", "ignore").encode()
    return {"size": len(text), "data": urlsafe_b64encode(kept).decode()}


def _internal_date(headers: list[dict[str, str]], envelope: str) -> int:
    """Milliseconds since 1970: when the last server took it, else its Date, else the mbox line, else 0."""
    received = first_header(headers, "received").rpartition(";")[2]
    for written in (received, first_header(headers, "date")):
        if written.strip() and (when := _date(written)) is not None:
            return when
    return _envelope_date(envelope) or 0


def _date(written: str) -> int | None:
    plain = _OFFSET.sub(r" \1\2", written.replace("\x00", "")[:_LONGEST_DATE])
    try:
        when = parsedate_to_datetime(plain)
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    except (*_BROKEN_HEADER, OverflowError, OSError):
        return None


def _envelope_date(envelope: str) -> int | None:
    """The time of a `From x Mon Jan  5 10:00:00 [+0000] 2026` line."""
    words = envelope.split()[2:]
    zone = next((word for word in words if re.fullmatch(r"[+-]\d{4}", word)), "+0000")
    plain = " ".join(word for word in words if word != zone)
    try:
        return int(datetime.strptime(f"{plain} {zone}", "%a %b %d %H:%M:%S %Y %z").timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
