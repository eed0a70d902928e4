"""A meeting is upcoming: it gets its brief."""

from datetime import UTC, datetime, timedelta

from libs.common.events import Meeting, MeetingUpcoming
from services.prep.briefing import brief_once
from services.prep.context import Context
from services.prep.domain.rules import is_useful
from services.prep.gathering import get_current_meeting


async def brief_meeting(context: Context, event: MeetingUpcoming) -> None:
    """Brief the meeting as it stands now. A moved one is settled for its old time and briefed for its new one when that is due."""
    announced = event.meeting
    current = await get_current_meeting(context.bus, announced.user_id, announced.meeting_id)
    if current is None:
        await brief_once(context, announced, "cancelled")
    elif current.starts_at != announced.starts_at:
        await brief_once(context, announced, "moved")
        if _is_due(context, current, datetime.now(UTC)):
            await brief_once(context, current, None)
    else:
        await brief_once(context, current, None)


def _is_due(context: Context, meeting: Meeting, now: datetime) -> bool:
    """Whether a scan at `now` would publish it: the moved meeting must not wait for a scan that has just been."""
    window = timedelta(minutes=context.settings.prep_window_to_minutes)
    return is_useful(meeting.starts_at, now) and meeting.starts_at - now < window
