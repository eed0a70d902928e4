"""Calendars' meetings: recorded and cancelled."""

from collections.abc import Collection, Sequence

from libs.common.db import Connection
from libs.common.events import MeetingCancelled, MeetingIngested
from libs.common.ids import UserId
from services.contacts.context import Context
from services.contacts.domain.changes import ChangedContacts
from services.contacts.domain.observations import cancelled_meeting, observed_meeting
from services.contacts.projector import record_observations


async def record_meetings(context: Context, events: Sequence[MeetingIngested]) -> None:
    """Each becomes an interaction, replaces what was there of it, or is part of one in another calendar."""

    async def record(connection: Connection, users: Collection[UserId]) -> ChangedContacts:
        theirs = [observed_meeting(event) for event in events if event.meeting.user_id in users]
        return await record_observations(connection, theirs)

    await context.change_users({event.meeting.user_id for event in events}, record)


async def cancel_meeting(context: Context, event: MeetingCancelled) -> None:
    """The interaction goes, unless another calendar still holds the meeting."""
    async with context.locked(event.user_id) as connection:
        changed = await record_observations(connection, [cancelled_meeting(event)])
    await context.publish_changed(changed)
