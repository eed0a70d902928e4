"""Everything of a user as one zip archive, written page by page to a temporary file: memory holds one page at a time."""

import asyncio
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import IO, Any, Literal

import orjson

from libs.common.ids import UserId
from libs.common.requests import ExportContacts, GetSettings, ListAccounts, ListMeetings
from services.gateway.context import Context
from services.gateway.store.notifications import list_notifications

PAGE = 500
MEETING_PAGE = 100
REQUEST_SECONDS = 30.0
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2200, 1, 1, tzinfo=UTC)

Pages = AsyncIterator[Iterable[Any]]


@asynccontextmanager
async def open_export(context: Context, user_id: UserId) -> AsyncIterator[IO[bytes]]:
    """The finished archive as an unnamed file, which is gone when the context ends. Outage: a part of it could not be read."""
    with tempfile.TemporaryFile(prefix="pingcrm-export-") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
            accounts = await context.bus.request(ListAccounts(user_id=user_id))
            settings = await context.bus.request(GetSettings(user_id=user_id))
            target.writestr("accounts.json", accounts.model_dump_json(indent=2))
            target.writestr("settings.json", settings.preferences.model_dump_json(indent=2))
            await _write_lines(target, "contacts.jsonl", _fetch_contacts(context, user_id, "contacts"))
            await _write_lines(target, "interactions.jsonl", _fetch_contacts(context, user_id, "interactions"))
            await _write_lines(target, "meetings.jsonl", _fetch_meetings(context, user_id))
            await _write_lines(target, "notifications.jsonl", _fetch_notifications(context, user_id))
        yield file


async def _write_lines(target: zipfile.ZipFile, name: str, pages: Pages) -> None:
    """One JSON object a line. Compression is done off the event loop."""
    with target.open(name, "w", force_zip64=True) as lines:
        async for page in pages:
            data = b"".join(orjson.dumps(item, default=str) + b"\n" for item in page)
            await asyncio.to_thread(lines.write, data)


async def _fetch_contacts(context: Context, user_id: UserId, what: Literal["contacts", "interactions"]) -> Pages:
    cursor = None
    while True:
        query = ExportContacts(user_id=user_id, what=what, cursor=cursor, limit=PAGE)
        page = await context.bus.request(query, seconds=REQUEST_SECONDS)
        yield page.items
        if not (cursor := page.next_cursor):
            return


async def _fetch_meetings(context: Context, user_id: UserId) -> Pages:
    cursor = None
    while True:
        query = ListMeetings(user_id=user_id, start=BEGINNING, end=END, cursor=cursor, limit=MEETING_PAGE)
        page = await context.bus.request(query, seconds=REQUEST_SECONDS)
        yield [meeting.model_dump(mode="json", exclude={"user_id"}) for meeting in page.items]
        if not (cursor := page.next_cursor):
            return


async def _fetch_notifications(context: Context, user_id: UserId) -> Pages:
    before = None
    while page := await list_notifications(context.db, user_id, before=before, limit=PAGE):
        yield [notification.model_dump(mode="json") for notification in page]
        before = page[-1].id
