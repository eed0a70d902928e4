"""Why a run is requested, what it has done, when it goes on after an error, and whether its end is reported."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

from libs.common.errors import Outage, QuotaFull, Refused, Throttled
from libs.common.events import Kind, Reason, SyncCompleted, SyncFailed
from libs.common.ids import AccountId, RunId, UserId
from libs.common.scopes import NEEDED_BY_KIND

GIVE_UP_AFTER = timedelta(hours=6)
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=15)

# Where two requests meet in one run, the reason that comes first here is kept: its absence would puzzle people most.
PRECEDENCE: tuple[Reason, ...] = ("user", "connected", "settings", "repair", "schedule", "push", "poll")
# Nobody waits for these runs: they are reported where they found something, and only then.
UNATTENDED: frozenset[Reason] = frozenset({"push", "poll"})
# These are not reported where they end well and found nothing; a repair that fails is.
QUIET_WHEN_WELL: frozenset[Reason] = UNATTENDED | {"repair"}
# Counted among the skipped: what an audit could not heal, which is worth a report.
UNHEALED = "unhealed"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run that is wanted. `scan`: a prep scan is to follow it."""

    account_id: AccountId
    kind: Kind
    reason: Reason
    delay: timedelta = timedelta(0)
    scan: bool = False


def obstacle(
    kind: Kind, state: Literal["active", "reauth_required", "disconnected"], granted: Collection[str]
) -> Literal["reauth_required", "disconnected", "missing_scope"] | None:
    """Why a kind can't be synced for an account in this state with these permissions; None: it can be.

    The same rule as `store.accounts.may_be_synced`.
    """
    if state != "active":
        return state
    return None if NEEDED_BY_KIND[kind] in granted else "missing_scope"


def priority_of(kind: Kind, reason: Reason) -> Literal["live", "backfill"]:
    """How urgent a run's calls to Google are at most. What a schedule requests for all accounts lets go first what somebody waits for,
    and waits for its turn: put off, it would stand behind all that was due meanwhile.

    A poll of a mailbox is how its new mail comes; one of a calendar comes before each prep scan, for all accounts.
    """
    return "backfill" if reason == "schedule" or (kind == "calendar" and reason == "poll") else "live"


# --- what a run has done ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tally:
    """How many items were handled, and what became of them; `skipped` by reason."""

    done: int = 0
    new: int = 0
    updated: int = 0
    removed: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)


def total(tallies: Iterable[Tally]) -> Tally:
    """All of them together."""
    done = new = updated = removed = 0
    skipped: dict[str, int] = {}
    for tally in tallies:
        done += tally.done
        new += tally.new
        updated += tally.updated
        removed += tally.removed
        for reason, number in tally.skipped.items():
            skipped[reason] = skipped.get(reason, 0) + number
    return Tally(done, new, updated, removed, skipped)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run has done since its row was last written, and how it goes on: `left` items are still to do.

    `note`: why it does not go faster, a sentence for people.
    """

    tally: Tally
    left: int = 0
    eta_seconds: float | None = None
    note: str = ""


# --- how a run ends -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that is over. `again`: the reason for which another one is to follow it. `requests`, `units`: what it cost in all."""

    run_id: RunId
    user_id: UserId
    account_id: AccountId
    kind: Kind
    reason: Reason
    state: Literal["completed", "failed"]
    first: bool
    started_at: datetime
    finished_at: datetime
    new: int
    updated: int
    removed: int
    skipped: Mapping[str, int]
    requests: int
    units: int
    code: str
    error: str
    again: Reason | None

    @property
    def found_something(self) -> bool:
        return bool(self.new or self.updated or self.removed)

    @property
    def is_reported(self) -> bool:
        """Whether its end is published and kept. A failed poll is not: the next scheduled run reports what is wrong."""
        ended_well = self.state == "completed" and not self.skipped.get(UNHEALED)
        is_quiet = self.reason in UNATTENDED or (self.reason in QUIET_WHEN_WELL and ended_well)
        return self.found_something or not is_quiet

    @property
    def seconds(self) -> float:
        """How long it took, pauses included."""
        return round((self.finished_at - self.started_at).total_seconds(), 3)

    def event(self, address: str) -> SyncCompleted | SyncFailed:
        """The event that reports it. `address`: that of its account."""
        if self.state == "completed":
            return SyncCompleted(
                user_id=self.user_id, account_id=self.account_id, address=address, run_id=self.run_id, kind=self.kind,
                reason=self.reason, new=self.new, updated=self.updated, removed=self.removed, skipped=dict(self.skipped),
                seconds=self.seconds, first=self.first,
            )  # fmt: skip
        return SyncFailed(
            user_id=self.user_id, account_id=self.account_id, address=address, run_id=self.run_id, kind=self.kind,
            reason=self.reason, code=self.code, error=self.error, new=self.new, updated=self.updated, removed=self.removed,
            seconds=self.seconds,
        )  # fmt: skip


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
        case Outage() if now - stuck_since >= GIVE_UP_AFTER:
            return Failure("unavailable", f"Tried for 6 hours. The last answer was: {error}")
        case QuotaFull():
            # Not longer with each time: who has waited most would wait most, and the quota would be idle when their turn has come.
            return Pause(now + error.room_in * chance.uniform(1.0, 1.1), why=str(error))
        case Outage():
            demanded = error.retry_after if isinstance(error, Throttled) and error.retry_after else timedelta(0)
            pause = min(FIRST_PAUSE * 2 ** min(pauses, 10), LONGEST_PAUSE) * chance.uniform(0.8, 1.2)
            return Pause(now + max(demanded, pause), why=str(error))
        case Refused():
            return Failure(error.code, error.detail)
        case _:
            return Failure("internal", "Something went wrong here; it is in the log. Nothing that was read is lost.")
