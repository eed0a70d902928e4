"""A message in the formats of messages.get and threads.get: full, metadata, minimal, raw."""

import base64
from collections.abc import Callable

from libs.google_sim.account import Resource
from libs.google_sim.errors import invalid
from libs.google_sim.gmail.mailbox import Stored
from libs.google_sim.gmail.search import decoded_body
from libs.google_sim.query import Query

_MINIMAL = ("id", "threadId", "labelIds", "snippet", "historyId", "internalDate", "sizeEstimate")
_BOUNDARY = "=_part_"


def formatter(query: Query, allowed: tuple[str, ...]) -> Callable[[Stored], Resource]:
    """Return the function that shows a message as the query asks. Raises GoogleError 400 for a format not allowed."""
    wanted = (query.text("format") or "full").lower()
    if wanted not in allowed:
        raise invalid(f"Invalid value at 'format' (TYPE_ENUM), \"{wanted[:50]}\"", "format")
    match wanted:
        case "full":
            return lambda stored: stored.resource
        case "metadata":
            names = frozenset(name.lower() for name in query.texts("metadataHeaders") if name)
            return lambda stored: _metadata(stored.resource, names)
        case "raw":
            return lambda stored: {**_minimal(stored.resource), "raw": raw(stored.resource)}
        case _:
            return lambda stored: _minimal(stored.resource)


def _minimal(resource: Resource) -> Resource:
    return {name: resource[name] for name in _MINIMAL if name in resource}


def _metadata(resource: Resource, names: frozenset[str]) -> Resource:
    """All headers where no names are given. A payload that is no object stays what it is."""
    shown = _minimal(resource)
    if "payload" not in resource:
        return shown
    payload = resource["payload"]
    if not isinstance(payload, dict):
        return {**shown, "payload": payload}
    small = {name: payload[name] for name in ("mimeType", "headers") if name in payload}
    if names and isinstance(small.get("headers"), list):
        small["headers"] = [header for header in small["headers"] if _name(header) in names]
    return {**shown, "payload": small}


def _name(header: object) -> str | None:
    name = header.get("name") if isinstance(header, dict) else None
    return name.lower() if isinstance(name, str) else None


def raw(resource: Resource) -> str:
    """The message as RFC 822 text, base64url. Bodies are encoded anew, so it is not byte for byte what came in."""
    return base64.urlsafe_b64encode(b"\r\n".join(_lines(resource.get("payload"), "0", 0))).decode()


def _lines(part: object, path: str, depth: int) -> list[bytes]:
    if not isinstance(part, dict) or depth > 50:
        return [b""]
    below = part.get("parts")
    boundary = f"{_BOUNDARY}{path}"
    lines = []
    content_type = f"{part.get('mimeType') or 'text/plain'}; charset=utf-8"
    for header in part.get("headers") or ():
        name = _name(header)
        if name == "content-type" and not below:
            content_type = str(header.get("value"))
        elif name and name not in ("content-type", "content-transfer-encoding"):
            lines.append(f"{header['name']}: {header.get('value')}")
    if not isinstance(below, list) or not below:
        body = part.get("body")
        data = body.get("data") if isinstance(body, dict) else None
        content = base64.encodebytes(decoded_body(data) if isinstance(data, str) else b"")
        lines += [f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64", ""]
        return [*(line.encode("utf-8", "replace") for line in lines), *content.splitlines(), b""]
    lines += [f'Content-Type: {part.get("mimeType") or "multipart/mixed"}; boundary="{boundary}"', ""]
    encoded = [line.encode("utf-8", "replace") for line in lines]
    for number, child in enumerate(below):
        encoded += [b"--" + boundary.encode(), *_lines(child, f"{path}.{number}", depth + 1)]
    return [*encoded, b"--" + boundary.encode() + b"--", b""]
