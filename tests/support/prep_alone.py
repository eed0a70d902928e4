"""`prep`'s work without the other services: its own database and Redis are real, the bus and the mailbox are plain values."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import asyncpg

from libs.common.cache import Cache
from libs.common.claude import Claude
from libs.common.config import Settings
from libs.common.db import Pool, open_pool
from libs.common.errors import not_found
from libs.common.events import Event, Meeting
from libs.common.google.api import Google
from libs.common.google.batch_get import FetchResult
from libs.common.google.errors import Gone
from libs.common.google.gmail import Gmail
from libs.common.ids import AccountId
from libs.common.preferences import GmailPreferences, Preferences
from libs.common.requests import (
    Account,
    Accounts,
    Attendee,
    Attendees,
    GetAttendees,
    GetMeeting,
    GetSettings,
    ListAccounts,
    UserPreferences,
)
from libs.common.resources.gmail import FetchItem, GmailMessage, MessageRef
from services.prep.context import Context
from tests.support.database import Database
from tests.support.meetings import account, known
from tests.support.plain_bus import PlainBus

SENT_ID = "gmail1"


async def _sends() -> str:
    return SENT_ID


@dataclass
class PlainMailbox:
    """A mailbox: `send` does what `send_once` does; Sent has what is in `sent`, or can't be looked at, with `finding`.

    `deleted`: what is listed and gone by the time that it is fetched. `looks`: what was listed and fetched.
    """

    send_once: Callable[[], Awaitable[str]] = _sends
    finding: Exception | None = None
    sent: list[GmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    looks: list[str] = field(default_factory=list)
    opened: list[AccountId] = field(default_factory=list)

    async def send(self, raw: bytes) -> str:
        self.raw.append(raw)
        return await self.send_once()

    async def list_sent_ids(self) -> tuple[MessageRef, ...]:
        self.looks.append("Sent")
        if self.finding is not None:
            raise self.finding
        return tuple(MessageRef(message.gmail_id or "", message.thread_id) for message in self.sent)

    async def batch_get(self, items: Sequence[FetchItem]) -> list[FetchResult]:
        self.looks += [item.id for item in items]
        by_id = {message.gmail_id: message for message in self.sent}
        return [Gone("deleted") if item.id in self.deleted else (by_id[item.id],) for item in items]


@dataclass(frozen=True)
class _Context(Context):
    mailbox: PlainMailbox

    def gmail(self, account_id: AccountId) -> Gmail:
        self.mailbox.opened.append(account_id)
        return cast(Gmail, self.mailbox)


@dataclass
class PrepAlone:
    """What the other services would answer, and what became of it. Change the fields, then call the work with `context`."""

    context: Context
    bus: PlainBus
    mailbox: PlainMailbox
    admin_url: str
    meetings: list[Meeting] = field(default_factory=list)
    accounts: tuple[Account, ...] = field(default_factory=lambda: (account(),))
    preferences: GmailPreferences = field(default_factory=GmailPreferences)
    attendees: list[Attendee] = field(default_factory=lambda: [known()])
    user_exists: bool = True

    def __post_init__(self) -> None:
        self.bus.answers = {
            GetSettings: self._settings,
            ListAccounts: lambda _: Accounts(items=self.accounts),
            GetMeeting: self._meeting,
            GetAttendees: self._attendees,
        }

    @property
    def db(self) -> Pool:
        return self.context.db

    def _settings(self, _: GetSettings) -> UserPreferences:
        if not self.user_exists:
            raise not_found("user")
        return UserPreferences(version=1, preferences=Preferences(gmail=self.preferences))

    def _meeting(self, query: GetMeeting) -> Meeting:
        for meeting in self.meetings:
            if (meeting.meeting_id, meeting.user_id) == (query.meeting_id, query.user_id):
                return meeting
        raise not_found("meeting")

    def _attendees(self, query: GetAttendees) -> Attendees:
        by_address = {attendee.address: attendee for attendee in self.attendees}
        return Attendees(items=tuple(by_address.get(address, Attendee(address=address)) for address in query.addresses))

    async def rows(self) -> list[asyncpg.Record]:
        """All briefs as they are stored, by start."""
        return list(await self.db.fetch("SELECT * FROM preps ORDER BY starts_at, created_at"))

    async def end_leases(self) -> None:
        """As when the holders of all leases died long ago."""
        await self.db.execute("UPDATE preps SET leased_until = now() - interval '2 minutes' WHERE state = 'sending'")

    async def waiting_events(self) -> int:
        """How many events are in the outbox."""
        count: int = await self.db.fetchval("SELECT count(*) FROM outbox")
        return count

    async def refuse_events(self) -> None:
        """From now on nothing can be added to the outbox."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute("ALTER TABLE prep.outbox ADD CONSTRAINT refused CHECK (false) NOT VALID")
        finally:
            await connection.close()

    def received(self, kind: type[Event]) -> list[Any]:
        return self.bus.received(kind)


@asynccontextmanager
async def prep_alone(database: Database, cache: Cache) -> AsyncIterator[PrepAlone]:
    """`cache`: prep's Redis, or one that is away."""
    settings = Settings(postgres_url=database.url_for("prep"), public_url="https://crm.example")
    bus, mailbox = PlainBus("prep"), PlainMailbox()
    pool = await open_pool(settings)
    try:
        google = cast(Google, None)  # the mailbox is all that is used of it
        context = _Context(settings, pool, cache, bus.as_bus(), google, Claude.from_settings(settings), mailbox)
        yield PrepAlone(context, bus, mailbox, database.admin_url)
    finally:
        await pool.close()
