"""The sync history: how long it is kept, and that a page of it fits into one reply, whatever is written in it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest_asyncio

from libs.common.bus import Bus
from libs.common.events import AccountConnected, Kind
from libs.common.ids import AccountId, UserId, new_id
from libs.common.pagination import PAGE_BYTES, json_bytes
from libs.common.requests import GetMeeting, ListMeetings, ListRuns
from libs.common.scopes import ALL
from libs.common.service import opened
from services.sync.context import Context
from services.sync.domain.meetings import MAX_GUESTS
from services.sync.domain.runs import RunRequest
from services.sync.handlers import runs
from services.sync.runs.queue import RunQueue
from services.sync.store import accounts
from services.sync.store import runs as store
from tests.conftest import ServiceSettings
from tests.support.sync_stage import ADDRESS, CalendarData, SyncStage, event, maya, sync_stage

USER, ACCOUNT = UserId(new_id()), AccountId(new_id())
TODAY = datetime.now(UTC)


@pytest_asyncio.fixture
async def context(service_settings: ServiceSettings) -> AsyncIterator[Context]:
    async with opened("sync", service_settings("sync")) as r:
        connected = AccountConnected(
            user_id=USER, account_id=ACCOUNT, address=ADDRESS, scopes=frozenset(ALL), again=False, at=TODAY
        )
        async with r.db.acquire() as connection:
            await accounts.upsert_account(connection, connected)
        yield Context(r.settings, r.db, cast(Bus, None), RunQueue())


async def add(context: Context, kind: Kind, state: str, days_ago: int, error: str = "") -> str:
    """A run that has ended; its id."""
    row = await context.db.fetchrow(
        """
        INSERT INTO runs (run_id, user_id, account_id, kind, reason, state, finished_at, error)
        VALUES ($1, $2, $3, $4, 'schedule', $5, $6, $7) RETURNING run_id
        """,
        new_id(), USER, ACCOUNT, kind, state, TODAY - timedelta(days=days_ago), error,
    )  # fmt: skip
    return str(row["run_id"])


async def test_runs_of_the_last_quarter_stay_and_of_older_ones_the_last_of_each_kind(
    context: Context, monkeypatch: Any
) -> None:
    monkeypatch.setattr(runs, "DELETED_AT_ONCE", 2)
    for days_ago in (400, 300, 250):
        await add(context, "mail", "completed", days_ago)
    kept = {
        await add(context, "mail", "completed", 200),  # the last that ended well: the next one is not the first
        await add(context, "mail", "failed", 89),
    }
    await add(context, "contacts", "completed", 150)
    await add(context, "contacts", "failed", 140)
    kept.add(await add(context, "contacts", "completed", 120))
    kept.add(await add(context, "calendar", "failed", 365))
    async with context.db.acquire() as connection:
        await context.queue.enqueue(connection, [RunRequest(ACCOUNT, "calendar", "user")])
    kept |= {str(row["run_id"]) for row in await context.db.fetch("SELECT run_id FROM runs WHERE finished_at IS NULL")}
    await runs.delete_old(context)
    assert {str(row["run_id"]) for row in await context.db.fetch("SELECT run_id FROM runs")} == kept
    async with context.db.acquire() as connection:
        await context.queue.enqueue(connection, [RunRequest(ACCOUNT, "mail", "user")])
        latest = await store.list_latest(connection, USER)
    assert {run.kind: run.first for run in latest} == {"mail": False, "contacts": False, "calendar": True}


async def test_a_page_of_the_history_fits_into_one_reply_and_nothing_is_left_out(context: Context) -> None:
    ids = [await add(context, "mail", "failed", 1, error=f"{number} " + "x" * 30_000) for number in range(60)]
    seen: list[str] = []
    cursor = None
    while True:
        page = await runs.show_runs(context, ListRuns(user_id=USER, account_id=ACCOUNT, cursor=cursor, limit=500))
        assert json_bytes(page) <= PAGE_BYTES + 1_000
        seen += [str(run.id) for run in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == sorted(ids, reverse=True)


async def test_invitations_to_hundreds_come_page_by_page_and_say_how_many_guests_there_are(
    service_settings: ServiceSettings, nats_server: Any
) -> None:
    guests = [
        {"email": f"guest{number}@{'long.' * 30}example.org", "displayName": f"Guest {number} " + "y" * 200}
        for number in range(MAX_GUESTS + 50)
    ]
    meetings = [event(f"m{number}", TODAY + timedelta(days=1 + number), attendees=guests) for number in range(12)]
    meetings.append(event("small", TODAY + timedelta(days=20)))
    calendar = CalendarData(ADDRESS, "Maya", "Europe/Stockholm", primary=True, events=meetings)
    async with (
        sync_stage(service_settings, nats_server.admin_url, maya(calendars=[calendar])) as stage,
        stage.replica(),
    ):
        await stage.first_sync("calendar")
        found, pages = await _all_meetings(stage)
        again = await stage.sync("calendar")
        whole = await stage.request(GetMeeting(user_id=stage.user_id, meeting_id=found[0].meeting_id))
    assert (again.new, again.updated) == (0, 0)
    assert pages > 1
    assert [meeting.event_id for meeting in found] == [*(f"m{number}" for number in range(12)), "small"]
    assert (len(whole.guests), whole.guests_total) == (MAX_GUESTS, MAX_GUESTS + 50)
    assert (len(found[-1].guests), found[-1].guests_total) == (2, 2)


async def _all_meetings(stage: SyncStage) -> tuple[list[Any], int]:
    """All meetings, and on how many pages they came."""
    found: list[Any] = []
    cursor, pages = None, 0
    while True:
        query = ListMeetings(
            user_id=stage.user_id, start=TODAY, end=TODAY + timedelta(days=40), cursor=cursor, limit=500
        )
        page = await stage.request(query)
        assert json_bytes(page) <= PAGE_BYTES + 1_000
        found, cursor, pages = [*found, *page.items], page.next_cursor, pages + 1
        if cursor is None:
            return found, pages
