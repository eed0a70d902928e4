"""Real calendars on their way behind the edge: stored, published, observed by contacts, and made a brief of. No event is lost on it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from libs.common.db import Connection
from libs.common.events import Meeting, MeetingIngested
from libs.common.ids import UserId, new_id
from libs.common.requests import Attendee
from libs.google_sim.account import AccountData
from libs.google_sim.loaders import load_calendar
from services.contacts.domain.observations import observed_meeting
from services.prep.domain.dossier import collect
from services.prep.domain.mail import compose
from services.prep.domain.rules import MAX_GUESTS, guests_of
from services.prep.domain.talking_points.points import fact_points
from services.prep.domain.view import view
from services.prep.rendering import render
from services.sync.store import meetings
from tests.support.meetings import NOW
from tests.support.sync_stage import ADDRESS
from tests.support.sync_tables import add_account
from tests.unit.sync.test_corpus_calendar import meetings_of

pytestmark = pytest.mark.corpus

PAGE = 250
SERIES = ("recurrence", "recurringEventId", "originalStartTime")
MAYA = UserId(new_id())


def each_once(corpus: Path) -> AccountData:
    """Every event of the corpus by itself: of a series its first instance, of its exceptions each."""
    (calendar,) = load_calendar(corpus / "calendar.jsonl.gz", ADDRESS)
    calendar.events = [
        {name: value for name, value in event.items() if name not in SERIES} for event in calendar.events
    ]
    return AccountData(ADDRESS, "Maya", "1" * 21, calendars=[calendar])


async def stored(connection: Connection, found: Sequence[Meeting]) -> list[MeetingIngested]:
    """What is published of them once they are stored, as it comes out of the bus."""
    account_id = await add_account(connection, MAYA)
    events: list[MeetingIngested] = []
    for begin in range(0, len(found), PAGE):
        page = [
            meeting.model_copy(update={"user_id": MAYA, "account_id": account_id})
            for meeting in found[begin : begin + PAGE]
        ]
        assert await meetings.upsert_meetings(connection, account_id, "primary", page, 1) == (len(page), 0)
        assert await meetings.upsert_meetings(connection, account_id, "primary", page, 1) == (0, 0), "read once more"
    while left := await meetings.list_unpublished(connection, account_id, "primary", PAGE):
        assert not any(change.cancelled for change in left)
        events += [
            MeetingIngested.model_validate_json(MeetingIngested(meeting=change.meeting).model_dump_json())
            for change in left
        ]
        await meetings.mark_meetings_published(
            connection, {change.meeting.meeting_id: change.meeting.revision for change in left}
        )
    return events


async def test_every_real_event_is_stored_published_observed_and_can_be_briefed(
    connection: Connection, corpus: Path
) -> None:
    data = each_once(corpus)
    held = {event["id"] for event in data.calendars[0].events if event["status"] != "cancelled"}
    found = await meetings_of(data)
    events = await stored(connection, found)
    assert {event.meeting.event_id for event in events} == held
    before = {meeting.event_id: meeting for meeting in found}
    briefed = 0
    for event in events:
        read = before[event.meeting.event_id]
        assert (event.meeting.starts_at, event.meeting.ends_at) == (read.starts_at, read.ends_at)
        assert event.meeting.guests == read.guests
        observed = observed_meeting(event).item  # none where nobody else is there
        assert observed is not None or not guests_of(event.meeting, frozenset({ADDRESS}))
        assert observed is None or observed.occurred_at == read.starts_at
        briefed += has_brief(event.meeting)
    assert briefed > 100


def has_brief(meeting: Meeting) -> bool:
    """Whether it has guests, and what would be sent before it is a mail that can be sent."""
    guests = guests_of(meeting, frozenset({ADDRESS}))
    if not guests or len(guests) > MAX_GUESTS:
        return False
    people = [(guest, Attendee(address=guest.address, name=guest.name)) for guest in guests]
    dossier = collect(meeting, people)
    shown = view(dossier, fact_points(dossier, NOW), "", NOW, base_url="https://crm.example", token="pcrmtoken")
    html, text = render(shown)
    assert compose(ADDRESS, shown.subject, html, text, "pcrmtoken")
    for person in dossier.people:
        assert person.name in text
    return True
