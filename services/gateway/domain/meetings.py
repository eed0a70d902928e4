"""A meeting as the API and its page show it, with what became of its brief. Pure."""

from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from libs.common.events import Answer, Guest, Meeting
from libs.common.ids import AccountId, ContactId, MeetingId
from libs.common.requests import MeetingForecast, Prep
from services.gateway.domain.moments import clock_text

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


# Why there is no brief, behind "no brief: " and "not sent: ". The reasons are those of `prep`; a test compares.
SKIP_WORDS: dict[str, str] = {
    "disabled": "briefs are turned off",
    "disconnected": "its account is no longer connected",
    "reauth_required": "Google wants you to sign in again",
    "missing_scope": "PingCRM may not send from this account",
    "all_day": "it lasts all day",
    "cancelled": "it was cancelled",
    "moved": "it was moved",
    "declined": "you declined",
    "too_late": "it was less than 5 minutes away",
    "private": "it is marked private",
    "no_guests": "nobody else is invited",
    "too_many_guests": "more than 20 people are invited",
    "nobody_known": "nobody you know",
}


def skip_words(reason: str) -> str:
    """A reason in words; what is no rule's name is a sentence already."""
    return SKIP_WORDS.get(reason, reason)


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
            return f"not sent: {skip_words(prep.reason)}"
        case "failed":
            return f"could not be sent: {prep.reason}"


class BriefClock(NamedTuple):
    """When briefs come: so long before their meetings, in the reader's zone."""

    now: datetime
    zone: ZoneInfo
    lead: timedelta


def next_brief_text(meeting: MeetingView, forecast: MeetingForecast | None, clock: BriefClock) -> str:
    """What became of the brief, or what is going to; nothing where there never is one."""
    if meeting.prep:
        return _past_brief_text(meeting.prep)
    if meeting.all_day:
        return ""
    if meeting.starts_at <= clock.now:
        return "no brief"
    if forecast and not forecast.would_send:
        return f"no brief: {skip_words(forecast.reason)}"
    due = meeting.starts_at - clock.lead
    return f"brief at {clock_text(due, clock.zone)}" if due > clock.now else "brief on its way"


def _past_brief_text(prep: Prep) -> str:
    match prep.state:
        case "sent":
            return "brief sent"
        case "skipped":
            return f"no brief: {skip_words(prep.reason)}"
        case _:
            return f"brief {brief_text(prep)}"


class GuestText(NamedTuple):
    """A guest in a line: what they are called, how close they are where there is a history, and their page."""

    name: str
    label: str = ""
    contact_id: ContactId | None = None


GUESTS_SHOWN = 3


def guest_texts(meeting: MeetingView, forecast: MeetingForecast | None) -> list[GuestText]:
    """The people of a meeting without me, in the order of the invitation."""
    if forecast:
        return [
            GuestText(guest.name or guest.address, guest.label or "", guest.contact_id) for guest in forecast.guests
        ]
    return [GuestText(guest.name or guest.address) for guest in meeting.guests if not guest.me and not guest.resource]


def is_first_meeting(forecast: MeetingForecast | None) -> bool:
    """Whether none of its people was ever met. Unknown is no."""
    guests = forecast.guests if forecast else ()
    return bool(guests) and not any(guest.met_before for guest in guests)
