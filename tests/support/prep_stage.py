"""The world around `prep` in integration tests: a local Google, and the other services responding from plain values on the real bus."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

import asyncpg
from pydantic import SecretStr

from libs.common.bus import Bus
from libs.common.cache import open_cache
from libs.common.config import Settings
from libs.common.errors import Refused, not_found
from libs.common.events import (
    AccountDisconnected,
    Event,
    Meeting,
    MeetingUpcoming,
    PrepFailed,
    PrepSent,
    PrepSkipped,
    UserDeleted,
)
from libs.common.ids import Service
from libs.common.preferences import GmailPreferences, Preferences
from libs.common.requests import (
    TOKEN_SCOPES,
    Account,
    Accounts,
    Attendee,
    Attendees,
    Authenticated,
    GetAttendees,
    GetMeeting,
    GetSettings,
    GetToken,
    ListAccounts,
    ListMeetings,
    Meetings,
    Request,
    Token,
    UserPreferences,
    WhoIs,
)  # fmt: skip
from libs.common.service import Resources, running
from libs.google_sim.account import AccountData
from libs.google_sim.faults import Rule
from libs.google_sim.server import GoogleServer, run_google
from services.prep.__main__ import wire
from tests.support.fake_claude import FakeClaude
from tests.support.meetings import ACCOUNT_ID, ME, USER_ID, account, known, meeting

SettingsOf = Callable[[Service], Settings]


def upcoming(minutes: float = 35, **fields: Any) -> Meeting:
    """A meeting so many minutes from the real now."""
    return meeting(starts_at=datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=minutes), **fields)


@dataclass
class Stage:
    """What the others respond, and what prep published and sent. Change the fields, then `publish_upcoming`."""

    settings_of: SettingsOf
    google: GoogleServer
    claude: FakeClaude
    postgres_url: str
    meetings: list[Meeting] = field(default_factory=list)
    account: Account = field(default_factory=account)
    preferences: GmailPreferences = field(default_factory=GmailPreferences)
    attendees: list[Attendee] = field(default_factory=lambda: [known()])
    published: list[Event] = field(default_factory=list)
    user_exists: bool = True
    settings_requests: int = 0
    buses: dict[str, Bus] = field(default_factory=dict)

    # -- what the others respond -------------------------------------------------------------------------------------------

    async def get_settings(self, _: GetSettings) -> UserPreferences:
        self.settings_requests += 1
        if not self.user_exists:
            raise not_found("user")
        return UserPreferences(version=1, preferences=Preferences(gmail=self.preferences))

    async def who_is(self, _: WhoIs) -> Authenticated:
        """Whoever sends a token is the user."""
        return Authenticated(
            scopes=frozenset(TOKEN_SCOPES), id=USER_ID, name="Sam Rivera", address=ME, created_at=datetime.now(UTC)
        )

    async def list_accounts(self, _: ListAccounts) -> Accounts:
        return Accounts(items=(self.account,))

    async def get_token(self, query: GetToken) -> Token:
        if query.scope not in self.account.scopes:
            raise Refused(403, "missing_scope", "Not granted.")
        if self.account.status == "reauth_required":
            raise Refused(409, "reauth_required", "Sign in again.")
        granted = tuple(self.account.scopes)
        return Token(
            access_token=self.google.world.authority.issue_access(ME, "", granted),
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            scopes=self.account.scopes,
            address=ME,
            user_id=USER_ID,
        )

    async def get_meeting(self, query: GetMeeting) -> Meeting:
        for known_meeting in self.meetings:
            if (known_meeting.meeting_id, known_meeting.user_id) == (query.meeting_id, query.user_id):
                return known_meeting
        raise not_found("meeting")

    async def list_meetings(self, query: ListMeetings) -> Meetings:
        within = [found for found in self.meetings if query.start <= found.starts_at < query.end]
        return Meetings(items=tuple(within))

    async def get_attendees(self, query: GetAttendees) -> Attendees:
        by_address = {attendee.address: attendee for attendee in self.attendees}
        return Attendees(items=tuple(by_address.get(address, Attendee(address=address)) for address in query.addresses))

    async def record(self, event: Event) -> None:
        self.published.append(event)

    # -- what a test does ------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def prep(self, *, key: bool = False) -> AsyncIterator[Resources]:
        """One instance of the service; with a key it calls the fake Claude."""
        settings = self.settings_of("prep").model_copy(
            update={
                "google_api_root": self.google.url,
                "gmail_units_per_minute": 0,
                "gmail_project_units_per_minute": 0,
                "anthropic_api_key": SecretStr("sk-test" if key else ""),
                "anthropic_base_url": self.claude.url,
                "public_url": "https://crm.example",
                "google_timeout_seconds": 5.0,
            }
        )
        async with running("prep", settings, wire) as resources:
            yield resources

    async def publish_upcoming(
        self, upcoming: Meeting, *, current: Meeting | Literal["as published", "cancelled"] = "as published"
    ) -> None:
        """`sync` publishes that the meeting is upcoming, and responds with `current` to the request for it."""
        self.meetings = [] if current == "cancelled" else [upcoming if current == "as published" else current]
        await self.buses["sync"].publish(MeetingUpcoming(meeting=upcoming))

    async def disconnect(self, *, purge: bool) -> None:
        await self.buses["auth"].publish(
            AccountDisconnected(user_id=USER_ID, account_id=ACCOUNT_ID, purge=purge, at=datetime.now(UTC))
        )

    async def delete_user(self) -> None:
        await self.buses["auth"].publish(UserDeleted(user_id=USER_ID, account_ids=(ACCOUNT_ID,)))

    async def request(self, request: Request[Any]) -> Any:
        """As the gateway requests it."""
        return await self.buses["gateway"].request(request, seconds=60)

    def fault(self, match: str, kind: str, **fields: Any) -> None:
        self.google.world.faults.set([Rule(match, cast(Any, kind), **fields)], seed=1)

    @property
    def mails(self) -> list[Any]:
        """What has left the account."""
        return list(self.google.world.outbox.mails)

    async def rows(self) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.postgres_url)
        try:
            return list(await connection.fetch("SELECT * FROM prep.preps ORDER BY starts_at, created_at"))
        finally:
            await connection.close()

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.postgres_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def settled(self, count: int = 1, seconds: float = 30) -> list[asyncpg.Record]:
        """The rows, once so many are no longer being sent."""
        async with asyncio.timeout(seconds):
            while True:
                rows = [row for row in await self.rows() if row["state"] != "sending"]
                if len(rows) >= count:
                    return rows
                await asyncio.sleep(0.05)

    async def received(self, kind: type[Event], count: int = 1, seconds: float = 10) -> list[Any]:
        """What the gateway consumed of this kind, once it is so much."""
        async with asyncio.timeout(seconds):
            while len(found := [event for event in self.published if isinstance(event, kind)]) < count:
                await asyncio.sleep(0.02)
        return found


@asynccontextmanager
async def set_stage(settings_of: SettingsOf, postgres_url: str, claude: FakeClaude) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(
            run_google([AccountData(address=ME, name="Sam Rivera", sub="1" * 21)], seed=1, search_delay_seconds=60)
        )
        stage = Stage(settings_of, google, claude, postgres_url)
        others: tuple[Service, ...] = ("auth", "sync", "contacts", "gateway")
        for service in others:
            settings = settings_of(service)
            cache = open_cache(settings, service)
            stack.push_async_callback(cache.close)
            stage.buses[service] = Bus(settings, service, cache)
        stage.buses["auth"].respond(GetSettings, stage.get_settings)
        stage.buses["auth"].respond(ListAccounts, stage.list_accounts)
        stage.buses["auth"].respond(GetToken, stage.get_token)
        stage.buses["auth"].respond(WhoIs, stage.who_is)
        stage.buses["sync"].respond(GetMeeting, stage.get_meeting)
        stage.buses["sync"].respond(ListMeetings, stage.list_meetings)
        stage.buses["contacts"].respond(GetAttendees, stage.get_attendees)
        for event in (PrepSent, PrepFailed):
            stage.buses["gateway"].subscribe(event, stage.record)
        stage.buses["gateway"].subscribe_broadcast(PrepSkipped, stage.record)
        for bus in stage.buses.values():
            await stack.enter_async_context(bus)
        yield stage
