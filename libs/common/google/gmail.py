"""Gmail v1: what we read and send, with its price in quota units. The shapes are in libs.common.resources."""

import base64
from collections.abc import Sequence
from typing import Any

from libs.common.google.errors import Gone, HistoryExpired, PageExpired, Rejected
from libs.common.google.session import Session
from libs.common.resources.gmail import (
    MESSAGE_UNITS,
    THREAD_UNITS,
    GmailMessage,
    HistoryPage,
    MessagePage,
    Profile,
    read_changes,
    read_message,
    read_ref,
)
from libs.common.resources.reading import integer, mappings, text
from libs.common.scopes import GMAIL_READ, GMAIL_SEND

PROFILE_UNITS = 1
LIST_UNITS = 5
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
            tuple(ref for item in mappings(answer.get("messages")) if (ref := read_ref(item)).gmail_id),
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
        changes = (change for record in mappings(answer.get("history")) for change in read_changes(record))
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
