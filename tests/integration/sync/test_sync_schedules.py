"""What sync does because it is time: runs of every account, audits, polls and prep scans."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import pytest_asyncio

from libs.common.errors import Outage, Refused
from libs.common.events import (
    AuditDue,
    CalendarDue,
    ContactsDue,
    Kind,
    MailDue,
    MeetingUpcoming,
    PrepDue,
    Reason,
    WatchDue,
)
from libs.common.ids import AccountId, UserId, new_id
from libs.common.requests import AuditAccount, StartAudit
from libs.common.scopes import CALENDAR_READ
from services.sync.calendar.prep_scan import scan_if_due, scan_overdue
from services.sync.handlers import audits, schedules
from services.sync.handlers.item_audits import schedule_now
from services.sync.mail.polling import poll_at_full_rate
from services.sync.runs.run import Run
from services.sync.store import accounts as account_store
from services.sync.store.leases import RunLease
from tests.support.database import Database
from tests.support.sync_parts import (
    MAYA,
    NoGoogle,
    Parts,
    account_of,
    add,
    add_meetings,
    add_run,
    insert,
    sync_parts,
    unfinished,
)
from tests.support.sync_tables import DAY, NOW

OLGA = UserId(new_id())
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def parts(emptied_database: Database) -> AsyncIterator[Parts]:
    async with sync_parts(emptied_database, mail_poll_seconds=60) as made:
        yield made


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


async def test_where_accounts_are_many_their_runs_are_spread_as_far_as_google_s_quota_needs(
    emptied_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty are many where the quota is small: six minutes of mail, ten of scans, and the daily reading after those."""
    monkeypatch.setattr(schedules, "ENQUEUED_AT_ONCE", 7)
    tight = {"gmail_project_units_per_minute": 1_000, "calendar_project_requests_per_minute": 4}
    async with sync_parts(emptied_database, **tight) as parts:
        for _ in range(30):
            await add(parts, UserId(new_id()))
        await schedules.sync_all_mail(parts.context, MailDue())
        await schedules.sync_all_contacts(parts.context, ContactsDue())
        for first, last, handle, event in (
            (600, 1_200, schedules.sync_all_calendars, CalendarDue()),
            (0, 600, schedules.scan_all_calendars, PrepDue()),
        ):
            await handle(parts.context, event)  # type: ignore[operator]
            delays = await _delays(parts, "calendar")
            assert len(delays) == 30
            assert timedelta(seconds=first) <= min(delays)
            assert timedelta(seconds=last - 300) < max(delays) < timedelta(seconds=last + 20)
        for kind in ("mail", "contacts"):
            assert timedelta(seconds=240) < max(await _delays(parts, kind)) <= timedelta(seconds=360)
        rows = await parts.fetch("SELECT reason, due_at, scan_due FROM runs WHERE kind = 'calendar'")
        assert {row["reason"] for row in rows} == {"schedule"}, "the daily reading takes the place of the look"
        assert all(row["due_at"] == row["scan_due"] for row in rows)


async def _delays(parts: Parts, kind: str) -> list[timedelta]:
    rows = await parts.fetch("SELECT due_at - started_at AS delay FROM runs WHERE kind = $1", kind)
    return [row["delay"] for row in rows]


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
        rows = await parts.fetch(f"SELECT DISTINCT account_id FROM {table} WHERE due_at <= now()")
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


@pytest.mark.parametrize(("minutes_ago", "has_failed"), [(3, True), (1, False)])
async def test_a_notification_that_came_amid_the_poll_shows_that_they_come(
    parts: Parts, minutes_ago: int, has_failed: bool
) -> None:
    pushed_at = NOW - timedelta(minutes=minutes_ago)
    account_id = await add(parts, watch_expires_at=NOW + DAY, poll_at=NOW + DAY, news_at=NOW - DAY, pushed_at=pushed_at)
    times = {"started_at": NOW - timedelta(minutes=2), "finished_at": NOW}
    run, ended = await ended_run(parts, account_id, reason="poll", state="completed", **times)
    await poll_at_full_rate(run, ended)
    assert ((await account_of(parts, account_id))["missed_at"] is not None) == has_failed


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
