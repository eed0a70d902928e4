"""Gmail's quota units: a token bucket of one minute's units per user, and one for the project."""

from dataclasses import dataclass, field

from libs.google_sim.errors import GoogleError, rate_limited


@dataclass
class Bucket:
    """Holds at most one minute's units and fills evenly. 0 units per minute: no limit."""

    units_per_minute: int
    level: float
    filled_at: float

    def wait(self, units: int, now: float) -> float:
        """Return the seconds until `units` can be taken; 0 if they can now."""
        if not self.units_per_minute:
            return 0.0
        rate = self.units_per_minute / 60
        self.level = min(float(self.units_per_minute), self.level + max(0.0, now - self.filled_at) * rate)
        self.filled_at = now
        return max(0.0, (units - self.level) / rate)


@dataclass
class Quota:
    """What the project and each user may spend. `status`: 403, or 429 with Retry-After, for what is refused."""

    user_units_per_minute: int = 0
    project_units_per_minute: int = 0
    status: int = 403
    _users: dict[str, Bucket] = field(default_factory=dict)
    _project: Bucket | None = None

    def set(self, user_units_per_minute: int, project_units_per_minute: int, status: int) -> None:
        """Set new limits, with full buckets."""
        self.user_units_per_minute, self.project_units_per_minute = user_units_per_minute, project_units_per_minute
        self.status = status
        self._users.clear()
        self._project = None

    def take(self, address: str, units: int, now: float) -> None:
        """Spend units, or raise the GoogleError that says whose are used up. Refused calls cost nothing."""
        if not units or not (self.user_units_per_minute or self.project_units_per_minute):
            return
        user = self._users.get(address)
        if user is None:
            user = self._users[address] = Bucket(self.user_units_per_minute, float(self.user_units_per_minute), now)
        if self._project is None:
            self._project = Bucket(self.project_units_per_minute, float(self.project_units_per_minute), now)
        if wait := user.wait(units, now):
            raise self._refusal("userRateLimitExceeded", wait)
        if wait := self._project.wait(units, now):
            raise self._refusal("rateLimitExceeded", wait)
        user.level -= units
        self._project.level -= units

    def _refusal(self, reason: str, wait: float) -> GoogleError:
        return rate_limited(reason, self.status, int(wait) + 1 if self.status == 429 else None)


@dataclass
class ConcurrencyLimiter:
    """Limits the Gmail calls of each user that run at the same time. `limit`: 0 is no limit.

    `counts_parts`: each part of a batch is a call; else the batch is one.
    """

    limit: int = 0
    counts_parts: bool = True
    _running: dict[str, int] = field(default_factory=dict)

    def acquire(self, address: str, calls: int) -> int:
        """Return how many of these calls may run now; they count until they are released."""
        known = self._running.get(address, 0)
        admitted = min(calls, self.limit - known) if self.limit else calls
        admitted = max(admitted, 0)
        self._running[address] = known + admitted
        return admitted

    def release(self, address: str, calls: int) -> None:
        left = self._running[address] - calls
        if left:
            self._running[address] = left
        else:
            del self._running[address]


@dataclass
class Counter:
    """Requests that reached a method, those of them refused with an error, and the units spent."""

    requests: int = 0
    refused: int = 0
    units: int = 0


@dataclass
class Counters:
    """By account and method; `http` counts HTTP requests of any kind (a batch is one), `statuses` the responses by code."""

    methods: dict[str, dict[str, Counter]] = field(default_factory=dict)
    http: int = 0
    statuses: dict[int, int] = field(default_factory=dict)

    def of(self, address: str, method: str) -> Counter:
        return self.methods.setdefault(address, {}).setdefault(method, Counter())

    def record_status(self, status: int) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def reset(self) -> None:
        self.methods.clear()
        self.statuses.clear()
        self.http = 0
