"""When a run goes on after it was stopped, when it is given up, and what the user is told."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from libs.common.errors import Outage, Refused, Throttled
from libs.common.events import Reason

GIVE_UP_AFTER = timedelta(hours=6)
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=15)

# Who asked last is told; where two ask, the one whom silence would puzzle most.
PRECEDENCE: tuple[Reason, ...] = ("user", "connected", "settings", "repair", "schedule", "push", "poll")
# Nobody asked for these: where they find nothing, nobody hears of them.
UNATTENDED: frozenset[Reason] = frozenset({"push", "poll"})
# Of these, nobody hears where they end well and found nothing.
MAY_BE_SILENT: frozenset[Reason] = UNATTENDED | {"repair"}


class QuotaSpent(Outage):
    """Gmail's quota of the day is used up for this Google Cloud project; the next day begins at `ends_at`."""

    def __init__(self, ends_at: datetime) -> None:
        super().__init__(
            f"Waiting until {ends_at.astimezone(UTC):%d %b %H:%M} UTC, because Gmail's daily quota for this Google Cloud project is "
            "used up. It goes on by itself."
        )
        self.ends_at = ends_at


@dataclass(frozen=True, slots=True)
class Pause:
    """The run waits until then, and goes on from where it is. `why` is a sentence for the user.

    `stuck`: whether the time counts towards giving up. It does not where the end of the wait is known.
    """

    until: datetime
    code: str = "waiting"
    why: str = ""
    stuck: bool = True


@dataclass(frozen=True, slots=True)
class Failure:
    """The run ends. `error` is a sentence for the user."""

    code: str
    error: str


def retry_decision(
    error: BaseException, now: datetime, stuck_since: datetime, pauses: int, chance: Random
) -> Pause | Failure:
    """What an error means for a run that has made no progress since `stuck_since` and has paused `pauses` times since.

    Throttling and outages are waited out for 6 hours, the end of the day's quota for as long as it takes; refusals end the run; a
    bug ends it too, with a plain word.
    """
    match error:
        case QuotaSpent():
            # Not all mailboxes in the same second.
            return Pause(error.ends_at + LONGEST_PAUSE * chance.random(), "daily_quota", str(error), stuck=False)
        case Outage():
            if now - stuck_since >= GIVE_UP_AFTER:
                return Failure("unavailable", f"Tried for 6 hours. The last answer was: {error}")
            asked = error.retry_after if isinstance(error, Throttled) and error.retry_after else timedelta(0)
            pause = min(FIRST_PAUSE * 2 ** min(pauses, 10), LONGEST_PAUSE) * chance.uniform(0.8, 1.2)
            return Pause(now + max(asked, pause), why=str(error))
        case Refused():
            return Failure(error.code, error.detail)
        case _:
            return Failure("internal", "Something went wrong here; it is in the log. Nothing that was read is lost.")


def precedence(reason: str) -> int:
    """0 for the reason that wins over all others."""
    return PRECEDENCE.index(reason) if reason in PRECEDENCE else len(PRECEDENCE)
