"""Recurring events as the instances that `events.list?singleEvents=true` shows. Pure: data and a clock value in, data out.

Limits, so that any file ends in finite time: a rule without COUNT and UNTIL runs up to two years from `now`; a series has at
most 730 instances, counted from the start of the requested window; and those of `occurrences.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from libs.google_sim.account import CalendarData, Resource
from libs.google_sim.moments import Moment, moment
from libs.google_sim.occurrences import Bounds, Dates, starts

HORIZON = timedelta(days=730)
MAX_INSTANCES = 730
_FIRST_WALL, _LAST_WALL = datetime(1, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001 — wall times


@dataclass(frozen=True)
class Window:
    """The requested span. As at Google, `lower` bounds an event's end and `upper` its start, both exclusively."""

    lower: datetime | None
    upper: datetime | None

    def holds(self, start: datetime, end: datetime) -> bool:
        end = max(start, end)
        late_enough = self.lower is None or end > self.lower or start == end == self.lower
        return late_enough and (self.upper is None or start < self.upper)

    @property
    def is_open(self) -> bool:
        return self.lower is None and self.upper is None


def expand(
    calendar: CalendarData, time_min: datetime | None, time_max: datetime | None, *, now: datetime | None = None
) -> list[Resource]:
    """Return all instances, not cancelled, of a calendar's events that touch the window, in the calendar's order.

    Events without an id don't exist; of two with one id the last one counts. An exception replaces the instance of its
    series, or stands alone where the series is unknown. An event whose start can't be read is only in an open window.
    """
    window = Window(time_min, time_max)
    horizon = (now or datetime.now(UTC)) + HORIZON
    events = {event["id"]: event for event in calendar.events if isinstance(event.get("id"), str) and event["id"]}
    replaced: dict[str, set[str]] = {}
    for event in events.values():
        original = moment(event.get("originalStartTime"), calendar.time_zone)
        if isinstance(event.get("recurringEventId"), str) and original:
            replaced.setdefault(event["recurringEventId"], set()).add(original.slot)
    found: list[Resource] = []
    for event in events.values():
        if event.get("status") == "cancelled":
            continue
        master = event.get("recurringEventId")
        if isinstance(master, str) and events.get(master, {}).get("status") == "cancelled":
            continue
        if event.get("recurrence") and not master:
            slots = replaced.get(event["id"], set())
            instances = _instances(event, calendar.time_zone, window, horizon, slots)
            found.extend(instance for instance in instances if instance["id"] not in events)
        elif touches(event, calendar.time_zone, window):
            found.append(event)
    return found


def touches(event: Resource, time_zone: str, window: Window) -> bool:
    """Whether a single event is in the window."""
    start = moment(event.get("start"), time_zone)
    if start is None:
        return window.is_open
    end = moment(event.get("end"), time_zone) or start
    return window.holds(start.instant, end.instant)


def _instances(
    master: Resource, time_zone: str, window: Window, horizon: datetime, replaced: set[str]
) -> Iterator[Resource]:
    start = moment(master.get("start"), time_zone)
    if start is None:
        return
    end = moment(master.get("end"), time_zone) or start
    length = end.instant - start.instant
    dates = Dates.of(master["recurrence"], start)
    shared = {name: value for name, value in master.items() if name != "recurrence"}
    longest = max(length, timedelta(), *dates.lengths.values())
    bounds = Bounds(
        _wall(window.lower, start.zone, -longest - timedelta(days=1)),
        _wall(window.upper, start.zone, timedelta(days=1)),
        _wall(horizon, start.zone, timedelta()),
    )
    shown = set[str]()  # hours that a clock change skips fall on later ones, which may be in the series too
    for wall in starts(master["recurrence"], start, dates, bounds):
        own_length = dates.lengths.get(wall, length)
        try:
            begins = wall.replace(tzinfo=start.zone).astimezone(UTC)
            ends = begins + own_length
        except OverflowError:
            return
        if window.upper is not None and begins >= window.upper:
            return
        if not window.holds(begins, ends):
            continue
        here = Moment(begins, wall, start.zone, start.all_day)
        slot = here.slot
        if slot in shown:
            continue
        if len(shown) == MAX_INSTANCES:
            return
        shown.add(slot)
        if slot in replaced:
            continue
        original = _shown(here, master["start"])
        whole_days = (end.wall - start.wall) if start.all_day else own_length
        until = Moment(ends, wall + whole_days, end.zone, start.all_day)
        yield {
            **shared,
            "id": f"{master['id']}_{slot}",
            "recurringEventId": master["id"],
            "originalStartTime": original,
            "start": original,
            "end": _shown(until, master["end"] if isinstance(master.get("end"), dict) else master["start"]),
        }


def _wall(instant: datetime | None, own: tzinfo, margin: timedelta) -> datetime:
    """A bound of the window on the clock of a zone, moved out by `margin`; the edge of time where there is none."""
    edge = _LAST_WALL if margin >= timedelta() else _FIRST_WALL
    if instant is None:
        return edge
    try:
        return instant.astimezone(own).replace(tzinfo=None) + margin
    except OverflowError:
        return edge


def _shown(when: Moment, like: Resource) -> Resource:
    """A Moment as an EventDateTime in the form of the master's."""
    if when.all_day:
        return {"date": when.wall.date().isoformat()}
    local = when.instant.astimezone(when.zone)
    offset = local.utcoffset() or timedelta()
    if offset.seconds % 60:  # local mean time of before the zones: RFC 3339 has no seconds in offsets
        local = when.instant
    shown = {"dateTime": local.isoformat()}
    return {**shown, "timeZone": like["timeZone"]} if isinstance(like.get("timeZone"), str) else shown
