"""Everything of a user as one zip archive, streamed: what is in memory is a page of each list, and what of it is not sent yet."""

import asyncio
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel

from libs.common.errors import Outage
from libs.common.fault_points import reached
from libs.common.ids import UserId
from libs.common.requests import ExportContacts, GetSettings, ListAccounts, ListMeetings, Query
from services.gateway.context import Context
from services.gateway.store.notifications import list_notifications

R = TypeVar("R", bound=BaseModel)

PAGE = 500
MEETING_PAGE = 100
REQUEST_SECONDS = 30.0
RETRY_PAUSES_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0)  # a service that is restarted meanwhile costs nobody an archive
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2200, 1, 1, tzinfo=UTC)

Page = Sequence[Any]


@dataclass(frozen=True)
class _Part:
    """One file of the archive, a JSON object a line: its first page (None: there is none), and those that follow."""

    name: str
    first: Page | None
    rest: AsyncIterator[Page]

    @classmethod
    async def of(cls, name: str, pages: AsyncIterator[Page]) -> "_Part":
        return cls(name, await anext(pages, None), pages)


class _Unsent:
    """The file that zipfile writes to. Nobody can go back in it: what was written is taken away and sent."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it to flush to."""

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


async def begin_export(context: Context, user_id: UserId) -> AsyncGenerator[bytes]:
    """The archive, piece by piece. Outage: a part of it can't be read, before a byte of it is there.

    Raises Outage in the middle where a part stays away: then what was sent is no archive, and whoever sends it must not end it as one.
    """
    bus = context.bus
    accounts = await bus.request(ListAccounts(user_id=user_id))
    settings = await bus.request(GetSettings(user_id=user_id))
    documents = {
        "accounts.json": accounts.model_dump_json(indent=2),
        "settings.json": settings.preferences.model_dump_json(indent=2),
    }
    parts = [
        await _Part.of("contacts.jsonl", _fetch_contacts(context, user_id, "contacts")),
        await _Part.of("interactions.jsonl", _fetch_contacts(context, user_id, "interactions")),
        await _Part.of("meetings.jsonl", _fetch_meetings(context, user_id)),
        await _Part.of("notifications.jsonl", _fetch_notifications(context, user_id)),
    ]
    return _archive(documents, parts)


async def _archive(documents: dict[str, str], parts: Sequence[_Part]) -> AsyncGenerator[bytes]:
    """Compressed off the event loop, page by page."""
    unsent = _Unsent()
    with zipfile.ZipFile(unsent, "w", zipfile.ZIP_DEFLATED) as target:  # type: ignore[call-overload]
        for name, text in documents.items():
            target.writestr(name, text)
        yield unsent.take()
        for part in parts:
            with target.open(part.name, "w", force_zip64=True) as lines:
                page = part.first
                while page is not None:
                    await asyncio.to_thread(_write_lines, lines, page)
                    if data := unsent.take():
                        yield data
                    await reached("gateway.export.page")
                    page = await anext(part.rest, None)
    yield unsent.take()


def _write_lines(to: IO[bytes], page: Page) -> None:
    to.write(b"".join(orjson.dumps(item, default=str) + b"\n" for item in page))


async def _fetch_contacts(
    context: Context, user_id: UserId, what: Literal["contacts", "interactions"]
) -> AsyncIterator[Page]:
    cursor = None
    while True:
        query = ExportContacts(user_id=user_id, what=what, cursor=cursor, limit=PAGE)
        page = await _request(context, query, patient=cursor is not None)
        yield page.items
        if not (cursor := page.next_cursor):
            return


async def _fetch_meetings(context: Context, user_id: UserId) -> AsyncIterator[Page]:
    cursor = None
    while True:
        query = ListMeetings(user_id=user_id, start=BEGINNING, end=END, cursor=cursor, limit=MEETING_PAGE)
        page = await _request(context, query, patient=cursor is not None)
        yield [meeting.model_dump(mode="json", exclude={"user_id"}) for meeting in page.items]
        if not (cursor := page.next_cursor):
            return


async def _fetch_notifications(context: Context, user_id: UserId) -> AsyncIterator[Page]:
    before = None
    while page := await list_notifications(context.db, user_id, before=before, limit=PAGE):
        yield [notification.model_dump(mode="json") for notification in page]
        before = page[-1].id


async def _request(context: Context, query: Query[R], *, patient: bool) -> R:
    """A page. `patient`: there is something to lose, so a service that is away is waited for. Outage: for longer than that."""
    for pause_seconds in RETRY_PAUSES_SECONDS if patient else ():
        try:
            return await context.bus.request(query, seconds=REQUEST_SECONDS)
        except Outage:
            await asyncio.sleep(pause_seconds)
    return await context.bus.request(query, seconds=REQUEST_SECONDS)
