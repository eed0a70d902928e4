"""A person's calendar over some days: booked, moved, cancelled, declined, with guests added and series edited, at random.

Each change is made in the local Google and in `Agenda`, which knows by itself, without expanding anything, what stands in the calendar.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from libs.google_sim.account import Resource
from libs.google_sim.calendar.store import Calendar
from tests.support.fault_life import FRIENDS
from tests.support.standing import DAY, ROOM, Series, Standing

STEP = timedelta(minutes=5)
HOUR = timedelta(hours=1)
ZONE = ZoneInfo("Pacific/Fiji")
"""Of the calendar: its days begin when in Europe people work."""


@dataclass
class Agenda:
    """`owner`: whose calendar it is. `story`: what happened, for whoever looks for the reason of a failure."""

    calendar: Calendar
    team: Calendar
    owner: str
    chance: Random
    now: datetime
    singles: dict[str, Standing] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)
    numbers: int = 0
    story: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.calendar.data.time_zone = str(ZONE)

    def standing(self) -> list[Standing]:
        """All event instances that are not cancelled."""
        return [*self.singles.values(), *(found for series in self.series.values() for _, found in series.standing())]

    def change(self) -> None:
        """Something happens that can happen now."""
        while True:
            (change,) = self.chance.choices(list(CHANGES), list(CHANGES.values()))
            if line := change(self):
                self.story.append(f"{self.now:%d %H:%M} {line}")
                return

    # --- what can happen: each returns a line about it, or nothing where there is nothing that it could happen to

    def book(self) -> str:
        kind = self.chance.choice(list(KINDS))
        meeting = KINDS[kind](self, Standing(f"e{self._number()}", f"Meeting {self.numbers}", self._some_time()))
        self._put(meeting)
        return f"booked {meeting.title} with {kind} for {meeting.starts_at:%d %H:%M}"

    def move(self) -> str:
        if not (meeting := self._upcoming(lambda found: found.day is None)):
            return ""
        moved = replace(meeting, starts_at=self._some_time())
        self._put(moved)
        return f"moved {meeting.title} from {meeting.starts_at:%d %H:%M} to {moved.starts_at:%d %H:%M}"

    def cancel(self) -> str:
        if not (meeting := self._upcoming()):
            return ""
        del self.singles[meeting.event_id]
        self._store({**self.calendar.events[meeting.event_id], "status": "cancelled"}, meeting)
        return f"cancelled {meeting.title}"

    def decline(self) -> str:
        return self._reply("declined")

    def accept(self) -> str:
        return self._reply("accepted")

    def add_guest(self) -> str:
        if not (meeting := self._upcoming(lambda found: not found.hidden)):
            return ""
        guest = self.chance.choice([self._friend(), self._stranger()])
        self._put(replace(meeting, guests=tuple(dict.fromkeys((*meeting.guests, guest)))))
        return f"added {guest} to {meeting.title}"

    def remove_guest(self) -> str:
        if not (meeting := self._upcoming(lambda found: bool(found.guests))):
            return ""
        self._put(replace(meeting, guests=meeting.guests[1:]))
        return f"took {meeting.guests[0]} off {meeting.title}"

    def rename(self) -> str:
        if not (meeting := self._upcoming()):
            return ""
        renamed = replace(meeting, title=f"{meeting.title} again")
        self._put(renamed)
        return f"renamed {meeting.title}"

    def book_series(self) -> str:
        first = Standing(f"s{self._number()}", f"Series {self.numbers}", self._some_time(), (self._friend(),))
        series = Series(first, self.chance.randint(2, 6))
        self._put_series(series)
        return f"booked {first.title} from {first.starts_at:%d %H:%M} on {series.count} days"

    def move_series(self) -> str:
        """All of it, those that have been too, as at Google: what was changed of single instances is forgotten."""
        if not (series := self._coming_series()):
            return ""
        for number in series.changed:
            self.calendar.remove(series.instance_id(number))
        by = self.chance.choice([-6, -2, -1, 1, 2, 6, 12]) * STEP
        moved = Series(replace(series.first, starts_at=series.first.starts_at + by), series.count)
        self._put_series(moved)
        return f"moved {series.first.title} by {by}"

    def decline_series(self) -> str:
        if not (series := self._coming_series()):
            return ""
        answer = "accepted" if series.first.answer == "declined" else "declined"
        self._put_series(replace(series, first=replace(series.first, answer=answer)))
        return f"{answer} {series.first.title}"

    def move_instance(self) -> str:
        if not (found := self._coming_instance()):
            return ""
        series, number, instance = found
        taken = {other.starts_at for _, other in series.standing()}
        starts_at = next(moment for moment in iter(self._some_time, None) if moment not in taken)
        self._put_instance(series, number, replace(instance, starts_at=starts_at))
        return f"moved {instance.title} from {instance.starts_at:%d %H:%M} to {starts_at:%d %H:%M}"

    def cancel_instance(self) -> str:
        if not (found := self._coming_instance()):
            return ""
        series, number, instance = found
        self._put_instance(series, number, None)
        return f"cancelled {instance.title} of {instance.starts_at:%d %H:%M}"

    def cancel_series(self) -> str:
        if not (series := self._coming_series()):
            return ""
        del self.series[series.first.event_id]
        self.calendar.put({**self.calendar.events[series.first.event_id], "status": "cancelled"})
        return f"cancelled all of {series.first.title}"

    # --- how it is done

    def _reply(self, answer: str) -> str:
        if not (meeting := self._upcoming(lambda found: found.answer != answer)):
            return ""
        self._put(replace(meeting, answer=answer))
        return f"{answer} {meeting.title}"

    def _upcoming(self, fits: Callable[[Standing], bool] = lambda _: True) -> Standing | None:
        """One of the single meetings that have not begun."""
        found = [meeting for meeting in self.singles.values() if meeting.starts_at > self.now and fits(meeting)]
        return self.chance.choice(found) if found else None

    def _coming_series(self) -> Series | None:
        found = [series for series in self.series.values() if any(self._coming_of(series))]
        return self.chance.choice(found) if found else None

    def _coming_of(self, series: Series) -> list[tuple[int, Standing]]:
        return [(number, found) for number, found in series.standing() if found.starts_at > self.now]

    def _coming_instance(self) -> tuple[Series, int, Standing] | None:
        if not (series := self._coming_series()):
            return None
        return (series, *self.chance.choice(self._coming_of(series)))

    def _some_time(self) -> datetime:
        """Soon, later today, or on one of the next days."""
        latest = self.chance.choice([HOUR, HOUR, HOUR, HOUR, HOUR, 5 * HOUR, 2 * DAY])
        return self.now + self.chance.randint(0, latest // STEP) * STEP

    def _number(self) -> int:
        self.numbers += 1
        return self.numbers

    def _friend(self) -> str:
        return self.chance.choice(FRIENDS)

    def _stranger(self) -> str:
        """Somebody else each time: whom one has met is no stranger."""
        return f"stranger{self._number()}@elsewhere.example"

    def _put(self, meeting: Standing) -> None:
        self.singles[meeting.event_id] = meeting
        self._store(self._resource(meeting, meeting.event_id), meeting)

    def _store(self, resource: Resource, meeting: Standing) -> None:
        self.calendar.put(resource)
        if meeting.copied:
            self.team.put({**resource, "id": f"copy-{meeting.event_id}"})

    def _put_series(self, series: Series) -> None:
        self.series[series.first.event_id] = series
        resource = self._resource(series.first, series.first.event_id)
        self.calendar.put({**resource, "recurrence": [f"RRULE:FREQ=DAILY;COUNT={series.count}"]})

    def _put_instance(self, series: Series, number: int, instance: Standing | None) -> None:
        series.changed[number] = instance
        shown = instance or replace(
            series.first, event_id=series.instance_id(number), starts_at=series.original(number)
        )
        self.calendar.put(
            {
                **self._resource(shown, series.first.event_id),
                "recurringEventId": series.first.event_id,
                "originalStartTime": _moment(series.original(number)),
                "status": "confirmed" if instance else "cancelled",
            }
        )

    def _resource(self, meeting: Standing, uid: str) -> Resource:
        people = [] if meeting.hidden else [guest for guest in meeting.guests if guest != self.owner]
        begin, end = _moment(meeting.starts_at), _moment(meeting.starts_at + HOUR)
        if meeting.day:
            begin, end = {"date": meeting.day.isoformat()}, {"date": (meeting.day + DAY).isoformat()}
        return {
            "id": meeting.event_id,
            "status": "confirmed",
            "eventType": meeting.event_type,
            "iCalUID": f"{uid}@google.com",
            "summary": meeting.title,
            "start": begin,
            "end": end,
            "visibility": "private" if meeting.private else "default",
            "organizer": {"email": meeting.host} if meeting.host else {"email": self.owner, "self": True},
            "attendees": [
                {"email": self.owner, "self": True, "responseStatus": meeting.answer},
                *({"email": guest, "responseStatus": "needsAction", "resource": guest == ROOM} for guest in people),
            ],
        }


def _moment(moment: datetime) -> Resource:
    return {"dateTime": moment.isoformat(), "timeZone": "UTC"}


def _whole_day(agenda: Agenda, meeting: Standing) -> Standing:
    day = (agenda.now.astimezone(ZONE) + DAY).date()
    starts_at = datetime.combine(day, time(), ZONE).astimezone(UTC)
    return replace(meeting, starts_at=starts_at, day=day, guests=(agenda._friend(),))


def _crowd(agenda: Agenda, meeting: Standing) -> Standing:
    return replace(meeting, guests=(agenda._friend(), *(agenda._stranger() for _ in range(20))))


KINDS: dict[str, Callable[[Agenda, Standing], Standing]] = {
    "a friend": lambda agenda, meeting: replace(meeting, guests=(agenda._friend(),)),
    "two friends in two calendars": lambda _, meeting: replace(meeting, guests=FRIENDS[:2], copied=True),
    "a friend and a stranger": lambda agenda, meeting: replace(meeting, guests=(agenda._stranger(), agenda._friend())),
    "a friend who hides the guests": lambda agenda, meeting: replace(meeting, host=agenda._friend(), hidden=True),
    "a stranger": lambda agenda, meeting: replace(meeting, guests=(agenda._stranger(),)),
    "nobody": lambda _, meeting: meeting,
    "a room": lambda _, meeting: replace(meeting, guests=(ROOM,)),
    "a crowd": _crowd,
    "a friend in private": lambda agenda, meeting: replace(meeting, guests=(agenda._friend(),), private=True),
    "a friend for a whole day": _whole_day,
    "a friend, to focus": lambda agenda, meeting: replace(meeting, guests=(agenda._friend(),), event_type="focusTime"),
}

CHANGES: dict[Callable[[Agenda], str], int] = {
    Agenda.book: 10, Agenda.move: 5, Agenda.cancel: 2, Agenda.decline: 2, Agenda.accept: 1, Agenda.add_guest: 3,
    Agenda.remove_guest: 1, Agenda.rename: 1, Agenda.book_series: 2, Agenda.move_series: 1, Agenda.decline_series: 1,
    Agenda.move_instance: 2, Agenda.cancel_instance: 1, Agenda.cancel_series: 1,
}  # fmt: skip
"""How often each happens, beside the others."""
