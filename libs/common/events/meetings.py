"""Meetings: what one is, that it changed, and that it is due for a brief."""

from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.events.event import Event
from libs.common.ids import AccountId, MeetingId, UserId

Answer = Literal["accepted", "declined", "tentative", "needsAction"]
# A brief that arrives later than this before its meeting is not read any more.
MIN_BRIEF_LEAD = timedelta(minutes=5)


class Guest(BaseModel):
    """One entry of a meeting's guest list. `me`: Google says that it is the account itself."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    address: str
    name: str = ""
    answer: Answer = "needsAction"
    organizer: bool = False
    optional: bool = False
    resource: bool = False
    me: bool = False


class Meeting(BaseModel):
    """One event instance as it stands in one account's calendar. All-day: `start_date` and `end_date` (exclusive) are set.

    Times are UTC instants; `time_zone` is the IANA name of the zone that the event names, else of its calendar's;
    `calendar_time_zone` that of the account's primary calendar, empty where it is not known. The description never leaves `sync`.
    `guests`: at most 400 of `guests_total`; `guests_hidden`: Google leaves some out, the list is hidden or too long.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    meeting_id: MeetingId
    user_id: UserId
    account_id: AccountId
    calendar_id: str
    event_id: str
    ical_uid: str = ""
    original_start: str = ""
    revision: int
    title: str
    starts_at: datetime
    ends_at: datetime
    all_day: bool = False
    start_date: date | None = None
    end_date: date | None = None
    time_zone: str = "UTC"
    calendar_time_zone: str = ""
    place: str = ""
    video_url: str = ""
    private: bool = False
    organizer: Guest | None = None
    guests: tuple[Guest, ...] = ()
    guests_total: int = 0
    guests_hidden: bool = False
    my_answer: Answer = "accepted"

    @property
    def series_key(self) -> str:
        """The same for every copy of this instance in other calendars; without an iCalUID it has none outside its own."""
        calendar = self.account_id if self.calendar_id == "primary" else self.calendar_id
        return f"{self.ical_uid or f'{calendar}/{self.event_id}'}@{self.original_start or self.starts_at.isoformat()}"


class MeetingIngested(Event):
    """A meeting is new or has changed."""

    subject = "meeting.ingested"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    meeting: Meeting

    def key(self) -> str:
        return f"{self.meeting.meeting_id}:{self.meeting.revision}"

    def about(self) -> dict[str, UUID]:
        return {"user": self.meeting.user_id, "account": self.meeting.account_id}


class MeetingCancelled(Event):
    """A meeting was cancelled, deleted, or left the calendars that are read."""

    subject = "meeting.cancelled"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    user_id: UserId
    account_id: AccountId
    meeting_id: MeetingId
    calendar_id: str
    event_id: str
    revision: int

    def key(self) -> str:
        return f"{self.meeting_id}:{self.revision}"


class MeetingUpcoming(Event):
    """A meeting starts soon enough for its brief. Published by each scan that finds it; `prep` briefs once."""

    subject = "meeting.upcoming"
    published_by = ("sync",)
    consumed_by = ("prep",)

    meeting: Meeting

    def about(self) -> dict[str, UUID]:
        return {"user": self.meeting.user_id, "account": self.meeting.account_id}

    def useful_until(self) -> datetime:
        return self.meeting.starts_at - MIN_BRIEF_LEAD
