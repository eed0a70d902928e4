"""Everything of a user as one zip archive, streamed: what is in memory is a page of each list, and what of it is not sent yet."""

import asyncio
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import IO, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel

from libs.common.errors import Outage
from libs.common.fault_points import reached
from libs.common.ids import UserId
from libs.common.requests import Counts, ExportContacts, GetSettings, ListAccounts, ListMeetings, Query
from services.gateway.context import Context
from services.gateway.domain import export_formats as formats
from services.gateway.store.notifications import list_notifications

R = TypeVar("R", bound=BaseModel)

PAGE = 500
MEETING_PAGE = 100
REQUEST_SECONDS = 30.0
RETRY_PAUSES_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0)  # a service that is restarted meanwhile costs nobody an archive
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2200, 1, 1, tzinfo=UTC)

Page = Sequence[Any]


def _json_lines(page: Page) -> bytes:
    return b"".join(orjson.dumps(item, default=str) + b"\n" for item in page)


@dataclass(frozen=True)
class _Format:
    """How a file of the archive is written: its pages one after another, between what stands at its beginning and at its end."""

    page: Callable[[Page], bytes] = _json_lines
    head: str = ""
    tail: str = ""


def _written_as(write: formats.TextFormat, head: str = "", tail: str = "") -> _Format:
    return _Format(lambda page: write(page).encode(), head, tail)


_JSON = _Format()
_CONTACTS_CSV = _written_as(formats.contact_rows, formats.csv_head(formats.CONTACT_COLUMNS))
_INTERACTIONS_CSV = _written_as(formats.interaction_rows, formats.csv_head(formats.INTERACTION_COLUMNS))
_VCARDS = _written_as(formats.vcards)
_CALENDAR = _written_as(formats.calendar_events, formats.CALENDAR_BEGIN, formats.CALENDAR_END)


@dataclass(frozen=True)
class _Part:
    """One file of the archive: its first page (None: there is none), and those that follow. Each file is read anew, so that none is held.

    `counted`: its items count towards the progress.
    """

    name: str
    written: _Format
    first: Page | None
    rest: AsyncIterator[Page]
    counted: bool

    @classmethod
    async def of(
        cls, name: str, pages: AsyncIterator[Page], written: _Format = _JSON, *, counted: bool = False
    ) -> "_Part":
        return cls(name, written, await anext(pages, None), pages, counted)


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


async def begin_export(
    context: Context, user_id: UserId, count: Callable[[int], None] = lambda _: None
) -> AsyncGenerator[bytes]:
    """The archive, piece by piece; `count` is given how many more contacts and interactions were written (`items_to_count` in all).

    Outage: a part of it can't be read, before a byte of it is there.

    Raises Outage in the middle where a part stays away: then what was sent is no archive, and whoever sends it must not end it as one.
    """
    bus = context.bus
    accounts = await bus.request(ListAccounts(user_id=user_id))
    settings = await bus.request(GetSettings(user_id=user_id))
    addresses = ", ".join(account.address for account in accounts.items)
    documents = {
        "README.txt": formats.readme(datetime.now(UTC), addresses),
        "accounts.json": accounts.model_dump_json(indent=2),
        "settings.json": settings.preferences.model_dump_json(indent=2),
    }
    contacts = partial(_fetch_contacts, context, user_id, "contacts")
    interactions = partial(_fetch_contacts, context, user_id, "interactions")
    parts = [
        await _Part.of("contacts.jsonl", contacts(), counted=True),
        await _Part.of("interactions.jsonl", interactions(), counted=True),
        await _Part.of("meetings.jsonl", _fetch_meetings(context, user_id)),
        await _Part.of("notifications.jsonl", _fetch_notifications(context, user_id)),
        await _Part.of("contacts.csv", contacts(), _CONTACTS_CSV, counted=True),
        await _Part.of("contacts.vcf", contacts(), _VCARDS, counted=True),
        await _Part.of("interactions.csv", interactions(), _INTERACTIONS_CSV, counted=True),
        await _Part.of("meetings.ics", _fetch_meetings(context, user_id), _CALENDAR),
    ]
    return _archive(documents, parts, count)


def items_to_count(counts: Counts) -> int:
    """How many items an archive has in the files that are counted."""
    return 3 * counts.contacts + 2 * (counts.messages + counts.meetings + counts.other)


async def _archive(
    documents: dict[str, str], parts: Sequence[_Part], count: Callable[[int], None]
) -> AsyncGenerator[bytes]:
    """Compressed off the event loop, page by page."""
    unsent = _Unsent()
    with zipfile.ZipFile(unsent, "w", zipfile.ZIP_DEFLATED) as target:  # type: ignore[call-overload]
        for name, text in documents.items():
            target.writestr(name, text)
        yield unsent.take()
        for part in parts:
            with target.open(part.name, "w", force_zip64=True) as lines:
                lines.write(part.written.head.encode())
                page = part.first
                while page is not None:
                    await asyncio.to_thread(_write_page, lines, part.written, page)
                    count(len(page) if part.counted else 0)
                    if data := unsent.take():
                        yield data
                    await reached("gateway.export.page")
                    page = await anext(part.rest, None)
                lines.write(part.written.tail.encode())
    yield unsent.take()


def _write_page(to: IO[bytes], written: _Format, page: Page) -> None:
    to.write(written.page(page))


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
