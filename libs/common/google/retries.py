"""How long a call is tried again: pure, one object per call."""

from dataclasses import dataclass, field
from random import uniform

from libs.common.errors import Throttled
from libs.common.google.errors import DailyLimit, NotReady

RETRY_BUDGET_SECONDS = 20.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
NOT_READY_TRIES = 5


@dataclass
class RetryBudget:
    """Growing, jittered pauses for about 20 s. Failed tries count with the time that they took, waiting for quota does not."""

    spent: float = 0.0
    _next: float = field(default_factory=lambda: FIRST_PAUSE_SECONDS)
    _not_ready: int = 0

    def allows(self, wait: float) -> bool:
        """Whether so many seconds more are worth waiting for."""
        return self.spent + wait <= RETRY_BUDGET_SECONDS

    def pause_after(self, error: Exception, took: float) -> float | None:
        """Seconds to wait before the next try, which a Retry-After may make longer; None: that is not worth waiting for."""
        if isinstance(error, DailyLimit):
            return None
        if isinstance(error, NotReady):
            self._not_ready += 1
            if self._not_ready >= NOT_READY_TRIES:
                return None
        pause = self._next * uniform(0.7, 1.3)
        if isinstance(error, Throttled) and error.retry_after:
            pause = max(pause, error.retry_after.total_seconds())
        self._next = min(2 * self._next, LONGEST_PAUSE_SECONDS)
        self.spent += took + pause
        return pause if self.spent <= RETRY_BUDGET_SECONDS else None
