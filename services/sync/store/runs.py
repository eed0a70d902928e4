"""Runs: requested, counted, put off, ended, deleted. All that a run writes of itself is fenced by its lease (leases.py).

Several of them are locked in the order of account and kind, everywhere. docs/architecture.md has the order of all tables.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from libs.common import requests
from libs.common.db import Connection, Record
from libs.common.events import Kind
from libs.common.ids import AccountId, RunId, UserId, new_id
from libs.common.log import current_trace
from libs.common.scopes import NEEDED_BY_KIND
from services.sync.domain.runs import (
    PRECEDENCE,
    QUIET_WHEN_WELL,
    UNATTENDED,
    UNHEALED,
    EndedRun,
    Pause,
    Progress,
    RunRequest,
)
from services.sync.store.accounts import may_be_synced
from services.sync.store.leases import LeaseLost, RunLease


async def insert_requests(connection: Connection, wanted: Sequence[RunRequest]) -> None:
    """Queue runs, for accounts that may be synced. Of one account and kind one run is unfinished at a time.

    A request that meets a queued or waiting run makes it the more urgent of both; one that meets a running run is remembered
    in `again`, except a poll's.
    """
    await connection.execute(
        f"""
        INSERT INTO runs (run_id, user_id, account_id, kind, reason, state, first, due_at, scan_due, trace)
        SELECT wanted.run_id, a.user_id, a.account_id, wanted.kind, wanted.reason, 'queued',
               NOT EXISTS (SELECT FROM runs past WHERE past.account_id = a.account_id AND past.kind = wanted.kind
                                                   AND past.user_id = a.user_id AND past.state = 'completed'),
               now() + wanted.delay, CASE WHEN wanted.scan THEN now() + wanted.delay END, $8
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::interval[], $6::text[], $7::boolean[])
             AS wanted (run_id, account_id, kind, reason, delay, scope, scan)
        JOIN accounts a ON a.account_id = wanted.account_id AND {may_be_synced("wanted.scope")}
        ORDER BY a.account_id, wanted.kind
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
        """,  # noqa: S608 - SQL of this package
        [new_id() for _ in wanted],
        [request.account_id for request in wanted],
        [request.kind for request in wanted],
        [request.reason for request in wanted],
        [request.delay for request in wanted],
        [NEEDED_BY_KIND[request.kind] for request in wanted],
        [request.scan for request in wanted],
        current_trace(),
        list(PRECEDENCE),
    )


async def list_requestable(
    connection: Connection, kind: Kind, spread_seconds: int
) -> list[tuple[AccountId, timedelta]]:
    """Every account whose `kind` may be synced, each with an offset of its own that never changes."""
    rows = await connection.fetch(
        f"""
        SELECT account_id, abs(hashtextextended(account_id::text, 0) % ($2 + 1)) AS seconds
        FROM accounts a WHERE {may_be_synced("$1")}
        """,  # noqa: S608 - SQL of this package
        NEEDED_BY_KIND[kind], spread_seconds,
    )  # fmt: skip
    return [(row["account_id"], timedelta(seconds=row["seconds"])) for row in rows]


async def count_requestable(connection: Connection, kind: Kind) -> int:
    """How many accounts there are whose `kind` may be synced."""
    scope = NEEDED_BY_KIND[kind]
    return int(await connection.fetchval(f"SELECT count(*) FROM accounts a WHERE {may_be_synced('$1')}", scope))  # noqa: S608


async def add_progress(connection: Connection, lease: RunLease, progress: Progress) -> None:
    """As `add_progress_of_all`, of one run. LeaseLost: it is not ours any more."""
    if not await add_progress_of_all(connection, [(lease, progress)]):
        raise LeaseLost


async def add_progress_of_all(connection: Connection, progresses: Sequence[tuple[RunLease, Progress]]) -> set[RunId]:
    """Add what was done to the runs' numbers. It ends their stall: an outage that begins now is a new one.

    It holds the runs as `leases.hold` does, and returns those that are still ours.
    """
    rows = await connection.fetch(
        """
        WITH counted AS (
            SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::jsonb[],
                                 $8::integer[], $9::double precision[], $10::text[])
                 AS c (run_id, fence, done, new, updated, removed, skipped, left_over, eta_seconds, note)
        ), held AS MATERIALIZED (
            SELECT r.run_id FROM runs r JOIN counted c ON c.run_id = r.run_id AND c.fence = r.fence
            WHERE r.state = 'running' ORDER BY r.account_id, r.kind FOR UPDATE OF r
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
        [lease.run_id for lease, _ in progresses], [lease.fence for lease, _ in progresses],
        [progress.tally.done for _, progress in progresses], [progress.tally.new for _, progress in progresses],
        [progress.tally.updated for _, progress in progresses], [progress.tally.removed for _, progress in progresses],
        [progress.tally.skipped for _, progress in progresses], [progress.left for _, progress in progresses],
        [progress.eta_seconds for _, progress in progresses], [progress.note for _, progress in progresses],
    )  # fmt: skip
    return {row["run_id"] for row in rows}


async def set_estimate(connection: Connection, lease: RunLease, progress: Progress, units: int) -> None:
    """What a run is going to come to: `progress.left` items to do, and `units` of quota beside those that are counted already."""
    await connection.execute(
        """
        UPDATE runs SET total = done + $3, estimated_units = units + $4, eta_seconds = $5, note = $6
        WHERE run_id = $1 AND fence = $2
        """,
        lease.run_id, lease.fence, progress.left, units, progress.eta_seconds, progress.note,
    )  # fmt: skip


async def get_done(connection: Connection, lease: RunLease) -> int:
    """How many items are written down as done. Under the run's lock it is of the same moment as what else is read."""
    return int(await connection.fetchval("SELECT done FROM runs WHERE run_id = $1", lease.run_id))


async def add_cost(connection: Connection, lease: RunLease, requests: int, units: int) -> None:
    """Add what the run has cost so far."""
    await connection.execute(
        "UPDATE runs SET requests = requests + $3, units = units + $4 WHERE run_id = $1 AND fence = $2",
        lease.run_id, lease.fence, requests, units,
    )  # fmt: skip


async def pause(connection: Connection, lease: RunLease, pause: Pause, stuck_since: datetime | None) -> None:
    """Put the run off; it goes on from where it is. `stuck_since` None: the wait is no sign that anything is wrong."""
    await connection.execute(
        """
        UPDATE runs SET state = 'waiting', due_at = $3, stuck_since = $4, lease_until = NULL, eta_seconds = NULL, note = '',
                        pauses = CASE WHEN $4::timestamptz IS NULL THEN 0 ELSE pauses + 1 END, code = $5, error = $6
        WHERE run_id = $1 AND fence = $2 AND state = 'running'
        """,
        lease.run_id, lease.fence, pause.until, stuck_since, pause.code, pause.why,
    )  # fmt: skip


async def end(
    connection: Connection, lease: RunLease, cost: tuple[int, int] = (0, 0), failure: tuple[str, str] | None = None
) -> EndedRun:
    """The run is over. `cost`: requests and units since its lease was acquired. `failure`: code and sentence, where it failed.

    LeaseLost: it is not ours any more.
    """
    code, error = failure or ("", "")
    row = await connection.fetchrow(
        """
        UPDATE runs SET state = $3, code = $4, error = $5, finished_at = now(), lease_until = NULL, eta_seconds = NULL, note = '',
                        total = CASE WHEN $3 = 'completed' THEN done ELSE total END,
                        requests = requests + $6, units = units + $7
        WHERE run_id = $1 AND fence = $2 AND state = 'running'
        RETURNING *
        """,
        lease.run_id, lease.fence, "failed" if failure else "completed", code, error, *cost,
    )  # fmt: skip
    if row is None:
        raise LeaseLost
    return _ended(row)


async def get_stall(connection: Connection, lease: RunLease) -> tuple[datetime | None, int]:
    """Since when the run has made no progress (None: it is not stuck), and how often it has paused since."""
    row = await connection.fetchrow("SELECT stuck_since, pauses FROM runs WHERE run_id = $1", lease.run_id)
    if row is None:
        raise LeaseLost
    return row["stuck_since"], row["pauses"]


async def delete_if_unreported(connection: Connection, lease: RunLease) -> bool:
    """End a run that has ended well and is not reported (`EndedRun.is_reported`), with one statement. Of a look at a mailbox, its
    time is left behind.

    False: it is to be reported, or to be followed by another one, such as one before a prep scan that is not due yet.
    """
    deleted = await connection.fetchval(
        """
        WITH ended AS (
            DELETE FROM runs WHERE run_id = $1 AND fence = $2 AND state = 'running' AND reason = ANY ($3::text[])
                               AND new = 0 AND updated = 0 AND removed = 0 AND again IS NULL AND scan_due IS NULL
                               AND skipped->$4::text IS NULL
            RETURNING account_id, kind
        ), checked AS (
            UPDATE cursors c SET token = jsonb_set(c.token, '{checked_at}', to_jsonb(now()))
            FROM ended WHERE c.account_id = ended.account_id AND c.kind = ended.kind AND c.kind = 'mail' AND c.calendar_id = ''
        )
        SELECT count(*) FROM ended
        """,
        lease.run_id, lease.fence, list(QUIET_WHEN_WELL), UNHEALED,
    )  # fmt: skip
    return bool(deleted)


async def delete_run(connection: Connection, run_id: RunId) -> None:
    await connection.execute("DELETE FROM runs WHERE run_id = $1", run_id)


async def insert_failed(
    connection: Connection, request: RunRequest, user_id: UserId, failure: tuple[str, str]
) -> EndedRun:
    """A run that could not even begin. `failure`: code and sentence."""
    row = await connection.fetchrow(
        """
        INSERT INTO runs (run_id, user_id, account_id, kind, reason, state, finished_at, code, error, trace)
        VALUES ($1, $2, $3, $4, $5, 'failed', now(), $6, $7, $8) RETURNING *
        """,
        new_id(), user_id, request.account_id, request.kind, request.reason, *failure, current_trace(),
    )  # fmt: skip
    assert row is not None, "an INSERT without ON CONFLICT returns its row"
    return _ended(row)


async def cancel_runs(
    connection: Connection, account_ids: Sequence[AccountId], code: str, error: str
) -> list[EndedRun]:
    """End all unfinished runs of accounts, whoever holds them. Unattended ones leave no trace; the others are returned."""
    rows = await connection.fetch(
        """
        WITH unfinished AS MATERIALIZED (
            SELECT run_id FROM runs WHERE account_id = ANY ($1::uuid[]) AND finished_at IS NULL
            ORDER BY account_id, kind FOR UPDATE
        )
        UPDATE runs SET state = 'failed', code = $2, error = $3, finished_at = now(), lease_until = NULL, eta_seconds = NULL,
                        note = '', scan_due = NULL, fence = fence + 1
        FROM unfinished WHERE runs.run_id = unfinished.run_id
        RETURNING runs.*
        """,
        list(account_ids), code, error,
    )  # fmt: skip
    cancelled = [_ended(row) for row in rows]
    unattended = [run.run_id for run in cancelled if run.reason in UNATTENDED]
    await connection.execute("DELETE FROM runs WHERE run_id = ANY ($1::uuid[])", unattended)
    return [run for run in cancelled if run.reason not in UNATTENDED]


async def delete_old(connection: Connection, age: timedelta, limit: int) -> int:
    """Delete runs that ended longer ago; how many. Of each account and kind the last one is kept, and the last one that ended well:
    by it is known that the next one is not the first.
    """
    status = await connection.execute(
        """
        DELETE FROM runs WHERE run_id IN (
            SELECT run_id FROM runs r
            WHERE finished_at < now() - $1::interval
              AND EXISTS (SELECT FROM runs later
                          WHERE later.account_id = r.account_id AND later.kind = r.kind AND later.run_id > r.run_id
                            AND later.finished_at IS NOT NULL AND (later.state = 'completed' OR r.state <> 'completed'))
            ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        """,
        age, limit,
    )  # fmt: skip
    return int(status.rpartition(" ")[2])


def _ended(row: Record) -> EndedRun:
    return EndedRun(**{name: row[name] for name in EndedRun.__slots__})


# --- what people see ----------------------------------------------------------------------------------------------------


async def list_runs(
    connection: Connection, user_id: UserId, account_id: AccountId, before: UUID | None, limit: int
) -> list[requests.Run]:
    """The history of one account, newest first. An unattended run belongs to it once it has found something."""
    rows = await connection.fetch(
        """
        SELECT * FROM runs
        WHERE account_id = $2 AND user_id = $1 AND ($3::uuid IS NULL OR run_id < $3)
          AND (reason <> ALL ($5::text[]) OR finished_at IS NOT NULL)
        ORDER BY run_id DESC LIMIT $4
        """,
        user_id, account_id, before, limit, list(UNATTENDED),
    )  # fmt: skip
    return [_run(row) for row in rows]


async def list_latest(connection: Connection, user_id: UserId) -> list[requests.Run]:
    """The latest run of each account and kind. An unattended run counts once it has found something; that one looked, at once."""
    rows = await connection.fetch(
        """
        SELECT latest.*, (c.token->>'checked_at')::timestamptz AS checked_at
        FROM (SELECT DISTINCT ON (account_id, kind) * FROM runs
              WHERE user_id = $1 AND (reason <> ALL ($2::text[]) OR finished_at IS NOT NULL)
              ORDER BY account_id, kind, run_id DESC) latest
        LEFT JOIN cursors c ON c.account_id = latest.account_id AND c.kind = latest.kind AND c.kind = 'mail' AND c.calendar_id = ''
        ORDER BY latest.account_id, latest.kind
        """,
        user_id, list(UNATTENDED),
    )  # fmt: skip
    return [_run(row) for row in rows]


def _run(row: Record) -> requests.Run:
    resumes_at = row["due_at"] if row["state"] == "waiting" else None
    return requests.Run.model_validate({**dict(row), "id": row["run_id"], "resumes_at": resumes_at})
