"""Gmail v1: what we read and send, with its price in quota units. Shapes are read once, here; nothing in them is trusted."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from libs.common.google.errors import Gone, HistoryExpired, PageExpired, Rejected
from libs.common.google.reading import Resource, integer, mapping, mappings, text, texts
from libs.common.google.session import Session
from libs.common.scopes import GMAIL_READ, GMAIL_SEND

PROFILE_UNITS = 1
LIST_UNITS = 5
MESSAGE_UNITS = 20
THREAD_UNITS = 40
HISTORY_UNITS = 2
SEND_UNITS = 100
SEND_AS_UNITS = 1
PAGE_SIZE = 500

# Everything that docs/rules.md looks at, and nothing more.
HEADERS = (
    "From", "Sender", "To", "Cc", "Bcc", "Reply-To", "Delivered-To", "X-Gm-Original-To", "Subject", "Date", "Message-ID",
    "Auto-Submitted", "Precedence", "List-Id", "List-Unsubscribe", "Return-Path", "X-Original-From", "X-Original-Sender",
    "Authentication-Results", "X-PingCRM-Prep", "Content-Type",
)  # fmt: skip
_MESSAGE = "id,threadId,historyId,labelIds,internalDate,snippet,payload(mimeType,headers)"
_STUB = "message(id,threadId,labelIds)"
_HISTORY = (
    f"history(id,messagesAdded({_STUB}),messagesDeleted({_STUB}),labelsAdded({_STUB},labelIds),"
    f"labelsRemoved({_STUB},labelIds)),historyId,nextPageToken"
)
_CHANGES = {
    "messagesAdded": "added",
    "messagesDeleted": "deleted",
    "labelsAdded": "labelled",
    "labelsRemoved": "unlabelled",
}

ChangeKind = Literal["added", "deleted", "labelled", "unlabelled"]


@dataclass(frozen=True, slots=True)
class Profile:
    """Whose mailbox it is, and where its history stands."""

    address: str
    history_id: int


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A listed message."""

    gmail_id: str
    thread_id: str


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


class Gmail:
    """One mailbox."""

    def __init__(self, session: Session, api: Any) -> None:
        self._session = session
        self._users = api.users
        self._messages = api.users.messages
        self._threads = api.users.threads

    async def profile(self) -> Profile:
        answer = await self._session.call(
            self._users.getProfile, GMAIL_READ, units=PROFILE_UNITS, userId="me", fields="emailAddress,historyId"
        )
        return Profile(text(answer.get("emailAddress")), integer(answer.get("historyId")) or 0)

    async def list_messages(self, query: str, page: str | None = None) -> MessagePage:
        """500 ids a page, newest first. PageExpired: begin again without the page token."""
        try:
            answer = await self._session.call(
                self._messages.list,
                GMAIL_READ,
                units=LIST_UNITS,
                userId="me",
                q=query or None,
                maxResults=PAGE_SIZE,
                pageToken=page,
                fields="messages(id,threadId),nextPageToken",
            )
        except Rejected as error:
            if page is None:
                raise
            raise PageExpired("Gmail does not know the page any more.") from error
        return MessagePage(
            tuple(ref for item in mappings(answer.get("messages")) if (ref := _ref(item)).gmail_id),
            text(answer.get("nextPageToken")) or None,
        )

    async def get_message(self, gmail_id: str) -> GmailMessage:
        """Gone: deleted meanwhile."""
        answer = await self._session.call(
            self._messages.get,
            GMAIL_READ,
            units=MESSAGE_UNITS,
            userId="me",
            id=gmail_id,
            format="metadata",
            metadataHeaders=HEADERS,
            fields=_MESSAGE,
        )
        return read_message(answer)

    async def get_thread(self, thread_id: str) -> tuple[GmailMessage, ...]:
        """All messages of a thread. Gone: none of them is left."""
        answer = await self._session.call(
            self._threads.get,
            GMAIL_READ,
            units=THREAD_UNITS,
            userId="me",
            id=thread_id,
            format="metadata",
            metadataHeaders=HEADERS,
            fields=f"messages({_MESSAGE})",
        )
        return tuple(read_message(item) for item in mappings(answer.get("messages")))

    async def history(self, since: int, page: str | None = None) -> HistoryPage:
        """What happened after the history id `since`. HistoryExpired: too long ago to tell."""
        try:
            answer = await self._session.call(
                self._users.history.list,
                GMAIL_READ,
                units=HISTORY_UNITS,
                userId="me",
                startHistoryId=str(since),
                historyTypes=["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"],
                maxResults=PAGE_SIZE,
                pageToken=page,
                fields=_HISTORY,
            )
        except Gone as error:
            raise HistoryExpired("The history of this mailbox does not reach back that far.") from error
        except Rejected as error:
            if page is None:
                raise
            raise PageExpired("Gmail does not know the page any more.") from error
        changes = (change for record in mappings(answer.get("history")) for change in _changes(record))
        next_page = text(answer.get("nextPageToken")) or None
        return HistoryPage(tuple(changes), next_page, integer(answer.get("historyId")))

    async def send_as(self) -> tuple[str, ...]:
        """The addresses that this mailbox may send from: its own and its confirmed aliases."""
        answer = await self._session.call(
            self._users.settings.sendAs.list,
            GMAIL_READ,
            units=SEND_AS_UNITS,
            userId="me",
            fields="sendAs(sendAsEmail,isPrimary,verificationStatus)",
        )
        return tuple(
            address
            for item in mappings(answer.get("sendAs"))
            if item.get("verificationStatus") in (None, "accepted", "verificationStatusUnspecified")
            and (address := text(item.get("sendAsEmail")))
        )

    async def send(self, raw: bytes) -> str:
        """Send an RFC 5322 message; its Gmail id. Outage: it may have been sent all the same; look before trying again."""
        answer = await self._session.call(
            self._messages.send,
            GMAIL_SEND,
            units=SEND_UNITS,
            json={"raw": base64.urlsafe_b64encode(raw).decode()},
            repeatable=False,
            userId="me",
            fields="id",
        )
        return text(answer.get("id"))

    async def find(self, query: str, headers: Sequence[str], limit: int = 10) -> list[GmailMessage]:
        """The newest messages that a search finds, with these headers."""
        answer = await self._session.call(
            self._messages.list,
            GMAIL_READ,
            units=LIST_UNITS,
            userId="me",
            q=query,
            maxResults=limit,
            fields="messages(id,threadId)",
        )
        found = []
        for item in mappings(answer.get("messages")):
            try:
                one = await self._session.call(
                    self._messages.get,
                    GMAIL_READ,
                    units=MESSAGE_UNITS,
                    userId="me",
                    id=text(item.get("id")),
                    format="metadata",
                    metadataHeaders=list(headers),
                    fields=_MESSAGE,
                )
            except Gone:
                continue  # deleted between listing and looking
            found.append(read_message(one))
        return found


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
            found.setdefault(name.strip().lower(), []).append(text(value))
    return {name: tuple(values) for name, values in found.items()}


def _ref(item: Resource) -> MessageRef:
    gmail_id = text(item.get("id"))
    return MessageRef(gmail_id, text(item.get("threadId")) or gmail_id)


def _changes(record: Resource) -> list[Change]:
    """The changes of one history record that name their message."""
    history_id = integer(record.get("id")) or 0
    found = []
    for name, kind in _CHANGES.items():
        for item in mappings(record.get(name)):
            message = mapping(item.get("message"))
            ref = _ref(message)
            labels = frozenset(texts(message.get("labelIds") if kind == "added" else item.get("labelIds")))
            if ref.gmail_id:
                found.append(Change(history_id, kind, ref.gmail_id, ref.thread_id, labels))  # type: ignore[arg-type]
    return found
