"""The calendar rules of docs/rules.md: which event instances are meetings, who attends, which get a brief."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.google_sim.moments import moment
from libs.google_sim.oracle.addresses import Me, canonical, is_bounce, is_noreply
from libs.google_sim.oracle.mail import ContactCreation
from libs.google_sim.recurrence import expand

FUTURE = timedelta(days=60)
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
    earliest = now - timedelta(days=past_days) if past_days else None
    latest = now + FUTURE
    found: list[Meeting] = []
    for calendar in account.calendars:
        for event in expand(calendar, earliest, latest, now=now):
            meeting = _meeting(event, calendar, me)
            if meeting and meeting.start < latest and (earliest is None or meeting.start >= earliest):
                found.append(meeting)
    return found


def _meeting(event: Resource, calendar: CalendarData, me: Me) -> Meeting | None:
    start = moment(event.get("start"), calendar.time_zone)
    if start is None or event.get("status") == "cancelled" or event.get("eventType") not in _EVENT_TYPES:
        return None
    organizer = event.get("organizer")
    listed = event.get("attendees")
    people = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    attendees = {address for entry in people if (address := _attendee(entry, me))}
    host = _attendee(organizer, me) if isinstance(organizer, dict) else None
    if host is not None and not is_noreply(host) and not is_bounce(host):
        attendees.add(host)
    return Meeting(
        key=_key(event, start.instant, calendar),
        start=start.instant,
        all_day=start.all_day,
        declined=any(_is_me(entry, me) and entry.get("responseStatus") == "declined" for entry in people),
        organized_by_me=isinstance(organizer, dict) and _is_me(organizer, me),
        attendees=frozenset(attendees),
    )


def _key(event: Resource, start: datetime, calendar: CalendarData) -> tuple[str, ...]:
    original = moment(event.get("originalStartTime"), calendar.time_zone)
    if isinstance(event.get("iCalUID"), str) and event["iCalUID"]:
        return ("uid", event["iCalUID"], (original.instant if original else start).isoformat())
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


def invited(meeting: Meeting, creation: ContactCreation) -> Iterator[str]:
    """The attendees whom one meeting turns into contacts."""
    allowed = creation in ("people", "everyone") or (creation == "sent_only" and meeting.organized_by_me)
    if allowed and len(meeting.attendees) <= MAX_ATTENDEES:
        yield from (guest for guest in meeting.attendees if not is_noreply(guest) and not is_bounce(guest))


def is_briefed(meeting: Meeting, now: datetime, known: frozenset[str]) -> bool:
    """Whether a scan at `now` would send a brief for the meeting; `known` are the addresses of contacts with a past."""
    return (
        BRIEF_FROM <= meeting.start - now < BRIEF_BEFORE
        and not meeting.all_day
        and not meeting.declined
        and len(meeting.attendees) <= MAX_BRIEFED_GUESTS
        and not known.isdisjoint(meeting.attendees)
    )
