"""`/batch/gmail/v1`: many calls in one multipart/mixed request. Pure: text in, text out."""

import secrets
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from http import HTTPStatus

from libs.google_sim.errors import invalid

MAX_CALLS = 100


@dataclass(frozen=True)
class Part:
    """One call of a batch. `authorization`: its own, where the part has one."""

    content_id: str | None
    verb: str
    target: str
    authorization: str | None
    body: bytes


def read(content_type: str, body: bytes) -> list[Part]:
    """The calls of a batch. Raises GoogleError 400 where it is none, or has more than 100."""
    message = message_from_bytes(b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n" + body)
    parts = message.get_payload() if message.get_content_maintype() == "multipart" else None
    if not isinstance(parts, list) or not parts:
        raise invalid("Failed to parse batch request, error: no boundary found, or no parts.")
    if len(parts) > MAX_CALLS:
        raise invalid(f"The batch request exceeds the maximum of {MAX_CALLS} calls.")
    return [_part(part) for part in parts if isinstance(part, Message)]


def write(replies: list[tuple[Part, int, bytes, dict[str, str]]]) -> tuple[str, bytes]:
    """The Content-Type and the body of the response to a batch, from each part's status, JSON and headers."""
    boundary = f"batch_{secrets.token_urlsafe(18)}"
    lines: list[bytes] = []
    for part, status, body, headers in replies:
        lines += [b"--" + boundary.encode(), b"Content-Type: application/http"]
        if part.content_id:
            lines.append(b"Content-ID: " + _response_id(part.content_id).encode())
        lines += [b"", f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
        lines += [f"{name}: {value}".encode() for name, value in headers.items()]
        lines += [b"Content-Type: application/json; charset=UTF-8", f"Content-Length: {len(body)}".encode(), b"", body]
    lines += [b"--" + boundary.encode() + b"--", b""]
    return f"multipart/mixed; boundary={boundary}", b"\r\n".join(lines)


def _part(message: Message) -> Part:
    raw = message.get_payload(decode=True)
    head, _, body = (raw if isinstance(raw, bytes) else b"").lstrip().replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    words = lines[0].split()
    if len(words) < 2 or not words[1].startswith("/"):
        raise invalid("Failed to parse batch request, error: a part needs a request line with a path.")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    content_id = message.get("Content-ID")
    return Part(
        content_id=" ".join(str(content_id).split()) if content_id else None,
        verb=words[0].upper(),
        target=words[1],
        authorization=headers.get("authorization"),
        body=body.strip(),
    )


def _response_id(content_id: str) -> str:
    inner = content_id.strip().strip("<>")
    return f"<response-{inner}>"
