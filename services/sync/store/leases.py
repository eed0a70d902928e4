"""Which replica carries out a run: its lease is acquired, held, renewed and released."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.db import Connection
from libs.common.events import Kind, Reason
from libs.common.ids import AccountId, RunId, UserId
from services.sync.domain.capacity import Capacity

LEASE = timedelta(seconds=10)


class LeaseLost(Exception):
    """The run is not ours any more: it ended, was cancelled, or passed on to another replica. Stop, write nothing."""


@dataclass(frozen=True, slots=True)
class RunLease:
    """A run that this replica holds; `fence` is what its writes name."""

    run_id: RunId
    fence: int
    user_id: UserId
    account_id: AccountId
    kind: Kind
    reason: Reason
    first: bool
    started_at: datetime
    done: int
    trace: str
    total: int = 0


async def acquire(
    connection: Connection, holder: str, capacity: Capacity, under_way: Collection[RunId] = ()
) -> list[RunLease]:
    """Take runs that are due and that nobody holds: of each sort as many as there is `capacity` for, the longest waiting first.

    `under_way`: runs that this process works on. However late their leases are renewed, it does not take them from itself.
    """
    rows = await connection.fetch(
        """
        WITH incremental AS (
            SELECT run_id FROM runs
            WHERE finished_at IS NULL AND due_at <= now() AND (lease_until IS NULL OR lease_until < now()) AND NOT first
              AND kind <> 'calendar' AND run_id <> ALL ($6::uuid[])
            ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
        ), calendars AS (
            SELECT run_id FROM runs
            WHERE finished_at IS NULL AND due_at <= now() AND (lease_until IS NULL OR lease_until < now()) AND NOT first
              AND kind = 'calendar' AND run_id <> ALL ($6::uuid[])
            ORDER BY due_at LIMIT $7 FOR UPDATE SKIP LOCKED
        ), initial_mail AS (
            SELECT run_id FROM runs
            WHERE finished_at IS NULL AND due_at <= now() AND (lease_until IS NULL OR lease_until < now()) AND first AND kind = 'mail'
              AND run_id <> ALL ($6::uuid[])
            ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED
        ), initial_other AS (
            SELECT run_id FROM runs
            WHERE finished_at IS NULL AND due_at <= now() AND (lease_until IS NULL OR lease_until < now()) AND first AND kind <> 'mail'
              AND run_id <> ALL ($6::uuid[])
            ORDER BY due_at LIMIT $5 FOR UPDATE SKIP LOCKED
        )
        UPDATE runs SET state = 'running', holder = $1, fence = fence + 1, lease_until = now() + $2,
                        started_at = CASE WHEN state = 'queued' THEN now() ELSE started_at END
        WHERE run_id IN (SELECT run_id FROM incremental UNION ALL SELECT run_id FROM calendars
                         UNION ALL SELECT run_id FROM initial_mail UNION ALL SELECT run_id FROM initial_other)
        RETURNING *
        """,
        holder, LEASE, capacity.incremental, capacity.initial_mail, capacity.initial_other, list(under_way),
        capacity.calendars,
    )  # fmt: skip
    return [RunLease(**{name: row[name] for name in RunLease.__slots__}) for row in rows]


async def renew(
    connection: Connection, leases: Sequence[RunLease], *, wait: bool = False
) -> tuple[set[RunId], set[RunId]]:
    """Keep these runs for the length of a lease from now on: the ids of those that are still ours, and of those that were renewed.

    A run that is being written is not waited for, unless `wait`: nobody else can take it meanwhile, and others shall not wait for it.
    One that its holder has just ended is still theirs, and is not renewed: what follows an end is part of the work. Who cancels a run
    or takes it over raises its fence.
    """
    rows = await connection.fetch(
        f"""
        WITH named AS (SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS named (run_id, fence)), free AS MATERIALIZED (
            SELECT r.run_id FROM runs r JOIN named n ON n.run_id = r.run_id AND n.fence = r.fence
            WHERE r.state = 'running' ORDER BY r.account_id, r.kind FOR NO KEY UPDATE OF r {"" if wait else "SKIP LOCKED"}
        ), renewed AS (
            UPDATE runs r SET lease_until = now() + $3 FROM free WHERE r.run_id = free.run_id RETURNING r.run_id
        )
        SELECT r.run_id, r.run_id IN (SELECT run_id FROM renewed) AS renewed
        FROM runs r JOIN named n ON n.run_id = r.run_id AND n.fence = r.fence
        """,  # noqa: S608 - SQL of this package
        [lease.run_id for lease in leases], [lease.fence for lease in leases], LEASE,
    )  # fmt: skip
    return {row["run_id"] for row in rows}, {row["run_id"] for row in rows if row["renewed"]}


async def hold(connection: Connection, lease: RunLease) -> None:
    """Begin a write of a run: from here to the commit no replica can take it over. LeaseLost: one has."""
    held = await connection.fetchval(
        "SELECT true FROM runs WHERE run_id = $1 AND fence = $2 AND state = 'running' FOR UPDATE",
        lease.run_id, lease.fence,
    )  # fmt: skip
    if not held:
        raise LeaseLost


async def release(connection: Connection, lease: RunLease) -> None:
    """Let another replica take the run over at once."""
    await connection.execute(
        "UPDATE runs SET lease_until = NULL WHERE run_id = $1 AND fence = $2 AND state = 'running'",
        lease.run_id, lease.fence,
    )  # fmt: skip
