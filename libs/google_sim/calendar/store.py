"""One calendar: its events, and for sync tokens what each series was before it changed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from libs.google_sim.account import CalendarData, Resource
from libs.google_sim.recurrence import expand

CHANGES_KEPT = 10_000
_OF_CANCELLED = ("id", "recurringEventId", "originalStartTime")


@dataclass(frozen=True)
class Change:
    """`before`: the resources of a series (master and exceptions), or the one event, up to version `version`."""

    version: int
    series: str
    before: list[Resource]


@dataclass
class Calendar:
    """Events by id. `version` counts changes; sync tokens from before `oldest_version` have expired. `on_change`: called after each."""

    data: CalendarData
    events: dict[str, Resource]
    version: int = 1
    oldest_version: int = 1
    changes: list[Change] = field(default_factory=list)
    on_change: Callable[[], None] | None = None

    @classmethod
    def of(cls, data: CalendarData) -> "Calendar":
        listed = [event for event in data.events if isinstance(event.get("id"), str) and event["id"]]
        return cls(replace(data, events=[]), {event["id"]: event for event in listed})

    def snapshot(self) -> CalendarData:
        return replace(self.data, events=list(self.events.values()))

    def put(self, event: Resource) -> None:
        """Add an event, or replace the one with its id."""
        self._remember(event)
        self.events[event["id"]] = event
        self._notify()

    def remove(self, event_id: str) -> None:
        """Forget an event altogether. Raises KeyError where there is none."""
        self._remember(self.events[event_id])
        del self.events[event_id]
        self._notify()

    def expire_sync_tokens(self) -> None:
        self.version += 1
        self.oldest_version = self.version
        self.changes.clear()

    def changed_since(
        self, version: int, time_min: datetime | None, time_max: datetime | None, now: datetime, *, single_events: bool
    ) -> list[Resource]:
        """Return what a client that holds `version` must take over: new and changed events in full, gone ones as stubs."""
        before: dict[str, list[Resource]] = {}
        for change in self.changes:
            if change.version >= version:
                before.setdefault(change.series, change.before)
        found: list[Resource] = []
        for series, old in before.items():
            was = self._shown(old, time_min, time_max, now, single_events)
            shown = self._shown(self._series(series), time_min, time_max, now, single_events)
            found += [event for event_id, event in shown.items() if event != was.get(event_id)]
            found += [cancelled(event) for event_id, event in was.items() if event_id not in shown]
        return found

    def _shown(
        self,
        events: list[Resource],
        time_min: datetime | None,
        time_max: datetime | None,
        now: datetime,
        single_events: bool,
    ) -> dict[str, Resource]:
        """Series within the window of the token's first listing; single events wherever they moved to."""
        if not single_events:
            return {event["id"]: event for event in events if event.get("status") != "cancelled"}
        is_series = any(event.get("recurrence") for event in events)
        lower, upper = (time_min, time_max) if is_series else (None, None)
        return {event["id"]: event for event in expand(replace(self.data, events=events), lower, upper, now=now)}

    def _remember(self, event: Resource) -> None:
        series = series_of(event)
        self.changes.append(Change(self.version, series, self._series(series)))
        self.version += 1
        if len(self.changes) >= 2 * CHANGES_KEPT:
            self.oldest_version = self.changes[-CHANGES_KEPT].version
            del self.changes[:-CHANGES_KEPT]

    def _notify(self) -> None:
        if self.on_change is not None:
            self.on_change()

    def _series(self, series: str) -> list[Resource]:
        return [event for event in self.events.values() if series_of(event) == series]


def series_of(event: Resource) -> str:
    master = event.get("recurringEventId")
    return master if isinstance(master, str) else str(event["id"])


def cancelled(event: Resource) -> Resource:
    """Return what is left of a cancelled event: its id and, of an instance, which one it was."""
    kept: Resource = {name: event[name] for name in _OF_CANCELLED if name in event}
    return {"kind": "calendar#event", "etag": event.get("etag", '"0"'), **kept, "status": "cancelled"}
