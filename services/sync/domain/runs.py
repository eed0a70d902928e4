"""When a run goes on after it was stopped, when it is given up, and what the user is told."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from libs.common.errors import Outage, Refused, Throttled
from libs.common.events import Reason

GIVE_UP_AFTER = timedelta(hours=6)
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=15)

# Who asked last is told; where two ask, the one whom silence would puzzle most.
PRECEDENCE: tuple[Reason, ...] = ("user", "connected", "settings", "repair", "schedule", "push", "poll")


@dataclass(frozen=True, slots=True)
class Pause:
    """The run waits until then, and goes on from where it is."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """The run ends. `error` is a sentence for the user."""

    code: str
    error: str


def verdict(error: BaseException, now: datetime, stuck_since: datetime, pauses: int, chance: Random) -> Pause | Failure:
    """What an error means for a run that has made no progress since `stuck_since` and has paused `pauses` times since.

    Throttling and outages are waited out for 6 hours; refusals end the run; a bug ends it too, with a plain word.
    """
    match error:
        case Outage():
            if now - stuck_since >= GIVE_UP_AFTER:
                return Failure("unavailable", f"Tried for 6 hours. The last answer was: {error}")
            asked = error.retry_after if isinstance(error, Throttled) and error.retry_after else timedelta(0)
            pause = min(FIRST_PAUSE * 2 ** min(pauses, 10), LONGEST_PAUSE) * chance.uniform(0.8, 1.2)
            return Pause(now + max(asked, pause))
        case Refused():
            return Failure(error.code, error.detail)
        case _:
            return Failure("internal", "Something went wrong here; it is in the log. Nothing that was read is lost.")


def precedence(reason: str) -> int:
    """0 for the reason that wins over all others."""
    return PRECEDENCE.index(reason) if reason in PRECEDENCE else len(PRECEDENCE)
