"""Tools about meetings: what is ahead, and what to know before it."""

from datetime import UTC, datetime, timedelta

from pydantic import Field

from libs.common.ids import MeetingId
from services.gateway.api.endpoint import Call
from services.gateway.api.meetings import MeetingsQuery, list_meetings, preview_prep
from services.gateway.assistants.tool import Arguments, tool
from services.gateway.domain.assistant_results import (
    MOST_MEETINGS,
    BriefShown,
    MeetingsFound,
    brief_shown,
    meeting_line,
)
from services.gateway.user_zones import user_zone


class UpcomingMeetings(Arguments):
    days: int = Field(7, ge=1, le=60, description="How many days ahead to look, from now.")
    cursor: str | None = Field(None, max_length=1000, description="`next_cursor` of the page before.")
    limit: int = Field(10, ge=1, le=MOST_MEETINGS)


@tool(over=list_meetings)
async def upcoming_meetings(call: Call, arguments: UpcomingMeetings) -> MeetingsFound:
    """List the user's meetings that are ahead, soonest first.

    Use it for "what is next", "who do I meet tomorrow", and to find the `meeting_id` for `read_brief`. Each comes with its time in the
    user's zone, place, guests with their answers, and whether its brief was sent. Past meetings are on people's timelines.
    """
    start = datetime.now(UTC)
    span = {"from": start.isoformat(), "to": (start + timedelta(days=arguments.days)).isoformat()}
    query = MeetingsQuery.model_validate({**span, "cursor": arguments.cursor, "limit": arguments.limit})
    page = await list_meetings.handler(call, query=query)
    zone = await user_zone(call.context, call.user_id)
    return MeetingsFound(
        time_zone=str(zone),
        meetings=[meeting_line(meeting, zone) for meeting in page.items],
        next_cursor=page.next_cursor,
    )


class ReadBrief(Arguments):
    meeting_id: MeetingId = Field(description="From `upcoming_meetings`.")


@tool(over=preview_prep)
async def read_brief(call: Call, arguments: ReadBrief) -> BriefShown:
    """Read the brief of one meeting, as it would be mailed now.

    Use it for "prepare me for …": who the guests are, how close the user is with each, what passed lately, and talking points. It is
    written anew for each call, which takes some seconds and is limited per hour. Nothing is sent.
    """
    return brief_shown(await preview_prep.handler(call, meeting_id=arguments.meeting_id))


TOOLS = (upcoming_meetings, read_brief)
