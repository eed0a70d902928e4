"""Calendars out of iCalendar files, or out of JSON lines of Calendar v3 event resources."""

import hashlib
from base64 import b32hexencode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from libs.google_sim.account import CalendarData, Resource
from libs.google_sim.loaders.content_lines import Block, Line, blocks
from libs.google_sim.loaders.event_times import Zones, end_of, moment, recurrence
from libs.google_sim.loaders.files import LoadError, json_lines, kind, open_bytes

_STATUS = {"CANCELLED": "cancelled", "TENTATIVE": "tentative"}
_RESPONSE_STATUS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
_VISIBILITY = {"PRIVATE": "private", "CONFIDENTIAL": "confidential", "PUBLIC": "public"}
_LINKS = ("https://meet.google.com/", "https://zoom.us/", "https://teams.microsoft.com/")


def load_calendar(path: str | Path, owner: str) -> list[CalendarData]:
    """The calendars in a file: one per VCALENDAR of an `.ics`, the first of them primary; JSON lines are one calendar.

    `owner` is the account's address: the primary calendar's id, and `self` among the guests. Events that can't be
    read (no usable start) are left out, as Google's import does. Raises LoadError for a file of another type.
    """
    path = Path(path)
    if kind(path) in ("jsonl", "ndjson", "json"):
        return [CalendarData(owner, owner, primary=True, events=_with_own_ids(json_lines(path)))]
    if kind(path) not in ("ics", "ical", "ifb", "icalendar"):
        raise LoadError(f"{path} is no calendar file. Give an .ics or a .jsonl file (also .gz).")
    with open_bytes(path) as file:
        raw = file.read()
    found = [_calendar(block, owner, number) for number, block in enumerate(blocks(raw, "VCALENDAR"))]
    return _merged(found) or [CalendarData(owner, owner, primary=True)]


def _with_own_ids(events: Iterator[Resource]) -> list[Resource]:
    """Events as they are; one whose id was there before gets another one, so that nothing is lost."""
    kept: dict[object, Resource] = {}
    for event in events:
        identifier = event.get("id")
        while identifier in kept:
            identifier = f"{identifier}v"
        kept[identifier] = event if identifier == event.get("id") else {**event, "id": identifier}
    return list(kept.values())


def _merged(found: list[CalendarData]) -> list[CalendarData]:
    """Calendars with the same name are one: some programs write a VCALENDAR around every event."""
    by_name: dict[str, CalendarData] = {}
    for calendar in found:
        if kept := by_name.get(calendar.summary):
            kept.events.extend(calendar.events)
        else:
            by_name[calendar.summary] = calendar
    for calendar in by_name.values():
        calendar.events = _with_own_ids(iter(calendar.events))
    return list(by_name.values())


def _calendar(block: Block, owner: str, number: int) -> CalendarData:
    name = block.text("X-WR-CALNAME")
    zones = Zones.of(block)
    identifier = f"{_hash(name or str(number))[:20]}@group.calendar.google.com" if number else owner
    calendar = CalendarData(identifier, name or owner, time_zone=zones.default, primary=number == 0)
    events = [component for component in block.blocks if component.name == "VEVENT"]
    masters = {
        component.text("UID")
        for component in events
        if component.first("RECURRENCE-ID") is None and component.text("UID")
    }
    calendar.events = [event for component in events if (event := _event(component, zones, owner, masters)) is not None]
    return calendar


def _event(block: Block, zones: Zones, owner: str, masters: set[str]) -> Resource | None:
    start_line = block.first("DTSTART")
    start = moment(start_line, zones) if start_line else None
    if start is None:
        return None
    content = "\n".join(f"{line.name}:{line.value}" for line in block.lines)
    uid = block.text("UID") or f"{_hash(content)[:26]}@no-uid.invalid"
    event: Resource = {
        "kind": "calendar#event",
        "id": _hash(uid)[:26],
        "etag": f'"{int(_digest(content)[:12], 16)}"',
        "status": _STATUS.get(block.text("STATUS").upper(), "confirmed"),
        "iCalUID": uid,
        "start": start,
        "end": end_of(block, start, zones),
        "eventType": "default",
        "sequence": int(block.text("SEQUENCE")) if block.text("SEQUENCE").isdecimal() else 0,
        "created": _stamp(block, "CREATED"),
        "updated": _stamp(block, "LAST-MODIFIED", "DTSTAMP", "CREATED"),
        "reminders": {"useDefault": True},
    }
    for name, field in (("SUMMARY", "summary"), ("DESCRIPTION", "description"), ("LOCATION", "location")):
        if text := block.text(name):
            event[field] = text
    if visibility := _VISIBILITY.get(block.text("CLASS").upper()):
        event["visibility"] = visibility
    if block.text("TRANSP").upper() == "TRANSPARENT":
        event["transparency"] = "transparent"
    _add_people(event, block, owner)
    _add_conference(event, block)
    _add_series(event, block, zones, masters)
    return event


def _add_series(event: Resource, block: Block, zones: Zones, masters: set[str]) -> None:
    recurrence_id = block.first("RECURRENCE-ID")
    original = moment(recurrence_id, zones) if recurrence_id else None
    if original is None:
        if rules := recurrence(block, zones):
            event["recurrence"] = rules
        return
    event["originalStartTime"] = original
    written = original.get("date") or _utc(original["dateTime"]).strftime("%Y%m%dT%H%M%SZ")
    master_id = event["id"]
    event["id"] = f"{master_id}_{written.replace('-', '')}"
    if event["iCalUID"] in masters:  # without its series in the file an exception is an event of its own
        event["recurringEventId"] = master_id


def _add_people(event: Resource, block: Block, owner: str) -> None:
    organizer = block.first("ORGANIZER")
    organizer_email = _email(organizer) if organizer else ""
    if organizer:
        event["organizer"] = _person(organizer, owner)
        event["creator"] = dict(event["organizer"])
    attendees = []
    for line in block.all("ATTENDEE"):
        person = _person(line, owner)
        person["responseStatus"] = _RESPONSE_STATUS.get(line.param("PARTSTAT").upper(), "needsAction")
        if line.param("CUTYPE").upper() in ("ROOM", "RESOURCE"):
            person["resource"] = True
        if line.param("ROLE").upper() == "OPT-PARTICIPANT":
            person["optional"] = True
        if organizer_email and person.get("email") == organizer_email:
            person["organizer"] = True
        attendees.append(person)
    if attendees:
        event["attendees"] = attendees


def _person(line: Line, owner: str) -> Resource:
    person: Resource = {}
    if email := _email(line):
        person["email"] = email
    if name := line.param("CN").strip():
        person["displayName"] = name
    if email == owner.lower():
        person["self"] = True
    return person


def _email(line: Line) -> str:
    value = line.value.strip()
    address = value[7:] if value.lower().startswith("mailto:") else line.param("EMAIL") or value
    return address.strip().lower() if "@" in address else ""


def _add_conference(event: Resource, block: Block) -> None:
    candidates = [block.text(name) for name in ("X-GOOGLE-CONFERENCE", "CONFERENCE", "URL")]
    candidates += [word for name in ("LOCATION", "DESCRIPTION") for word in block.text(name).split()]
    link = block.text("X-GOOGLE-CONFERENCE") or next(
        (candidate for candidate in candidates if candidate.startswith(_LINKS)), ""
    )
    if not link.startswith("https://"):
        return
    event["conferenceData"] = {"entryPoints": [{"entryPointType": "video", "uri": link}]}
    if "meet.google.com" in link:
        event["hangoutLink"] = link


def _stamp(block: Block, *names: str) -> str:
    for name in names:
        line = block.first(name)
        when = moment(line, Zones({}, "UTC")) if line else None
        if when and "dateTime" in when:
            return _utc(when["dateTime"]).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return "1970-01-01T00:00:00.000Z"


def _utc(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone(UTC)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _hash(text: str) -> str:
    """An event id: lower-case base32hex, the alphabet that Google allows."""
    return b32hexencode(bytes.fromhex(_digest(text))).decode().lower().rstrip("=")
