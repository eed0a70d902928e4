"""RFC 822 text as a Gmail message resource, read as the loaders read it."""

from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header

from libs.google_sim.account import Resource
from libs.google_sim.loaders.encodings import decoded as charset_decoded
from libs.google_sim.loaders.mbox import RawMessage
from libs.google_sim.loaders.message import MessageReader

Header = tuple[str, str]


def resource(raw: bytes) -> Resource:
    """Payload, snippet and size of a message; ids, labels and times are the mailbox's to give."""
    read = MessageReader("", ()).read(RawMessage(b"", raw))
    return {name: read[name] for name in ("snippet", "sizeEstimate", "payload")}


def with_headers(message: Resource, headers: list[Header]) -> Resource:
    """The same message with other headers at its top."""
    listed = [{"name": name, "value": value} for name, value in headers]
    return {**message, "payload": {**message["payload"], "headers": listed}}


def text_part(raw: bytes, mime_type: str) -> str:
    """The whole first part of a type, decoded; empty where there is none."""
    for part in message_from_bytes(raw).walk():
        content = part.get_payload(decode=True) if part.get_content_type() == mime_type else None
        if isinstance(content, bytes):
            text = charset_decoded(content, part.get_content_charset() or "utf-8")
            return content.decode("utf-8", "replace") if text is None else text
    return ""


def decoded(value: str) -> str:
    """A header value with its encoded words read; as it is where they can't be."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (MessageError, ValueError, LookupError):
        return value
