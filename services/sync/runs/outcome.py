"""How a run ends: completed, put off, or failed; written down and reported in one transaction."""

from datetime import UTC, datetime
from random import Random

from libs.common import outbox
from libs.common.bus import OUTAGES
from libs.common.counters import RUN_SECONDS, RUNS
from libs.common.db import Connection, retry_conflicts
from libs.common.errors import Outage, Refused
from libs.common.fault_points import reached
from libs.common.google.errors import DailyLimit, GoogleError
from libs.common.log import get_logger
from services.sync.domain.runs import EndedRun, Failure, QuotaSpent, RunRequest, retry_decision
from services.sync.runs.queue import RunQueue
from services.sync.runs.run import Run
from services.sync.store import leases, prep_scans, runs


def translated(error: Exception) -> Exception:
    """What went wrong in the terms of `retry_decision`: all that is away is an Outage, all that declines is Refused."""
    if isinstance(error, GoogleError):
        return Refused(403, error.code, str(error))
    if isinstance(error, DailyLimit):
        return QuotaSpent(error.ends_at)
    if isinstance(error, OUTAGES) and not isinstance(error, Outage):
        return Outage(f"Something we need is away: {type(error).__name__}.")
    return error


@retry_conflicts
async def conclude(run: Run, queue: RunQueue, error: Exception | None) -> EndedRun | None:
    """Write how the run ended, and add the event that reports it to the outbox. None: it pauses. LeaseLost: it is not ours."""
    lease, cost = run.lease, (run.google.usage.requests, run.google.usage.units)
    async with queue.transaction(run.db) as connection:
        if error is None:
            ended = await runs.end(connection, lease, cost)
        else:
            await leases.hold(connection, lease)
            failure = await _pause(connection, run, error)
            if failure is None:
                return None
            ended = await runs.end(connection, lease, cost, (failure.code, failure.error))
        await reached("sync.run.ended")
        scan_in = await prep_scans.take_left(connection, ended.run_id) if ended.kind == "calendar" else None
        if not ended.is_reported:
            await runs.delete_run(connection, ended.run_id)
        elif ended.code != "disconnected":
            await outbox.add(connection, ended.event(run.account.address))
        if ended.again and ended.state == "completed":
            await queue.enqueue(connection, [RunRequest(ended.account_id, ended.kind, ended.again)])
        if scan_in is not None:
            await queue.enqueue(connection, [RunRequest(ended.account_id, ended.kind, "poll", scan_in, scan=True)])
    _log(ended)
    return ended


async def _pause(connection: Connection, run: Run, error: Exception) -> Failure | None:
    """Put the run off where the error may pass; else the failure with which it ends."""
    now = datetime.now(UTC)
    stuck_since, pauses = await runs.get_stall(connection, run.lease)
    decision = retry_decision(error, now, stuck_since or now, pauses, Random())
    if isinstance(decision, Failure):
        return decision
    await runs.add_cost(connection, run.lease, run.google.usage.requests, run.google.usage.units)
    RUNS.labels(run.lease.kind, "paused", decision.code).inc()
    await runs.pause(connection, run.lease, decision, (stuck_since or now) if decision.stuck else None)
    get_logger().warning("run_paused", until=decision.until.isoformat(), pauses=pauses + 1, error=decision.why)
    return None


def _log(ended: EndedRun) -> None:
    RUNS.labels(ended.kind, ended.state, ended.code).inc()
    RUN_SECONDS.labels(ended.kind, str(ended.first).lower()).observe(ended.seconds)
    is_quiet = not ended.is_reported and ended.state == "completed"
    log = get_logger().debug if is_quiet else get_logger().info
    log(
        "run_ended", seconds=ended.seconds, state=ended.state, reason=ended.reason, first=ended.first, new=ended.new,
        updated=ended.updated, removed=ended.removed, skipped=ended.skipped, requests=ended.requests, units=ended.units,
        code=ended.code,
    )  # fmt: skip
