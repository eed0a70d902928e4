"""The note after a meeting: one text, on the timeline of each of its guests who is a contact.

It is an interaction of each of them, known by the meeting and the contact: written again it is changed, and is never there twice. So it
is quoted where interactions are, the next brief with one of them included.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from libs.common.events import Meeting
from libs.common.ids import ContactId, MeetingId
from libs.common.requests import AddInteraction, ForecastPreps, GetTimeline, MeetingForecast
from services.gateway.api.endpoint import Call

MAX_NOTE = 10_000
NOTES_LOOKED_FOR = 5
A_MOMENT = timedelta(seconds=1)


async def list_noted_guests(call: Call, meeting: Meeting) -> list[ContactId]:
    """On whose timelines a note about the meeting stands. Outage: nobody knows who its guests are at this moment."""
    query = ForecastPreps(user_id=call.user_id, start=meeting.starts_at, end=meeting.starts_at + A_MOMENT)
    found = (await call.request(query)).items
    return contacts_of(next((forecast for forecast in found if forecast.meeting_id == meeting.meeting_id), None))


def contacts_of(forecast: MeetingForecast | None) -> list[ContactId]:
    """Those of a meeting's guests who are contacts."""
    return [guest.contact_id for guest in forecast.guests if guest.contact_id] if forecast else []


async def get_note(call: Call, meeting_id: MeetingId, contact_ids: Sequence[ContactId]) -> str:
    """The note that was written about the meeting, as it stands on a guest's timeline; empty where there is none."""
    queries = [
        GetTimeline(user_id=call.user_id, contact_id=contact_id, platform="note", thread=thread_of(meeting_id), limit=1)
        for contact_id in contact_ids[:NOTES_LOOKED_FOR]
    ]
    timelines = await asyncio.gather(*(call.request(query) for query in queries))
    return next((timeline.items[0].text for timeline in timelines if timeline.items), "")


async def write_note(call: Call, meeting: Meeting, contact_ids: Sequence[ContactId], text: str, now: datetime) -> None:
    """On each of their timelines, dated at the end of the meeting, or now where it still goes on."""
    thread = thread_of(meeting.meeting_id)
    for contact_id in contact_ids:
        await call.request(
            AddInteraction(
                user_id=call.user_id,
                contact_id=contact_id,
                occurred_at=min(meeting.ends_at, now),
                title=meeting.title[:500],
                text=text,
                ref=f"{thread}:{contact_id}",
                thread=thread,
            )
        )


def thread_of(meeting_id: MeetingId) -> str:
    """What the notes about one meeting share."""
    return f"meeting:{meeting_id}"
