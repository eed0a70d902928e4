"""The search language of `messages.list`, as far as programs use it."""

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from libs.google_sim.account import Resource
from libs.google_sim.gmail.mailbox import Stored, headers
from libs.google_sim.gmail.mime import decoded

_TERM = re.compile(r'(?P<not>-)?(?:(?P<name>[A-Za-z0-9]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<plain>[^\s"]+))')
_WORD = re.compile(r"\w+")
_ANYWHERE = {"anywhere", "spam", "trash"}
_HEADER_TERMS = {"from", "to", "cc", "bcc", "subject", "deliveredto"}
_PACIFIC = ZoneInfo("America/Los_Angeles")


@dataclass(frozen=True)
class Words:
    """Words that must follow each other, in a header (`name`) or, without one, in subject or text."""

    name: str
    text: str
    negated: bool = False


@dataclass(frozen=True)
class Search:
    """A query read. Times in epoch milliseconds: at or after `since_ms`, before `until_ms`."""

    since_ms: int | None = None
    until_ms: int | None = None
    anywhere: bool = False
    labels: frozenset[str] = frozenset()
    without_labels: frozenset[str] = frozenset()
    message_id: str | None = None
    words: tuple[Words, ...] = ()

    def matches(self, stored: Stored) -> bool:
        """Test all conditions but since_ms and message_id, which are looked up."""
        return (
            (self.until_ms is None or stored.date_ms < self.until_ms)
            and self.labels <= stored.labels
            and self.without_labels.isdisjoint(stored.labels)
            and all(_has(stored.resource, words) != words.negated for words in self.words)
        )


def parse(query: str) -> Search:
    """Read a query. An operator that is not known is searched as text, as Gmail does."""
    since, until, message_id, anywhere = None, None, None, False
    labels: dict[bool, set[str]] = {False: set(), True: set()}
    words: list[Words] = []
    for term in _TERM.finditer(query):
        name, negated = (term["name"] or "").lower(), bool(term["not"])
        value = term["quoted"] if term["quoted"] is not None else term["plain"]
        moment = _moment(value) if name in ("after", "before", "newer", "older") else None
        if moment is not None and name in ("after", "newer"):
            since = max(since or moment, moment)
        elif moment is not None:
            until = min(until or moment, moment)
        elif name == "rfc822msgid":
            message_id = value.strip("<>")
        elif name in ("in", "label", "is"):
            anywhere |= value.lower() in _ANYWHERE
            if value.lower() != "anywhere":
                labels[negated].add(value.upper())
        elif name in _HEADER_TERMS:
            words.append(Words("delivered-to" if name == "deliveredto" else name, value, negated))
        else:
            words.append(Words("", f"{name} {value}" if name else value, negated))
    return Search(since, until, anywhere, frozenset(labels[False]), frozenset(labels[True]), message_id, tuple(words))


def _moment(value: str) -> int | None:
    """Epoch seconds, or a day: midnight Pacific, whatever the user's zone. None if it is neither."""
    try:
        if value.isdigit() and len(value) != 8:
            return int(value) * 1000
        day = datetime.strptime(value.replace("-", "/"), "%Y/%m/%d").replace(tzinfo=_PACIFIC)
        return int(day.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _has(resource: Resource, words: Words) -> bool:
    wanted = f" {' '.join(_WORD.findall(words.text.casefold()))} "
    if words.name:
        return any(wanted in _folded(decoded(value)) for name, value in headers(resource) if name == words.name)
    if any(wanted in _folded(decoded(value)) for name, value in headers(resource) if name == "subject"):
        return True
    return wanted in _folded(text_of(resource.get("payload")))


def _folded(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def text_of(part: object, depth: int = 0) -> str:
    """The text of a message part and all below it, tags included; bodies that don't decode are left out."""
    if not isinstance(part, dict) or depth > 50:
        return ""
    found = []
    body = part.get("body")
    data = body.get("data") if isinstance(body, dict) else None
    if isinstance(data, str) and str(part.get("mimeType", "")).startswith("text/"):
        found.append(decoded_body(data).decode("utf-8", "replace"))
    below = part.get("parts")
    found.extend(text_of(child, depth + 1) for child in (below if isinstance(below, list) else ()))
    return "\n".join(found)


def decoded_body(data: str) -> bytes:
    """Base64url with or without padding; empty where it is neither."""
    try:
        return base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))
    except ValueError:
        return b""
