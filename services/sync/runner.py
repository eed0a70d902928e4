"""Carrying out runs: claim, keep the lease, do the work, and end, put off or fail what was begun."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import assert_never

from libs.common import outbox
from libs.common.bus import OUTAGES
from libs.common.db import Record
from libs.common.errors import Outage, Refused
from libs.common.events import Kind, SyncCompleted, SyncFailed
from libs.common.google.errors import GoogleError
from libs.common.google.tokens import AccountTokens
from libs.common.ids import new_id
from libs.common.log import get_logger, traced
from services.sync.calendar import scan, sync_calendar
from services.sync.domain.runs import Failure, Pause, verdict
from services.sync.job import Job, Sync
from services.sync.mail import sync_mail
from services.sync.people import sync_people
from services.sync.store import accounts, runs
from services.sync.store.runs import LEASE, Claim, LeaseLost, Request

RUNS_AT_ONCE = 4
LOOK_EVERY_SECONDS = 1.0
RENEW_EVERY_SECONDS = 3.0
RELEASE_SECONDS = 3.0

_WORK: dict[Kind, Callable[[Job], Awaitable[None]]] = {
    "mail": sync_mail,
    "contacts": sync_people,
    "calendar": sync_calendar,
}


async def keep_running(sync: Sync) -> None:
    """Claim and carry out runs until cancelled. What is under way then passes on to another replica at once."""
    holder = f"{socket.gethostname()}:{os.getpid()}:{new_id().hex[-8:]}"
    under_way: set[asyncio.Task[None]] = set()
    await _connected(sync)
    try:
        while True:
            claim: Claim | None = None
            sync.wake.clear()
            if len(under_way) < RUNS_AT_ONCE:
                claim = await _claim(sync, holder)
            if claim:
                under_way.add(asyncio.create_task(_carry_out(sync, claim), name=f"run {claim.run_id}"))
                continue
            woken = asyncio.create_task(sync.wake.wait())
            try:
                await asyncio.wait({woken, *under_way}, timeout=LOOK_EVERY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            finally:
                woken.cancel()
            under_way = {task for task in under_way if not task.done()}
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _connected(sync: Sync) -> None:
    """The bus connects after everything is wired; a run begun before that would only be put off."""
    while True:
        try:
            await sync.bus.ping()
        except Outage:
            await asyncio.sleep(0.05)
        else:
            return


async def _claim(sync: Sync, holder: str) -> Claim | None:
    try:
        async with sync.db.acquire() as connection:
            return await runs.claim(connection, holder)
    except OUTAGES as error:
        get_logger().warning("claim_unavailable", error=type(error).__name__)
    except Exception:
        get_logger().exception("claim_failed")  # the loop has to outlive it
    return None


async def _carry_out(sync: Sync, claim: Claim) -> None:
    """One claimed run, with its lease kept for as long as it works. Never raises, but for cancellation."""
    with traced(
        claim.trace, account=str(claim.account_id), user=str(claim.user_id), run=str(claim.run_id), kind=claim.kind
    ):
        work = asyncio.create_task(_work(sync, claim))
        lease = asyncio.create_task(_keep_lease(sync, claim))
        try:
            await asyncio.wait({work, lease}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            else:
                get_logger().warning("lease_lost")
        except asyncio.CancelledError:
            await _stop(work)
            await asyncio.shield(_release(sync, claim))
            raise
        except LeaseLost:
            get_logger().info("run_called_off")
        except OUTAGES as error:
            get_logger().warning("run_interrupted", error=f"{type(error).__name__}: {error}")
        except Exception:
            get_logger().exception("run_broke")
        finally:
            await _stop(work)
            await _stop(lease)


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _keep_lease(sync: Sync, claim: Claim) -> None:
    """Renew until the lease is lost: taken, called off, or not renewable for as long as it lasts."""
    loop = asyncio.get_running_loop()
    renewed_at = loop.time()
    while True:
        await asyncio.sleep(RENEW_EVERY_SECONDS)
        try:
            async with asyncio.timeout(RENEW_EVERY_SECONDS), sync.db.acquire() as connection:
                await runs.renew(connection, claim)
        except LeaseLost:
            return
        except OUTAGES as error:
            get_logger().warning("lease_not_renewed", error=type(error).__name__)
            if loop.time() - renewed_at > LEASE.total_seconds():
                return
        else:
            renewed_at = loop.time()


async def _release(sync: Sync, claim: Claim) -> None:
    try:
        async with asyncio.timeout(RELEASE_SECONDS), sync.db.acquire() as connection:
            await runs.release(connection, claim)
    except OUTAGES as error:
        get_logger().info("release_failed", error=type(error).__name__)  # the lease ends by itself in seconds


async def _work(sync: Sync, claim: Claim) -> None:
    """Do the work of a run, and conclude it whatever came of it."""
    async with sync.db.acquire() as connection:
        account = await accounts.get_account(connection, claim.account_id)
    if account is None:
        return
    google = sync.google.account(AccountTokens(sync.bus, claim.account_id))
    job = Job(sync, claim, account, google, claim.done)
    error: Exception | None = None
    try:
        await _WORK[claim.kind](job)
    except LeaseLost:
        raise
    except Exception as caught:
        error = _translated(caught)
        if not isinstance(error, Outage | Refused):
            get_logger().exception("run_error")
    await _scan_if_due(sync, claim)
    await _conclude(job, error)
    await outbox.drain(sync.db, sync.bus)
    sync.wake.set()


def _translated(error: Exception) -> Exception:
    """All that is away in one word, and all that says no."""
    if isinstance(error, GoogleError):
        return Refused(403, error.code, str(error))
    if isinstance(error, OUTAGES) and not isinstance(error, Outage):
        return Outage(f"Something we need is away: {type(error).__name__}.")
    return error


async def _scan_if_due(sync: Sync, claim: Claim) -> None:
    """A prep scan that waited for this run goes ahead, with whatever is known now."""
    async with sync.db.acquire() as connection:
        due = await runs.scan_is_due(connection, claim.run_id)
    if due:
        await scan(sync, claim.account_id)
        async with sync.db.acquire() as connection:
            await runs.clear_scan(connection, claim.run_id)


async def _conclude(job: Job, error: Exception | None) -> None:
    """Write how the run ended, and owe the bus the fact that tells it, in one transaction."""
    async with job.writing() as connection:
        await runs.spend(connection, job.claim, job.google.usage.requests, job.google.usage.units)
        if error is None:
            row = await runs.end(connection, job.claim, "completed")
            fact: SyncCompleted | SyncFailed = completed(row, job.account.address)
        else:
            now = datetime.now(UTC)
            stuck_since, pauses = await runs.get_patience(connection, job.claim)
            decision = verdict(error, now, stuck_since or now, pauses, Random())
            match decision:
                case Pause(until):
                    await runs.pause(connection, job.claim, until, stuck_since or now, "waiting", str(error))
                    get_logger().warning("run_paused", until=until.isoformat(), pauses=pauses + 1, error=str(error))
                    return
                case Failure(code, sentence):
                    row = await runs.end(connection, job.claim, "failed", code, sentence)
                    fact = failed(row, job.account.address)
                case _:
                    assert_never(decision)
        ended = Ended.of(row)
        if ended.is_silent:
            await runs.delete_run(connection, job.claim.run_id)
        elif row["code"] != "disconnected":
            await outbox.owe(connection, fact)
        if row["again"] and row["state"] == "completed":
            await runs.request(connection, [Request(job.claim.account_id, job.claim.kind, row["again"])])
    ended.log()


@dataclass(frozen=True)
class Ended:
    """A run that is over, for the log and for the decision whether anybody hears of it."""

    row: Record

    @classmethod
    def of(cls, row: Record) -> "Ended":
        return cls(row)

    @property
    def is_silent(self) -> bool:
        """A poll that found nothing, or that failed: the next scheduled run tells what is wrong."""
        return self.row["reason"] == "poll" and not (self.row["new"] or self.row["updated"] or self.row["removed"])

    def log(self) -> None:
        row = self.row
        log = get_logger().debug if self.is_silent and row["state"] == "completed" else get_logger().info
        names = ("state", "reason", "first", "new", "updated", "removed", "skipped", "requests", "units", "code")
        log("run_ended", seconds=_seconds(row), **{name: row[name] for name in names})


def completed(row: Record, address: str) -> SyncCompleted:
    return SyncCompleted(
        user_id=row["user_id"],
        account_id=row["account_id"],
        address=address,
        run_id=row["run_id"],
        kind=row["kind"],
        reason=row["reason"],
        new=row["new"],
        updated=row["updated"],
        removed=row["removed"],
        skipped=row["skipped"],
        seconds=_seconds(row),
        first=row["first"],
    )


def failed(row: Record, address: str) -> SyncFailed:
    return SyncFailed(
        user_id=row["user_id"],
        account_id=row["account_id"],
        address=address,
        run_id=row["run_id"],
        kind=row["kind"],
        reason=row["reason"],
        code=row["code"],
        error=row["error"],
        new=row["new"],
        updated=row["updated"],
        removed=row["removed"],
        seconds=_seconds(row),
    )


def _seconds(row: Record) -> float:
    lasted: timedelta = row["finished_at"] - row["started_at"]
    return round(lasted.total_seconds(), 3)
