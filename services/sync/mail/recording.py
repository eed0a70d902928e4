"""Recording what was read: published, then settled in the ledger. What fails together is tried again one by one."""

from collections.abc import Sequence

from libs.common.bus import OUTAGES
from libs.common.counters import MESSAGES
from libs.common.fault_points import reached
from libs.common.log import get_logger
from services.sync.domain.fetching import REFUSED, FetchOutcome, unrecordable
from services.sync.domain.runs import total
from services.sync.runs.run import Run
from services.sync.store.leases import LeaseLost

# What says nothing of the messages: somebody else goes on, or all of it is tried again later.
_NOT_THEIRS: tuple[type[BaseException], ...] = (LeaseLost, *OUTAGES)


async def record_group(run: Run, outcomes: Sequence[FetchOutcome], left: int) -> None:
    """Publish what is eligible, then settle all of it; `left` messages are still to do then.

    A crash in between publishes the same again, with the same revision. A message that can't be published or settled is set aside,
    and the others go on. Raises LeaseLost and outages: they say nothing of the messages.
    """
    try:
        await _record(run, outcomes, left)
    except _NOT_THEIRS:
        raise
    except Exception as error:
        get_logger().warning("group_split", size=len(outcomes), error=type(error).__name__)
        for number, outcome in enumerate(outcomes, start=1):
            await _record_alone(run, outcome, left + len(outcomes) - number)


async def _record_alone(run: Run, outcome: FetchOutcome, left: int) -> None:
    try:
        await _record(run, [outcome], left)
    except _NOT_THEIRS:
        raise
    except Exception as error:
        get_logger().exception("message_unrecordable", gmail_id=outcome.settled.gmail_id)
        await _record(run, [unrecordable(outcome, type(error).__name__)], left)


async def _record(run: Run, outcomes: Sequence[FetchOutcome], left: int) -> None:
    await reached("sync.messages.read")
    await run.engine.bus.publish(*(outcome.event for outcome in outcomes if outcome.event))
    await reached("sync.messages.published")
    await run.settle([outcome.settled for outcome in outcomes], total(outcome.tally for outcome in outcomes), left)
    for settled in (outcome.settled for outcome in outcomes):
        MESSAGES.labels(settled.state, settled.rule).inc()
        if settled.state == "set_aside" and settled.rule != REFUSED:
            get_logger().warning("message_set_aside", gmail_id=settled.gmail_id, reason=settled.reason)
