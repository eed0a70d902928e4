"""Meetings and the briefs that go out before them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from libs.common.errors import Outage, Refused
from libs.common.events import Meeting
from libs.common.ids import AccountId, ContactId, MeetingId
from libs.common.requests import (
    Brief,
    DryRun,
    DryRunPreps,
    GetMeeting,
    GetPreps,
    ListMeetings,
    Prep,
    PreviewPrep,
    SendPrep,
)
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.api.inputs import Cursor
from services.gateway.api.moment import Moment
from services.gateway.domain.meetings import MeetingView, meeting_view
from services.gateway.limits.briefs import count_briefs
from services.gateway.meeting_notes import MAX_NOTE, get_note, list_noted_guests, write_note

TAG = "Meetings"
BRIEF_SECONDS = 45.0
SEND_SECONDS = 90.0  # gathered, written in at most 20 s, sent in at most 60
DRY_RUN_SECONDS = 60.0
DEFAULT_SPAN = timedelta(days=30)
BRIEFS_PER_HOUR = 60
TOO_MANY = {429: "Too many briefs were asked for within an hour."}


class MeetingList(BaseModel):
    items: list[MeetingView]
    next_cursor: str | None = None


class MeetingsQuery(BaseModel):
    start: Moment | None = Field(None, alias="from", description="Starting at or after; left out: now.")
    end: Moment | None = Field(None, alias="to", description="Starting before; left out: 30 days after `from`.")
    account_id: AccountId | None = None
    cursor: Cursor = None
    limit: int = Field(100, ge=1, le=200)


@endpoint("GET", "/meetings", tag=TAG, scope="read")
async def list_meetings(call: Call, query: MeetingsQuery) -> MeetingList:
    """List meetings by their start."""
    start = query.start or datetime.now(UTC)
    end = query.end or start + DEFAULT_SPAN
    if end <= start:
        raise Refused(422, "invalid", "`to` must be after `from`.")
    page = await call.request(
        ListMeetings(
            user_id=call.user_id,
            start=start,
            end=end,
            account_id=query.account_id,
            cursor=query.cursor,
            limit=query.limit,
        )
    )
    return MeetingList(items=await fetch_meeting_views(call, page.items), next_cursor=page.next_cursor)


@endpoint("GET", "/meetings/{meeting_id}", tag=TAG, scope="read")
async def show_meeting(call: Call, meeting_id: MeetingId) -> MeetingView:
    """Show a meeting."""
    meeting = await call.request(GetMeeting(user_id=call.user_id, meeting_id=meeting_id))
    return (await fetch_meeting_views(call, (meeting,)))[0]


async def fetch_meeting_views(
    call: Call, meetings: Sequence[Meeting], *, without_prep: bool = False
) -> list[MeetingView]:
    """Each with what became of its brief, in the same order. While `prep` is away: an Outage, or with `without_prep` the meetings alone."""
    if not meetings:
        return []
    query = GetPreps(user_id=call.user_id, meeting_ids=tuple(meeting.meeting_id for meeting in meetings))
    try:
        preps = (await call.request(query)).items
    except Outage:
        if not without_prep:
            raise
        preps = ()
    by_meeting = {prep.meeting_id: prep for prep in preps}
    return [meeting_view(meeting, by_meeting.get(meeting.meeting_id)) for meeting in meetings]


@endpoint("GET", "/meetings/{meeting_id}/prep", tag=TAG, scope="read", errors=TOO_MANY)
async def preview_prep(call: Call, meeting_id: MeetingId) -> Brief:
    """Preview a meeting's brief as it would be sent now. Nothing is sent."""
    await _limit_briefs(call)
    return await call.request(PreviewPrep(user_id=call.user_id, meeting_id=meeting_id), seconds=BRIEF_SECONDS)


@endpoint(
    "POST",
    "/meetings/{meeting_id}/prep",
    tag=TAG,
    scope="write",
    errors={
        403: "The permission to send mail is missing.",
        409: "The brief can't be sent: the sentence says why.",
        422: "Nobody else is invited, as far as Google shows.",
        **TOO_MANY,
        502: "Gmail did not take the brief: the sentence says why.",
    },
    creates=True,
)
async def send_prep(call: Call, meeting_id: MeetingId) -> Prep:
    """Send a meeting's brief now, whether one was sent before or not."""
    await _limit_briefs(call)
    return await call.request(SendPrep(user_id=call.user_id, meeting_id=meeting_id), seconds=SEND_SECONDS)


async def _limit_briefs(call: Call) -> None:
    """Each brief is written by a model that costs money. Refused: `too_many_briefs` (429)."""
    briefs = await count_briefs(call.context, call.user_id)
    if briefs > BRIEFS_PER_HOUR:
        detail = f"{BRIEFS_PER_HOUR} briefs were written for you within this hour. Try again in the next."
        raise Refused(429, "too_many_briefs", detail, retry_after=600)


class MeetingNote(BaseModel):
    """The note about a meeting: the same text on the timeline of each of its guests who is a contact."""

    text: str = Field(description="Empty where none was written.")
    contact_ids: list[ContactId] = Field(description="On whose timelines it stands, or would.")


class NewMeetingNote(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(
        min_length=1,
        max_length=MAX_NOTE,
        pattern=r"^[^\x00]*[^\s\x00][^\x00]*$",
        description="In place of what it was before.",
    )


@endpoint("GET", "/meetings/{meeting_id}/note", tag=TAG, scope="read")
async def show_note(call: Call, meeting_id: MeetingId) -> MeetingNote:
    """Show the note about a meeting."""
    meeting = await call.request(GetMeeting(user_id=call.user_id, meeting_id=meeting_id))
    guests = await list_noted_guests(call, meeting)
    text = await get_note(call, meeting_id, guests)
    return MeetingNote(text=text, contact_ids=guests)


@endpoint(
    "PUT",
    "/meetings/{meeting_id}/note",
    tag=TAG,
    scope="write",
    errors={409: "It has not begun, or none of its guests is a contact: the sentence says which."},
)
async def put_note(call: Call, meeting_id: MeetingId, body: NewMeetingNote) -> MeetingNote:
    """Write the note about a meeting that has begun, on the timeline of each of its guests, or change it.

    There is one, however often it is sent. The next brief with one of them quotes it.
    """
    meeting = await call.request(GetMeeting(user_id=call.user_id, meeting_id=meeting_id))
    now = datetime.now(UTC)
    if meeting.starts_at > now:
        raise Refused(409, "not_begun", "This meeting has not begun. Write its note afterwards.")
    guests = await list_noted_guests(call, meeting)
    if not guests:
        raise Refused(
            409, "no_contacts", "None of its guests is one of your people, so there is no timeline to write on."
        )
    await write_note(call, meeting, guests, body.text.strip(), now)
    return MeetingNote(text=body.text.strip(), contact_ids=guests)


class DryRunQuery(BaseModel):
    days: int = Field(30, ge=1, le=90)


@endpoint("GET", "/preps/dry-run", tag=TAG, scope="read")
async def dry_run_preps(call: Call, query: DryRunQuery) -> DryRun:
    """Show which past meetings would have been briefed, and why not the others."""
    return await call.request(DryRunPreps(user_id=call.user_id, days=query.days), seconds=DRY_RUN_SECONDS)


ENDPOINTS = (list_meetings, show_meeting, preview_prep, send_prep, show_note, put_note, dry_run_preps)
