"""What stands in a calendar: single meetings and series, as a test knows them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

DAY = timedelta(days=1)
ROOM = "room-1@resource.calendar.google.com"


@dataclass(frozen=True)
class Standing:
    """One event instance as it stands. `host`: who organizes it, where that is somebody else; a hidden list shows nobody but me.

    `copied`: the team's calendar has it too, under another id.
    """

    event_id: str
    title: str
    starts_at: datetime
    guests: tuple[str, ...] = ()
    host: str = ""
    hidden: bool = False
    copied: bool = False
    answer: str = "accepted"
    private: bool = False
    day: date | None = None
    event_type: str = "default"

    @property
    def people(self) -> frozenset[str]:
        """The others, as far as Google shows them."""
        shown = () if self.hidden else self.guests
        return frozenset(address for address in (*shown, self.host) if address and address != ROOM)


@dataclass(frozen=True)
class Series:
    """One instance a day. `changed`: what stands in the place of an instance, by its number; None where it is cancelled."""

    first: Standing
    count: int
    changed: dict[int, Standing | None] = field(default_factory=dict)

    def original(self, number: int) -> datetime:
        """When an instance starts that nobody has moved."""
        return self.first.starts_at + number * DAY

    def instance_id(self, number: int) -> str:
        return f"{self.first.event_id}_{self.original(number):%Y%m%dT%H%M%SZ}"

    def instance(self, number: int) -> Standing | None:
        if number in self.changed:
            return self.changed[number]
        return replace(self.first, event_id=self.instance_id(number), starts_at=self.original(number))

    def standing(self) -> Iterator[tuple[int, Standing]]:
        for number in range(self.count):
            if instance := self.instance(number):
                yield number, instance
