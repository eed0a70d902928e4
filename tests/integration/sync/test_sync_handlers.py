"""What sync's handlers store and request, event by event and schedule by schedule, and what they leave alone."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import pytest_asyncio

from libs.common.bus import Bus
from libs.common.errors import Outage, Refused
from libs.common.events import (
    AccountConnected,
    AccountDisconnected,
    AccountReauthRequired,
    AuditDue,
    CalendarDue,
    ContactsDue,
    Kind,
    MailboxNotified,
    MailDue,
    MeetingUpcoming,
    PrepDue,
    Reason,
    SettingsChanged,
    SyncRequested,
    WatchDue,
)
from libs.common.google.pubsub import Received, Subscription
from libs.common.ids import AccountId, UserId, new_id
from libs.common.preferences import Preferences
from libs.common.requests import AuditAccount, ListMeetings, ListRuns, StartAudit
from libs.common.scopes import ALL, CALENDAR_READ
from services.sync.calendar.prep_scan import scan_if_due, scan_overdue
from services.sync.handlers import accounts, audits, meetings, requests, runs, schedules
from services.sync.handlers.item_audits import schedule_now
from services.sync.mail.polling import poll_at_full_rate
from services.sync.mail.push import enqueue_notified, pull_notifications
from services.sync.runs.run import Run
from services.sync.store import accounts as account_store
from services.sync.store import cursors, meetings as meeting_store
from services.sync.store.leases import RunLease
from tests.support.database import Database
from tests.support.sync_parts import NoGoogle, Parts, sync_parts
from tests.support.sync_tables import DAY, NOW, add_account, add_row, meeting

MAYA, OLGA = UserId(new_id()), UserId(new_id())
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def parts(emptied_database: Database) -> AsyncIterator[Parts]:
    async with sync_parts(emptied_database, mail_poll_seconds=60) as made:
        yield made


async def add(parts: Parts, user_id: UserId = MAYA, **columns: Any) -> AccountId:
    async with parts.context.db.acquire() as connection:
        return await add_account(connection, user_id, **columns)


async def insert(parts: Parts, table: str, **columns: Any) -> None:
    async with parts.context.db.acquire() as connection:
        await add_row(connection, table, **columns)


async def add_run(parts: Parts, account_id: AccountId, kind: Kind = "mail", **columns: Any) -> Any:
    values = {
        "run_id": new_id(),
        "user_id": MAYA,
        "account_id": account_id,
        "kind": kind,
        "reason": "user",
        "state": "queued",
        **columns,
    }
    await insert(parts, "runs", **values)
    return values["run_id"]


async def unfinished(parts: Parts) -> set[tuple[AccountId, str, str]]:
    rows = await parts.fetch("SELECT account_id, kind, reason FROM runs WHERE finished_at IS NULL")
    return {tuple(row) for row in rows}  # type: ignore[misc]


async def account_of(parts: Parts, account_id: AccountId) -> Any:
    [row] = await parts.fetch("SELECT *, now() AS now FROM accounts WHERE account_id = $1", account_id)
    return row


# --- schedules ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handle", "event", "kind", "reason", "scans", "spread"),
    [
        (schedules.sync_all_mail, MailDue(), "mail", "schedule", False, True),
        (schedules.sync_all_contacts, ContactsDue(), "contacts", "schedule", False, True),
        (schedules.sync_all_calendars, CalendarDue(), "calendar", "schedule", False, True),
        (schedules.scan_all_calendars, PrepDue(), "calendar", "poll", True, False),
        (schedules.renew_watches, WatchDue(), "mail", "poll", False, True),
    ],
)
async def test_a_schedule_requests_a_run_of_its_kind_for_every_account_that_permits_it(
    parts: Parts, handle: Any, event: Any, kind: str, reason: str, scans: bool, spread: bool
) -> None:
    ids = {await add(parts, UserId(new_id()), aliases_due=False, watch_topic="t", watch_due_at=NOW) for _ in range(30)}
    stopped = await add(parts, state="reauth_required", aliases_due=False, watch_topic="t", watch_due_at=NOW)
    await handle(parts.context, event)
    assert await unfinished(parts) == {(account_id, kind, reason) for account_id in ids}
    rows = await parts.fetch("SELECT due_at - started_at AS delay, scan_due FROM runs")
    delays = {row["delay"] for row in rows}
    assert all(timedelta(0) <= delay <= timedelta(seconds=schedules.SPREAD_SECONDS) for delay in delays)
    assert (len(delays) > 10) == spread
    assert {row["scan_due"] is not None for row in rows} == {scans}
    renews = handle is schedules.renew_watches
    rows = await parts.fetch("SELECT account_id FROM accounts WHERE aliases_due AND watch_due_at IS NULL")
    assert {row["account_id"] for row in rows} == (ids if renews else set())
    assert not (await account_of(parts, stopped))["aliases_due"]


async def test_a_mailbox_is_audited_once_a_day_and_its_meetings_and_cards_too(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "SPREAD_SECONDS", 0)
    both, calendar_only = await add(parts), await add(parts, scopes=[CALENDAR_READ])
    await audits.audit_all(parts.context, AuditDue())
    rows = await parts.fetch("SELECT account_id FROM audits WHERE due_at <= now()")
    assert [row["account_id"] for row in rows] == [both]
    rows = await parts.fetch("SELECT account_id, kind FROM item_audits WHERE due_at <= now()")
    assert {tuple(row) for row in rows} == {(both, "contacts"), (both, "calendar"), (calendar_only, "calendar")}
    expected = {(both, "contacts", "repair"), (both, "calendar", "repair"), (calendar_only, "calendar", "repair")}
    assert await unfinished(parts) == expected, "a mailbox's waits for its moment"
    await audits.request_due_audits(parts.context)
    assert await unfinished(parts) == {*expected, (both, "mail", "repair")}
    await parts.context.db.execute("DELETE FROM runs")
    await audits.request_due_audits(parts.context)
    assert await unfinished(parts) == set(), "not again in the same hour"


async def test_the_owner_of_an_account_may_have_it_audited_now(parts: Parts) -> None:
    account_id, other_id = await add(parts), await add(parts)
    with pytest.raises(Refused, match="account"):
        await audits.start_audit(parts.context, StartAudit(user_id=OLGA, account_id=account_id))
    assert await unfinished(parts) == set()
    await audits.start_audit(parts.context, StartAudit(user_id=MAYA, account_id=account_id))
    assert await unfinished(parts) == {
        (account_id, "mail", "user"), (account_id, "contacts", "repair"), (account_id, "calendar", "repair"),
    }  # fmt: skip
    for table in ("audits", "item_audits"):
        rows = await parts.fetch(f"SELECT DISTINCT account_id FROM {table} WHERE due_at <= now()")  # noqa: S608
        assert [row["account_id"] for row in rows] == [account_id]
    await schedule_now(parts.context, other_id)
    shown = await audits.show_audit(parts.context, AuditAccount(user_id=MAYA, account_id=other_id))
    assert (shown.under_way, shown.meetings.under_way, shown.cards.under_way) == (False, True, True)


async def test_an_audit_shows_the_mailbox_by_state_and_by_rule(parts: Parts) -> None:
    account_id = await add(parts)
    states = ("recorded", "recorded", "recorded", "pending", "filtered spam", "set_aside", "set_aside refused", "gone")
    for number, state in enumerate(states):
        state, _, rule = state.partition(" ")
        await insert(
            parts,
            "messages",
            account_id=account_id,
            gmail_id=str(number),
            thread_id="t",
            state=state,
            rule=rule,
            position=number,
        )
    await insert(parts, "item_audits", account_id=account_id, kind="calendar", compared=7)
    await insert(parts, "item_audits", account_id=account_id, kind="contacts", compared=9)
    shown = await audits.show_audit(parts.context, AuditAccount(user_id=MAYA, account_id=account_id))
    assert (shown.listed, shown.complete) == (8, 1 - 1 / 8)
    assert shown.by_state == {"recorded": 3, "pending": 1, "filtered": 1, "set_aside": 2, "gone": 1}
    assert shown.by_rule == {"spam": 1, "set_aside": 1, "refused": 1}
    assert (shown.meetings.compared, shown.cards.compared) == (7, 9)
    with pytest.raises(Refused):
        await audits.show_audit(parts.context, AuditAccount(user_id=OLGA, account_id=account_id))


# --- settings -----------------------------------------------------------------------------------------------------------


def preferences(days: int = 365, *calendars: str) -> Preferences:
    gmail = Preferences().gmail.model_copy(update={"mail_lookback_days": days, "calendar_ids": calendars})
    return Preferences(gmail=gmail)


@pytest.mark.parametrize(
    ("before", "after", "kinds", "comes_back"),
    [
        (preferences(100), preferences(365), {"mail"}, True),
        (preferences(100), preferences(0), {"mail"}, True),
        (preferences(365), preferences(100), set(), False),
        (preferences(0), preferences(365), set(), False),
        (preferences(365, "a"), preferences(365, "b"), {"calendar"}, False),
        (preferences(365, "a", "b"), preferences(365, "b", "a"), set(), False),
        (preferences(100, "a"), preferences(200), {"mail", "calendar"}, True),
    ],
)
async def test_new_settings_request_what_follows_from_them_and_older_ones_do_nothing(
    parts: Parts, before: Preferences, after: Preferences, kinds: set[str], comes_back: bool
) -> None:
    first, second, gone = await add(parts), await add(parts), await add(parts, state="disconnected")
    olgas = await add(parts, OLGA)
    for account_id in (first, olgas):
        await insert(
            parts, "messages", account_id=account_id, gmail_id="m", thread_id="t", state="filtered", rule="lookback", position=1,
            occurred_at=NOW - 150 * DAY,
        )  # fmt: skip
    await parts.context.db.execute("INSERT INTO preferences (user_id, version, gmail) VALUES ($1, 5, '{}')", MAYA)
    for version in (4, 5):
        event = SettingsChanged(user_id=MAYA, version=version, before=before, after=after)
        await accounts.change_settings(parts.context, event)
        assert await unfinished(parts) == set()
        assert await parts.fetch("SELECT FROM preferences WHERE gmail <> '{}'") == []
    await accounts.change_settings(parts.context, SettingsChanged(user_id=MAYA, version=6, before=before, after=after))
    assert await unfinished(parts) == {
        (account_id, kind, "settings") for account_id in (first, second) for kind in kinds
    }
    pending = await parts.fetch("SELECT account_id FROM messages WHERE state = 'pending'")
    assert [row["account_id"] for row in pending] == ([first] if comes_back else [])
    async with parts.context.db.acquire() as connection:
        stored = await account_store.get_account(connection, gone)
    assert stored is not None
    assert stored.gmail == after.gmail


# --- accounts -----------------------------------------------------------------------------------------------------------


def connected(account_id: AccountId, **changes: Any) -> AccountConnected:
    fields = {
        "user_id": MAYA,
        "account_id": account_id,
        "address": "maya@example.com",
        "scopes": frozenset(ALL),
        "again": False,
    }
    return AccountConnected.model_validate({**fields, "at": NOW, "sequence": 5, **changes})


async def test_an_account_that_is_connected_is_read_once_with_the_settings_of_its_user(parts: Parts) -> None:
    account_id = AccountId(new_id())
    for _ in range(2):
        await accounts.connect(parts.context, connected(account_id))
        assert await unfinished(parts) == {(account_id, kind, "connected") for kind in ("mail", "contacts", "calendar")}
        await parts.context.db.execute("UPDATE runs SET state = 'completed', finished_at = now()") if _ else None
    assert [request.user_id for request in parts.bus.requested] == [MAYA, MAYA]
    await accounts.connect(parts.context, connected(account_id, sequence=4))
    assert await unfinished(parts) == set(), "an older one"
    [row] = await parts.fetch("SELECT version FROM preferences")
    assert row["version"] == 1


@pytest.mark.parametrize(("refusal", "is_connected"), [("not_found", True), ("unavailable", False)])
async def test_an_account_of_a_user_without_settings_has_the_usual_ones_and_without_a_reply_it_waits(
    parts: Parts, refusal: str, is_connected: bool
) -> None:
    parts.bus.replies["GetSettings"] = Refused(404, refusal, "No.")
    account_id = AccountId(new_id())
    if is_connected:
        await accounts.connect(parts.context, connected(account_id))
        [row] = await parts.fetch("SELECT version FROM preferences")
        assert row["version"] == 0, "any settings are newer"
    else:
        with pytest.raises(Refused):
            await accounts.connect(parts.context, connected(account_id))
    assert len(await parts.fetch("SELECT FROM accounts")) == is_connected


@pytest.mark.parametrize("forgotten", ["user", "account"])
async def test_what_was_forgotten_is_not_connected_again(parts: Parts, forgotten: str) -> None:
    account_id = AccountId(new_id())
    await insert(parts, "forgotten", id=MAYA if forgotten == "user" else account_id)
    await accounts.connect(parts.context, connected(account_id))
    assert await parts.fetch("SELECT FROM accounts UNION ALL SELECT FROM preferences UNION ALL SELECT FROM runs") == []


async def test_a_permission_that_ended_stops_the_runs_of_its_account_and_reports_them(parts: Parts) -> None:
    account_id, other_id = await add(parts, sequence=3), await add(parts, sequence=3)
    scheduled = await add_run(parts, account_id, state="running")
    await add_run(parts, account_id, "calendar", reason="poll")
    await add_run(parts, other_id)
    event = AccountReauthRequired(
        user_id=MAYA, account_id=account_id, address="maya@example.com", reason="You took it back.", at=NOW, sequence=2
    )
    await accounts.stop_until_reauthorized(parts.context, event)
    assert len(await unfinished(parts)) == 3, "an older one"
    await accounts.stop_until_reauthorized(parts.context, event.model_copy(update={"sequence": 4}))
    assert await unfinished(parts) == {(other_id, "mail", "user")}
    [failed] = [event for event in parts.bus.published if event.subject == "sync.failed"]
    body = failed.model_dump(mode="json")
    assert [body[name] for name in ("run_id", "code", "error", "address")] == [
        str(scheduled), "reauth_required", "You took it back.", "maya@example.com",
    ]  # fmt: skip
    assert await parts.fetch("SELECT FROM outbox") == [], "it was published at once"


@pytest.mark.parametrize(("purge", "sequence"), [(False, 4), (True, 4), (True, 2), (False, 2)])
async def test_a_disconnected_account_stops_and_a_purge_is_final_also_where_it_comes_late(
    parts: Parts, purge: bool, sequence: int
) -> None:
    account_id, other_id = await add(parts, sequence=3), await add(parts, sequence=3)
    for each in (account_id, other_id):
        await add_run(parts, each, state="running")
    event = AccountDisconnected(user_id=MAYA, account_id=account_id, purge=purge, at=NOW, sequence=sequence)
    await accounts.disconnect(parts.context, event)
    is_old = sequence == 2 and not purge
    assert await unfinished(parts) == {(other_id, "mail", "user"), *({(account_id, "mail", "user")} if is_old else ())}
    rows = await parts.fetch("SELECT state FROM accounts WHERE account_id = $1", account_id)
    assert [row["state"] for row in rows] == ([] if purge else ["active"] if is_old else ["disconnected"])
    assert (await account_of(parts, other_id))["state"] == "active"
    assert await parts.fetch("SELECT FROM outbox") == [], "nobody has to be told of it: it is what the user did"


# --- requests -----------------------------------------------------------------------------------------------------------


def wanted(
    account_id: AccountId, user_id: UserId = MAYA, kind: Kind = "mail", reason: Reason = "user"
) -> SyncRequested:
    return SyncRequested(user_id=user_id, account_id=account_id, kind=kind, reason=reason)


async def test_a_sync_is_requested_of_the_own_account_and_mail_is_polled_at_the_full_rate_from_then_on(
    parts: Parts,
) -> None:
    account_id = await add(parts, news_at=NOW - DAY, poll_at=NOW + DAY)
    await requests.request_run(parts.context, wanted(account_id, OLGA))
    assert await unfinished(parts) == set()
    await requests.request_run(parts.context, wanted(account_id, kind="calendar"))
    await requests.request_run(parts.context, wanted(account_id, reason="repair"))
    assert (await account_of(parts, account_id))["poll_at"] == NOW + DAY
    await requests.request_run(parts.context, wanted(account_id))
    row = await account_of(parts, account_id)
    assert row["poll_at"] < NOW + HOUR
    assert row["news_at"] > NOW - HOUR
    assert row["missed_at"] is None
    assert await unfinished(parts) == {(account_id, "calendar", "user"), (account_id, "mail", "user")}


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"state": "reauth_required"}, "reauth_required"),
        ({"scopes": [CALENDAR_READ]}, "missing_scope"),
        ({"state": "disconnected"}, None),
    ],
)
async def test_who_requests_a_sync_that_is_not_possible_reads_why(
    parts: Parts, columns: dict[str, Any], code: str | None
) -> None:
    account_id = await add(parts, **columns)
    for reason in ("repair", "user"):
        assert parts.bus.published == []
        await requests.request_run(parts.context, wanted(account_id, reason=reason))  # type: ignore[arg-type]
    assert await unfinished(parts) == set()
    assert [event.model_dump()["code"] for event in parts.bus.published] == ([code] if code else [])
    page = await runs.show_runs(parts.context, ListRuns(user_id=MAYA, account_id=account_id))
    assert [(run.code, run.reason) for run in page.items] == ([(code, "user")] if code else [])


# --- notifications ------------------------------------------------------------------------------------------------------


def notified(history_id: int, address: str = "maya@example.com") -> MailboxNotified:
    return MailboxNotified(address=address, history_id=history_id, notified_at=datetime.now(UTC))


async def test_of_several_notifications_the_newest_counts_and_of_all_that_they_concern_it_is_noted(
    parts: Parts,
) -> None:
    account_id, current = await add(parts), await add(parts, canonical="olga@example.com")
    async with parts.context.db.acquire() as connection:
        for each in (account_id, current):
            await cursors.upsert_cursor(connection, each, "mail", {"history_id": 100, "listing": None})
    events = [
        notified(90),
        notified(101),
        notified(95),
        notified(100, "olga@example.com"),
        notified(999, "nobody@example.com"),
    ]
    await enqueue_notified(parts.context.db, parts.context.queue, events)
    assert await unfinished(parts) == {(account_id, "mail", "push")}
    for each in (account_id, current):
        assert (await account_of(parts, each))["pushed_at"] is not None


class FakeSubscription:
    """Pub/Sub: what it gives out, and what was acknowledged."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.received = [Received(str(number), message) for number, message in enumerate(messages)]
        self.acknowledged: list[str] = []

    async def pull(self) -> list[Received]:
        return self.received

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        self.acknowledged += ack_ids


HINT = {"data": "eyJlbWFpbEFkZHJlc3MiOiAibWF5YUBleGFtcGxlLmNvbSIsICJoaXN0b3J5SWQiOiA3fQ=="}


class PullingBus:
    """In which order it was reached, pinged and given what to publish."""

    def __init__(self, subscription: FakeSubscription, failing: str = "") -> None:
        self._subscription, self._failing = subscription, failing
        self.published: list[Any] = []

    async def ping(self) -> None:
        if self._failing == "ping":
            raise Outage("The bus is away.")

    async def publish(self, *events: Any) -> None:
        assert self._subscription.acknowledged == []
        if self._failing == "publish":
            raise Outage("The bus is away.")
        self.published += events


async def test_a_notification_is_acknowledged_once_the_bus_has_it_and_what_is_none_of_gmails_too() -> None:
    subscription = FakeSubscription({"data": "no base64!"}, HINT)
    bus = PullingBus(subscription)
    assert await pull_notifications(cast(Bus, bus), cast(Subscription, subscription)) == 2
    assert [(event.address, event.history_id) for event in bus.published] == [("maya@example.com", 7)]
    assert subscription.acknowledged == ["0", "1"]


@pytest.mark.parametrize("failing", ["ping", "publish"])
async def test_what_the_bus_did_not_take_is_not_acknowledged(failing: str) -> None:
    subscription = FakeSubscription(HINT)
    with pytest.raises(Outage):
        await pull_notifications(cast(Bus, PullingBus(subscription, failing)), cast(Subscription, subscription))
    assert subscription.acknowledged == []


# --- polls --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reason", "has_failed"), [("poll", True), ("push", False), ("user", False)])
async def test_only_what_a_poll_found_says_that_notifications_fail(
    parts: Parts, reason: Reason, has_failed: bool
) -> None:
    account_id = await add(parts, watch_expires_at=NOW + DAY, poll_at=NOW + DAY, news_at=NOW - DAY)
    run, ended = await ended_run(parts, account_id, reason=reason)
    await poll_at_full_rate(run, ended)
    row = await account_of(parts, account_id)
    assert row["poll_at"] < NOW + HOUR
    assert (row["missed_at"] is not None) == has_failed


async def ended_run(parts: Parts, account_id: AccountId, kind: Kind = "mail", **columns: Any) -> tuple[Run, Any]:
    """A run of this account, and how it ended."""
    run_id = await add_run(parts, account_id, kind, **columns)
    [row] = await parts.fetch("SELECT * FROM runs WHERE run_id = $1", run_id)
    lease = RunLease(**{name: row[name] for name in RunLease.__slots__})
    async with parts.context.db.acquire() as connection:
        account = await account_store.get_account(connection, account_id)
    assert account is not None
    return Run(parts.engine, lease, account, cast(Any, NoGoogle())), cast(Any, row_as(row))


def row_as(row: Any) -> Any:
    return type("Ended", (), dict(row))()


# --- prep scans ---------------------------------------------------------------------------------------------------------


async def add_meetings(parts: Parts, account_id: AccountId) -> None:
    """Meetings in so many minutes, one of them cancelled."""
    minutes = (-20, 5, 30, 500)
    found = [meeting(MAYA, account_id, f"in {number}", NOW + timedelta(minutes=number)) for number in minutes]
    async with parts.context.db.acquire() as connection:
        await meeting_store.upsert_meetings(connection, account_id, "primary", found, 1)
        cancelled = [meeting(MAYA, account_id, "cancelled", NOW + timedelta(minutes=30))]
        await meeting_store.upsert_meetings(connection, account_id, "primary", cancelled, 1)
        await meeting_store.cancel_events(connection, account_id, "primary", ["cancelled"])


@pytest.mark.parametrize("late", [False, True])
async def test_a_scan_publishes_the_meetings_that_start_soon_once_and_is_done_when_they_are_published(
    parts: Parts, late: bool
) -> None:
    account_id, other_id = await add(parts), await add(parts)
    for each in (account_id, other_id):
        await add_meetings(parts, each)
    run, _ = await ended_run(parts, account_id, "calendar", scan_due=NOW - HOUR)
    await add_run(parts, other_id, "calendar", scan_due=datetime.now(UTC))

    async def scan() -> None:
        await (scan_overdue(parts.context) if late else scan_if_due(run))

    parts.bus.failure = Outage("The bus is away.")
    with pytest.raises(Outage):
        await scan()
    parts.bus.failure = None
    await scan()
    upcoming = [event for event in parts.bus.published if isinstance(event, MeetingUpcoming)]
    assert {event.meeting.account_id for event in upcoming} == {account_id}
    names = [event.meeting.event_id for event in upcoming]
    assert "in 30" in names
    assert not {"in 500", "cancelled"} & set(names)
    await scan()
    assert len(parts.bus.published) == len(upcoming), "it is done"


# --- what is shown ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 0, 10_000])
async def test_runs_and_meetings_come_page_by_page_without_a_gap(parts: Parts, limit: int) -> None:
    account_id = await add(parts)
    await add_meetings(parts, account_id)
    for number in range(5):
        await add_run(parts, account_id, state="completed", finished_at=NOW, code=str(number))
    seen: list[Any] = []
    cursor, pages = None, 0
    while True:
        page = await runs.show_runs(
            parts.context, ListRuns(user_id=MAYA, account_id=account_id, cursor=cursor, limit=limit)
        )
        seen, cursor, pages = [*seen, *(run.code for run in page.items)], page.next_cursor, pages + 1
        if cursor is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]
    assert pages == -(-5 // min(max(limit, 1), 5))
    seen, cursor = [], None
    while True:
        query = ListMeetings(user_id=MAYA, start=NOW - DAY, end=NOW + DAY, cursor=cursor, limit=limit)
        found = await meetings.show_meetings(parts.context, query)
        seen, cursor = [*seen, *(shown.event_id for shown in found.items)], found.next_cursor
        if cursor is None:
            break
    assert seen == ["in -20", "in 5", "in 30", "in 500"]
