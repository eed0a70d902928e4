"""A meeting as the API and its page show it, with what became of its brief. Pure."""

from datetime import date, datetime, timedelta

from pydantic import BaseModel

from libs.common.events import Answer, Guest, Meeting
from libs.common.ids import AccountId, MeetingId
from libs.common.requests import Prep

ANSWER_TEXTS: dict[Answer, str] = {
    "accepted": "coming",
    "declined": "not coming",
    "tentative": "maybe",
    "needsAction": "has not answered",
}


class MeetingView(BaseModel):
    """A meeting, and what became of its brief (null: nothing yet). All-day: the dates count, the end is exclusive.

    `guests`: at most 400 of `guests_total`.
    """

    id: MeetingId
    account_id: AccountId
    title: str
    starts_at: datetime
    ends_at: datetime
    all_day: bool
    start_date: date | None
    end_date: date | None
    time_zone: str
    place: str
    video_url: str
    private: bool
    organizer: Guest | None
    guests: list[Guest]
    guests_total: int
    my_answer: Answer
    prep: Prep | None


def meeting_view(meeting: Meeting, prep: Prep | None) -> MeetingView:
    shared = meeting.model_dump(include=MeetingView.model_fields.keys() - {"guests", "guests_total", "organizer"})
    return MeetingView(
        id=meeting.meeting_id,
        organizer=meeting.organizer,
        guests=list(meeting.guests),
        guests_total=max(meeting.guests_total, len(meeting.guests)),
        prep=prep,
        **shared,
    )


def brief_text(prep: Prep | None) -> str:
    """What became of the brief, in words."""
    if prep is None:
        return "not sent yet"
    match prep.state:
        case "sent":
            return "sent"
        case "sending":
            return "being sent"
        case "skipped":
            return f"not sent: {prep.reason}"
        case "failed":
            return f"could not be sent: {prep.reason}"


BRIEF_LEAD = timedelta(minutes=30)


def next_brief_text(meeting: MeetingView, now: datetime) -> str:
    """What became of the brief, or what is going to; nothing where there never is one."""
    if meeting.prep:
        return f"brief {brief_text(meeting.prep)}"
    if meeting.all_day:
        return ""
    if meeting.starts_at <= now:
        return "no brief"
    return "brief half an hour before" if meeting.starts_at - BRIEF_LEAD > now else "brief on its way"
