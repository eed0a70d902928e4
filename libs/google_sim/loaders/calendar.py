"""Calendars out of iCalendar files, or out of JSON lines of Calendar v3 event resources."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from libs.google_sim.account import CalendarData, Resource
from libs.google_sim.loaders.content_lines import Component, components
from libs.google_sim.loaders.events import event_resource, hashed
from libs.google_sim.loaders.files import LoadError, files_within, is_archive, json_lines, kind, read_bytes
from libs.google_sim.loaders.zones import Zones

ICALENDAR = ("ics", "ical", "ifb", "icalendar", "vcs")


def load_calendar(path: str | Path, owner: str) -> list[CalendarData]:
    """The calendars in a file: one per VCALENDAR of an `.ics`, the first of them primary; JSON lines are one calendar.

    Of a folder or zip, those of all its `.ics` files; the one called as the owner goes first.

    `owner` is the account's address: the primary calendar's id, and `self` among the guests. Events that can't be
    read (no usable start) are left out, as Google's import does. Raises LoadError for a file of another type.
    """
    path = Path(path)
    if kind(path) in ("jsonl", "ndjson", "json"):
        return [CalendarData(owner, owner, primary=True, events=_with_own_ids(json_lines(path)))]
    if path.is_dir() or is_archive(path):
        files = [(entry.name.rpartition(".")[0], read_bytes(entry)) for entry in files_within(path, ICALENDAR)]
        raws = [raw for _, raw in sorted(files, key=lambda file: (file[0].lower() != owner.lower(), file[0]))]
    elif kind(path) in ICALENDAR:
        raws = [read_bytes(path)]
    else:
        raise LoadError(
            f"{path} is no calendar file. Give an .ics or a .jsonl file (also .gz), or a folder or zip with .ics files."
        )
    if not raws:
        raise LoadError(
            f"There is no calendar in {path}. Give an .ics or a .jsonl file, or a folder or zip with .ics files."
        )
    inner = (component for raw in raws for component in components(raw, "VCALENDAR"))
    found = [_calendar(component, owner, number) for number, component in enumerate(inner)]
    return _merged(found) or [CalendarData(owner, owner, primary=True)]


def _with_own_ids(events: Iterator[Resource]) -> list[Resource]:
    """Events as they are; where an id was there before, the later event gets another, so that nothing is lost."""
    kept: dict[object, Resource] = {}
    copies = Counter[str]()
    for number, event in enumerate(events):
        identifier = written = event.get("id")
        if not isinstance(written, str):
            kept[number] = event
            continue
        while identifier in kept:
            copies[written] += 1
            identifier = f"{written}v{copies[written] if copies[written] > 1 else ''}"
        kept[identifier] = event if identifier == written else {**event, "id": identifier}
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


def _calendar(component: Component, owner: str, number: int) -> CalendarData:
    name = component.text("X-WR-CALNAME")
    zones = Zones.of(component)
    identifier = f"{hashed(name or str(number))[:20]}@group.calendar.google.com" if number else owner
    calendar = CalendarData(identifier, name or owner, time_zone=zones.default, primary=number == 0)
    events = [inner for inner in component.components if inner.name == "VEVENT"]
    masters: dict[str, Resource] = {}
    read: dict[int, Resource | None] = {}
    # Series first: an exception is read by the start of its series. Afterwards they are in the file's order again.
    for number, inner in sorted(enumerate(events), key=lambda pair: pair[1].first("RECURRENCE-ID") is not None):
        event = read[number] = event_resource(inner, zones, owner, masters)
        if event is not None and inner.first("RECURRENCE-ID") is None:
            masters.setdefault(event["iCalUID"], event)
    calendar.events = [event for _, event in sorted(read.items()) if event is not None]
    return calendar
