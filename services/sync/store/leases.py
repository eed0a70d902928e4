"""Which replica carries out a run: its lease is acquired, held, renewed and released."""

from collections.abc import Sequence
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


async def acquire(connection: Connection, holder: str, capacity: Capacity) -> list[RunLease]:
    """Take runs that are due and that nobody holds: of each sort as many as there is `capacity` for, the longest waiting first."""
    rows = await connection.fetch(
        """
        WITH incremental AS (
            SELECT run_id FROM runs
            WHERE finished_at IS NULL AND due_at <= now() AND (lease_until IS NULL OR lease_until < now()) AND NOT first
            ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
        ), initial_mail AS (
            SELECT run_id FROM runs
            WHERE finished_at IS NULL AND due_at <= now() AND (lease_until IS NULL OR lease_until < now()) AND first AND kind = 'mail'
            ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED
        ), initial_other AS (
            SELECT run_id FROM runs
            WHERE finished_at IS NULL AND due_at <= now() AND (lease_until IS NULL OR lease_until < now()) AND first AND kind <> 'mail'
            ORDER BY due_at LIMIT $5 FOR UPDATE SKIP LOCKED
        )
        UPDATE runs SET state = 'running', holder = $1, fence = fence + 1, lease_until = now() + $2,
                        started_at = CASE WHEN state = 'queued' THEN now() ELSE started_at END
        WHERE run_id IN (SELECT run_id FROM incremental UNION ALL SELECT run_id FROM initial_mail
                         UNION ALL SELECT run_id FROM initial_other)
        RETURNING *
        """,
        holder, LEASE, capacity.incremental, capacity.initial_mail, capacity.initial_other,
    )  # fmt: skip
    return [RunLease(**{name: row[name] for name in RunLease.__slots__}) for row in rows]


async def renew(connection: Connection, leases: Sequence[RunLease]) -> set[RunId]:
    """Keep these runs for another ten seconds; the ids of those that are still ours."""
    rows = await connection.fetch(
        """
        WITH held AS MATERIALIZED (
            SELECT r.run_id FROM runs r JOIN unnest($1::uuid[], $2::bigint[]) AS c (run_id, fence)
                 ON c.run_id = r.run_id AND c.fence = r.fence
            WHERE r.state = 'running' ORDER BY r.run_id FOR UPDATE OF r
        )
        UPDATE runs r SET lease_until = now() + $3 FROM held WHERE r.run_id = held.run_id
        RETURNING r.run_id
        """,
        [lease.run_id for lease in leases], [lease.fence for lease in leases], LEASE,
    )  # fmt: skip
    return {row["run_id"] for row in rows}


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
