"""Cards and calendars: in full, incrementally, and when the sync token is too old."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from libs.common.events import (
    MeetingCancelled,
    MeetingIngested,
    MeetingUpcoming,
    PersonImported,
    PersonRemoved,
    PrepDue,
    Reason,
    SyncRequested,
)
from libs.common.requests import AccountCalendar, Calendars, GetMeeting, ListCalendars, ListMeetings
from libs.google_sim.account import CalendarData
from libs.google_sim.faults import Rule
from libs.local import ROOT
from libs.local.bus_admin import connect_admin
from libs.local.servers import Nats
from tests.conftest import ServiceSettings
from tests.support.sync_stage import ADDRESS, SyncStage, event, maya, person, sync_stage

NOW = datetime.now(UTC).replace(microsecond=0)
TEAM = "team@group.calendar.google.com"
EVENTS = [
    event("soon", NOW + timedelta(minutes=36)),
    event("later", NOW + timedelta(days=2)),
    event("long-ago", NOW - timedelta(days=2000)),
    event("too-far", NOW + timedelta(days=90)),
    event("focus", NOW + timedelta(days=1), eventType="focusTime"),
    event("past", NOW - timedelta(days=30)),
]
PEOPLE = [person(n) for n in range(5)] + [{"resourceName": "people/empty"}]


@pytest_asyncio.fixture(params=[400, 410])
async def stage(
    service_settings: ServiceSettings, nats_server: Nats, request: pytest.FixtureRequest
) -> AsyncIterator[SyncStage]:
    calendars = [
        CalendarData(ADDRESS, "Maya", "Europe/Stockholm", primary=True, events=list(EVENTS)),
        CalendarData(TEAM, "Team", events=[event("offsite", NOW + timedelta(days=3))]),
    ]
    data = maya(calendars=calendars, people=list(PEOPLE))
    async with sync_stage(service_settings, nats_server.admin_url, data, people_expired_status=request.param) as made:
        yield made


async def test_cards_are_imported_once_and_followed(stage: SyncStage) -> None:
    people = stage.account.people
    async with stage.replica():
        await stage.first_sync("contacts")
        assert {event.resource_name for event in stage.received(PersonImported)} == {f"people/c{n}" for n in range(5)}
        again = await stage.sync("contacts")
        assert (again.new, again.updated, again.removed) == (0, 0, 0)
        people.put(person(1, names=[{"displayName": "Renamed"}]))
        people.delete("people/c2")
        end = await stage.sync("contacts")
        assert (end.new, end.updated, end.removed) == (0, 1, 1)
    assert stage.received(PersonImported)[-1].name == "Renamed"
    assert stage.received(PersonImported)[-1].revision == 2
    assert [event.resource_name for event in stage.received(PersonRemoved)] == ["people/c2"]


async def test_an_expired_people_token_finds_changes_and_deletions(stage: SyncStage) -> None:
    people = stage.account.people
    async with stage.replica():
        await stage.first_sync("contacts")
        people.delete("people/c3")
        people.put(person(9))
        del people.entries["people/c3"]  # deleted so long ago that even the tombstone is gone
        people.expire_sync_tokens()
        end = await stage.sync("contacts")
    assert (end.new, end.updated, end.removed) == (1, 0, 1)
    assert [event.resource_name for event in stage.received(PersonRemoved)] == ["people/c3"]


async def test_only_meetings_within_the_window_are_kept(stage: SyncStage) -> None:
    async with stage.replica():
        await stage.first_sync("calendar")
        found = await stage.request(
            ListMeetings(
                user_id=stage.user_id, start=NOW - timedelta(days=9999), end=NOW + timedelta(days=9999), limit=2
            )
        )
        rest = await stage.request(
            ListMeetings(
                user_id=stage.user_id, start=NOW - timedelta(days=9999), end=NOW + timedelta(days=9999),
                cursor=found.next_cursor,
            )
        )  # fmt: skip
        meeting = await stage.request(GetMeeting(user_id=stage.user_id, meeting_id=found.items[0].meeting_id))
    assert [meeting.event_id for meeting in (*found.items, *rest.items)] == ["past", "soon", "later"]
    assert meeting == found.items[0]
    assert [(guest.me, guest.answer) for guest in meeting.guests] == [(True, "accepted"), (False, "tentative")]


async def test_a_meeting_knows_the_zone_of_the_primary_calendar_whatever_its_event_and_its_calendar_name(
    stage: SyncStage,
) -> None:
    """Read in Stockholm; then the person moves, and Google tells the new zone with the next change."""
    calendar = stage.account.calendars[ADDRESS]
    calendar.put({**EVENTS[1], "start": {**EVENTS[1]["start"], "timeZone": "UTC"}})
    everything = ListMeetings(user_id=stage.user_id, start=NOW - timedelta(days=9), end=NOW + timedelta(days=9))
    async with stage.replica():
        await stage.first_sync("calendar")
        team = AccountCalendar(account_id=stage.account_id, calendar_id=TEAM, title="Team")
        listed = await stage.request(ListCalendars(user_id=stage.user_id))
        assert listed == Calendars(items=(team,)), "the primary one is always read"
        stage.google.world.faults.set([Rule("calendarList", "404")], 0)
        listed = await stage.request(ListCalendars(user_id=stage.user_id))
        assert listed == Calendars(items=(), unavailable=(stage.account_id,))
        await stage.change_settings(calendar_ids=(TEAM,))
        await stage.until(lambda: len(stage.ended("calendar")) == 2)
        found = {meeting.event_id: meeting for meeting in (await stage.request(everything)).items}
        zones = {name: (meeting.time_zone, meeting.calendar_time_zone) for name, meeting in found.items()}
        assert zones == {
            "soon": ("Europe/Stockholm", "Europe/Stockholm"),
            "later": ("UTC", "Europe/Stockholm"),
            "offsite": ("UTC", "Europe/Stockholm"),
        }
        calendar.data.time_zone = "Asia/Tokyo"
        end = await stage.sync("calendar")
        assert (end.new, end.updated) == (0, 0), "no event has changed"
        later = await stage.request(GetMeeting(user_id=stage.user_id, meeting_id=found["later"].meeting_id))
    assert (later.time_zone, later.calendar_time_zone) == ("UTC", "Asia/Tokyo")


async def test_moved_and_cancelled_meetings_replace_what_was_there(stage: SyncStage) -> None:
    calendar = stage.account.calendars[ADDRESS]
    async with stage.replica():
        await stage.first_sync("calendar")
        calendar.put({**EVENTS[1], "start": {"dateTime": (NOW + timedelta(days=4)).isoformat()}})
        calendar.put({**EVENTS[5], "status": "cancelled"})
        calendar.put(event("beyond", NOW + timedelta(days=400)))
        end = await stage.sync("calendar")
    assert (end.new, end.updated, end.removed) == (0, 1, 1)
    assert [event.event_id for event in stage.received(MeetingCancelled)] == ["past"]
    moved = stage.received(MeetingIngested)[-1].meeting
    assert (moved.event_id, moved.revision, moved.starts_at) == ("later", 2, NOW + timedelta(days=4))


async def test_after_an_upgrade_meetings_of_organizers_off_the_list_are_published_once_more(stage: SyncStage) -> None:
    hidden = [{"email": ADDRESS, "self": True, "responseStatus": "accepted"}]
    boss = {"organizer": {"email": "boss@example.org", "displayName": "Boss"}}
    calendar = stage.account.calendars[ADDRESS]
    calendar.put(event("hidden", NOW + timedelta(days=5), attendees=hidden, **boss))
    calendar.put(event("named", NOW + timedelta(days=6), attendees=[*hidden, {"email": "Boss@example.org"}], **boss))
    upgrade = (ROOT / "services/sync/migrations/0007_organizers.sql").read_text()
    async with stage.replica():
        await stage.first_sync("calendar")
        before = len(stage.received(MeetingIngested))
        await stage.sql(upgrade.split("-- migrate:down")[0])
        await stage.sync("calendar")
    again = [(event.meeting.event_id, event.meeting.revision) for event in stage.received(MeetingIngested)[before:]]
    assert again == [("hidden", 2)]


async def test_an_expired_calendar_token_means_a_full_listing_that_removes_what_is_gone(stage: SyncStage) -> None:
    calendar = stage.account.calendars[ADDRESS]
    async with stage.replica():
        await stage.first_sync("calendar")
        del calendar.events["later"]
        calendar.expire_sync_tokens()
        end = await stage.sync("calendar")
    assert (end.new, end.updated, end.removed) == (0, 0, 1)


async def test_once_a_day_a_calendar_is_listed_in_full_by_its_schedule_or_else_by_the_next_run(
    stage: SyncStage,
) -> None:
    calendar = stage.account.calendars[ADDRESS]

    async def removed(reason: Reason) -> int:
        before = len(stage.ended("calendar"))
        wanted = SyncRequested(user_id=stage.user_id, account_id=stage.account_id, kind="calendar", reason=reason)
        await stage.gateway.publish(wanted)
        await stage.until(lambda: len(stage.ended("calendar")) > before)
        return stage.ended("calendar")[-1].removed

    async def listed_in_full_at() -> str:
        [row] = await stage.sql("SELECT token->>'full_at' AS full_at FROM cursors WHERE kind = 'calendar'")
        return str(row["full_at"])

    async with stage.replica():
        await stage.first_sync("calendar")
        del calendar.events["later"]  # Google never tells
        assert await removed("user") == 0
        assert await removed("schedule") == 1
        del calendar.events["past"]
        before = await listed_in_full_at()
        assert await removed("user") == 0
        assert await listed_in_full_at() == before, "what only brought changes was no full listing"
        yesterday = f'"{(datetime.now(UTC) - timedelta(hours=26)).isoformat()}"'
        await stage.sql(
            "UPDATE cursors SET token = jsonb_set(token, '{full_at}', $1::text::jsonb) WHERE kind = 'calendar'",
            yesterday,
        )
        assert await removed("user") == 1


async def test_ticked_calendars_are_read_and_unticked_ones_forgotten(stage: SyncStage) -> None:
    async with stage.replica():
        await stage.first_sync("calendar")
        await stage.change_settings(calendar_ids=(TEAM, "nobody@group.calendar.google.com"))
        await stage.until(lambda: stage.received(MeetingIngested)[-1].meeting.event_id == "offsite")
        await stage.until(lambda: len(stage.ended("calendar")) == 2)
        await stage.change_settings(calendar_ids=())
        await stage.until(lambda: [event.event_id for event in stage.received(MeetingCancelled)] == ["offsite"])


async def test_the_prep_scan_sees_what_was_booked_just_now(stage: SyncStage, nats_server: Nats) -> None:
    async with stage.replica():
        await stage.first_sync("calendar")
        stage.account.calendars[ADDRESS].put(event("booked-now", NOW + timedelta(minutes=32)))
        connection = await connect_admin(nats_server.admin_url)
        try:
            await connection.jetstream().publish(PrepDue.subject, b"{}")
        finally:
            await connection.close()
        await stage.until(lambda: len(stage.received(MeetingUpcoming)) == 2)
        await stage.until(lambda: stage.ended("calendar")[-1].reason == "poll")
    assert [event.meeting.event_id for event in stage.received(MeetingUpcoming)] == ["booked-now", "soon"]
    assert stage.ended("calendar")[-1].new == 1
