"""Gmail v1: what we read and send, with its price in quota units. The shapes are in libs.common.resources."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from libs.common.config import Settings
from libs.common.google.batch_get import BatchGetter, FetchResult, Template
from libs.common.google.errors import Gone, HistoryExpired, PageExpired, Rejected
from libs.common.google.session import Session
from libs.common.resources.gmail import (
    FetchItem,
    GmailMessage,
    HistoryPage,
    MessagePage,
    MessageRef,
    Profile,
    Watch,
    read_changes,
    read_message,
    read_ref,
    read_watch,
)
from libs.common.resources.reading import Resource, integer, mappings, text
from libs.common.scopes import GMAIL_READ, GMAIL_SEND

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

    def __init__(self, session: Session, api: Any, batch_getter: BatchGetter, units: Mapping[str, int]) -> None:
        self._session = session
        self._batch_getter = batch_getter
        self._units = units
        self._users = api.users
        self._messages = api.users.messages
        self._threads = api.users.threads

    async def profile(self) -> Profile:
        response = await self._session.call(
            self._users.getProfile,
            GMAIL_READ,
            units=self._units["getProfile"],
            userId="me",
            fields="emailAddress,historyId,messagesTotal,threadsTotal",
        )
        return Profile(
            text(response.get("emailAddress")),
            integer(response.get("historyId")) or 0,
            integer(response.get("messagesTotal")) or 0,
            integer(response.get("threadsTotal")) or 0,
        )

    async def list_messages(self, query: str, page: str | None = None) -> MessagePage:
        """500 ids a page, newest first. PageExpired: begin again without the page token."""
        try:
            response = await self._session.call(
                self._messages.list,
                GMAIL_READ,
                units=self._units["messages.list"],
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
            tuple(ref for item in mappings(response.get("messages")) if (ref := read_ref(item)).gmail_id),
            text(response.get("nextPageToken")) or None,
        )

    async def batch_get(self, items: Sequence[FetchItem]) -> list[FetchResult]:
        """Many messages and threads in few requests; for each item, in order, its messages or why they can't be had.

        Gone, Rejected, NotReady are final for that item; Outage and Throttled mean that it could not be had now. What ends
        the account's work is raised: ReauthRequired, MissingScope, Forbidden, Unauthorized, AccountUnknown.
        """
        return await self._batch_getter.batch_get(self._session, items)

    async def get_message(self, gmail_id: str) -> GmailMessage:
        """Gone: deleted meanwhile."""
        (results,) = await self.batch_get([FetchItem(gmail_id, whole_thread=False)])
        if isinstance(results, Exception):
            raise results
        return results[0]

    async def get_thread(self, thread_id: str) -> tuple[GmailMessage, ...]:
        """All messages of a thread. Gone: none of them is left."""
        (results,) = await self.batch_get([FetchItem(thread_id, whole_thread=True)])
        if isinstance(results, Exception):
            raise results
        return results

    async def history(self, since: int, page: str | None = None) -> HistoryPage:
        """What happened after the history id `since`. HistoryExpired: too long ago for Gmail to know."""
        try:
            response = await self._session.call(
                self._users.history.list,
                GMAIL_READ,
                units=self._units["history.list"],
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
        changes = (change for record in mappings(response.get("history")) for change in read_changes(record))
        next_page = text(response.get("nextPageToken")) or None
        return HistoryPage(tuple(changes), next_page, integer(response.get("historyId")))

    async def send_as(self) -> tuple[str, ...]:
        """The addresses that this mailbox may send from: its own and its confirmed aliases."""
        response = await self._session.call(
            self._users.settings.sendAs.list,
            GMAIL_READ,
            units=self._units["settings.sendAs.list"],
            userId="me",
            fields="sendAs(sendAsEmail,isPrimary,verificationStatus)",
        )
        return tuple(
            address
            for item in mappings(response.get("sendAs"))
            if item.get("verificationStatus") in (None, "accepted", "verificationStatusUnspecified")
            and (address := text(item.get("sendAsEmail")))
        )

    async def watch(self, topic: str) -> Watch:
        """Have Gmail publish changes to this topic, for a week at most.

        WatchConflict: it publishes to another one; stop that first. Forbidden, Gone: it may not publish there, or there is no topic.
        """
        response = await self._session.call(
            self._users.watch, GMAIL_READ, units=self._units["watch"], json={"topicName": topic}, userId="me"
        )
        return read_watch(response)

    async def stop_watch(self) -> None:
        """End all notifications of this mailbox; no error where there were none."""
        await self._session.call(self._users.stop, GMAIL_READ, units=self._units["stop"], userId="me")

    async def send(self, raw: bytes) -> str:
        """Send an RFC 5322 message; its Gmail id. Outage: it may have been sent all the same; look before trying again."""
        response = await self._session.call(
            self._messages.send,
            GMAIL_SEND,
            units=self._units["messages.send"],
            json={"raw": base64.urlsafe_b64encode(raw).decode()},
            repeatable=False,
            userId="me",
            fields="id",
        )
        return text(response.get("id"))

    async def find_ids(self, query: str, limit: int) -> tuple[MessageRef, ...]:
        """The newest messages that a search finds, at most 500. `rfc822msgid:ID` finds a Message-ID."""
        response = await self._session.call(
            self._messages.list,
            GMAIL_READ,
            units=self._units["messages.list"],
            userId="me",
            q=query,
            maxResults=min(limit, PAGE_SIZE),
            fields="messages(id,threadId)",
        )
        return tuple(ref for item in mappings(response.get("messages")) if (ref := read_ref(item)).gmail_id)

    async def find(self, query: str, headers: Sequence[str], limit: int = 10) -> list[GmailMessage]:
        """The newest messages that a search finds, with these headers."""
        found = []
        for ref in await self.find_ids(query, limit):
            try:
                fetched = await self._session.call(
                    self._messages.get,
                    GMAIL_READ,
                    units=self._units["messages.get"],
                    userId="me",
                    id=ref.gmail_id,
                    format="metadata",
                    metadataHeaders=list(headers),
                    fields=_MESSAGE,
                )
            except Gone:
                continue  # deleted between listing and looking
            found.append(read_message(fetched))
        return found


def batch_getter(api: Any, settings: Settings) -> BatchGetter:
    """How this process looks at messages and threads."""
    units = settings.gmail_units
    shape = {"format": "metadata", "metadataHeaders": HEADERS}
    messages, threads = api.users.messages, api.users.threads
    return BatchGetter(
        Template.of(messages.get, units["messages.get"], _message_alone, **shape, fields=_MESSAGE),
        Template.of(threads.get, units["threads.get"], _messages_of_thread, **shape, fields=f"messages({_MESSAGE})"),
        settings.google_api_root.rstrip("/") or "https://gmail.googleapis.com",
        settings.google_batch_size,
    )


def _message_alone(resource: Resource) -> tuple[GmailMessage, ...]:
    return (read_message(resource),)


def _messages_of_thread(resource: Resource) -> tuple[GmailMessage, ...]:
    return tuple(read_message(item) for item in mappings(resource.get("messages")))
