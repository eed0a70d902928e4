"""A meeting as the API and its page show it, with what became of its brief. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple, assert_never
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from libs.common.events import Answer, Guest, Meeting
from libs.common.ids import AccountId, ContactId, MeetingId
from libs.common.requests import MeetingForecast, Prep, PrepState
from services.gateway.domain.moments import clock_text

ANSWER_TEXTS: dict[Answer, str] = {
    "accepted": "coming",
    "declined": "not coming",
    "tentative": "maybe",
    "needsAction": "has not answered",
}


class MeetingView(BaseModel):
    """A meeting, and what became of its brief (null: nothing yet). All-day: the dates count, the end is exclusive.

    `guests`: at most 400 of `guests_total`; `guests_hidden`: Google does not show all of them.
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
    guests_hidden: bool = False
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
    "guests_hidden": "Google does not show who else is invited",
    "too_many_guests": "more than 20 people are invited",
    "nobody_known": "nobody you know",
}


def skip_words(reason: str) -> str:
    """A reason in words; what is no rule's name is a sentence already."""
    return SKIP_WORDS.get(reason, reason)


BriefState = Literal[PrepState, "due", "coming", "not_coming", "none", "unknown"]


@dataclass(frozen=True)
class BriefOutlook:
    """What became of a meeting's brief, or what is going to. `at`: when it comes by `prep`'s schedule, where it is `due`.

    `coming`: that moment is over. `none`: there never was one. `unknown`: `prep` could not be asked.
    """

    state: BriefState
    reason: str = ""
    at: datetime | None = None


def brief_outlook(meeting: MeetingView, forecast: MeetingForecast | None, now: datetime) -> BriefOutlook:
    """As of `now`. What is on record counts before what is foreseen."""
    if meeting.prep:
        return BriefOutlook(meeting.prep.state, meeting.prep.reason)
    if meeting.all_day:
        return BriefOutlook("not_coming", "all_day")
    if meeting.starts_at <= now:
        return BriefOutlook("none")
    if forecast is None:
        return BriefOutlook("unknown")
    if not forecast.would_send:
        return BriefOutlook("not_coming", forecast.reason)
    due = forecast.brief_at is not None and forecast.brief_at > now
    return BriefOutlook("due", at=forecast.brief_at) if due else BriefOutlook("coming")


def brief_text(brief: BriefOutlook, starts_at: datetime, zone: ZoneInfo) -> str:
    """Behind the word "Brief": "sent", "at 13:30", "none: nobody you know"."""
    match brief.state:
        case "sent":
            return "sent"
        case "sending":
            return "being sent"
        case "skipped":
            return f"not sent: {skip_words(brief.reason)}"
        case "failed":
            return f"could not be sent: {brief.reason}"
        case "due":
            return _due_text(brief.at, starts_at, zone) if brief.at else "on its way"
        case "coming":
            return "on its way"
        case "not_coming":
            return f"none: {skip_words(brief.reason)}"
        case "none":
            return "none was sent: PingCRM did not know of the meeting in time, or could not read the calendar"
        case "unknown":
            return "not known at the moment"
        case _:
            assert_never(brief.state)


def _due_text(at: datetime, starts_at: datetime, zone: ZoneInfo) -> str:
    another_day = at.astimezone(zone).date() != starts_at.astimezone(zone).date()
    return f"at {clock_text(at, zone)}" + (" the day before" if another_day else "")


def brief_link(prep: Prep | None, address: str) -> str:
    """Where the brief that was sent is, in the Gmail of its account; empty where none was."""
    if prep is None or prep.state != "sent" or not prep.gmail_id.isalnum():
        return ""
    return f"https://mail.google.com/mail/?authuser={quote(address)}#all/{prep.gmail_id}"


def brief_line(meeting: MeetingView, brief: BriefOutlook, zone: ZoneInfo) -> str:
    """The same in a list, where it stands alone: "brief sent", "no brief: nobody you know"; nothing where there never is one."""
    match brief.state:
        case "none" | "not_coming" if meeting.all_day:
            return ""
        case "none":
            return "no brief"
        case "skipped" | "not_coming":
            return f"no brief: {skip_words(brief.reason)}"
        case _:
            return f"brief {brief_text(brief, meeting.starts_at, zone)}"


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
