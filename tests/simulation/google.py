"""What Google counts of the project, second by second, beside its quota; and what waited meanwhile."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MINUTE = 60
GRACE_SECONDS = 5.0  # so long after its moment a run or a call does not count as waiting


@dataclass
class ProjectQuota:
    """One API's quota of the project: `ceiling` units a minute. Seconds are whole ones from `start` on."""

    ceiling: int
    start: datetime
    used: Counter[int] = field(default_factory=Counter)
    _waits: Counter[int] = field(default_factory=Counter)  # how many more wait from this second on than before it

    def send(self, at: datetime, units: int) -> None:
        """A call reaches Google."""
        self.used[self._second(at)] += units

    def wait(self, wanted: datetime, until: datetime) -> None:
        """Something that wanted to go at one moment goes, or is looked at again, at another."""
        waited_from = wanted + timedelta(seconds=GRACE_SECONDS)
        if until > waited_from:
            self._waits[self._second(waited_from)] += 1
            self._waits[self._second(until) + 1] -= 1

    @property
    def fullest_minute(self) -> float:
        """The share of the ceiling that was used in the fullest minute, whenever that began. More than 1: Google would have refused."""
        if not self.used:
            return 0.0
        units = most = 0
        for second in range(min(self.used), max(self.used) + 1):
            units += self.used[second] - self.used[second - MINUTE]
            most = max(most, units)
        return most / self.ceiling

    @property
    def waited_seconds(self) -> int:
        """For how many seconds something waited."""
        return len(self._seconds_of_waiting())

    @property
    def unused_while_waiting(self) -> float:
        """Of what the quota allows in the seconds in which something waited, the share that was not used."""
        seconds = self._seconds_of_waiting()
        allowed = self.ceiling / MINUTE * len(seconds)
        return max(0.0, 1 - sum(self.used[second] for second in seconds) / allowed) if seconds else 0.0

    def _seconds_of_waiting(self) -> list[int]:
        if not self._waits:
            return []
        seconds, waiting = range(min(self._waits), max(self._waits)), 0
        return [second for second in seconds if (waiting := waiting + self._waits[second]) > 0]

    def used_between(self, begin: datetime, end: datetime) -> float:
        """The share of the quota that was used from one moment to another."""
        seconds = range(self._second(begin), self._second(end))
        return sum(self.used[second] for second in seconds) / (self.ceiling / MINUTE * len(seconds))

    def _second(self, moment: datetime) -> int:
        return int((moment - self.start).total_seconds())
