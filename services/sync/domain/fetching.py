"""The cheapest way to fetch wanted messages, how many at a time, and what became of each."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from libs.common.events import MessageIngested
from libs.common.resources.gmail import GmailMessage
from services.sync.domain import mail as rules
from services.sync.domain.ledger import PutOff, Settled
from services.sync.domain.runs import Tally

# Messages that all runs of a process record at a time together, about; and the bounds of what one of them takes. What they fetch at
# a time is more, since a request costs about the same for few as for many.
TOGETHER, SMALLEST_GROUP, LARGEST_GROUP = 3_000, 15, 300
FETCHED_TOGETHER = 10_000
# So many groups are fetched while another one is recorded: so a slow line to Google costs no time. Of many runs one each is enough.
AHEAD_OF_FEW, AHEAD_OF_MANY, FEW_RUNS = 2, 1, 10
HELD_BACK_GROUP = 50
REFUSED = "refused"  # the rule by which a message is set aside that Gmail never gives out
UNAVAILABLE = "unavailable"  # and one that it gave only errors for
# When a message is tried again for which alone Gmail answers with an error: as soon as its run goes on, then daily for a week.
RETRY_DELAYS = (*(timedelta(0),) * 3, timedelta(hours=1), timedelta(hours=6), *(timedelta(days=1),) * 7)

_NEW, _UPDATED = Tally(done=1, new=1), Tally(done=1, updated=1)


@dataclass(frozen=True, slots=True)
class Prices:
    """What Gmail takes for a message and for a thread, in quota units."""

    message: int
    thread: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message of the ledger that is to be fetched. `revision`: that of the newest event published about it, 0 for none.

    `failures`: how often Gmail has answered with an error for it, while it gave out others.
    """

    gmail_id: str
    thread_id: str
    revision: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Fetch:
    """One call: the thread as a whole, or the one message."""

    wanted: tuple[Wanted, ...]
    whole_thread: bool
    units: int

    @property
    def resource_id(self) -> str:
        return self.wanted[0].thread_id if self.whole_thread else self.wanted[0].gmail_id


def by_thread(wanted: Iterable[Wanted]) -> list[list[Wanted]]:
    """The messages of each thread together, in the order in which their threads first appear."""
    threads: dict[str, list[Wanted]] = {}
    for message in wanted:
        threads.setdefault(message.thread_id, []).append(message)
    return list(threads.values())


def fetches(wanted: Iterable[Wanted], prices: Prices) -> list[Fetch]:
    """The calls that bring these messages, in the order of `by_thread`. At a tie in units, fewer calls win."""
    plan: list[Fetch] = []
    for messages in by_thread(wanted):
        if len(messages) > 1 and len(messages) * prices.message >= prices.thread:
            plan.append(Fetch(tuple(messages), True, prices.thread))
        else:
            plan += single_fetches(messages, prices)
    return plan


def single_fetches(wanted: Iterable[Wanted], prices: Prices) -> list[Fetch]:
    """A call for each message."""
    return [Fetch((message,), False, prices.message) for message in wanted]


def group_size(runs: int, *, held_back: bool) -> int:
    """How many messages a run records at a time, where `runs` share the process: all the same, so that none gets ahead.

    `held_back`: the quota is what sets the pace, so small groups come to light sooner and cost nothing.
    """
    return _share(TOGETHER, runs, held_back=held_back)


def fetch_size(runs: int, *, held_back: bool) -> int:
    """How many messages a run fetches at a time, likewise."""
    return _share(FETCHED_TOGETHER, runs, held_back=held_back)


def groups_ahead(runs: int) -> int:
    """How many groups a run fetches while it records another one."""
    return AHEAD_OF_FEW if runs <= FEW_RUNS else AHEAD_OF_MANY


def _share(together: int, runs: int, *, held_back: bool) -> int:
    return min(max(together // max(runs, 1), SMALLEST_GROUP), HELD_BACK_GROUP if held_back else LARGEST_GROUP)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A wanted message and what Gmail gave for it; None: it is gone. `refusal`: why Gmail does not give it, a sentence; by `rule`."""

    wanted: Wanted
    message: GmailMessage | None
    refusal: str = ""
    rule: str = REFUSED


def failed(wanted: Wanted, error: str) -> PutOff | Fetched:
    """What follows an error that Gmail gave for one message alone: another try, or after a week of them none. `error`: a sentence."""
    if wanted.failures < len(RETRY_DELAYS):
        reason = f"Gmail gives out others, and for this one an error: {error}"
        return PutOff(wanted.gmail_id, RETRY_DELAYS[wanted.failures], reason)
    return Fetched(wanted, None, f"Gmail gave only errors for it, for a week. The last one was: {error}", UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class FetchOutcome:
    """What became of a fetched message: for the ledger, for the bus (None: nothing is published), and for the run's numbers."""

    settled: Settled
    event: MessageIngested | None
    tally: Tally


def fetch_outcome(
    fetched: Fetched, me: rules.Me, earliest: datetime | None, brief_tokens: Collection[str]
) -> FetchOutcome:
    """What becomes of one message. `earliest`: the beginning of the lookback, None for all of the past."""
    wanted, message = fetched.wanted, fetched.message
    if message is None:
        if fetched.refusal:
            return _skipped(
                Settled(wanted.gmail_id, "set_aside", wanted.revision, fetched.rule, fetched.refusal), "set_aside"
            )
        return _skipped(
            Settled(wanted.gmail_id, "gone", wanted.revision, reason="deleted in Gmail before it was read"), "gone"
        )
    # Gmail's history id grows with whatever happens to a message: the same content is published with the same revision.
    revision = max(message.history_id or 1, wanted.revision + 1)
    outcome = rules.read(message, me, earliest, revision, brief_tokens)
    match outcome:
        case rules.Recorded(event):
            settled = Settled(
                wanted.gmail_id,
                "recorded",
                revision,
                rfc_message_id=event.rfc_message_id,
                occurred_at=event.occurred_at,
            )
            return FetchOutcome(settled, event, _UPDATED if wanted.revision else _NEW)
        case rules.Filtered(rule, rfc_message_id, occurred_at):
            settled = Settled(
                wanted.gmail_id,
                "filtered",
                wanted.revision,
                rule,
                rfc_message_id=rfc_message_id,
                occurred_at=occurred_at,
            )
            return _skipped(settled, rule)
        case rules.SetAside(reason):
            return _skipped(Settled(wanted.gmail_id, "set_aside", wanted.revision, reason=reason), "set_aside")
        case _:
            assert_never(outcome)


def unreadable(wanted: Wanted, error: str) -> FetchOutcome:
    """A message at which reading failed. `error`: the name of what went wrong."""
    settled = Settled(wanted.gmail_id, "set_aside", wanted.revision, reason=f"Reading it failed: {error}.")
    return _skipped(settled, "set_aside")


def unrecordable(outcome: FetchOutcome, error: str) -> FetchOutcome:
    """A message that could not be published or written down. Its event may be on the bus, so its revision counts."""
    settled = replace(
        outcome.settled, state="set_aside", rule="", reason=f"Recording it failed: {error}.", rfc_message_id=None,
        occurred_at=None,
    )  # fmt: skip
    return _skipped(settled, "set_aside")


def _skipped(settled: Settled, reason: str) -> FetchOutcome:
    return FetchOutcome(settled, None, Tally(done=1, skipped={reason: 1}))
