"""`sync` between a local Google and a plain `auth`, with everything received that it publishes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import asyncpg
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import BaseModel

from libs.common import scopes
from libs.common.bus import Bus
from libs.common.cache import open_cache
from libs.common.config import Settings
from libs.common.errors import Refused
from libs.common.events import (
    EVENTS,
    AccountConnected,
    Event,
    Kind,
    MessageIngested,
    MessageRemoved,
    SettingsChanged,
    SyncCompleted,
    SyncFailed,
    SyncRequested,
)
from libs.common.ids import AccountId, Service, UserId, new_id
from libs.common.preferences import Preferences
from libs.common.requests import (
    AccountState,
    AccountStates,
    GetSettings,
    GetToken,
    ListAccountStates,
    Request,
    Token,
    UserPreferences,
)
from libs.common.service import opened, running
from libs.common.topology import CONSUMERS
from libs.google_sim.account import AccountData, CalendarData
from libs.google_sim.hosted_account import Account
from libs.google_sim.server import GoogleServer, run_google
from services.sync.__main__ import wire
from services.sync.context import Context
from services.sync.runs.queue import RunQueue

F = TypeVar("F", bound=Event)
R = TypeVar("R", bound=BaseModel)

ADDRESS = "maya@example.com"


def message(number: int, *, age: timedelta = timedelta(0), thread: int | None = None, **changes: Any) -> dict[str, Any]:
    """A Gmail resource: mail `number` from one of many people to Maya."""
    sent = datetime.now(UTC) - timedelta(hours=1) - age
    headers = [
        {"name": "From", "value": f"Person {number} <person{number}@example.org>"},
        {"name": "To", "value": f"Maya <{ADDRESS}>"},
        {"name": "Subject", "value": f"Subject {number}"},
        {"name": "Message-ID", "value": f"<{number}@example.org>"},
    ]
    return {
        "id": f"{number:016x}",
        "threadId": f"{number if thread is None else thread:016x}",
        "labelIds": ["INBOX"],
        "snippet": f"Text {number}",
        "historyId": str(1000 + number),
        "internalDate": str(int(sent.timestamp() * 1000)),
        "payload": {"mimeType": "text/plain", "headers": headers},
        **changes,
    }


def maya(messages: Sequence[dict[str, Any]] = (), **fields: Any) -> AccountData:
    """An account with these messages."""
    fields = {"calendars": [CalendarData(ADDRESS, "Maya", "Europe/Stockholm", primary=True)], **fields}
    return AccountData(ADDRESS, "Maya", "100000000000000000001", messages=list(messages), **fields)


def event(event_id: str, start: datetime, **changes: Any) -> dict[str, Any]:
    """A Calendar resource of one hour with one guest."""
    return {
        "id": event_id,
        "status": "confirmed",
        "eventType": "default",
        "iCalUID": f"{event_id}@google.com",
        "summary": f"Meeting {event_id}",
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": (start + timedelta(hours=1)).isoformat()},
        "organizer": {"email": ADDRESS, "self": True},
        "attendees": [
            {"email": ADDRESS, "self": True, "responseStatus": "accepted"},
            {"email": "guest@example.org", "displayName": "Guest", "responseStatus": "tentative"},
        ],
        **changes,
    }


def person(number: int, **changes: Any) -> dict[str, Any]:
    """A People resource."""
    return {
        "resourceName": f"people/c{number}",
        "etag": f"%{number}",
        "names": [{"displayName": f"Person {number}"}],
        "emailAddresses": [{"value": f"person{number}@example.org"}],
        **changes,
    }


@dataclass
class SyncStage:
    """A user with one account. `settings` are what `sync` is started with; `published` is all that it published."""

    google: GoogleServer
    settings: Settings
    auth: Bus
    gateway: Bus
    postgres_url: str
    nats_admin_url: str
    user_id: UserId = field(default_factory=lambda: UserId(new_id()))
    account_id: AccountId = field(default_factory=lambda: AccountId(new_id()))
    granted: frozenset[str] = frozenset(scopes.ALL)
    preferences: Preferences = field(default_factory=Preferences)
    settings_version: int = 1
    refusal: Refused | None = None
    no_renewal: Refused | None = None
    state: AccountState | None = None
    published: list[Event] = field(default_factory=list)

    @property
    def account(self) -> Account:
        return self.google.world.accounts[ADDRESS]

    async def give_token(self, query: GetToken) -> Token:
        if self.refusal:
            raise self.refusal
        if self.no_renewal and query.rejected:
            raise self.no_renewal
        if query.scope not in self.granted:
            raise Refused(403, "missing_scope", "The permission was not granted.")
        access = self.google.world.authority.issue_access(ADDRESS, "client", tuple(self.granted))
        return Token(
            access_token=access,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            scopes=self.granted,
            address=ADDRESS,
            user_id=self.user_id,
        )

    async def give_states(self, query: ListAccountStates) -> AccountStates:
        """As `auth` has them: `state` is how the account stands there, None where it never had it."""
        wanted = self.state is not None and query.account_id in (None, self.account_id)
        return AccountStates(items=(self.state,) if wanted and self.state else ())

    def state_at(self, sequence: int, status: str = "active", **changes: Any) -> AccountState:
        """The stage's account after so many events."""
        fields = {"id": self.account_id, "user_id": self.user_id, "address": ADDRESS, "scopes": self.granted}
        return AccountState.model_validate({**fields, "status": status, "sequence": sequence, **changes})

    async def give_settings(self, _: GetSettings) -> UserPreferences:
        return UserPreferences(version=self.settings_version, preferences=self.preferences)

    def connected(self, **changes: Any) -> AccountConnected:
        """The event that the stage's account was connected."""
        fields = {"user_id": self.user_id, "account_id": self.account_id, "address": ADDRESS, "scopes": self.granted}
        return AccountConnected.model_validate({**fields, "again": False, "at": datetime.now(UTC), **changes})

    async def connect(self) -> None:
        await self.auth.publish(self.connected())

    async def request_sync(self, kind: Kind) -> None:
        await self.gateway.publish(
            SyncRequested(user_id=self.user_id, account_id=self.account_id, kind=kind, reason="user")
        )

    async def change_settings(self, **gmail: Any) -> None:
        """Change settings of mail and calendar, and wait until the running `sync` has stored them.

        A sync that is requested afterwards goes by them: settings and requests of a sync are handled side by side.
        """
        before, version = self.preferences, self.settings_version + 1
        self.preferences = before.model_copy(update={"gmail": before.gmail.model_copy(update=gmail)})
        self.settings_version = version
        await self.auth.publish(
            SettingsChanged(user_id=self.user_id, version=version, before=before, after=self.preferences)
        )
        async with asyncio.timeout(20):
            while not await self.sql("SELECT FROM preferences WHERE version >= $1", version):
                await asyncio.sleep(0.02)

    async def sync(self, kind: Kind = "mail", *, seconds: float = 30.0) -> SyncCompleted:
        """Ask for a run and wait for its end."""
        before = len(self.ended(kind))
        await self.request_sync(kind)
        await self.until(lambda: len(self.ended(kind)) > before, seconds)
        end = self.ended(kind)[-1]
        assert isinstance(end, SyncCompleted), end
        return end

    async def first_sync(self, *kinds: Kind, seconds: float = 60.0) -> None:
        """Connect, and wait until these kinds (all of them) were read once."""
        await self.connect()
        for kind in kinds or ("mail", "contacts", "calendar"):
            await self.until(lambda kind=kind: bool(self.ended(kind)), seconds)  # type: ignore[misc]

    def received(self, kind: type[F]) -> list[F]:
        return [event for event in self.published if isinstance(event, kind)]

    def ended(self, kind: Kind) -> list[SyncCompleted | SyncFailed]:
        """The ends of runs of a kind, each once: published at least once, the stream keeps one of each key."""
        ends = [
            event for event in self.published if isinstance(event, SyncCompleted | SyncFailed) and event.kind == kind
        ]
        return list({event.key(): event for event in reversed(ends)}.values())[::-1]

    def timeline(self) -> dict[str, MessageIngested]:
        """What stands after all that was published: by Gmail id, the event of the highest revision, unless that removed it."""
        newest: dict[str, MessageIngested | MessageRemoved] = {}
        for event in self.published:
            if isinstance(event, MessageIngested | MessageRemoved) and (
                event.gmail_id not in newest or newest[event.gmail_id].revision <= event.revision
            ):
                newest[event.gmail_id] = event
        return {gmail_id: event for gmail_id, event in newest.items() if isinstance(event, MessageIngested)}

    async def until(self, true: Callable[[], bool], seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.02)

    async def at_rest(self, seconds: float = 30.0) -> None:
        """Wait until `sync` has handled all that was published, and no run is queued or under way."""
        client = await nats.connect(self.nats_admin_url)
        try:
            async with asyncio.timeout(seconds):
                while await self._is_anything_pending(client) or await self.sql(
                    "SELECT FROM runs WHERE finished_at IS NULL"
                ):
                    await asyncio.sleep(0.02)
        finally:
            await client.close()

    async def _is_anything_pending(self, client: Client) -> bool:
        js = client.jetstream()
        for consumer in CONSUMERS:
            if consumer.service == "sync":
                info = await js.consumer_info(consumer.stream, consumer.name)
                if info.num_pending or info.num_ack_pending:
                    return True
        return False

    async def until_no_run_is_carried_out(self, seconds: float = 30.0) -> None:
        """Wait until no replica of this process works on a run any more, also on one that it has lost."""
        async with asyncio.timeout(seconds):
            while any(task.get_name().startswith("run ") for task in asyncio.all_tasks()):
                await asyncio.sleep(0.02)

    async def request(self, request: Request[R]) -> R:
        return await self.gateway.request(request)

    async def sql(self, statement: str, *arguments: object) -> list[Any]:
        connection = await asyncpg.connect(self.postgres_url)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    def cost(self) -> tuple[int, int]:
        """Requests and units since the counters were reset."""
        every = [counter for methods in self.google.world.counters.methods.values() for counter in methods.values()]
        return sum(counter.requests for counter in every), sum(counter.units for counter in every)

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[None]:
        """One running `sync`."""
        async with running("sync", self.settings, wire):
            yield

    @asynccontextmanager
    async def idle(self) -> AsyncIterator[Context]:
        """What handlers work with, without a running `sync`."""
        async with opened("sync", self.settings) as r, r.bus:
            yield Context(r.settings, r.db, r.bus, RunQueue())


@asynccontextmanager
async def sync_stage(
    settings_of: Callable[[Service], Settings], nats_admin_url: str, account: AccountData, **options: Any
) -> AsyncIterator[SyncStage]:
    """A stage without a running `sync` yet: `async with stage.replica():`. `options`: of the local Google."""
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(run_google([account], **options))
        base = settings_of("sync")
        unmetered = {"gmail_units_per_minute": 0, "gmail_project_units_per_minute": 0}
        settings = base.model_copy(update={"google_api_root": google.url, "mail_poll_seconds": 0, **unmetered})
        buses = {}
        for service in ("auth", "gateway"):
            cache = open_cache(settings_of(service), service)
            stack.push_async_callback(cache.close)
            buses[service] = Bus(settings_of(service), service, cache)
        made = SyncStage(google, settings, buses["auth"], buses["gateway"], base.postgres_url, nats_admin_url)
        buses["auth"].respond(GetToken, made.give_token)
        buses["auth"].respond(GetSettings, made.give_settings)
        buses["auth"].respond(ListAccountStates, made.give_states)
        for bus in buses.values():
            await stack.enter_async_context(bus)
        listener = await nats.connect(nats_admin_url)
        stack.push_async_callback(listener.close)
        by_subject = {event.subject: event for event in EVENTS if "sync" in event.published_by}

        async def listen(message: Msg) -> None:
            if message.subject in by_subject:
                made.published.append(by_subject[message.subject].model_validate_json(message.data))

        for subject in by_subject:  # not everything: who listens to inboxes keeps the pulls of dead replicas alive
            await listener.subscribe(subject, cb=listen)
        await listener.flush()
        yield made
