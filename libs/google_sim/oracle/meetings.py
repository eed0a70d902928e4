"""The calendar rules of docs/rules.md: which event instances are meetings, who attends, which get a brief."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.google_sim.oracle.addresses import Me, canonical, is_bounce, is_noreply
from libs.google_sim.oracle.mail import ContactCreation
from libs.google_sim.recurrence import expand

FUTURE = timedelta(days=60)
ALL_TIME = datetime(1, 1, 2, tzinfo=UTC)
MAX_ATTENDEES = 25
MAX_BRIEFED_GUESTS = 20
BRIEF_FROM, BRIEF_BEFORE = timedelta(minutes=30), timedelta(minutes=40)
_EVENT_TYPES = (None, "default", "fromGmail")


@dataclass(frozen=True)
class Meeting:
    """One event instance that is a meeting. `key` is the same for the same meeting in another calendar."""

    key: tuple[str, ...]
    start: datetime
    all_day: bool
    declined: bool
    organized_by_me: bool
    attendees: frozenset[str]


def read_meetings(account: AccountData, me: Me, now: datetime, past_days: int) -> list[Meeting]:
    """Every meeting of every calendar of one account: one entry per calendar and event instance."""
    earliest = now - timedelta(days=past_days) if past_days else ALL_TIME
    latest = now + FUTURE
    found: list[Meeting] = []
    for calendar in account.calendars:
        for event in expand(calendar, earliest, latest):
            meeting = _meeting(event, calendar, me)
            if meeting is not None and earliest <= meeting.start < latest:
                found.append(meeting)
    return found


def _meeting(event: Resource, calendar: CalendarData, me: Me) -> Meeting | None:
    start = _moment(event.get("start"), calendar)
    if start is None or event.get("status") == "cancelled" or event.get("eventType") not in _EVENT_TYPES:
        return None
    organizer = event.get("organizer")
    listed = event.get("attendees")
    people = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    attendees = {address for one in people if (address := _attendee(one, me))}
    if attendees and isinstance(organizer, dict) and (address := _attendee(organizer, me)):
        attendees.add(address)
    return Meeting(
        key=_key(event, start, calendar),
        start=start,
        all_day="dateTime" not in event["start"],
        declined=any(_is_me(one, me) and one.get("responseStatus") == "declined" for one in people),
        organized_by_me=isinstance(organizer, dict) and _is_me(organizer, me),
        attendees=frozenset(attendees),
    )


def _key(event: Resource, start: datetime, calendar: CalendarData) -> tuple[str, ...]:
    original = _moment(event.get("originalStartTime"), calendar) or start
    if isinstance(event.get("iCalUID"), str) and event["iCalUID"]:
        return ("uid", event["iCalUID"], original.astimezone(UTC).isoformat())
    return ("id", calendar.id, str(event.get("id")))


def _attendee(one: Resource, me: Me) -> str | None:
    email = one.get("email")
    address = canonical(email) if isinstance(email, str) else None
    if address is None or address in me or address.endswith("calendar.google.com"):
        return None
    return None if one.get("resource") is True or one.get("self") is True else address


def _is_me(one: Resource, me: Me) -> bool:
    email = one.get("email")
    address = canonical(email) if isinstance(email, str) else None
    return one.get("self") is True or (address is not None and address in me)


def _moment(when: object, calendar: CalendarData) -> datetime | None:
    """The instant of a `start`, an all-day date being 00:00 in the calendar's zone; None if it can't be read."""
    if not isinstance(when, dict):
        return None
    try:
        if isinstance(when.get("dateTime"), str):
            moment = datetime.fromisoformat(when["dateTime"])
            zone = _zone(when.get("timeZone"), _zone(calendar.time_zone, UTC))
            return moment if moment.tzinfo else moment.replace(tzinfo=zone)
        if isinstance(when.get("date"), str):
            return datetime.combine(date.fromisoformat(when["date"]), time(), _zone(calendar.time_zone, UTC))
    except ValueError:
        return None
    return None


def _zone(name: object, default: tzinfo) -> tzinfo:
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else default
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError; a folder's name is an OSError
        return default


def invited(meeting: Meeting, creation: ContactCreation) -> Iterator[str]:
    """The attendees whom one meeting turns into contacts."""
    allowed = creation in ("people", "everyone") or (creation == "sent_only" and meeting.organized_by_me)
    if allowed and len(meeting.attendees) <= MAX_ATTENDEES:
        yield from (one for one in meeting.attendees if not is_noreply(one) and not is_bounce(one))


def is_briefed(meeting: Meeting, now: datetime, known: frozenset[str]) -> bool:
    """Whether a scan at `now` would send a brief for the meeting; `known` are the addresses of all contacts."""
    return (
        BRIEF_FROM <= meeting.start - now < BRIEF_BEFORE
        and not meeting.all_day
        and not meeting.declined
        and len(meeting.attendees) <= MAX_BRIEFED_GUESTS
        and not known.isdisjoint(meeting.attendees)
    )
