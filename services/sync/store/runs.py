"""Runs: asked for, counted, put off, ended. All that one of them writes is fenced by its lease (leases.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.events import Kind, Reason
from libs.common.ids import AccountId, RunId, UserId, new_id
from libs.common.log import current_trace
from libs.common.requests import Run
from libs.common.scopes import NEEDED_BY_KIND
from services.sync.domain.runs import PRECEDENCE, UNATTENDED
from services.sync.store.leases import LeaseLost, RunLease


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run that is wanted. `scan`: a prep scan is to follow it."""

    account_id: AccountId
    kind: Kind
    reason: Reason
    delay: timedelta = timedelta(0)
    scan: bool = False


@dataclass(slots=True)
class Tally:
    """What a run has done since its row was last written."""

    done: int = 0
    new: int = 0
    updated: int = 0
    removed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)

    def skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


@dataclass(frozen=True, slots=True)
class Count:
    """What a run has done, and how it goes on: `left` items are still to do. `note`: why it is not faster."""

    tally: Tally
    left: int = 0
    eta_seconds: float | None = None
    note: str = ""


async def insert_requests(connection: Connection, requests: Sequence[RunRequest]) -> None:
    """Queue runs, for active accounts that granted the permission. Of one account and kind one run is unfinished at a time.

    A request that meets a queued or waiting run makes it the more urgent of both; one that meets a running run is remembered
    in `again`, except a poll's.
    """
    await connection.execute(
        """
        INSERT INTO runs (run_id, user_id, account_id, kind, reason, state, first, due_at, scan_due, trace)
        SELECT wanted.run_id, a.user_id, a.account_id, wanted.kind, wanted.reason, 'queued',
               NOT EXISTS (SELECT FROM runs past WHERE past.account_id = a.account_id AND past.kind = wanted.kind
                                                   AND past.user_id = a.user_id AND past.state = 'completed'),
               now() + wanted.delay, CASE WHEN wanted.scan THEN now() END, $8
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::interval[], $6::text[], $7::boolean[])
             AS wanted (run_id, account_id, kind, reason, delay, scope, scan)
        JOIN accounts a ON a.account_id = wanted.account_id AND a.state = 'active' AND wanted.scope = ANY (a.scopes)
        ON CONFLICT (account_id, kind) WHERE finished_at IS NULL DO UPDATE SET
            reason = CASE WHEN runs.state <> 'running'
                           AND array_position($9::text[], excluded.reason) < array_position($9::text[], runs.reason)
                          THEN excluded.reason ELSE runs.reason END,
            due_at = CASE WHEN runs.state = 'queued' THEN LEAST(runs.due_at, excluded.due_at) ELSE runs.due_at END,
            again = CASE WHEN runs.state = 'running' AND excluded.reason <> 'poll'
                              AND array_position($9::text[], excluded.reason)
                                  <= COALESCE(array_position($9::text[], runs.again), 99)
                         THEN excluded.reason ELSE runs.again END,
            scan_due = COALESCE(runs.scan_due, excluded.scan_due)
        """,
        [new_id() for _ in requests],
        [one.account_id for one in requests],
        [one.kind for one in requests],
        [one.reason for one in requests],
        [one.delay for one in requests],
        [NEEDED_BY_KIND[one.kind] for one in requests],
        [one.scan for one in requests],
        current_trace(),
        list(PRECEDENCE),
    )


async def list_requestable(
    connection: Connection, kind: Kind, spread_seconds: int
) -> list[tuple[AccountId, timedelta]]:
    """Every active account that granted the kind's permission, each with an offset of its own that never changes."""
    rows = await connection.fetch(
        """
        SELECT account_id, abs(hashtextextended(account_id::text, 0) % ($2 + 1)) AS seconds
        FROM accounts WHERE state = 'active' AND $1 = ANY (scopes)
        """,
        NEEDED_BY_KIND[kind], spread_seconds,
    )  # fmt: skip
    return [(row["account_id"], timedelta(seconds=row["seconds"])) for row in rows]


async def count(connection: Connection, lease: RunLease, count: Count) -> None:
    """As `count_all`, of one run. LeaseLost: it is not ours any more."""
    if not await count_all(connection, [(lease, count)]):
        raise LeaseLost


async def count_all(connection: Connection, counts: Sequence[tuple[RunLease, Count]]) -> set[RunId]:
    """Add what was done to the runs' numbers. It was progress: an outage that begins now is a new one.

    It holds the runs as `hold` does, and returns those that are ours still. They are locked in one order, as `renew` does it.
    """
    rows = await connection.fetch(
        """
        WITH counted AS (
            SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::jsonb[],
                                 $8::integer[], $9::double precision[], $10::text[])
                 AS c (run_id, fence, done, new, updated, removed, skipped, left_over, eta_seconds, note)
        ), held AS MATERIALIZED (
            SELECT r.run_id FROM runs r JOIN counted c ON c.run_id = r.run_id AND c.fence = r.fence
            WHERE r.state = 'running' ORDER BY r.run_id FOR UPDATE OF r
        )
        UPDATE runs r SET done = r.done + c.done, new = r.new + c.new, updated = r.updated + c.updated, removed = r.removed + c.removed,
               skipped = CASE WHEN c.skipped = '{}' THEN r.skipped ELSE
                         (SELECT jsonb_object_agg(key, n)
                          FROM (SELECT key, sum(value::int) AS n
                                FROM (SELECT * FROM jsonb_each_text(r.skipped) UNION ALL SELECT * FROM jsonb_each_text(c.skipped)) s
                                GROUP BY key) merged) END,
               total = r.done + c.done + c.left_over, eta_seconds = c.eta_seconds, note = c.note, stuck_since = NULL, pauses = 0
        FROM counted c JOIN held USING (run_id)
        WHERE r.run_id = c.run_id
        RETURNING r.run_id
        """,
        [lease.run_id for lease, _ in counts], [lease.fence for lease, _ in counts],
        [count.tally.done for _, count in counts], [count.tally.new for _, count in counts],
        [count.tally.updated for _, count in counts], [count.tally.removed for _, count in counts],
        [count.tally.skipped for _, count in counts], [count.left for _, count in counts],
        [count.eta_seconds for _, count in counts], [count.note for _, count in counts],
    )  # fmt: skip
    return {row["run_id"] for row in rows}


async def set_estimate(
    connection: Connection, lease: RunLease, left: int, units: int, eta_seconds: float | None, note: str
) -> None:
    """What a run is going to come to: `left` items to do, `units` of quota in all."""
    await connection.execute(
        """
        UPDATE runs SET total = done + $3, estimated_units = units + $4, eta_seconds = $5, note = $6
        WHERE run_id = $1 AND fence = $2
        """,
        lease.run_id, lease.fence, left, units, eta_seconds, note,
    )  # fmt: skip


async def spend(connection: Connection, lease: RunLease, requests: int, units: int) -> None:
    """Add what the run has cost so far."""
    await connection.execute(
        "UPDATE runs SET requests = requests + $3, units = units + $4 WHERE run_id = $1 AND fence = $2",
        lease.run_id, lease.fence, requests, units,
    )  # fmt: skip


async def pause(
    connection: Connection, lease: RunLease, until: datetime, stuck_since: datetime | None, code: str, error: str
) -> None:
    """Put the run off; it goes on from where it is. `stuck_since` None: the wait is no sign that anything is wrong."""
    await connection.execute(
        """
        UPDATE runs SET state = 'waiting', due_at = $3, stuck_since = $4, lease_until = NULL, eta_seconds = NULL, note = '',
                        pauses = CASE WHEN $4::timestamptz IS NULL THEN 0 ELSE pauses + 1 END, code = $5, error = $6
        WHERE run_id = $1 AND fence = $2 AND state = 'running'
        """,
        lease.run_id, lease.fence, until, stuck_since, code, error,
    )  # fmt: skip


async def end(
    connection: Connection,
    lease: RunLease,
    state: str,
    code: str = "",
    error: str = "",
    *,
    requests: int = 0,
    units: int = 0,
) -> Record:
    """The run is over; its row as it is now. `requests` and `units`: what it has cost since it was claimed."""
    row = await connection.fetchrow(
        """
        UPDATE runs SET state = $3, code = $4, error = $5, finished_at = now(), lease_until = NULL, eta_seconds = NULL, note = '',
                        requests = requests + $6, units = units + $7
        WHERE run_id = $1 AND fence = $2 AND state = 'running'
        RETURNING *
        """,
        lease.run_id, lease.fence, state, code, error, requests, units,
    )  # fmt: skip
    if row is None:
        raise LeaseLost
    return row


async def get_patience(connection: Connection, lease: RunLease) -> tuple[datetime | None, int]:
    """Since when the run has made no progress (None: it is not stuck), and how often it has paused since."""
    row = await connection.fetchrow("SELECT stuck_since, pauses FROM runs WHERE run_id = $1", lease.run_id)
    if row is None:
        raise LeaseLost
    return row["stuck_since"], row["pauses"]


async def drop_silent(connection: Connection, lease: RunLease) -> bool:
    """End a run that nobody asked for and that found nothing, without a trace. False: there is something to tell, or to do again."""
    status = await connection.execute(
        """
        DELETE FROM runs WHERE run_id = $1 AND fence = $2 AND state = 'running' AND reason IN ('poll', 'push', 'repair')
                           AND new = 0 AND updated = 0 AND removed = 0 AND again IS NULL AND skipped->'unhealed' IS NULL
        """,
        lease.run_id, lease.fence,
    )  # fmt: skip
    return status == "DELETE 1"


async def delete_run(connection: Connection, run_id: RunId) -> None:
    await connection.execute("DELETE FROM runs WHERE run_id = $1", run_id)


async def insert_failed(connection: Connection, one: RunRequest, user_id: UserId, code: str, error: str) -> Record:
    """A run that could not even begin; its row."""
    row = await connection.fetchrow(
        """
        INSERT INTO runs (run_id, user_id, account_id, kind, reason, state, finished_at, code, error, trace)
        VALUES ($1, $2, $3, $4, $5, 'failed', now(), $6, $7, $8) RETURNING *
        """,
        new_id(), user_id, one.account_id, one.kind, one.reason, code, error, current_trace(),
    )  # fmt: skip
    assert row is not None, "an INSERT without ON CONFLICT returns its row"
    return row


async def call_off(connection: Connection, account_id: AccountId, code: str, error: str) -> list[Record]:
    """End all unfinished runs of an account, whoever holds them; those that people know of."""
    rows = await connection.fetch(
        """
        UPDATE runs SET state = 'failed', code = $2, error = $3, finished_at = now(), lease_until = NULL, eta_seconds = NULL,
                        note = '', scan_due = NULL, fence = fence + 1
        WHERE account_id = $1 AND finished_at IS NULL
        RETURNING *
        """,
        account_id, code, error,
    )  # fmt: skip
    silent = [row["run_id"] for row in rows if row["reason"] in UNATTENDED]
    await connection.execute("DELETE FROM runs WHERE run_id = ANY ($1::uuid[])", silent)
    return [row for row in rows if row["reason"] not in UNATTENDED]


async def list_overdue_scans(connection: Connection, patience: timedelta) -> list[tuple[RunId, AccountId]]:
    """Runs whose prep scan has waited longer than that."""
    rows = await connection.fetch("SELECT run_id, account_id FROM runs WHERE scan_due < now() - $1::interval", patience)
    return [(row["run_id"], row["account_id"]) for row in rows]


async def clear_scan(connection: Connection, run_id: RunId) -> None:
    await connection.execute("UPDATE runs SET scan_due = NULL WHERE run_id = $1", run_id)


async def scan_is_due(connection: Connection, run_id: RunId) -> bool:
    return bool(await connection.fetchval("SELECT scan_due IS NOT NULL FROM runs WHERE run_id = $1", run_id))


async def list_runs(
    connection: Connection, user_id: UserId, account_id: AccountId, before: UUID | None, limit: int
) -> list[Run]:
    """The history of one account, newest first. A poll or push is history once it has found something."""
    rows = await connection.fetch(
        """
        SELECT * FROM runs
        WHERE account_id = $2 AND user_id = $1 AND ($3::uuid IS NULL OR run_id < $3)
          AND (reason NOT IN ('poll', 'push') OR finished_at IS NOT NULL)
        ORDER BY run_id DESC LIMIT $4
        """,
        user_id, account_id, before, limit,
    )  # fmt: skip
    return [shown(row) for row in rows]


async def list_latest(connection: Connection, user_id: UserId) -> list[Run]:
    """The latest run of each account and kind. A poll or push counts once it has found something."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (account_id, kind) * FROM runs
        WHERE user_id = $1 AND (reason NOT IN ('poll', 'push') OR finished_at IS NOT NULL)
        ORDER BY account_id, kind, run_id DESC
        """,
        user_id,
    )
    return [shown(row) for row in rows]


def shown(row: Mapping[str, object] | Record) -> Run:
    """A run as people see it."""
    return Run.model_validate({**dict(row), "id": row["run_id"]})
