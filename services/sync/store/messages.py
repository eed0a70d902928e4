"""Single messages of the ledger: found, placed in the queue, and put back into it."""

from libs.common.db import Connection
from libs.common.ids import AccountId
from services.sync.domain.ledger import LedgerEntry

NEXT_POSITION = -(2**62)  # before all positions that listings and history give


async def list_by_id(
    connection: Connection, account_id: AccountId, gmail_id: str, rfc_message_id: str, limit: int
) -> list[LedgerEntry]:
    """The messages with this Gmail id, else those with this Message-ID, newest first."""
    rows = await connection.fetch(
        """
        SELECT * FROM messages WHERE account_id = $1 AND gmail_id = $2
        UNION ALL
        SELECT * FROM (SELECT * FROM messages
                       WHERE account_id = $1 AND hashtextextended(rfc_message_id, 0) = hashtextextended($3, 0)
                         AND rfc_message_id = $3 AND gmail_id <> $2
                         AND NOT EXISTS (SELECT FROM messages WHERE account_id = $1 AND gmail_id = $2)
                       ORDER BY occurred_at DESC NULLS LAST LIMIT $4) named
        """,
        account_id, gmail_id, rfc_message_id, limit,
    )  # fmt: skip
    return [LedgerEntry(**{name: row[name] for name in LedgerEntry.__slots__}) for row in rows]


async def get_place(connection: Connection, account_id: AccountId, position: int) -> tuple[int, float | None]:
    """How many pending messages come before this position; and in how many seconds it is read, where a run is under way."""
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM messages WHERE account_id = $1 AND state = 'pending' AND position < $2) AS ahead,
               (SELECT eta_seconds / NULLIF(total - done, 0) FROM runs
                WHERE account_id = $1 AND kind = 'mail' AND state = 'running') AS seconds_each
        """,
        account_id, position,
    )  # fmt: skip
    assert row is not None, "a SELECT without FROM has one row"
    ahead, each = int(row["ahead"]), row["seconds_each"]
    return ahead, round(each * (ahead + 1), 1) if each is not None else None


async def add_wanted(connection: Connection, account_id: AccountId, gmail_id: str, thread_id: str) -> None:
    """A message that Gmail has and that is not known here: the next to be read."""
    await connection.execute(
        """
        INSERT INTO messages (account_id, gmail_id, thread_id, state, position) VALUES ($1, $2, $3, 'pending', $4)
        ON CONFLICT DO NOTHING
        """,
        account_id, gmail_id, thread_id, NEXT_POSITION,
    )  # fmt: skip


async def is_any_set_aside(connection: Connection, account_id: AccountId, gmail_id: str | None) -> bool:
    """Whether this message, or any (None), was set aside."""
    return bool(
        await connection.fetchval(
            """
            SELECT EXISTS (SELECT FROM messages
                           WHERE account_id = $1 AND state = 'set_aside' AND ($2::text IS NULL OR gmail_id = $2))
            """,
            account_id, gmail_id,
        )
    )  # fmt: skip


async def retry(connection: Connection, account_id: AccountId, gmail_id: str | None) -> int:
    """Messages that were set aside become pending: this one, or all of them (None). How many."""
    rows = await connection.fetch(
        """
        WITH set_aside AS MATERIALIZED (
            SELECT gmail_id FROM messages
            WHERE account_id = $1 AND state = 'set_aside' AND ($2::text IS NULL OR gmail_id = $2)
            ORDER BY gmail_id FOR UPDATE
        )
        UPDATE messages m SET state = 'pending', retries = 0, reason = ''
        FROM set_aside WHERE m.account_id = $1 AND m.gmail_id = set_aside.gmail_id RETURNING m.gmail_id
        """,
        account_id, gmail_id,
    )  # fmt: skip
    return len(rows)
