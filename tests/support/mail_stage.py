"""`sync` and `contacts` between a local Google and a plain `auth`: one stage for many people, one after the other.

Nobody else listens, so the stream is empty as soon as both have handled everything; `MailStage.quiet` waits for that.
"""

import asyncio
import logging
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import nats
import pytest
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from libs.common.bus import Bus
from libs.common.cache import open_cache
from libs.common.config import Settings
from libs.common.errors import Refused
from libs.common.events import AccountConnected, AccountReauthRequired, MessageIngested, MessageRemoved, SyncRequested
from libs.common.ids import AccountId, Service, UserId, new_id
from libs.common.preferences import Preferences
from libs.common.requests import (
    AccountStates,
    GetSettings,
    GetToken,
    ListAccountStates,
    StartAudit,
    Token,
    UserPreferences,
)
from libs.common.scopes import GMAIL_READ, IDENTITY
from libs.common.service import running
from libs.common.topology import CONSUMERS, EVENT_STREAM
from libs.google_sim.account import AccountData
from libs.google_sim.hosted_account import Account
from libs.google_sim.server import GoogleServer, run_google
from libs.local.migrate import migrate_bus
from libs.local.secrets import SECRET_KEYS, Secrets
from libs.local.servers import Nats
from services.contacts.__main__ import wire as wire_contacts
from services.sync.__main__ import wire as wire_sync
from tests.support.bus import stop_schedules
from tests.support.database import fresh_database
from tests.support.mailbox_model import Line, Timelines
from tests.support.servers import Servers, new_folder

SCOPES = frozenset({*IDENTITY, GMAIL_READ})
PATIENT_GOOGLE = {"gmail_units_per_minute": 10**9, "gmail_project_units_per_minute": 10**9}


@dataclass
class Mailbox:
    """One account of a person."""

    user_id: UserId
    account: Account
    account_id: AccountId = field(default_factory=lambda: AccountId(new_id()))
    revoked: bool = False


class MailStage:
    """`google.world` is changed directly; the services see it over HTTP. `published`: the events about messages, as bytes."""

    def __init__(
        self,
        google: GoogleServer,
        settings: Settings,
        auth: Bus,
        gateway: Bus,
        pool: asyncpg.Pool,
        stream: JetStreamContext,
    ) -> None:
        self.google = google
        self.settings = settings
        self.auth = auth
        self.gateway = gateway
        self.pool = pool
        self.stream = stream
        self.mailboxes: dict[AccountId, Mailbox] = {}
        self.published: list[Msg] = []
        self._sync = AsyncExitStack()

    # --- people and their accounts

    def open_mailbox(self, user_id: UserId, data: AccountData) -> Mailbox:
        """A Google account that is not connected yet."""
        mailbox = Mailbox(user_id, self.google.world.add(data))
        self.mailboxes[mailbox.account_id] = mailbox
        return mailbox

    async def connect(self, mailbox: Mailbox, *, again: bool = False) -> None:
        mailbox.revoked = False
        await self.auth.publish(
            AccountConnected(
                user_id=mailbox.user_id,
                account_id=mailbox.account_id,
                address=mailbox.account.address,
                scopes=SCOPES,
                again=again,
                at=datetime.now(UTC),
            )
        )

    def revoke(self, mailbox: Mailbox) -> None:
        """The person takes the permission back, in their Google account."""
        mailbox.revoked = True
        self.google.world.authority.revoke_grants(mailbox.account.address)

    async def request_sync(self, *mailboxes: Mailbox) -> None:
        """Sync now."""
        await self.gateway.publish(
            *(
                SyncRequested(user_id=mailbox.user_id, account_id=mailbox.account_id, kind="mail", reason="user")
                for mailbox in mailboxes
            )
        )

    async def audit(self, mailbox: Mailbox) -> None:
        """Compare now what is listed and what is recorded."""
        await self.gateway.request(StartAudit(user_id=mailbox.user_id, account_id=mailbox.account_id))

    async def give_token(self, query: GetToken) -> Token:
        mailbox = self.mailboxes[query.account_id]
        if mailbox.revoked:
            sentence = "You took back PingCRM's permission in your Google account."
            await self.auth.publish(
                AccountReauthRequired(
                    user_id=mailbox.user_id,
                    account_id=mailbox.account_id,
                    address=mailbox.account.address,
                    reason=sentence,
                    at=datetime.now(UTC),
                )
            )
            raise Refused(409, "reauth_required", sentence)
        return Token(
            access_token=self.google.world.authority.issue_access(mailbox.account.address, "client", tuple(SCOPES)),
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            scopes=SCOPES,
            address=mailbox.account.address,
            user_id=mailbox.user_id,
        )

    async def give_states(self, _: ListAccountStates) -> AccountStates:
        return AccountStates(items=())

    async def give_settings(self, _: GetSettings) -> UserPreferences:
        return UserPreferences(version=1, preferences=Preferences())

    # --- what goes wrong with `sync` and the bus

    async def start_sync(self) -> None:
        await self._sync.enter_async_context(running("sync", self.settings, wire_sync))

    async def restart_sync(self) -> None:
        """Stop the process in the middle of what it does, and start it again."""
        await self._sync.aclose()
        await self.start_sync()

    async def seize_runs(self) -> None:
        """As if each process that holds a run had been dead for long: its lease is over, whoever acquires it goes on."""
        await self.pool.execute("UPDATE sync.runs SET lease_until = NULL, fence = fence + 1 WHERE state = 'running'")

    async def repeat(self, published: Msg) -> None:
        """Deliver an event once more, past the stream's own deduplication."""
        await self.stream.publish(published.subject, published.data)

    # --- watching

    async def quiet(self, seconds: float = 20.0) -> None:
        """Until nothing is under way any more: no event undelivered, no run unfinished."""
        try:
            async with asyncio.timeout(seconds):
                while not await self._is_quiet():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            runs = await self.pool.fetch("SELECT * FROM sync.runs WHERE finished_at IS NULL")
            info = await self.stream.stream_info(EVENT_STREAM, subjects_filter=">")
            unfinished = [dict(run) for run in runs]
            pytest.fail(f"still busy after {seconds} s: runs {unfinished}, events undelivered {info.state.subjects}")

    async def _is_quiet(self) -> bool:
        return not await self._undelivered() and not await self._busy() and not await self._undelivered()

    async def _undelivered(self) -> int:
        return (await self.stream.stream_info(EVENT_STREAM)).state.messages

    async def _busy(self) -> bool:
        unfinished = (
            """SELECT EXISTS (SELECT FROM sync.runs WHERE finished_at IS NULL) OR EXISTS (SELECT FROM sync.outbox)"""
        )
        return bool(await self.pool.fetchval(unfinished))

    async def until_requests(self, count: int, seconds: float = 5.0) -> None:
        """Until Google was asked that often from now on, or nothing happens any more."""
        goal = self.google.world.counters.http + count
        async with asyncio.timeout(seconds):
            while self.google.world.counters.http < goal and not await self._is_quiet():
                await asyncio.sleep(0.001)

    async def last_run(self, mailbox: Mailbox) -> asyncpg.Record:
        row = await self.pool.fetchrow(
            "SELECT * FROM sync.runs WHERE account_id = $1 ORDER BY run_id DESC LIMIT 1", mailbox.account_id
        )
        assert row is not None
        return row

    async def interactions(self, user_id: UserId) -> int:
        return int(await self.pool.fetchval("SELECT count(*) FROM contacts.interactions WHERE user_id = $1", user_id))

    async def ledger(self, mailbox: Mailbox) -> dict[str, str]:
        """What `sync` has of each message: its state, or the rule that filtered it."""
        rows = await self.pool.fetch(
            "SELECT gmail_id, state, rule FROM sync.messages WHERE account_id = $1", mailbox.account_id
        )
        return {row["gmail_id"]: row["rule"] or row["state"] for row in rows}

    async def timelines(self, user_id: UserId) -> Timelines:
        """What stands on the timelines of a user's contacts."""
        by_source: dict[UUID, str] = {
            mailbox.account_id: mailbox.account.address for mailbox in self.mailboxes.values()
        }
        rows = await self.pool.fetch(
            """SELECT a.value AS address, regexp_replace(i.ref, '#[0-9]+$', '') AS grp, i.title, l.direction,
                      i.bcc_logged AND l.direction = 'outbound' AS logged,
                      (SELECT array_agg(s.source_id) FROM contacts.sightings s WHERE s.interaction_id = i.id AND s.fact IS NOT NULL)
                          AS sources
               FROM contacts.contacts c JOIN contacts.addresses a ON a.contact_id = c.id AND a.kind = 'email'
               LEFT JOIN contacts.timeline_lines l ON l.contact_id = c.id
               LEFT JOIN contacts.interactions i ON i.id = l.interaction_id
               WHERE c.user_id = $1 AND c.merged_into IS NULL AND NOT c.archived""",
            user_id,
        )
        found: Timelines = {row["address"]: Counter() for row in rows}
        for row in rows:
            if row["grp"] is not None:
                message = row["grp"] if row["grp"].startswith("<") else row["grp"].partition(":")[2]
                holders = frozenset(by_source[source] for source in row["sources"])
                found[row["address"]][Line(message, row["direction"], row["title"], holders, row["logged"])] += 1
        return found

    async def doubled(self, user_id: UserId) -> list[str]:
        """Interactions that stand on nothing, and messages that stand in two."""
        rows = await self.pool.fetch(
            """SELECT i.ref FROM contacts.interactions i
               WHERE i.user_id = $1
                 AND NOT EXISTS (SELECT FROM contacts.sightings s WHERE s.interaction_id = i.id AND s.fact IS NOT NULL)
               UNION ALL
               SELECT s.ref FROM contacts.sightings s WHERE s.user_id = $1 AND s.fact IS NOT NULL AND NOT EXISTS (
                   SELECT FROM contacts.interactions i WHERE i.id = s.interaction_id)""",
            user_id,
        )
        return [row["ref"] for row in rows]


@asynccontextmanager
async def mail_stage(servers: Servers, secrets: Secrets, **changes: Any) -> AsyncIterator[MailStage]:
    """Both services running on servers of their own. `changes`: to the settings of `sync`."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database(await servers.postgres(), secrets))
        folder = new_folder("nats")
        stack.callback(shutil.rmtree, folder)
        server = Nats(folder, secrets)
        await server.start()
        stack.push_async_callback(server.kill)
        await migrate_bus(server.admin_url)
        await stop_schedules(server.admin_url)
        google = await stack.enter_async_context(run_google([]))
        valkey = await servers.valkey()

        def settings(service: Service) -> Settings:
            return Settings(
                postgres_url=database.url_for(service),
                nats_url=server.url_for(service),
                redis_url=valkey.url_for(service),
                secret_keys=secrets[SECRET_KEYS],
            )

        buses: dict[str, Bus] = {}
        for service in ("auth", "gateway"):
            cache = open_cache(settings(service), service)
            stack.push_async_callback(cache.close)
            buses[service] = Bus(settings(service), service, cache)
        listener = await nats.connect(server.admin_url)
        stack.push_async_callback(listener.close)
        stream = listener.jetstream()
        for consumer in CONSUMERS:
            if consumer.stream == EVENT_STREAM and consumer.service not in ("sync", "contacts"):
                await stream.delete_consumer(EVENT_STREAM, consumer.name)
        pool = await asyncpg.create_pool(database.admin_url, min_size=1, max_size=2)
        stack.push_async_callback(pool.close)
        own = settings("sync").model_copy(
            update={"google_api_root": google.url, "mail_poll_seconds": 0, **PATIENT_GOOGLE, **changes}
        )
        made = MailStage(google, own, buses["auth"], buses["gateway"], pool, stream)
        buses["auth"].respond(GetToken, made.give_token)
        buses["auth"].respond(GetSettings, made.give_settings)
        buses["auth"].respond(ListAccountStates, made.give_states)
        for bus in buses.values():
            await stack.enter_async_context(bus)

        async def listen(message: Msg) -> None:
            made.published.append(message)

        for event in (MessageIngested, MessageRemoved):
            await listener.subscribe(event.subject, cb=listen)
        await listener.flush()
        await stack.enter_async_context(running("contacts", settings("contacts"), wire_contacts))
        stack.push_async_callback(made._sync.aclose)
        await made.start_sync()
        yield made


@pytest.fixture(scope="module")
def hastened() -> Iterator[None]:
    """The pauses of the product made short, and its log too: what it does is the same, only sooner."""
    loud = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.sync.runs.worker.LOOK_EVERY_SECONDS", 0.05)
        patch.setattr("services.sync.domain.runs.FIRST_PAUSE", timedelta(milliseconds=20))
        patch.setattr("services.sync.domain.runs.LONGEST_PAUSE", timedelta(milliseconds=200))
        patch.setattr("libs.common.topology.ACK_WAIT_SECONDS", 1.5)
        patch.setattr("libs.common.bus.delivery.ACK_WAIT_SECONDS", 1.5)
        patch.setattr("libs.common.bus.delivery.RETRY_DELAYS", (0.05, 0.2, 0.5, 1.0, 1.0))
        patch.setattr("libs.common.bus.delivery.OUTAGE_DELAY_SECONDS", 0.1)
        patch.setattr("libs.common.google.retries.FIRST_PAUSE_SECONDS", 0.01)
        patch.setattr("libs.common.google.retries.LONGEST_PAUSE_SECONDS", 0.1)
        patch.setattr("libs.common.google.errors.next_quota_day", lambda now: now + timedelta(milliseconds=50))
        patch.setattr("services.sync.store.leases.LEASE", timedelta(seconds=3))
        patch.setattr("services.sync.runs.leases.LEASE", timedelta(seconds=3))
        patch.setattr("services.sync.runs.leases.RENEW_EVERY_SECONDS", 0.5)
        patch.setattr("services.sync.mail.audit.QUIET_PAUSES_SECONDS", (0.02, 0.05, 0.1, 0.2, 0.5, 1.0))
        yield
    structlog.configure(wrapper_class=loud)
