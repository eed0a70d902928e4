"""Calendars' meetings: recorded and cancelled."""

from collections.abc import Sequence

from libs.common.events import MeetingCancelled, MeetingIngested
from services.contacts.context import Context
from services.contacts.domain.observations import cancelled_meeting, observed_meeting
from services.contacts.projector import record_observations


async def record_meetings(context: Context, events: Sequence[MeetingIngested]) -> None:
    """Each becomes an interaction, replaces what was there of it, or is part of one in another calendar."""
    async with context.transaction() as connection:
        changed = await record_observations(connection, [observed_meeting(event) for event in events])
    await context.publish_changed(changed)


async def cancel_meeting(context: Context, event: MeetingCancelled) -> None:
    """The interaction goes, unless another calendar still holds the meeting."""
    async with context.transaction() as connection:
        changed = await record_observations(connection, [cancelled_meeting(event)])
    await context.publish_changed(changed)
