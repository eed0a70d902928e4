"""Which events are meetings, and what a meeting is made of. docs/rules.md, section Calendar."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import cast
from uuid import UUID

from libs.common.addresses import canonical, is_me
from libs.common.events import Answer, Guest, Meeting
from libs.common.ids import AccountId, MeetingId, UserId
from libs.common.resources.calendar import CalendarEvent, EventPerson, EventTime
from libs.common.time_zones import known_zone

MAX_GUESTS = 400
_TYPES = ("", "default", "fromGmail")
_ANSWERS = ("accepted", "declined", "tentative", "needsAction")


@dataclass(frozen=True, slots=True)
class Window:
    """What is kept: instances that start in [earliest, latest). No earliest: all of the past."""

    earliest: datetime | None
    latest: datetime

    @classmethod
    def around(cls, now: datetime, past_days: int, ahead_days: int) -> "Window":
        return cls(now - timedelta(days=past_days) if past_days else None, now + timedelta(days=ahead_days))

    def holds(self, start: datetime) -> bool:
        return start < self.latest and (self.earliest is None or start >= self.earliest)


@dataclass(frozen=True, slots=True)
class CalendarOf:
    """Whose calendar is read. `own_addresses`: the user's canonical addresses."""

    user_id: UserId
    account_id: AccountId
    calendar_id: str
    time_zone: str
    own_addresses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Moment:
    """A start or an end: the instant, and for whole days the date. `zone`: in which people see it."""

    instant: datetime
    zone: str
    day: date | None = None


# Stands in until the ledger has given the meeting its id and its revision.
_NO_ID = MeetingId(UUID(int=0))


def meeting(event: CalendarEvent, calendar: CalendarOf, window: Window) -> Meeting | None:
    """The meeting that an event instance is (without id and revision yet); None where it is none, or lies outside the window."""
    if event.status == "cancelled" or event.event_type not in _TYPES:
        return None
    start = moment(event.start, calendar.time_zone)
    if start is None or not window.holds(start.instant):
        return None
    end = moment(event.end, calendar.time_zone) or start
    original = moment(event.original_start, calendar.time_zone)
    attendees = [attendee for attendee in event.attendees if attendee.address]
    guests = tuple(_guest(attendee, calendar.own_addresses) for attendee in attendees[:MAX_GUESTS])
    return Meeting(
        meeting_id=_NO_ID,
        user_id=calendar.user_id,
        account_id=calendar.account_id,
        calendar_id=calendar.calendar_id,
        event_id=event.event_id,
        ical_uid=event.ical_uid,
        original_start=original.instant.isoformat() if original else "",
        revision=0,
        title=event.title,
        starts_at=start.instant,
        ends_at=max(start.instant, end.instant),
        all_day=start.day is not None,
        start_date=start.day,
        end_date=_last_day(start, end),
        time_zone=start.zone,
        place=event.place,
        video_url=event.video_url,
        private=event.visibility in ("private", "confidential"),
        organizer=_guest(event.organizer, calendar.own_addresses)
        if event.organizer and event.organizer.address
        else None,
        guests=guests,
        guests_total=len(attendees),
        guests_hidden=event.attendees_omitted or _are_hidden(event, calendar.own_addresses),
        my_answer=_my_answer(attendees, calendar.own_addresses),
    )


def _are_hidden(event: CalendarEvent, own_addresses: frozenset[str]) -> bool:
    """Whether guests may not see each other, and nobody but the organizer, who is somebody else, is shown."""
    organizer = event.organizer
    if event.guests_see_each_other or organizer is None or organizer.me or _is_own(organizer, own_addresses):
        return False
    return all(
        person.me or person.organizer or _is_own(person, own_addresses) or person.address == organizer.address
        for person in event.attendees
    )


def _my_answer(attendees: Sequence[EventPerson], own_addresses: frozenset[str]) -> Answer:
    """By an address of mine before `self`, which is whoever the calendar belongs to: a ticked one may be a colleague's."""
    mine = [person for person in attendees if person.me or _is_own(person, own_addresses)]
    first = min(mine, key=lambda person: (not _is_own(person, own_addresses), not person.me), default=None)
    return _answer(first) if first else "accepted"


def _is_own(person: EventPerson, own_addresses: frozenset[str]) -> bool:
    address = canonical(person.address)
    return address is not None and is_me(address, own_addresses)


def _answer(person: EventPerson) -> Answer:
    return cast(Answer, person.answer) if person.answer in _ANSWERS else "needsAction"


def _last_day(start: Moment, end: Moment) -> date | None:
    """The exclusive end of whole days; a meeting of one day has the next one."""
    if start.day is None:
        return None
    if end.day is None or end.day <= start.day:
        return start.day + timedelta(days=1) if start.day < date.max else start.day
    return end.day


def _guest(person: EventPerson, own_addresses: frozenset[str]) -> Guest:
    return Guest(
        address=person.address[:320],
        name=person.name,
        answer=_answer(person),
        organizer=person.organizer,
        optional=person.optional,
        resource=person.resource,
        me=person.me or _is_own(person, own_addresses),
    )


def moment(when: EventTime, calendar_zone: str) -> Moment | None:
    """A time as Google gives it; None if it can't be read. Whole days and floating times are in the calendar's zone."""
    try:
        if when.date_time:
            name, zone = _zone(when.time_zone, calendar_zone)
            read = datetime.fromisoformat(when.date_time)
            return Moment((read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC), name)
        if when.date:
            name, zone = _zone(calendar_zone)
            day = date.fromisoformat(when.date)
            return Moment(datetime.combine(day, time(), zone).astimezone(UTC), name, day)
    except (ValueError, OverflowError):
        return None
    return None


def _zone(*names: str) -> tuple[str, tzinfo]:
    """The first of the names that is a time zone, else UTC."""
    for name in names:
        if zone := known_zone(name):
            return name, zone
    return "UTC", UTC


def upcoming(now: datetime, catch_up_minutes: int, window_to_minutes: int) -> tuple[datetime, datetime]:
    """The starts that a prep scan looks for: [now + catch-up, now + end of the window)."""
    return now + timedelta(minutes=catch_up_minutes), now + timedelta(minutes=window_to_minutes)
