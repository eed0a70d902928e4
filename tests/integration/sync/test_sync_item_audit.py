"""What was published of meetings and cards is compared with what contacts hold, and what was lost is published again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from libs.common.config import Settings
from libs.common.events import AuditDue, MeetingCancelled, MeetingIngested, PersonImported, PersonRemoved, SyncCompleted
from libs.common.requests import Audit, AuditAccount, StartAudit
from libs.common.scopes import GMAIL_READ
from libs.common.service import running
from libs.google_sim.account import CalendarData
from libs.local.servers import Nats
from services.contacts.__main__ import wire as wire_contacts
from services.sync import item_audit
from services.sync.handlers import audits
from tests.conftest import ServiceSettings, own_nats_server
from tests.support.sync_stage import ADDRESS, SyncStage, event, maya, person, sync_stage

nats_server = own_nats_server
NOW = datetime.now(UTC).replace(microsecond=0)
MEETINGS = [event(f"e{n}", NOW - timedelta(days=n + 1)) for n in range(5)]
CARDS = [person(n) for n in range(5)]


@dataclass
class Stage:
    """A stage with real `contacts` beside it."""

    sync: SyncStage
    contacts: Settings

    async def audit(self) -> Audit:
        """Have all audits carried out now, and wait for their end."""
        before = await self.result()
        await self.sync.request(StartAudit(user_id=self.sync.user_id, account_id=self.sync.account_id))

        async def has_ended() -> bool:
            now = await self.result()
            return all(
                after.finished_at not in (None, earlier.finished_at)
                for after, earlier in ((now.meetings, before.meetings), (now.cards, before.cards))
            ) and not await self.sync.sql("SELECT FROM runs WHERE finished_at IS NULL")

        await self.until(has_ended)
        return await self.result()

    async def result(self) -> Audit:
        return await self.sync.request(AuditAccount(user_id=self.sync.user_id, account_id=self.sync.account_id))

    async def sql(self, statement: str, *arguments: object) -> list[Any]:
        """SQL on what contacts have."""
        connection = await asyncpg.connect(self.contacts.postgres_url)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    async def meetings(self) -> set[str]:
        """The events on the timelines."""
        rows = await self.sql(
            """SELECT split_part(s.ref, '/', 2) AS id FROM sightings s JOIN interactions i ON i.id = s.interaction_id
               WHERE s.platform = 'calendar' AND s.fact IS NOT NULL"""
        )
        return {row["id"] for row in rows}

    async def cards(self) -> set[str]:
        return {row["resource_name"] for row in await self.sql("SELECT resource_name FROM cards WHERE live")}

    async def lose_meeting(self, event_id: str) -> None:
        """As if nothing of it had ever reached contacts."""
        ref = f"primary/{event_id}"
        await self.sql(
            "DELETE FROM interactions WHERE id IN (SELECT interaction_id FROM sightings WHERE ref = $1)", ref
        )
        await self.sql("DELETE FROM sightings WHERE ref = $1", ref)

    async def until(self, true: Callable[[], Awaitable[bool]], seconds: float = 40.0) -> None:
        async with asyncio.timeout(seconds):
            while not await true():
                await asyncio.sleep(0.05)

    async def until_held(self, meetings: set[str], cards: set[str]) -> None:
        async def holds() -> bool:
            return await self.meetings() == meetings and await self.cards() == cards

        await self.until(holds)


def ids(meetings: list[dict[str, Any]]) -> set[str]:
    return {meeting["id"] for meeting in meetings}


def names(cards: list[dict[str, Any]]) -> set[str]:
    return {card["resourceName"] for card in cards}


@pytest_asyncio.fixture
async def stage(
    service_settings: ServiceSettings, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    monkeypatch.setattr(item_audit, "QUIET_PAUSES_SECONDS", (0.1, 0.2, 0.4, 0.8, 1.6))
    calendar = CalendarData(ADDRESS, "Maya", "Europe/Stockholm", primary=True, events=list(MEETINGS))
    contacts = service_settings("contacts")
    data = maya(calendars=[calendar], people=list(CARDS))
    async with (
        sync_stage(service_settings, nats_server.admin_url, data) as made,
        running("contacts", contacts, wire_contacts),
    ):
        yield Stage(made, contacts)


async def test_meetings_and_cards_that_were_lost_come_back_and_the_audit_tells(stage: Stage) -> None:
    async with stage.sync.replica():
        await stage.sync.first_sync()
        await stage.until_held(ids(MEETINGS), names(CARDS))
        assert (await stage.result()).meetings.summary == "The meetings were not compared yet; that is done once a day."
        first = await stage.audit()
        assert first.meetings.summary == "All 5 meetings were found where they belong."
        assert first.cards.summary == "All 5 cards were found where they belong."
        stage.sync.published.clear()
        await stage.audit()
        assert not stage.sync.received(MeetingIngested), "nothing is published where nothing is missing"
        assert not stage.sync.received(PersonImported)

        await stage.lose_meeting("e0")
        await stage.sql("DELETE FROM interactions WHERE title = 'Meeting e1'")
        await stage.sql("UPDATE sightings SET revision = 0 WHERE ref = 'primary/e2'")
        await stage.sql("DELETE FROM cards WHERE resource_name = 'people/c0'")
        await stage.sql("UPDATE cards SET revision = 0, name = 'Old' WHERE resource_name = 'people/c1'")
        found = await stage.audit()
        assert (found.meetings.compared, found.meetings.healed, found.meetings.unhealed) == (5, 3, 0)
        assert found.meetings.summary == (
            "All 5 meetings were found where they belong; 3 had been lost and were published again."
        )
        assert (found.cards.compared, found.cards.healed) == (5, 2)
        await stage.until_held(ids(MEETINGS), names(CARDS))
        [row] = await stage.sql("SELECT name FROM cards WHERE resource_name = 'people/c1'")
        assert row["name"] == "Person 1"
        calendar = [end for end in stage.sync.ended("calendar") if isinstance(end, SyncCompleted)][-1]
        assert (calendar.reason, calendar.updated) == ("repair", 3), "the sync history shows what was mended"


async def test_a_lost_cancellation_takes_the_meeting_off_the_timeline_and_a_lost_removal_the_card(stage: Stage) -> None:
    async with stage.sync.replica():
        await stage.sync.first_sync()
        await stage.until_held(ids(MEETINGS), names(CARDS))
        await stage.sync.sql("UPDATE meetings SET cancelled = true, revision = revision + 1 WHERE event_id = 'e3'")
        await stage.sync.sql("UPDATE people SET deleted = true, revision = 9 WHERE resource_name = 'people/c3'")
        stage.sync.account.calendars[ADDRESS].remove("e3")
        stage.sync.account.people.delete("people/c3")
        stage.sync.published.clear()
        await stage.audit()
        await stage.until_held(ids(MEETINGS) - {"e3"}, names(CARDS) - {"people/c3"})
    assert {event.event_id for event in stage.sync.received(MeetingCancelled)} == {"e3"}
    assert {event.resource_name for event in stage.sync.received(PersonRemoved)} == {"people/c3"}


async def test_what_changes_after_the_database_of_sync_was_restored_arrives(stage: Stage) -> None:
    """Its revisions begin below those that contacts hold: without the audit all changes to come would be old ones."""
    async with stage.sync.replica():
        await stage.sync.first_sync()
        await stage.until_held(ids(MEETINGS), names(CARDS))
        await stage.sql("UPDATE sightings SET revision = 40 WHERE platform = 'calendar'")
        await stage.sql("UPDATE cards SET revision = 40")
        await stage.audit()
        rows = await stage.sync.sql("SELECT revision FROM meetings UNION ALL SELECT revision FROM people")
        assert {row["revision"] for row in rows} == {41}
        found = await stage.audit()
    assert (found.meetings.healed, found.cards.healed) == (0, 0)


async def test_what_contacts_never_take_is_given_up_after_a_week_and_reported_once(stage: Stage) -> None:
    async with stage.sync.replica():
        await stage.sync.first_sync()
        await stage.until_held(ids(MEETINGS), names(CARDS))
        await stage.sync.sql("UPDATE meetings SET retries = 7 WHERE event_id = 'e0'")
        await stage.lose_meeting("e0")
        found = await stage.audit()
        assert (found.meetings.healed, found.meetings.unhealed) == (0, 1)
        assert found.meetings.summary == "1 of 5 meetings can't be brought onto the timelines."
        await stage.audit()
        reported = [end for end in stage.sync.ended("calendar") if end.reason == "repair"]
        assert [end.skipped for end in reported if isinstance(end, SyncCompleted)] == [{"unhealed": 1}]


async def test_meetings_and_cards_heal_for_an_account_that_does_not_share_its_mail(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "SPREAD_SECONDS", 0)
    stage.sync.granted -= {GMAIL_READ}
    async with stage.sync.replica():
        await stage.sync.first_sync("contacts", "calendar")
        await stage.until_held(ids(MEETINGS), names(CARDS))
        await stage.lose_meeting("e4")
        await stage.sql("DELETE FROM cards WHERE resource_name = 'people/c4'")
        async with stage.sync.idle() as context:
            await audits.audit_all(context, AuditDue())
        await stage.until_held(ids(MEETINGS), names(CARDS))


async def test_what_is_on_its_way_to_contacts_is_not_lost(stage: Stage) -> None:
    async with stage.sync.replica():
        await stage.sync.first_sync()
        await stage.until_held(ids(MEETINGS), names(CARDS))
        connection = await asyncpg.connect(stage.contacts.postgres_url)
        try:
            # The lock under which contacts record for a user: what comes now waits.
            await connection.execute(
                "SELECT pg_advisory_lock(hashtextextended('contacts.user:' || $1::uuid::text, 0))", stage.sync.user_id
            )
            stage.sync.account.calendars[ADDRESS].put(event("late", NOW - timedelta(hours=3)))
            await stage.sync.sync("calendar")
            found = await stage.audit()
        finally:
            await connection.close()
        assert (found.meetings.healed, found.meetings.unhealed) == (0, 0)
        await stage.until_held({*ids(MEETINGS), "late"}, names(CARDS))


async def test_a_changed_meeting_arrives_also_while_contacts_are_down_and_the_audit_waits(
    service_settings: ServiceSettings, nats_server: Nats
) -> None:
    calendar = CalendarData(ADDRESS, "Maya", "Europe/Stockholm", primary=True, events=list(MEETINGS))
    async with (
        sync_stage(service_settings, nats_server.admin_url, maya(calendars=[calendar])) as stage,
        stage.replica(),
    ):
        await stage.first_sync("calendar")
        await stage.sql(
            "INSERT INTO item_audits (account_id, kind, due_at) VALUES ($1, 'calendar', now())", stage.account_id
        )
        stage.account.calendars[ADDRESS].put(event("new", NOW - timedelta(hours=3)))
        await stage.request_sync("calendar")
        await stage.until(lambda: any(e.meeting.event_id == "new" for e in stage.received(MeetingIngested)))
        async with asyncio.timeout(20):
            while not await stage.sql("SELECT FROM runs WHERE kind = 'calendar' AND state = 'waiting'"):
                await asyncio.sleep(0.05)
        assert await stage.sql("SELECT FROM item_audits WHERE due_at IS NOT NULL")
