"""A run may lose its lease, or the bus, at any moment: it writes nothing more, and who takes over ends where it would have ended.

Each kind of run is carried out again and again, and each time something happens one step later: before a transaction another replica
takes the run over, or the bus does not take what is published.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest
import pytest_asyncio

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.db import Connection, Pool, open_pool
from libs.common.errors import Outage
from libs.common.events import (
    AccountIdentified,
    Event,
    Kind,
    MeetingCancelled,
    MeetingIngested,
    MessageIngested,
    MessageRemoved,
    PersonImported,
    PersonRemoved,
    Reason,
    SyncProgressed,
)
from libs.common.google.api import GoogleAccount
from libs.common.google.calendar import Calendar
from libs.common.google.errors import PageExpired
from libs.common.google.gmail import Gmail
from libs.common.google.people import People
from libs.common.ids import AccountId, UserId, new_id
from libs.common.requests import CompareCards, CompareMeetings, CompareMessages, HeldItem, HeldMessage
from libs.google_sim.account import CalendarData
from libs.google_sim.hosted_account import Account
from services.sync.calendar.sync import sync_calendar
from services.sync.domain.capacity import Capacity
from services.sync.domain.runs import RunRequest
from services.sync.mail.sync import sync_mail
from services.sync.people import sync_people
from services.sync.runs.outcome import conclude
from services.sync.runs.queue import RunQueue
from services.sync.runs.run import Engine, Run
from services.sync.store import accounts, cursors, leases, runs
from services.sync.store.leases import LeaseLost
from tests.support.database import Database
from tests.support.google_edge import edge
from tests.support.sync_stage import ADDRESS, event, maya, message, person
from tests.support.sync_tables import DAY, NOW, TABLES, add_account, add_row

WORK: dict[Kind, Callable[[Run], Awaitable[None]]] = {
    "mail": sync_mail,
    "contacts": sync_people,
    "calendar": sync_calendar,
}
# Written without a lease: what is true of the account, whoever finds it out.
OF_ANYBODY = ("time_zone", "watch_topic", "watch_expires_at", "watch_due_at")
SCHEMA_TABLES = ("accounts", *(table for table in TABLES if table != "accounts"), "outbox", "preferences")
MAYA = UserId(new_id())


@dataclass
class Interrupted:
    """The database and the bus as a run has them. Before transaction number `at_transaction` another replica takes the run over;
    publishing number `at_publish` fails."""

    pool: Pool
    before_loss: Callable[[], Awaitable[None]]
    at_transaction: int = 0
    at_publish: int = 0
    lost: set[str] = field(default_factory=set)  # what contacts have lost, until it is published again
    published: list[Event] = field(default_factory=list)
    transactions: int = 0
    publishes: int = 0

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        self.transactions += 1
        if self.transactions == self.at_transaction:
            await self.before_loss()
        async with self.pool.acquire() as connection:
            yield connection

    async def publish(self, *events: Event) -> None:
        if all(isinstance(event, SyncProgressed) for event in events):
            return
        self.publishes += 1
        if self.publishes == self.at_publish:
            raise Outage("The bus is away.")
        self.published += events
        self.lost -= {name for event in events if (name := named(event))}

    async def request(self, query: Any, **_: Any) -> Any:
        match query:
            case CompareMessages():
                differing = [
                    HeldMessage(gmail_id=item.gmail_id, revision=0)
                    for item in query.published
                    if item.gmail_id in self.lost
                ]
            case CompareMeetings() | CompareCards():
                differing = [HeldItem(id=item.id, revision=0) for item in query.published if item.id in self.lost]  # type: ignore[misc]
            case _:
                raise AssertionError(query)
        return SimpleNamespace(differing=tuple(differing), waiting=0, left_out=0)

    def end_state(self) -> dict[str, str]:
        """What stands after all that was published, by what it is about."""
        newest: dict[str, tuple[int, str]] = {}
        for fact in self.published:
            if name := named(fact):
                revision = fact.meeting.revision if isinstance(fact, MeetingIngested) else cast(Any, fact).revision
                newest[name] = max(newest.get(name, (0, "")), (revision, type(fact).__name__))
        return {name: kind for name, (_, kind) in newest.items()}


def named(event: Event) -> str:
    match event:
        case MessageIngested() | MessageRemoved():
            return event.gmail_id
        case PersonImported() | PersonRemoved():
            return event.resource_name
        case MeetingIngested():
            return f"{event.meeting.calendar_id}/{event.meeting.event_id}"
        case MeetingCancelled():
            return f"{event.calendar_id}/{event.event_id}"
        case AccountIdentified():
            return "the addresses"
        case _:
            return ""


@dataclass
class Stage:
    """One account, of which nothing was read yet."""

    admin: Connection
    pool: Pool
    settings: Settings
    google: GoogleAccount
    account: Account
    account_id: AccountId
    lost: set[str] = field(default_factory=set)
    _at_loss: dict[str, list[str]] = field(default_factory=dict)

    async def save(self) -> None:
        """This is where each of the runs to come begins."""
        await self.admin.execute("DELETE FROM outbox")
        for table in SCHEMA_TABLES:
            await self.admin.execute(f"CREATE TABLE saved_{table} AS TABLE {table}")

    async def restore(self) -> None:
        await self.admin.execute("DELETE FROM accounts; DELETE FROM outbox")
        for table in SCHEMA_TABLES:
            if table not in ("outbox", "preferences"):
                await self.admin.execute(f"INSERT INTO {table} SELECT * FROM saved_{table}")

    async def carry_out(self, kind: Kind, at_transaction: int = 0, at_publish: int = 0, **kept: Any) -> Interrupted:
        """Acquire the run of this kind, do its work, and conclude it."""
        edges = Interrupted(self.pool, self._take_over, at_transaction, at_publish, set(self.lost), **kept)
        async with self.pool.acquire() as connection:
            [lease] = await leases.acquire(connection, "me", Capacity(9, 9, 9, 9))
            account = await accounts.get_account(connection, self.account_id)
        assert account is not None
        assert lease.kind == kind
        run = Run(
            Engine(self.settings, cast(Pool, edges), cast(Bus, edges), cast(Any, None)), lease, account, self.google
        )
        with suppress(LeaseLost):
            error: Exception | None = None
            try:
                await WORK[kind](run)
            except LeaseLost:
                raise
            except Outage as outage:
                error = outage
            await conclude(run, RunQueue(), error)
        return edges

    async def _take_over(self) -> None:
        """What is being written just now is written first: both lock the run's row."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("UPDATE runs SET fence = fence + 1 WHERE finished_at IS NULL")
            self._at_loss = await self.rows(connection)

    async def is_as_at_its_loss(self) -> bool:
        async with self.pool.acquire() as connection:
            return await self.rows(connection) == self._at_loss

    async def rows(self, connection: Connection) -> dict[str, list[str]]:
        omitted = "".join(f" - '{column}'" for column in OF_ANYBODY)
        return {
            table: [
                row["written"]
                for row in await connection.fetch(
                    f"SELECT (to_jsonb(t){omitted})::text AS written FROM {table} t ORDER BY 1"
                )
            ]
            for table in SCHEMA_TABLES
        }

    async def outcome(self) -> dict[str, list[tuple[Any, ...]]]:
        """What is there in the end, without what depends on how often something was begun."""
        queries = {
            "messages": "SELECT gmail_id, state, rule, occurred_at FROM messages ORDER BY 1",
            "people": "SELECT resource_name, deleted, said FROM people ORDER BY 1",
            "meetings": "SELECT calendar_id, event_id, cancelled, said, starts_at FROM meetings ORDER BY 1, 2",
            "cursors": "SELECT kind, calendar_id, token->'history_id', token->'listing', token->'lookback_days' FROM cursors ORDER BY 1, 2",
            "runs": "SELECT kind, state, new, removed FROM runs ORDER BY run_id",
            "audits": "SELECT finished_at IS NULL, listed, recorded, pending, unhealed FROM audits ORDER BY 1",
            "item_audits": "SELECT kind, due_at, unhealed FROM item_audits ORDER BY 1",
            "left over": "SELECT gmail_id FROM audit_missing UNION ALL SELECT number::text FROM audit_pages",
            "outbox": "SELECT subject, payload->'new', payload->'removed' FROM outbox ORDER BY id",
        }
        async with self.pool.acquire() as connection:
            return {name: [tuple(row) for row in await connection.fetch(query)] for name, query in queries.items()}

    async def request(self, kind: Kind, reason: Reason = "user") -> None:
        async with self.pool.acquire() as connection:
            await runs.insert_requests(connection, [RunRequest(self.account_id, kind, reason)])

    async def free_the_run(self) -> None:
        """It passes on to another replica, or its pause is over."""
        await self.pool.execute("UPDATE runs SET lease_until = NULL, due_at = now() WHERE finished_at IS NULL")


@pytest_asyncio.fixture
async def stage(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    small = {
        "libs.common.google.gmail": ("PAGE_SIZE",), "libs.common.google.people": ("PAGE_SIZE",),
        "libs.common.google.calendar": ("PAGE_SIZE",), "services.sync.mail.audit": ("FETCHED_AT_ONCE", "READ_AT_ONCE", "COMPARED_AT_ONCE"),
        "services.sync.item_audit": ("READ_AT_ONCE", "COMPARED_AT_ONCE"), "services.sync.calendar.sync": ("PUBLISHED_AT_ONCE",),
        "services.sync.mail.listing": ("SWEEP",),
    }  # fmt: skip
    for module, names in small.items():
        for name in names:
            monkeypatch.setattr(f"{module}.{name}", 2)  # of everything there is more than one page
    calendars = [
        CalendarData(ADDRESS, "Maya", "Europe/Stockholm", primary=True, events=[event(f"e{n}", NOW + n * DAY) for n in range(1, 4)]),
        CalendarData("team", "Team", events=[event("t1", NOW + DAY)]),
    ]  # fmt: skip
    messages = [message(n, age=timedelta(hours=n), thread=n // 2) for n in range(5)]
    data = maya(messages, calendars=calendars, people=[person(n) for n in range(3)])
    url = database.url_for("sync")
    admin = await asyncpg.connect(database.admin_url, server_settings={"search_path": "sync"})
    async with edge(data) as (google, server, _):
        settings = Settings(postgres_url=url, google_api_root=server.url)
        pool = await open_pool(settings)
        try:
            async with pool.acquire() as connection:
                account_id = await add_account(connection, MAYA, address=ADDRESS, aliases_due=True)
            yield Stage(admin, pool, settings, google, server.world.accounts[ADDRESS], account_id)
        finally:
            await pool.close()
            await admin.close()


async def first_mail(stage: Stage) -> Kind:
    return "mail"


async def followed_mail(stage: Stage) -> Kind:
    """New, hidden and deleted mail."""
    await _read_once(stage, "mail")
    mailbox = stage.account.mailbox
    mailbox.add(message(101, historyId="0"))
    mailbox.relabel(f"{1:016x}", ["TRASH"], ["INBOX"])
    mailbox.delete(f"{2:016x}")
    mailbox.add(message(104, historyId="0"))
    return "mail"


async def audited_mail(stage: Stage) -> Kind:
    """What history never mentioned: new, gone and hidden mail; and mail that contacts have lost."""
    await _read_once(stage, "mail")
    mailbox = stage.account.mailbox
    mailbox.add(message(102, historyId="0"))
    mailbox.relabel(f"{1:016x}", ["TRASH"], ["INBOX"])
    mailbox.delete(f"{2:016x}")
    del mailbox.history[-3:]
    stage.lost = {f"{3:016x}"}
    await add_row(stage.admin, "audits", audit_id=new_id(), account_id=stage.account_id, due_at=NOW - DAY)
    return "mail"


async def reconciled_mail(stage: Stage) -> Kind:
    await _read_once(stage, "mail")
    mailbox = stage.account.mailbox
    mailbox.add(message(103, historyId="0"))
    mailbox.delete(f"{2:016x}")
    mailbox.expire_history()
    return "mail"


async def followed_cards(stage: Stage) -> Kind:
    """Changed, new and deleted cards, also some that only a full listing finds; and a card that contacts have lost."""
    await _read_once(stage, "contacts")
    people = stage.account.people
    people.put(person(1, names=[{"displayName": "Renamed"}]))
    people.put(person(9))
    people.delete("people/c2")
    stage.lost = {"people/c0"}
    await add_row(stage.admin, "item_audits", account_id=stage.account_id, kind="contacts", due_at=NOW - DAY)
    return "contacts"


async def followed_calendars(stage: Stage) -> Kind:
    """Changed, new and cancelled meetings, a calendar that is read no longer, and a meeting that contacts have lost."""
    gmail = '{"calendar_ids": ["team"]}'
    await stage.admin.execute("INSERT INTO preferences (user_id, version, gmail) VALUES ($1, 1, $2)", MAYA, gmail)
    await _read_once(stage, "calendar")
    await stage.admin.execute("UPDATE preferences SET gmail = '{}'")
    calendar = stage.account.calendars[ADDRESS]
    calendar.put(event("e1", NOW + 9 * DAY))
    calendar.put(event("e9", NOW + 8 * DAY))
    calendar.put({**event("e2", NOW + 2 * DAY), "status": "cancelled"})
    stage.lost = {"primary/e3"}
    await add_row(stage.admin, "item_audits", account_id=stage.account_id, kind="calendar", due_at=NOW - DAY)
    return "calendar"


async def _read_once(stage: Stage, kind: Kind) -> None:
    await stage.request(kind)
    await stage.carry_out(kind)
    async with stage.pool.acquire() as connection:
        [row] = await connection.fetch("SELECT state FROM runs")
    assert row["state"] == "completed"


SCENARIOS = (first_mail, followed_mail, audited_mail, reconciled_mail, followed_cards, followed_calendars)


def _interruptions(undisturbed: Interrupted) -> Iterator[dict[str, int]]:
    yield from ({"at_transaction": number} for number in range(1, undisturbed.transactions + 1))
    yield from ({"at_publish": number} for number in range(1, undisturbed.publishes + 1))


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_run_that_loses_its_lease_or_the_bus_writes_nothing_more_and_who_goes_on_ends_where_it_would_have(
    stage: Stage, scenario: Callable[[Stage], Awaitable[Kind]]
) -> None:
    kind = await scenario(stage)
    await stage.request(kind)
    await stage.save()
    undisturbed = await stage.carry_out(kind)
    expected = await stage.outcome()
    assert expected["runs"][-1][:2] == (kind, "completed")
    assert undisturbed.end_state()
    for interruption in _interruptions(undisturbed):
        await stage.restore()
        interrupted = await stage.carry_out(kind, **interruption)
        if interruption.get("at_transaction"):
            assert await stage.is_as_at_its_loss(), f"written after the loss: {interruption}"
        await stage.free_the_run()
        gone_on = await stage.carry_out(kind, published=interrupted.published)
        assert await stage.outcome() == expected, interruption
        assert gone_on.end_state() == undisturbed.end_state(), interruption


PAGED = ((Gmail, "list_messages"), (Gmail, "history"), (People, "connections"), (Calendar, "events"))


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_page_that_google_does_not_know_any_more_begins_its_listing_again_and_changes_nothing_else(
    stage: Stage, scenario: Callable[[Stage], Awaitable[Kind]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = await scenario(stage)
    await stage.request(kind)
    await stage.save()
    undisturbed = await stage.carry_out(kind)
    expected = await stage.outcome()
    await stage.restore()
    forgotten: list[str] = []
    for edge_of, name in PAGED:
        monkeypatch.setattr(edge_of, name, _forgetting_once(getattr(edge_of, name), name, forgotten))
    again = await stage.carry_out(kind)
    assert forgotten, "something was listed page by page"
    assert await stage.outcome() == expected
    assert again.end_state() == undisturbed.end_state()


def _forgetting_once(
    listed: Callable[..., Awaitable[Any]], name: str, forgotten: list[str]
) -> Callable[..., Awaitable[Any]]:
    async def forgetting(self: Any, *arguments: Any, **named_arguments: Any) -> Any:
        page = named_arguments["page"] if "page" in named_arguments else arguments[-1]
        is_second = page is not None and len(arguments) + len(named_arguments) > 1
        if is_second and name not in forgotten:
            forgotten.append(name)
            raise PageExpired("Google does not know the page any more.")
        return await listed(self, *arguments, **named_arguments)

    return forgetting


@pytest.mark.parametrize("scenario", [audited_mail, followed_cards, followed_calendars])
async def test_a_look_that_nobody_waits_for_carries_out_no_audit(
    stage: Stage, scenario: Callable[[Stage], Awaitable[Kind]]
) -> None:
    kind = await scenario(stage)
    await stage.request(kind, "poll")
    await stage.carry_out(kind)
    due = "SELECT due_at FROM audits WHERE finished_at IS NULL UNION ALL SELECT due_at FROM item_audits WHERE due_at IS NOT NULL"
    assert await stage.pool.fetchval(due) == NOW - DAY
    await stage.request(kind, "schedule")
    await stage.carry_out(kind)
    assert await stage.pool.fetchval(due) is None


async def test_a_longer_lookback_lists_everything_again_where_a_shorter_one_was_not_listed_to_its_end(
    stage: Stage,
) -> None:
    stage.account.mailbox.load([message(200, age=timedelta(days=200))])
    from_s = int((NOW - 100 * DAY).timestamp())
    listing = {"since_s": from_s, "history_id": 1, "page": None, "listed": 0, "sweep": False, "until_s": 0}
    cursor = {"history_id": stage.account.mailbox.history_id, "lookback_days": 100, "generation": 1, "listing": listing}
    async with stage.pool.acquire() as connection:
        await cursors.upsert_cursor(connection, stage.account_id, "mail", cursor)
    await stage.request("mail")
    read = await stage.carry_out("mail")
    messages = {name for name, kind in read.end_state().items() if kind == "MessageIngested"}
    assert messages == {f"{number:016x}" for number in (*range(5), 200)}
