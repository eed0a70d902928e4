"""Meetings, cards and cursors, statement by statement: what is new or changed is published, and once."""

from datetime import timedelta
from typing import Any

import pytest

from libs.common.db import Connection
from libs.common.ids import AccountId, MeetingId, UserId, new_id
from libs.common.requests import HeldItem, PublishedItem
from services.sync.domain.audit import MAX_RETRIES
from services.sync.store import accounts, cursors, meetings, people
from tests.support.sync_tables import DAY, NOW, add_account, meeting

MAYA = UserId(new_id())
HOUR = timedelta(hours=1)


@pytest.fixture
async def account_id(connection: Connection) -> AccountId:
    return await add_account(connection, MAYA, time_zone="Asia/Tokyo")


async def keep(
    connection: Connection,
    account_id: AccountId,
    *names: str,
    generation: int = 1,
    calendar_id: str = "primary",
    **changes: Any,
) -> tuple[int, int]:
    """Store meetings, the first of them an hour from now, each an hour after the one before."""
    found = [
        meeting(MAYA, account_id, name, NOW + hours * HOUR, calendar_id=calendar_id, **changes)
        for hours, name in enumerate(names, start=1)
    ]
    return await meetings.upsert_meetings(connection, account_id, calendar_id, found, generation)


async def publish(connection: Connection, account_id: AccountId) -> dict[str, tuple[int, bool]]:
    """What is to be published of the primary calendar, in its order: revision and whether it is cancelled; then it is."""
    unpublished = await meetings.list_unpublished(connection, account_id, "primary", 99)
    revisions = {change.meeting.meeting_id: change.meeting.revision for change in unpublished}
    await meetings.mark_meetings_published(connection, revisions)
    return {change.meeting.event_id: (change.meeting.revision, change.cancelled) for change in unpublished}


# --- meetings -----------------------------------------------------------------------------------------------------------


async def test_a_meeting_is_published_when_it_is_new_changed_or_back_and_with_a_higher_revision_each_time(
    connection: Connection, account_id: AccountId
) -> None:
    assert await keep(connection, account_id) == (0, 0)
    assert await keep(connection, account_id, "b", "a", "b") == (2, 0), "an event that a page has twice is one"
    assert await publish(connection, account_id) == {"a": (1, False), "b": (1, False)}
    assert await keep(connection, account_id, "b", "a", "b") == (0, 0)
    assert await publish(connection, account_id) == {}
    assert await keep(connection, account_id, "x", "a", "c", "b") == (2, 1), "b has moved"
    assert await keep(connection, account_id, "x", "a", "c", "b") == (0, 0), (
        "they wait to be published, and are counted once"
    )
    assert list((await publish(connection, account_id)).items()) == [
        ("x", (1, False)),
        ("c", (1, False)),
        ("b", (2, False)),
    ]
    assert await meetings.cancel_events(connection, account_id, "primary", ["a", "never seen"]) == 1
    assert await meetings.cancel_events(connection, account_id, "primary", ["a"]) == 0
    assert await publish(connection, account_id) == {"a": (2, True)}
    assert await keep(connection, account_id, "x", "a") == (0, 1)
    assert await publish(connection, account_id) == {"a": (3, False)}


async def test_a_series_that_is_cancelled_takes_its_instances_along_and_nothing_else(
    connection: Connection, account_id: AccountId
) -> None:
    instances = ("s1_20260304T120000Z", "s1_20260305", "s1_R20260304T120000_20260311T120000Z")
    others = ("s10_20260304T120000Z", "s1_2026", "s", "s1x", "S1_20260305", "s1_20260305Z")
    await keep(connection, account_id, *instances, *others)
    await keep(connection, account_id, instances[0], calendar_id="team")
    assert await meetings.cancel_events(connection, account_id, "primary", ["s1", "never seen"]) == 2
    left = await meetings.list_upcoming(connection, account_id, NOW, NOW + DAY)
    assert [(found.calendar_id, found.event_id) for found in left if found.calendar_id == "team"] == [
        ("team", instances[0])
    ]
    assert {found.event_id for found in left if found.calendar_id == "primary"} == {*instances[2:], *others}


async def list_both(connection: Connection, account_id: AccountId) -> list[tuple[str, str]]:
    """Which copies a scan finds; the list of meetings has the same."""
    upcoming = await meetings.list_upcoming(connection, account_id, NOW, NOW + DAY)
    listed = await meetings.list_meetings(connection, MAYA, NOW, NOW + DAY, account_id, None, 99)
    assert listed == upcoming
    return [(found.calendar_id, found.event_id) for found in upcoming]


async def test_a_meeting_in_two_calendars_of_an_account_is_listed_once(
    connection: Connection, account_id: AccountId
) -> None:
    copied = {"ical_uid": "uid@calendars.example"}
    await keep(connection, account_id, "its copy", calendar_id="team", **copied)
    await keep(connection, account_id, "a third", calendar_id="room", **copied)
    assert await list_both(connection, account_id) == [("team", "its copy")]
    await keep(connection, account_id, "mine", **copied)
    assert await list_both(connection, account_id) == [("primary", "mine")]
    await meetings.cancel_events(connection, account_id, "primary", ["mine"])
    assert await list_both(connection, account_id) == [("team", "its copy")]
    await keep(connection, await add_account(connection, MAYA), "elsewhere", **copied)
    assert await list_both(connection, account_id) == [("team", "its copy")], "another account has its own"


@pytest.mark.parametrize(
    "differs", [{"ical_uid": "another@calendars.example"}, {"ical_uid": ""}, {"original_start": "x"}]
)
async def test_what_only_resembles_a_meeting_is_listed_too(
    connection: Connection, account_id: AccountId, differs: dict[str, str]
) -> None:
    common = {"ical_uid": "uid@calendars.example", **({"ical_uid": ""} if differs == {"ical_uid": ""} else {})}
    await keep(connection, account_id, "this", calendar_id="team", **common)
    await keep(connection, account_id, "that", calendar_id="room", **{**common, **differs})
    assert len(await list_both(connection, account_id)) == 2


async def test_that_guests_are_hidden_is_a_change_and_that_they_are_not_is_none(
    connection: Connection, account_id: AccountId
) -> None:
    await keep(connection, account_id, "a")
    body = await connection.fetchval("SELECT meeting FROM meetings WHERE account_id = $1", account_id)
    assert "guests_hidden" not in body, "else every meeting would be published once more after an upgrade"
    assert await keep(connection, account_id, "a", guests_hidden=True) == (0, 1)
    (listed,) = await meetings.list_upcoming(connection, account_id, NOW, NOW + DAY)
    assert listed.guests_hidden


async def test_a_change_while_its_meeting_was_being_published_is_published_too(
    connection: Connection, account_id: AccountId
) -> None:
    await keep(connection, account_id, "a")
    [change] = await meetings.list_unpublished(connection, account_id, "primary", 9)
    await keep(connection, account_id, "a", title="Another title")
    await meetings.mark_meetings_published(connection, {change.meeting.meeting_id: change.meeting.revision})
    assert await publish(connection, account_id) == {"a": (2, False)}


async def test_what_a_complete_listing_did_not_meet_is_cancelled_within_what_it_listed(
    connection: Connection, account_id: AccountId
) -> None:
    await keep(connection, account_id, "first", "second", "third", generation=1)
    await keep(connection, account_id, "first", "second", generation=2, calendar_id="team")
    for generation in (1, 2):
        await keep(connection, account_id, "-", "-", "-", "met", generation=generation)
    await publish(connection, account_id)
    assert await meetings.cancel_older(connection, account_id, "primary", 2, NOW + 2 * HOUR) == 2
    assert await publish(connection, account_id) == {"second": (2, True), "third": (2, True)}
    assert await meetings.cancel_older(connection, account_id, "primary", 2, None) == 1
    assert await meetings.cancel_older(connection, account_id, "primary", 2, None) == 0
    assert sorted(await meetings.list_unpublished_calendars(connection, account_id)) == ["primary", "team"]
    await publish(connection, account_id)
    assert await meetings.list_unpublished_calendars(connection, account_id) == ["team"]


async def test_what_is_to_be_published_comes_by_start_and_not_all_at_once(
    connection: Connection, account_id: AccountId
) -> None:
    await keep(connection, account_id, "a", "b", "c")
    await connection.execute("UPDATE meetings SET starts_at = $1 WHERE event_id = 'c'", NOW - DAY)
    await keep(connection, account_id, "elsewhere", calendar_id="team")
    found = await meetings.list_unpublished(connection, account_id, "primary", 2)
    assert [change.meeting.event_id for change in found] == ["c", "a"]
    assert {change.meeting.calendar_time_zone for change in found} == {"Asia/Tokyo"}
    assert len({change.meeting.meeting_id for change in found}) == 2


async def test_what_was_published_of_meetings_comes_page_by_page(connection: Connection, account_id: AccountId) -> None:
    await keep(connection, account_id, "b", "a", "cancelled")
    await meetings.cancel_events(connection, account_id, "primary", ["cancelled"])
    await publish(connection, account_id)
    await keep(connection, account_id, "to be published")
    every = [
        PublishedItem(id="primary/a", revision=1), PublishedItem(id="primary/b", revision=1),
        PublishedItem(id="primary/cancelled", revision=2, removed=True),
    ]  # fmt: skip
    assert await meetings.list_published(connection, account_id, None, 99) == every
    first = await meetings.list_published(connection, account_id, None, 2)
    assert first == every[:2]
    assert await meetings.list_published(connection, account_id, first[-1], 99) == every[2:]


LOST = {  # the revision here, at contacts; how often it was tried
    "lost": (4, 0, 0),
    "held higher": (4, 9, MAX_RETRIES - 1),
    "tried": (4, 0, MAX_RETRIES),
    "changed": (4, 0, 0),
    "unpublished": (4, 0, 0),
}


async def test_lost_meetings_are_published_again_above_what_is_held_a_bounded_number_of_times(
    connection: Connection, account_id: AccountId
) -> None:
    await keep(connection, account_id, *LOST)
    await publish(connection, account_id)
    for name, (revision, _, retries) in LOST.items():
        await connection.execute(
            "UPDATE meetings SET revision = $2, retries = $3, said = $4 WHERE event_id = $1",
            name,
            revision,
            retries,
            name != "unpublished",
        )
    lost = [
        (
            PublishedItem(id=f"primary/{name}", revision=3 if name == "changed" else 4),
            HeldItem(id=f"primary/{name}", revision=held),
        )
        for name, (_, held, _) in LOST.items()
    ]
    assert await meetings.mark_lost(connection, account_id, lost) == (2, 1)
    assert await publish(connection, account_id) == {
        "lost": (5, False),
        "held higher": (10, False),
        "unpublished": (4, False),
    }
    rows = await connection.fetch("SELECT event_id, retries FROM meetings")
    assert {row["event_id"]: row["retries"] for row in rows} == {
        "lost": 1, "held higher": MAX_RETRIES, "tried": MAX_RETRIES, "changed": 0, "unpublished": 0,
    }  # fmt: skip


async def test_meetings_that_start_within_the_window_come_by_start_and_page_by_page(
    connection: Connection, account_id: AccountId
) -> None:
    await keep(connection, account_id, "at 1", "at 2", "at 3", "cancelled", "at 5")
    await keep(connection, account_id, "-", "also at 2", calendar_id="team")
    await connection.execute("UPDATE meetings SET starts_at = $1 WHERE event_id = '-'", NOW + 9 * HOUR)
    await meetings.cancel_events(connection, account_id, "primary", ["cancelled"])
    upcoming = await meetings.list_upcoming(connection, account_id, NOW + HOUR, NOW + 5 * HOUR)
    names = [found.event_id for found in upcoming]
    assert names[0] == "at 1"
    assert sorted(names[1:3]) == ["also at 2", "at 2"]
    assert names[3:] == ["at 3"]

    seen, after = [], None
    while page := await meetings.list_meetings(connection, MAYA, NOW + HOUR, NOW + 5 * HOUR, None, after, 2):
        assert len(page) <= 2
        assert page[0] not in seen
        seen += page
        after = (page[-1].starts_at, page[-1].meeting_id)
    assert [(found.starts_at, found.meeting_id) for found in seen] == sorted(
        (found.starts_at, found.meeting_id) for found in upcoming
    )
    first, cancelled = [
        MeetingId(await connection.fetchval("SELECT meeting_id FROM meetings WHERE event_id = $1", name))
        for name in ("at 1", "cancelled")
    ]
    assert await meetings.get_meeting(connection, MAYA, first) == seen[0]
    assert seen[0].calendar_time_zone == "Asia/Tokyo"
    assert await meetings.get_meeting(connection, MAYA, cancelled) is None


async def test_a_new_zone_of_the_calendar_is_no_change_of_its_meetings(
    connection: Connection, account_id: AccountId
) -> None:
    await keep(connection, account_id, "a", calendar_time_zone="Asia/Tokyo")
    await publish(connection, account_id)
    await accounts.set_time_zone(connection, account_id, "Europe/Oslo")
    assert await keep(
        connection, account_id, "a", calendar_time_zone="Europe/Oslo", revision=7, meeting_id=new_id()
    ) == (0, 0)


# --- cards --------------------------------------------------------------------------------------------------------------


async def test_a_card_is_published_when_it_is_new_changed_or_back_and_with_a_higher_revision_each_time(
    connection: Connection, account_id: AccountId
) -> None:
    async def kept(generation: int = 1, **fingerprints: str) -> dict[str, tuple[int, bool]]:
        return await people.upsert_people(connection, account_id, fingerprints, generation)

    assert await kept(a="1", b="1") == {"a": (1, True), "b": (1, True)}
    assert await kept(a="1") == {"a": (1, True)}, "it was not published yet"
    assert await people.has_unpublished_cards(connection, account_id)
    await people.mark_people_published(connection, account_id, {"a": 1, "b": 1})
    assert not await people.has_unpublished_cards(connection, account_id)
    assert await kept(a="1", b="2") == {"b": (2, False)}
    await people.mark_people_published(connection, account_id, {"b": 1})
    assert await people.has_unpublished_cards(connection, account_id), "what changed meanwhile is to be published too"
    await people.mark_people_published(connection, account_id, {"b": 2})
    await people.delete_people(connection, account_id, ["a", "unknown"])
    await people.delete_people(connection, account_id, ["a"])
    assert await people.list_unpublished_deletions(connection, account_id) == {"a": 2}
    assert not await people.has_unpublished_cards(connection, account_id)
    await people.mark_people_published(connection, account_id, {"a": 2})
    assert await people.list_unpublished_deletions(connection, account_id) == {}
    assert await kept(2, a="1") == {"a": (3, False)}
    await people.delete_older_people(connection, account_id, 2)
    await people.delete_older_people(connection, account_id, 2)
    assert await people.list_unpublished_deletions(connection, account_id) == {"b": 3}
    assert await people.list_published(connection, account_id, None, 9) == [], "both are to be published"


async def test_what_was_published_of_cards_comes_page_by_page(connection: Connection, account_id: AccountId) -> None:
    await people.upsert_people(connection, account_id, dict.fromkeys("cabd", "1"), 1)
    await people.delete_people(connection, account_id, ["b"])
    await people.mark_people_published(connection, account_id, {"a": 1, "b": 2, "c": 1})
    every = [
        PublishedItem(id="a", revision=1),
        PublishedItem(id="b", revision=2, removed=True),
        PublishedItem(id="c", revision=1),
    ]
    assert await people.list_published(connection, account_id, None, 99) == every
    first = await people.list_published(connection, account_id, None, 2)
    assert first == every[:2]
    assert await people.list_published(connection, account_id, first[-1], 99) == every[2:]


async def test_lost_cards_are_published_again_above_what_is_held_a_bounded_number_of_times(
    connection: Connection, account_id: AccountId
) -> None:
    await people.upsert_people(connection, account_id, dict.fromkeys(LOST, "1"), 1)
    for name, (revision, _, retries) in LOST.items():
        await connection.execute(
            "UPDATE people SET revision = $2, retries = $3, said = $4 WHERE resource_name = $1", name, revision, retries,
            name != "unpublished",
        )  # fmt: skip
    lost = [
        (PublishedItem(id=name, revision=3 if name == "changed" else 4), HeldItem(id=name, revision=held))
        for name, (_, held, _) in LOST.items()
    ]
    assert await people.mark_lost(connection, account_id, lost) == (2, 1)
    rows = await connection.fetch("SELECT resource_name, revision, said, retries FROM people")
    assert {row["resource_name"]: tuple(row)[1:] for row in rows} == {
        "lost": (5, False, 1), "held higher": (10, False, MAX_RETRIES), "tried": (4, True, MAX_RETRIES), "changed": (4, True, 0),
        "unpublished": (4, False, 0),
    }  # fmt: skip


# --- cursors ------------------------------------------------------------------------------------------------------------


async def test_each_kind_and_each_calendar_has_a_cursor_of_its_own(
    connection: Connection, account_id: AccountId
) -> None:
    places = [("mail", ""), ("contacts", ""), ("calendar", "primary"), ("calendar", "team")]
    for number in (1, 2):
        for kind, calendar_id in places:
            token = {"at": f"{kind} {calendar_id} {number}"}
            await cursors.upsert_cursor(connection, account_id, kind, token, calendar_id)  # type: ignore[arg-type]
    for kind, calendar_id in places:
        token = await cursors.get_cursor(connection, account_id, kind, calendar_id)  # type: ignore[arg-type]
        assert token == {"at": f"{kind} {calendar_id} 2"}
    assert sorted(await cursors.list_calendars(connection, account_id)) == ["primary", "team"]
    await cursors.delete_cursor(connection, account_id, "calendar", "team")
    assert await cursors.list_calendars(connection, account_id) == ["primary"]
    assert await cursors.get_cursor(connection, account_id, "calendar", "team") is None
    assert await cursors.get_cursor(connection, account_id, "mail") is not None
