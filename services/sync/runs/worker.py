"""Carrying out runs: claim, keep the lease, do the work, and end, put off or fail what was begun."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, assert_never

from libs.common import outbox
from libs.common.bus import OUTAGES
from libs.common.db import Record
from libs.common.errors import Outage, Refused
from libs.common.events import Kind, SyncCompleted, SyncFailed
from libs.common.google.errors import DailyLimit, GoogleError
from libs.common.ids import new_id
from libs.common.log import get_logger, traced
from services.sync.calendar.sync import scan, sync_calendar
from services.sync.domain.capacity import Capacity
from services.sync.domain.runs import MAY_BE_SILENT, UNATTENDED, Failure, Pause, QuotaSpent, retry_decision
from services.sync.mail.sync import sync_mail
from services.sync.people import sync_people
from services.sync.runs.leases import Leases
from services.sync.runs.run import Run, Sync
from services.sync.store import accounts, freshness, leases, runs
from services.sync.store.leases import LeaseLost, RunLease
from services.sync.store.runs import RunRequest

# From so many first imports on, a replica pauses after each further one, so that others get theirs.
EAGER_FIRSTS, PAUSE_PER_FIRST_SECONDS = 8, 0.002
LOOK_EVERY_SECONDS = 1.0
RELEASE_SECONDS = 3.0

_WORK: dict[Kind, Callable[[Run], Awaitable[None]]] = {
    "mail": sync_mail,
    "contacts": sync_people,
    "calendar": sync_calendar,
}


async def keep_running(sync: Sync) -> None:
    """Claim and carry out runs until cancelled. What is under way then passes on to another replica at once."""
    holder = f"{socket.gethostname()}:{os.getpid()}:{new_id().hex[-8:]}"
    under_way: dict[asyncio.Task[None], RunLease] = {}
    kept = Leases(sync.db)
    keeper = asyncio.create_task(kept.keep(), name="leases")
    try:
        while True:
            sync.wake.clear()
            capacity = Capacity.beside([(lease.first, lease.kind) for lease in under_way.values()])
            acquired = await _acquire(sync, holder, capacity)
            for lease in acquired:
                task = asyncio.create_task(_carry_out(sync, kept, lease), name=f"run {lease.run_id}")
                under_way[task] = lease
                task.add_done_callback(lambda done: _make_room(sync, under_way, done))
            if acquired:
                firsts = sum(lease.first for lease in acquired)
                if sum(lease.first for lease in under_way.values()) - firsts >= EAGER_FIRSTS:
                    await asyncio.sleep(firsts * PAUSE_PER_FIRST_SECONDS)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_SECONDS):
                    await sync.wake.wait()
    finally:
        tasks = [keeper, *under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _make_room(sync: Sync, under_way: "dict[asyncio.Task[None], RunLease]", done: "asyncio.Task[None]") -> None:
    """A run ended: where there was no room for another, there is now."""
    before = Capacity.beside([(lease.first, lease.kind) for lease in under_way.values()])
    lease = under_way.pop(done)
    if before.is_full_for(lease.first, lease.kind):
        sync.wake.set()


async def _acquire(sync: Sync, holder: str, capacity: Capacity) -> list[RunLease]:
    """What we are cancelled in the middle of passes on at once too, not at the end of a lease that nobody holds."""
    acquiring = asyncio.create_task(_try_to_acquire(sync, holder, capacity))
    try:
        return await asyncio.shield(acquiring)
    except asyncio.CancelledError:
        for lease in await acquiring:
            await _release(sync, lease)
        raise


async def _try_to_acquire(sync: Sync, holder: str, capacity: Capacity) -> list[RunLease]:
    try:
        async with sync.db.acquire() as connection:
            return await leases.acquire(connection, holder, capacity)
    except OUTAGES as error:
        get_logger().warning("claim_unavailable", error=type(error).__name__)
    except Exception:
        get_logger().exception("claim_failed")  # the loop has to outlive it
    return []


async def _carry_out(sync: Sync, kept: Leases, lease: RunLease) -> None:
    """One claimed run, with its lease kept for as long as it works. Never raises, but for cancellation."""
    with traced(
        lease.trace, account=str(lease.account_id), user=str(lease.user_id), run=str(lease.run_id), kind=lease.kind
    ):
        work = asyncio.create_task(_work(sync, lease))
        try:
            with kept.held(lease, work.cancel):
                await asyncio.wait({work})
            if work.cancelled():
                get_logger().warning("lease_lost")
            else:
                work.result()
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await asyncio.shield(_release(sync, lease))
            raise
        except LeaseLost:
            get_logger().info("run_called_off")
        except OUTAGES as error:
            get_logger().warning("run_interrupted", error=f"{type(error).__name__}: {error}")
        except Exception:
            get_logger().exception("run_broke")


async def _release(sync: Sync, lease: RunLease) -> None:
    try:
        async with asyncio.timeout(RELEASE_SECONDS), sync.db.acquire() as connection:
            await leases.release(connection, lease)
    except OUTAGES as error:
        get_logger().info("release_failed", error=type(error).__name__)  # the lease ends by itself in seconds


async def _work(sync: Sync, lease: RunLease) -> None:
    """Do the work of a run, and conclude it whatever came of it."""
    async with sync.run_db.acquire() as connection:
        account = await accounts.get_account(connection, lease.account_id)
    if account is None:
        return
    google = sync.google.account(sync.tokens.of(lease.account_id), lease.account_id)
    run = Run(sync, lease, account, google, lease.done)
    error: Exception | None = None
    try:
        await _WORK[lease.kind](run)
    except LeaseLost:
        raise
    except Exception as caught:
        error = _translated(caught)
        if not isinstance(error, Outage | Refused):
            get_logger().exception("run_error")
    if lease.kind == "calendar":
        await _scan_if_due(sync, lease)
    if error is None and lease.reason in MAY_BE_SILENT and await _dropped(sync, lease):
        return
    ended = await _conclude(run, error)
    if ended is None:
        return
    if ended.found_something and lease.kind == "mail":
        async with sync.run_db.acquire() as connection:
            every = timedelta(seconds=sync.settings.mail_poll_seconds)
            polled_at = ended.row["started_at"] if ended.row["reason"] == "poll" else None
            await freshness.note_news(connection, lease.account_id, every, polled_at=polled_at)
    if not ended.is_silent:
        sync.outbox_pending.set()
    if ended.row["again"]:
        sync.wake.set()


async def _dropped(sync: Sync, lease: RunLease) -> bool:
    """Most runs are looks at mailboxes in which nothing has happened: they end with one statement."""
    async with sync.run_db.acquire() as connection:
        return await runs.drop_silent(connection, lease)


def _translated(error: Exception) -> Exception:
    """All that is away in one word, and all that says no."""
    if isinstance(error, GoogleError):
        return Refused(403, error.code, str(error))
    if isinstance(error, DailyLimit):
        return QuotaSpent(error.ends_at)
    if isinstance(error, OUTAGES) and not isinstance(error, Outage):
        return Outage(f"Something we need is away: {type(error).__name__}.")
    return error


async def _scan_if_due(sync: Sync, lease: RunLease) -> None:
    """A prep scan that waited for this run goes ahead, with whatever is known now."""
    async with sync.run_db.acquire() as connection:
        due = await runs.scan_is_due(connection, lease.run_id)
    if due:
        await scan(sync, lease.account_id)
        async with sync.run_db.acquire() as connection:
            await runs.clear_scan(connection, lease.run_id)


async def _conclude(run: Run, error: Exception | None) -> "Ended | None":
    """Write how the run ended, and owe the bus the fact that tells it, in one transaction. None: it pauses."""
    usage = run.google.usage
    async with run.db.acquire() as connection, connection.transaction():
        if error is None:
            row = await runs.end(connection, run.lease, "completed", requests=usage.requests, units=usage.units)
            event: SyncCompleted | SyncFailed = completed(row, run.account.address)
        else:
            await leases.hold(connection, run.lease)
            now = datetime.now(UTC)
            stuck_since, pauses = await runs.get_patience(connection, run.lease)
            decision = retry_decision(error, now, stuck_since or now, pauses, Random())
            match decision:
                case Pause(until, code, why, stuck):
                    since = (stuck_since or now) if stuck else None
                    await runs.spend(connection, run.lease, usage.requests, usage.units)
                    await runs.pause(connection, run.lease, until, since, code, why)
                    get_logger().warning("run_paused", until=until.isoformat(), pauses=pauses + 1, error=why)
                    return None
                case Failure(code, sentence):
                    row = await runs.end(
                        connection, run.lease, "failed", code, sentence, requests=usage.requests, units=usage.units
                    )
                    event = failed(row, run.account.address)
                case _:
                    assert_never(decision)
        ended = Ended(row)
        if ended.is_silent:
            await runs.delete_run(connection, run.lease.run_id)
        elif row["code"] != "disconnected":
            await outbox.add(connection, event)
        if row["again"] and row["state"] == "completed":
            await runs.insert_requests(connection, [RunRequest(run.lease.account_id, run.lease.kind, row["again"])])
    ended.log()
    return ended


@dataclass(frozen=True)
class Ended:
    """A run that is over, for the log and for the decision whether anybody hears of it."""

    row: Record

    @property
    def is_silent(self) -> bool:
        """A poll or push that found nothing, or that failed: the next scheduled run tells what is wrong. An audit that was content."""
        content = (
            self.row["reason"] == "repair"
            and self.row["state"] == "completed"
            and not self.row["skipped"].get("unhealed")
        )
        return (self.row["reason"] in UNATTENDED or content) and not self.found_something

    @property
    def found_something(self) -> bool:
        return bool(self.row["new"] or self.row["updated"] or self.row["removed"])

    def log(self) -> None:
        row = self.row
        log = get_logger().debug if self.is_silent and row["state"] == "completed" else get_logger().info
        names = ("state", "reason", "first", "new", "updated", "removed", "skipped", "requests", "units", "code")
        log("run_ended", seconds=_seconds(row), **{name: row[name] for name in names})


def completed(row: Record, address: str) -> SyncCompleted:
    return SyncCompleted(**_ending(row, address), skipped=row["skipped"], first=row["first"])


def failed(row: Record, address: str) -> SyncFailed:
    return SyncFailed(**_ending(row, address), code=row["code"], error=row["error"])


def _ending(row: Record, address: str) -> dict[str, Any]:
    """What is told of every run that is over."""
    names = ("user_id", "account_id", "run_id", "kind", "reason", "new", "updated", "removed")
    return {**{name: row[name] for name in names}, "address": address, "seconds": _seconds(row)}


def _seconds(row: Record) -> float:
    lasted: timedelta = row["finished_at"] - row["started_at"]
    return round(lasted.total_seconds(), 3)
