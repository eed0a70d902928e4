"""How far the runs are, over all accounts: numbers for operators."""

from dataclasses import dataclass

from libs.common.db import Connection
from libs.common.scopes import GMAIL_READ
from services.sync.store.accounts import may_be_synced


@dataclass(frozen=True, slots=True)
class UnfinishedRuns:
    """Those of a kind in a state. `lag_seconds`: of the one that is worst off."""

    kind: str
    state: str
    runs: int
    lag_seconds: float


async def list_unfinished(connection: Connection) -> list[UnfinishedRuns]:
    """A queued run lags from the moment at which it was due, a waiting one from its last progress, others from their beginning.

    One that waits until a moment that is known, such as the end of a day's quota, does not lag.
    """
    rows = await connection.fetch(
        """
        SELECT kind, CASE WHEN first AND state = 'running' THEN 'importing' ELSE state END AS state, count(*) AS runs,
               max(extract(epoch FROM now() - CASE state WHEN 'queued' THEN due_at
                                                         WHEN 'waiting' THEN COALESCE(stuck_since, now())
                                                         ELSE started_at END)) AS lag_seconds
        FROM runs WHERE finished_at IS NULL GROUP BY 1, 2
        """
    )
    return [UnfinishedRuns(row["kind"], row["state"], row["runs"], max(float(row["lag_seconds"]), 0.0)) for row in rows]


async def get_late_polls(connection: Connection) -> tuple[int, float]:
    """How many mailboxes at rest should have been polled by now (freshness.list_due), and for how many seconds the first one.

    What became due while a run of the mailbox was under way, such as its import, is due from the end of that run.
    """
    row = await connection.fetchrow(
        f"""
        SELECT count(*) AS mailboxes, COALESCE(extract(epoch FROM now() - min(GREATEST(poll_at, last.finished_at))), 0) AS lag_seconds
        FROM accounts a
        LEFT JOIN LATERAL (SELECT r.finished_at FROM runs r
                           WHERE r.user_id = a.user_id AND r.account_id = a.account_id AND r.kind = 'mail'
                           ORDER BY r.run_id DESC LIMIT 1) last ON true
        WHERE {may_be_synced("$1")} AND poll_at <= now()
          AND EXISTS (SELECT FROM cursors c WHERE c.account_id = a.account_id AND c.kind = 'mail' AND c.token->'listing' = 'null')
          AND NOT EXISTS (SELECT FROM runs r WHERE r.account_id = a.account_id AND r.kind = 'mail' AND r.finished_at IS NULL)
        """,  # noqa: S608 - SQL of this package
        GMAIL_READ,
    )
    assert row is not None, "an aggregate has a row"
    return row["mailboxes"], float(row["lag_seconds"])


async def count_pending_messages(connection: Connection) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM messages WHERE state = 'pending'"))
