"""Audits: scheduled, under way, ended; and what they compare. A run writes inside a transaction that has called `leases.hold`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.ids import AccountId, new_id
from libs.common.requests import AuditResult
from libs.common.resources.gmail import MessagePage
from services.sync.domain.audit import MAX_RETRIES, AuditCount
from services.sync.domain.ledger import Suspect

KEPT = 30
REQUEST_AGAIN_AFTER = timedelta(hours=6)

# Every message of the list, once.
_LISTED = """listed AS (
    SELECT DISTINCT ON (gmail_id) gmail_id, thread_id, p.number * 500 + place AS position
    FROM audit_pages p, unnest(p.gmail_ids, p.thread_ids) WITH ORDINALITY AS entry (gmail_id, thread_id, place)
    WHERE p.account_id = $1 ORDER BY gmail_id)"""


@dataclass(frozen=True, slots=True)
class Audit:
    """An audit that has not ended. `since_s`, `page` as in a Listing; `history_id`: what happened after it is no finding."""

    audit_id: UUID
    began_at: datetime | None
    listed_at: datetime | None
    since_s: int
    history_id: int
    page: str | None
    pages: int


async def schedule(connection: Connection, delays: Sequence[tuple[AccountId, timedelta]]) -> None:
    """An audit of each account, after its delay. One that is scheduled already is brought forward where that is sooner."""
    await connection.execute(
        """
        INSERT INTO audits (audit_id, account_id, due_at)
        SELECT audit_id, a.account_id, now() + delay
        FROM unnest($1::uuid[], $2::uuid[], $3::interval[]) AS wanted (audit_id, account_id, delay)
        JOIN accounts a USING (account_id)
        ORDER BY a.account_id
        ON CONFLICT (account_id) WHERE finished_at IS NULL DO UPDATE SET due_at = LEAST(audits.due_at, excluded.due_at)
        """,
        [new_id() for _ in delays], [account_id for account_id, _ in delays], [delay for _, delay in delays],
    )  # fmt: skip


async def list_due(connection: Connection) -> list[AccountId]:
    """The accounts for whose audits a run is to be requested now: due, and not requested in the last hours."""
    rows = await connection.fetch(
        """
        SELECT account_id FROM audits
        WHERE finished_at IS NULL AND due_at <= now() AND (asked_at IS NULL OR asked_at < now() - $1::interval)
        """,
        REQUEST_AGAIN_AFTER,
    )
    return [row["account_id"] for row in rows]


async def note_requested(connection: Connection, account_ids: Sequence[AccountId]) -> None:
    """A run was requested for the audits of these accounts, in the same transaction and before: runs are locked before audits."""
    await connection.execute(
        """
        UPDATE audits SET asked_at = now() WHERE audit_id IN (
            SELECT audit_id FROM audits WHERE account_id = ANY ($1::uuid[]) AND finished_at IS NULL
            ORDER BY account_id FOR UPDATE)
        """,
        list(account_ids),
    )


async def get_due(connection: Connection, account_id: AccountId) -> Audit | None:
    row = await connection.fetchrow(
        "SELECT * FROM audits WHERE account_id = $1 AND finished_at IS NULL AND due_at <= now()", account_id
    )
    return _audit(row) if row else None


def _audit(row: Record) -> Audit:
    return Audit(**{name: row[name] for name in Audit.__slots__})


async def begin(connection: Connection, audit: Audit, account_id: AccountId, since_s: int, history_id: int) -> None:
    await _clear(connection, account_id)
    await connection.execute(
        "UPDATE audits SET began_at = now(), since_s = $2, history_id = $3 WHERE audit_id = $1",
        audit.audit_id, since_s, history_id,
    )  # fmt: skip


async def add_page(connection: Connection, account_id: AccountId, audit: Audit, page: MessagePage) -> None:
    """One page of the list, and where it goes on."""
    await connection.execute(
        "INSERT INTO audit_pages (account_id, number, gmail_ids, thread_ids) VALUES ($1, $2, $3, $4)",
        account_id, audit.pages, [ref.gmail_id for ref in page.messages], [ref.thread_id for ref in page.messages],
    )  # fmt: skip
    await connection.execute(
        "UPDATE audits SET page = $2, pages = pages + 1, listed_at = CASE WHEN $2::text IS NULL THEN now() END WHERE audit_id = $1",
        audit.audit_id, page.next_page,
    )  # fmt: skip


async def list_again(connection: Connection, account_id: AccountId, audit: Audit) -> None:
    """The list begins at its first page again."""
    await connection.execute("DELETE FROM audit_pages WHERE account_id = $1", account_id)
    await connection.execute("UPDATE audits SET page = NULL, pages = 0 WHERE audit_id = $1", audit.audit_id)


async def add_cost(connection: Connection, audit: Audit, requests: int, units: int) -> None:
    """Add what the audit has cost."""
    await connection.execute(
        "UPDATE audits SET requests = requests + $2, units = units + $3 WHERE audit_id = $1",
        audit.audit_id, requests, units,
    )  # fmt: skip


async def add_missing(connection: Connection, account_id: AccountId, audit: Audit, earliest: datetime | None) -> int:
    """Listed messages that are unknown, or hidden without a reason, become pending. `earliest`: the lookback as it is now."""
    rows = await connection.fetch(
        f"""
        WITH {_LISTED}, missing AS (
            SELECT listed.* FROM listed LEFT JOIN messages m ON m.account_id = $1 AND m.gmail_id = listed.gmail_id
            WHERE m.gmail_id IS NULL
               OR (m.revision <= $2 AND (m.state = 'gone' OR (m.state = 'filtered' AND (
                   m.rule IN ('trash', 'spam', 'draft', 'chat')
                   OR (m.rule = 'lookback' AND ($3::timestamptz IS NULL OR m.occurred_at >= $3))))))
        ), wanted AS (
            INSERT INTO messages AS m (account_id, gmail_id, thread_id, state, position)
            SELECT $1, gmail_id, thread_id, 'pending', position FROM missing
            ON CONFLICT (account_id, gmail_id) DO UPDATE SET state = 'pending' RETURNING gmail_id
        )
        INSERT INTO audit_missing (account_id, gmail_id) SELECT $1, gmail_id FROM wanted ON CONFLICT DO NOTHING
        RETURNING gmail_id
        """,  # noqa: S608 - a constant of this module
        account_id, audit.history_id, earliest,
    )  # fmt: skip
    return len(rows)


async def retry_refused(connection: Connection, account_id: AccountId) -> None:
    """Messages that Gmail refused to give out become pending, a bounded number of times."""
    await connection.execute(
        """
        UPDATE messages SET state = 'pending', retries = retries + 1
        WHERE account_id = $1 AND state = 'set_aside' AND rule = 'refused' AND retries < $2
        """,
        account_id, MAX_RETRIES,
    )  # fmt: skip


async def list_unlisted(
    connection: Connection, account_id: AccountId, audit: Audit, since: datetime | None, after: str, limit: int
) -> list[Suspect]:
    """Recorded messages that the list should have had and did not, by Gmail id."""
    rows = await connection.fetch(
        f"""
        WITH {_LISTED}
        SELECT gmail_id, revision FROM messages m
        WHERE account_id = $1 AND state = 'recorded' AND revision <= $2 AND gmail_id > $4
          AND ($3::timestamptz IS NULL OR occurred_at >= $3)
          AND NOT EXISTS (SELECT FROM listed WHERE listed.gmail_id = m.gmail_id)
        ORDER BY gmail_id LIMIT $5
        """,  # noqa: S608 - a constant of this module
        account_id, audit.history_id, since, after, limit,
    )  # fmt: skip
    return [Suspect(row["gmail_id"], row["revision"]) for row in rows]


async def count_removed(connection: Connection, audit: Audit, removed: int) -> None:
    await connection.execute(
        "UPDATE audits SET healed_removed = healed_removed + $2 WHERE audit_id = $1", audit.audit_id, removed
    )


async def count_listed(connection: Connection, account_id: AccountId, unhealed: int) -> AuditCount:
    """The listed messages by their state in the ledger."""
    rows = await connection.fetch(
        f"""
        WITH {_LISTED}
        SELECT COALESCE(m.state, 'pending') AS state, COALESCE(m.rule, '') AS rule, count(*) AS n
        FROM listed LEFT JOIN messages m ON m.account_id = $1 AND m.gmail_id = listed.gmail_id GROUP BY 1, 2
        """,  # noqa: S608 - a constant of this module
        account_id,
    )
    by_state: dict[str, int] = {}
    filtered: dict[str, int] = {}
    for row in rows:
        by_state[row["state"]] = by_state.get(row["state"], 0) + row["n"]
        if row["state"] == "filtered":
            filtered[row["rule"]] = filtered.get(row["rule"], 0) + row["n"]
    return AuditCount(
        listed=sum(by_state.values()),
        recorded=by_state.get("recorded", 0),
        filtered=filtered,
        set_aside=by_state.get("set_aside", 0),
        pending=by_state.get("pending", 0),
        unhealed=unhealed,
    )


async def end(connection: Connection, account_id: AccountId, audit: Audit, count: AuditCount) -> AuditResult:
    """The audit is over. What it compared goes, and so do the oldest audits."""
    row = await connection.fetchrow(
        """
        UPDATE audits SET finished_at = now(), listed = $3, recorded = $4, filtered = $5, set_aside = $6, pending = $7,
                          unhealed = $8, complete = $9, page = NULL,
                          healed_added = (SELECT count(*) FROM audit_missing f JOIN messages m USING (account_id, gmail_id)
                                          WHERE f.account_id = $2 AND m.state = 'recorded')
        WHERE audit_id = $1 RETURNING *
        """,
        audit.audit_id, account_id, count.listed, count.recorded, dict(count.filtered), count.set_aside, count.pending,
        count.unhealed, count.complete,
    )  # fmt: skip
    assert row is not None, "the account's lease is held, and with it its audit"
    await _clear(connection, account_id)
    await connection.execute(
        """
        DELETE FROM audits WHERE account_id = $1 AND finished_at <= (
            SELECT finished_at FROM audits WHERE account_id = $1 AND finished_at IS NOT NULL
            ORDER BY finished_at DESC OFFSET $2 LIMIT 1)
        """,
        account_id, KEPT,
    )  # fmt: skip
    return AuditResult.model_validate(dict(row))


async def _clear(connection: Connection, account_id: AccountId) -> None:
    await connection.execute("DELETE FROM audit_pages WHERE account_id = $1", account_id)
    await connection.execute("DELETE FROM audit_missing WHERE account_id = $1", account_id)


async def get_last(connection: Connection, account_id: AccountId) -> AuditResult | None:
    """The newest audit that has ended."""
    row = await connection.fetchrow(
        "SELECT * FROM audits WHERE account_id = $1 AND finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1",
        account_id,
    )
    return AuditResult.model_validate(dict(row)) if row else None


async def is_under_way(connection: Connection, account_id: AccountId) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM audits WHERE account_id = $1 AND finished_at IS NULL)", account_id
        )
    )
