"""Calendar's resources: calendars and event instances."""

from dataclasses import dataclass
from datetime import datetime

from libs.common.resources.reading import Resource, flag, instant, mapping, mappings, text


@dataclass(frozen=True, slots=True)
class EventTime:
    """Start or end as Google gives it: `date` for whole days, else `date_time` (RFC 3339) with an optional zone name."""

    date: str = ""
    date_time: str = ""
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class EventPerson:
    """The organizer or one attendee."""

    address: str
    name: str = ""
    answer: str = ""
    me: bool = False
    organizer: bool = False
    optional: bool = False
    resource: bool = False


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One event instance. A cancelled one often has nothing but its id. The description is never read."""

    event_id: str
    status: str = ""
    event_type: str = ""
    ical_uid: str = ""
    title: str = ""
    place: str = ""
    visibility: str = ""
    start: EventTime = EventTime()
    end: EventTime = EventTime()
    original_start: EventTime = EventTime()
    video_url: str = ""
    organizer: EventPerson | None = None
    attendees: tuple[EventPerson, ...] = ()
    attendees_omitted: bool = False
    guests_see_each_other: bool = True


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page; `sync_token` comes with the last one. `time_zone` is the calendar's."""

    events: tuple[CalendarEvent, ...]
    time_zone: str
    next_page: str | None
    sync_token: str | None


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One calendar of the account's list."""

    calendar_id: str
    title: str
    primary: bool


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as Google has begun it: by what it is stopped, and until when it notifies."""

    resource_id: str
    expires_at: datetime


def read_channel(resource: Resource) -> Channel:
    """The response to `events.watch`; without a usable end it counts as over already."""
    return Channel(text(resource.get("resourceId")), instant(resource.get("expiration")))


def read_event(resource: Resource) -> CalendarEvent:
    """An event resource; what can't be read is empty. Never raises."""
    organizer = mapping(resource.get("organizer"))
    return CalendarEvent(
        event_id=text(resource.get("id")),
        status=text(resource.get("status")),
        event_type=text(resource.get("eventType")),
        ical_uid=text(resource.get("iCalUID")),
        title=" ".join(text(resource.get("summary")).split())[:1000],
        place=" ".join(text(resource.get("location")).split())[:1000],
        visibility=text(resource.get("visibility")),
        start=_time(resource.get("start")),
        end=_time(resource.get("end")),
        original_start=_time(resource.get("originalStartTime")),
        video_url=_video_url(resource),
        organizer=_person(organizer) if organizer else None,
        attendees=tuple(_person(item) for item in mappings(resource.get("attendees"))),
        attendees_omitted=flag(resource.get("attendeesOmitted")),
        guests_see_each_other=resource.get("guestsCanSeeOtherGuests") is not False,
    )


def _time(value: object) -> EventTime:
    fields = mapping(value)
    return EventTime(text(fields.get("date")), text(fields.get("dateTime")), text(fields.get("timeZone")))


def _person(value: Resource) -> EventPerson:
    return EventPerson(
        address=text(value.get("email")),
        name=" ".join(text(value.get("displayName")).split())[:300],
        answer=text(value.get("responseStatus")),
        me=flag(value.get("self")),
        organizer=flag(value.get("organizer")),
        optional=flag(value.get("optional")),
        resource=flag(value.get("resource")),
    )


def _video_url(resource: Resource) -> str:
    """Where to join: the conference's video entry, else the old Hangouts link; only https, it is shown as a link."""
    entries = mappings(mapping(resource.get("conferenceData")).get("entryPoints"))
    urls = [text(entry.get("uri")) for entry in entries if entry.get("entryPointType") == "video"]
    urls.append(text(resource.get("hangoutLink")))
    return next((url[:2000] for url in urls if url.startswith("https://") and url.isprintable()), "")
