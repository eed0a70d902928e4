"""One VEVENT as a Calendar v3 event resource. The library icalendar reads it, one event at a time."""

import hashlib
import warnings
from base64 import b32hexencode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from icalendar import Event

from libs.google_sim.account import Resource
from libs.google_sim.loaders.content_lines import Component, Line
from libs.google_sim.loaders.event_times import (
    DATE_NAMES,
    date_lines,
    end_of,
    like_start,
    moment,
    recurrence,
    values_of,
)
from libs.google_sim.loaders.zones import Zones

_READ = DATE_NAMES | {
    "UID", "SUMMARY", "DESCRIPTION", "LOCATION", "STATUS", "CLASS", "TRANSP", "SEQUENCE", "DURATION", "ORGANIZER",
    "ATTENDEE", "URL", "CONFERENCE", "X-GOOGLE-CONFERENCE",
}  # fmt: skip
_STATUS = {"CANCELLED": "cancelled", "TENTATIVE": "tentative"}
_RESPONSE_STATUS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
_VISIBILITY = {"PRIVATE": "private", "CONFIDENTIAL": "confidential", "PUBLIC": "public"}
_LINKS = ("https://meet.google.com/", "https://zoom.us/", "https://teams.microsoft.com/")


def event_resource(component: Component, zones: Zones, owner: str, masters: Mapping[str, Resource]) -> Resource | None:
    """The event; None where it has no usable start. `masters`: the calendar's series and single events, by UID."""
    read = _read(component)
    start = moment(_first(read, "DTSTART"), zones)
    if start is None:
        return None
    content = "\n".join(f"{line.name}:{line.value}" for line in component.lines)
    uid = _text(read, "UID") or f"{hashed(content)[:26]}@no-uid.invalid"
    sequence = _first(read, "SEQUENCE")
    event: Resource = {
        "kind": "calendar#event",
        "id": hashed(uid)[:26],
        "etag": f'"{int(_digest(content)[:12], 16)}"',
        "status": _STATUS.get(_text(read, "STATUS").upper(), "confirmed"),
        "iCalUID": uid,
        "start": start,
        "end": end_of(_first(read, "DTEND"), _first(read, "DURATION"), start, zones),
        "eventType": "default",
        "sequence": max(0, int(sequence)) if sequence is not None else 0,
        "created": _stamp(read, "CREATED"),
        "updated": _stamp(read, "LAST-MODIFIED", "DTSTAMP", "CREATED"),
        "reminders": {"useDefault": True},
    }
    for name, field in (("SUMMARY", "summary"), ("DESCRIPTION", "description"), ("LOCATION", "location")):
        if text := _text(read, name):
            event[field] = text
    if visibility := _VISIBILITY.get(_text(read, "CLASS").upper()):
        event["visibility"] = visibility
    if _text(read, "TRANSP").upper() == "TRANSPARENT":
        event["transparency"] = "transparent"
    _add_people(event, read, owner)
    _add_conference(event, read)
    _add_series(event, component, read, zones, masters)
    return event


def _read(component: Component) -> Event:
    lines = [text for line in component.lines if line.name in _READ for text in _for_library(line)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns of what it repairs
        read = Event.from_ical("\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""]))
    assert isinstance(read, Event), "one VEVENT is one event"
    return read


def _for_library(line: Line) -> Iterator[str]:
    if line.name in DATE_NAMES:
        yield from date_lines(line)
    elif "ENCODING" in line.params:  # of vCalendar 1.0; iCalendar has none
        yield f"{line.name}:{_escaped(line.value)}"
    else:
        yield line.written.replace("\x00", "")


def _escaped(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return "\\n".join(escaped.splitlines())


def _first(event: Event, name: str) -> Any:
    return next(iter(values_of(event, name)), None)


def _text(event: Event, name: str) -> str:
    value = _first(event, name)
    return "" if value is None else str(value).strip()


def _add_series(
    event: Resource, component: Component, read: Event, zones: Zones, masters: Mapping[str, Resource]
) -> None:
    master = masters.get(event["iCalUID"])
    original = moment(_first(read, "RECURRENCE-ID"), zones)
    if original is not None and master is not None:
        original = like_start(original, master["start"], zones)
    if original is None:
        if rules := recurrence(component, read, zones):
            event["recurrence"] = rules
        return
    event["originalStartTime"] = original
    written = original.get("date") or _utc(original["dateTime"]).strftime("%Y%m%dT%H%M%SZ")
    master_id = event["id"]
    event["id"] = f"{master_id}_{written.replace('-', '')}"
    if master is not None:  # without its series in the file an exception is an event of its own
        event["recurringEventId"] = master_id


def _add_people(event: Resource, read: Event, owner: str) -> None:
    organizer = _first(read, "ORGANIZER")
    organizer_email = _email(organizer) if organizer is not None else ""
    if organizer is not None:
        event["organizer"] = _person(organizer, owner)
        event["creator"] = dict(event["organizer"])
    attendees = []
    for attendee in values_of(read, "ATTENDEE"):
        person = _person(attendee, owner)
        person["responseStatus"] = _RESPONSE_STATUS.get(_param(attendee, "PARTSTAT").upper(), "needsAction")
        if _param(attendee, "CUTYPE").upper() in ("ROOM", "RESOURCE"):
            person["resource"] = True
        if _param(attendee, "ROLE").upper() == "OPT-PARTICIPANT":
            person["optional"] = True
        if organizer_email and person.get("email") == organizer_email:
            person["organizer"] = True
        attendees.append(person)
    if attendees:
        event["attendees"] = attendees


def _person(address: Any, owner: str) -> Resource:
    person: Resource = {}
    if email := _email(address):
        person["email"] = email
    if name := _param(address, "CN"):
        person["displayName"] = name
    if email == owner.lower():
        person["self"] = True
    return person


def _email(address: Any) -> str:
    value = str(address).strip()
    email = value[7:] if value.lower().startswith("mailto:") else _param(address, "EMAIL") or value
    return email.strip().lower() if "@" in email else ""


def _param(value: Any, name: str) -> str:
    """A parameter's value; the comma of an unquoted "Doe, Ann" belongs to it."""
    written = value.params.get(name, "")
    return (", ".join(part.strip() for part in written) if isinstance(written, list) else str(written)).strip()


def _add_conference(event: Resource, read: Event) -> None:
    candidates = [_text(read, name) for name in ("X-GOOGLE-CONFERENCE", "CONFERENCE", "URL")]
    candidates += [word for name in ("LOCATION", "DESCRIPTION") for word in _text(read, name).split()]
    found = (candidate for candidate in candidates if candidate.startswith(_LINKS))
    link = _text(read, "X-GOOGLE-CONFERENCE") or next(found, "")
    if not link.startswith("https://"):
        return
    event["conferenceData"] = {"entryPoints": [{"entryPointType": "video", "uri": link}]}
    if "meet.google.com" in link:
        event["hangoutLink"] = link


def _stamp(read: Event, *names: str) -> str:
    for name in names:
        when = moment(_first(read, name), Zones({}, "UTC"))
        if when and "dateTime" in when:
            return _utc(when["dateTime"]).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return "1970-01-01T00:00:00.000Z"


def _utc(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone(UTC)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def hashed(text: str) -> str:
    """An event id: lower-case base32hex, the alphabet that Google allows."""
    return b32hexencode(bytes.fromhex(_digest(text))).decode().lower().rstrip("=")
