"""Gmail's resources: messages, listings, history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from libs.common.resources.reading import Resource, instant, integer, mapping, mappings, storable, text, texts

_CHANGES = {
    "messagesAdded": "added",
    "messagesDeleted": "deleted",
    "labelsAdded": "labelled",
    "labelsRemoved": "unlabelled",
}

ChangeKind = Literal["added", "deleted", "labelled", "unlabelled"]


@dataclass(frozen=True, slots=True)
class Profile:
    """Whose mailbox it is, where its history stands, and how many messages and threads it holds, spam and trash included."""

    address: str
    history_id: int
    messages: int
    threads: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Until when Gmail publishes changes, and where the mailbox's history stood when it began."""

    history_id: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A listed message."""

    gmail_id: str
    thread_id: str


@dataclass(frozen=True, slots=True)
class FetchItem:
    """A message, or a whole thread, that is to be looked at."""

    id: str
    whole_thread: bool


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One page of a listing; no `next_page` on the last one."""

    messages: tuple[MessageRef, ...]
    next_page: str | None


@dataclass(frozen=True, slots=True)
class GmailMessage:
    """A message with its headers. None: Google's value is missing or of the wrong type.

    `sent_ms` is internalDate in milliseconds; `headers` have lower-case names and all their values in order; `snippet` is
    still HTML-escaped.
    """

    gmail_id: str | None
    thread_id: str
    history_id: int | None
    labels: frozenset[str]
    sent_ms: int | None
    mime_type: str
    headers: Mapping[str, tuple[str, ...]] | None
    snippet: str


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to one message. `labels`: those added or removed, or, for an added message, those it has."""

    history_id: int
    kind: ChangeKind
    gmail_id: str
    thread_id: str
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Changes, oldest first; `history_id` is where to go on from, once there is no `next_page`."""

    changes: tuple[Change, ...]
    next_page: str | None
    history_id: int | None


def read_message(resource: Resource) -> GmailMessage:
    """A message resource; what can't be read is None or empty. Never raises."""
    payload = resource.get("payload")
    own_id = resource.get("id")
    gmail_id = text(own_id) if isinstance(own_id, str) and own_id else None
    return GmailMessage(
        gmail_id=gmail_id,
        thread_id=text(resource.get("threadId")) or gmail_id or "",
        history_id=integer(resource.get("historyId")),
        labels=frozenset(texts(resource.get("labelIds"))),
        sent_ms=integer(resource.get("internalDate")),
        mime_type=text(mapping(payload).get("mimeType")).lower(),
        headers=_headers(payload) if isinstance(payload, dict) else None,
        snippet=text(resource.get("snippet")),
    )


def _headers(payload: Resource) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for header in mappings(payload.get("headers")):
        name, value = header.get("name"), header.get("value")
        if isinstance(name, str) and isinstance(value, str):
            found.setdefault(name.strip().lower(), []).append(storable(value))
    return {name: tuple(values) for name, values in found.items()}


def read_watch(response: Resource) -> Watch:
    """The response to `users.watch`; without a usable end it counts as over already, and is soon asked for again."""
    return Watch(integer(response.get("historyId")) or 0, instant(response.get("expiration")))


def read_ref(item: Resource) -> MessageRef:
    gmail_id = text(item.get("id"))
    return MessageRef(gmail_id, text(item.get("threadId")) or gmail_id)


def read_changes(record: Resource) -> list[Change]:
    """The changes of one history record that name their message."""
    history_id = integer(record.get("id")) or 0
    found = []
    for name, kind in _CHANGES.items():
        for item in mappings(record.get(name)):
            message = mapping(item.get("message"))
            ref = read_ref(message)
            labels = frozenset(texts(message.get("labelIds") if kind == "added" else item.get("labelIds")))
            if ref.gmail_id:
                found.append(Change(history_id, kind, ref.gmail_id, ref.thread_id, labels))  # type: ignore[arg-type]
    return found
