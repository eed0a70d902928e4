"""The runs under way: the calls that each consists of, and the replica that carries it out."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

from libs.common.config import Settings
from libs.common.events import Reason
from libs.common.google.quota import Api
from libs.common.ids import RunId
from services.sync.domain.capacity import Capacity
from services.sync.domain.runs import priority_of
from services.sync.store.leases import RunLease
from tests.simulation.google import MINUTE

MOST_MESSAGES = 300  # of a mailbox in six hours


@dataclass
class Work:
    """A run under way. `wanted`: when it was due first, before any pause. `calls`: the prices of those that are still to be made.
    `waits_since`: when the next of them was to go.
    """

    lease: RunLease
    wanted: datetime
    waits_since: datetime
    api: Api | None
    calls: list[int]
    found: int = 0


@dataclass
class Replica:
    """One process of `sync`."""

    name: str
    under_way: dict[RunId, Work] = field(default_factory=dict)

    def capacity(self) -> Capacity:
        return Capacity.beside([(work.lease.first, work.lease.kind) for work in self.under_way.values()])


@dataclass(frozen=True)
class Calls:
    """What runs consist of: mail of a look at the history and of new messages in batches, calendars of one request each, whatever is read.

    messages: new ones of a mailbox in six hours, on average: many have few, a few have many. People's quota is of each user, and out
    of reach.
    """

    settings: Settings
    messages: float
    chance: Random

    def work(self, lease: RunLease, wanted: datetime) -> Work:
        if lease.kind == "calendar":
            return Work(lease, wanted, wanted, "calendar", [1])
        if lease.kind == "contacts":
            return Work(lease, wanted, wanted, None, [0])
        new = min(int(self.chance.expovariate(1 / self.messages) + 0.5), MOST_MESSAGES)
        return Work(lease, wanted, wanted, "gmail", [self._look, *self._batches(new, lease.reason)], new)

    def resumed(self, paused: Work, lease: RunLease) -> Work:
        """Mail looks at the history once more, and fetches what is still pending."""
        pending = [units for units in paused.calls if paused.api == "calendar" or units != self._look]
        return replace(paused, lease=lease, calls=[self._look, *pending] if paused.api == "gmail" else pending)

    @property
    def _look(self) -> int:
        return self.settings.gmail_units["history.list"]

    def _batches(self, messages: int, reason: Reason) -> Iterator[int]:
        """What is not live requests no more at a time than its mailbox's quota gives in a second (batch_get.py)."""
        size, price = self.settings.google_batch_size, self.settings.gmail_units["messages.get"]
        if priority_of("mail", reason) == "backfill":
            size = min(size, self.settings.gmail_units_per_minute // MINUTE // price)
        for begun in range(0, messages, size):
            yield min(size, messages - begun) * price
