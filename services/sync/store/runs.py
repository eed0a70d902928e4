"""Runs: asked for, claimed, fenced, ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.events import Kind, Reason
from libs.common.ids import AccountId, RunId, UserId, new_id
from libs.common.log import current_trace
from libs.common.questions import Run
from libs.common.scopes import NEEDED_BY_KIND
from services.sync.domain.runs import PRECEDENCE

LEASE = timedelta(seconds=10)


class LeaseLost(Exception):
    """The run is not ours any more: it ended, was called off, or passed on to another replica. Stop, write nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """A run that is wanted. `scan`: a prep scan is to follow it."""

    account_id: AccountId
    kind: Kind
    reason: Reason
    delay: timedelta = timedelta(0)
    scan: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
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


async def request(connection: Connection, requests: Sequence[Request]) -> None:
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


async def list_pollable(connection: Connection, spread_seconds: int) -> list[tuple[AccountId, timedelta]]:
    """Accounts whose mailbox was read once and is at rest now: their history can be polled."""
    rows = await connection.fetch(
        """
        SELECT account_id, abs(hashtextextended(account_id::text, 0) % GREATEST($2, 1)) AS seconds
        FROM accounts a JOIN cursors c USING (account_id)
        WHERE a.state = 'active' AND $1 = ANY (a.scopes) AND c.kind = 'mail' AND c.token->'listing' = 'null'
          AND NOT EXISTS (SELECT FROM runs r WHERE r.account_id = a.account_id AND r.kind = 'mail' AND r.finished_at IS NULL)
        """,
        NEEDED_BY_KIND["mail"], spread_seconds,
    )  # fmt: skip
    return [(row["account_id"], timedelta(seconds=row["seconds"])) for row in rows]


async def claim(connection: Connection, holder: str) -> Claim | None:
    """Take the most urgent run that is due and that nobody holds: what keeps people waiting for news before first imports."""
    row = await connection.fetchrow(
        """
        UPDATE runs SET state = 'running', holder = $1, fence = fence + 1, lease_until = now() + $2,
                        started_at = CASE WHEN state = 'queued' THEN now() ELSE started_at END
        WHERE run_id = (SELECT run_id FROM runs
                        WHERE finished_at IS NULL AND due_at <= now() AND (lease_until IS NULL OR lease_until < now())
                        ORDER BY first, due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING *
        """,
        holder, LEASE,
    )  # fmt: skip
    return _claim(row) if row else None


def _claim(row: Record) -> Claim:
    return Claim(**{name: row[name] for name in Claim.__slots__})


async def renew(connection: Connection, claim: Claim) -> None:
    """Keep the run for another ten seconds."""
    status = await connection.execute(
        "UPDATE runs SET lease_until = now() + $3 WHERE run_id = $1 AND fence = $2 AND state = 'running'",
        claim.run_id, claim.fence, LEASE,
    )  # fmt: skip
    if status != "UPDATE 1":
        raise LeaseLost


async def hold(connection: Connection, claim: Claim) -> None:
    """Begin a write of a run: from here to the commit nobody can take it over. LeaseLost: somebody has."""
    held = await connection.fetchval(
        "SELECT true FROM runs WHERE run_id = $1 AND fence = $2 AND state = 'running' FOR UPDATE",
        claim.run_id, claim.fence,
    )  # fmt: skip
    if not held:
        raise LeaseLost


async def count(connection: Connection, claim: Claim, tally: Tally, left: int, eta_seconds: float | None) -> None:
    """Add what was done to the run's numbers; `left` items are still to do. It was progress: an outage that begins now is a new one."""
    await connection.execute(
        """
        UPDATE runs SET done = done + $3, new = new + $4, updated = updated + $5, removed = removed + $6,
               skipped = (SELECT COALESCE(jsonb_object_agg(key, n), '{}')
                          FROM (SELECT key, sum(value::int) AS n
                                FROM (SELECT * FROM jsonb_each_text(skipped) UNION ALL SELECT * FROM jsonb_each_text($7)) s
                                GROUP BY key) merged),
               total = done + $3 + $8, eta_seconds = $9, stuck_since = NULL, pauses = 0
        WHERE run_id = $1 AND fence = $2
        """,
        claim.run_id, claim.fence, tally.done, tally.new, tally.updated, tally.removed, tally.skipped, left, eta_seconds,
    )  # fmt: skip


async def spend(connection: Connection, claim: Claim, requests: int, units: int) -> None:
    """Add what the run has cost so far."""
    await connection.execute(
        "UPDATE runs SET requests = requests + $3, units = units + $4 WHERE run_id = $1 AND fence = $2",
        claim.run_id, claim.fence, requests, units,
    )  # fmt: skip


async def release(connection: Connection, claim: Claim) -> None:
    """Let another replica take the run over at once."""
    await connection.execute(
        "UPDATE runs SET lease_until = NULL WHERE run_id = $1 AND fence = $2 AND state = 'running'",
        claim.run_id, claim.fence,
    )  # fmt: skip


async def pause(
    connection: Connection, claim: Claim, until: datetime, stuck_since: datetime, code: str, error: str
) -> None:
    """Put the run off; it goes on from where it is."""
    await connection.execute(
        """
        UPDATE runs SET state = 'waiting', due_at = $3, stuck_since = $4, pauses = pauses + 1, lease_until = NULL,
                        eta_seconds = NULL, code = $5, error = $6
        WHERE run_id = $1 AND fence = $2 AND state = 'running'
        """,
        claim.run_id, claim.fence, until, stuck_since, code, error,
    )  # fmt: skip


async def end(connection: Connection, claim: Claim, state: str, code: str = "", error: str = "") -> Record:
    """The run is over; its row as it is now."""
    row = await connection.fetchrow(
        """
        UPDATE runs SET state = $3, code = $4, error = $5, finished_at = now(), lease_until = NULL, eta_seconds = NULL
        WHERE run_id = $1 AND fence = $2 AND state = 'running'
        RETURNING *
        """,
        claim.run_id, claim.fence, state, code, error,
    )  # fmt: skip
    if row is None:
        raise LeaseLost
    return row


async def get_patience(connection: Connection, claim: Claim) -> tuple[datetime | None, int]:
    """Since when the run has made no progress (None: it is not stuck), and how often it has paused since."""
    row = await connection.fetchrow("SELECT stuck_since, pauses FROM runs WHERE run_id = $1", claim.run_id)
    if row is None:
        raise LeaseLost
    return row["stuck_since"], row["pauses"]


async def delete_run(connection: Connection, run_id: RunId) -> None:
    await connection.execute("DELETE FROM runs WHERE run_id = $1", run_id)


async def insert_failed(connection: Connection, one: Request, user_id: UserId, code: str, error: str) -> Record:
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
                        scan_due = NULL, fence = fence + 1
        WHERE account_id = $1 AND finished_at IS NULL
        RETURNING *
        """,
        account_id, code, error,
    )  # fmt: skip
    silent = [row["run_id"] for row in rows if row["reason"] == "poll"]
    await connection.execute("DELETE FROM runs WHERE run_id = ANY ($1::uuid[])", silent)
    return [row for row in rows if row["reason"] != "poll"]


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
    """The history of one account, newest first. A poll is history once it has found something."""
    rows = await connection.fetch(
        """
        SELECT * FROM runs
        WHERE account_id = $2 AND user_id = $1 AND ($3::uuid IS NULL OR run_id < $3)
          AND (reason <> 'poll' OR finished_at IS NOT NULL)
        ORDER BY run_id DESC LIMIT $4
        """,
        user_id, account_id, before, limit,
    )  # fmt: skip
    return [shown(row) for row in rows]


async def list_latest(connection: Connection, user_id: UserId) -> list[Run]:
    """The latest run of each account and kind. A poll counts once it has found something."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (account_id, kind) * FROM runs
        WHERE user_id = $1 AND (reason <> 'poll' OR finished_at IS NOT NULL)
        ORDER BY account_id, kind, run_id DESC
        """,
        user_id,
    )
    return [shown(row) for row in rows]


def shown(row: Mapping[str, object] | Record) -> Run:
    """A run as people see it."""
    return Run.model_validate({**dict(row), "id": row["run_id"]})
