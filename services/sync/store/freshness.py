"""What keeps mailboxes fresh: their watches, the notifications received, and when each is polled."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.db import Connection
from libs.common.ids import AccountId
from libs.common.scopes import GMAIL_READ
from services.sync.domain.freshness import MailboxWatch
from services.sync.store.accounts import may_be_synced


@dataclass(frozen=True, slots=True)
class Due:
    """A mailbox to poll. `quiet`: since its last change. `is_pushed`: Gmail notifies of its changes, as far as can be seen."""

    account_id: AccountId
    quiet: timedelta
    is_pushed: bool


async def list_behind(connection: Connection, hints: Mapping[str, int]) -> list[AccountId]:
    """The active accounts of these mailboxes (canonical address → history id) that have not read so far yet."""
    rows = await connection.fetch(
        """
        SELECT a.account_id
        FROM unnest($1::text[], $2::bigint[]) AS hint (address, history_id)
        JOIN accounts a ON a.canonical = hint.address AND a.state = 'active'
        LEFT JOIN cursors c ON c.account_id = a.account_id AND c.kind = 'mail'
        WHERE ((c.token->>'history_id')::bigint >= hint.history_id) IS NOT TRUE
        """,
        list(hints), list(hints.values()),
    )  # fmt: skip
    return [row["account_id"] for row in rows]


async def note_pushed(connection: Connection, addresses: Collection[str]) -> None:
    """Gmail has notified of these mailboxes. It waits for no lock: where an account's row is held, the next notification is soon enough."""
    await connection.execute(
        """
        UPDATE accounts SET pushed_at = now()
        WHERE account_id IN (
            SELECT account_id FROM accounts WHERE canonical = ANY ($1::text[]) AND state = 'active'
            FOR NO KEY UPDATE SKIP LOCKED)
        """,
        list(addresses),
    )


async def list_due(connection: Connection, limit: int) -> list[Due]:
    """Mailboxes at rest whose poll is due, the longest overdue first. Locked until the transaction ends: each is polled once."""
    rows = await connection.fetch(
        f"""
        SELECT account_id, now() - news_at AS quiet,
               watch_expires_at > now() AND pushed_at IS NOT NULL
                   AND (missed_at IS NULL OR missed_at < pushed_at) AS is_pushed
        FROM accounts a
        WHERE {may_be_synced("$1")} AND poll_at <= now()
          AND EXISTS (SELECT FROM cursors c WHERE c.account_id = a.account_id AND c.kind = 'mail'
                                              AND c.token->'listing' = 'null')
          AND NOT EXISTS (SELECT FROM runs r WHERE r.account_id = a.account_id AND r.kind = 'mail'
                                               AND r.finished_at IS NULL)
        ORDER BY poll_at LIMIT $2
        FOR UPDATE OF a SKIP LOCKED
        """,  # noqa: S608 - SQL of this package
        GMAIL_READ, limit,
    )  # fmt: skip
    return [Due(row["account_id"], row["quiet"], bool(row["is_pushed"])) for row in rows]


async def set_poll(connection: Connection, pauses: Sequence[tuple[AccountId, timedelta]]) -> None:
    """When each mailbox is polled next: after this pause from now on."""
    await connection.execute(
        """
        UPDATE accounts a SET poll_at = now() + next.pause
        FROM unnest($1::uuid[], $2::interval[]) AS next (account_id, pause) WHERE a.account_id = next.account_id
        """,
        [account_id for account_id, _ in pauses],
        [pause for _, pause in pauses],
    )


async def note_activity(
    connection: Connection, account_id: AccountId, every: timedelta, *, polled_at: datetime | None = None
) -> None:
    """Something changed, or the user requested a sync: poll at the full rate again.

    Where a poll found it, and no notification has come since that began, the watch has failed: notifications are not relied on
    until the next one, and the watch is renewed soon.
    """
    await connection.execute(
        """
        UPDATE accounts a SET
            news_at = now(), poll_at = LEAST(poll_at, now() + $2::interval),
            missed_at = CASE WHEN watch.failed THEN now() ELSE missed_at END,
            watch_due_at = CASE WHEN watch.failed THEN LEAST(watch_due_at, now() + interval '5 minutes') ELSE watch_due_at END
        FROM (SELECT watch_expires_at IS NOT NULL AND $3::timestamptz IS NOT NULL
                     AND COALESCE(pushed_at < $3::timestamptz, true) AS failed
              FROM accounts WHERE account_id = $1) AS watch
        WHERE a.account_id = $1
        """,
        account_id, every, polled_at,
    )  # fmt: skip


async def set_watch(connection: Connection, account_id: AccountId, watch: MailboxWatch) -> None:
    await connection.execute(
        "UPDATE accounts SET watch_topic = $2, watch_expires_at = $3, watch_due_at = $4 WHERE account_id = $1",
        account_id, watch.topic, watch.expires_at, watch.due_at,
    )  # fmt: skip


async def make_watches_due(connection: Connection) -> None:
    """Renew the watch of every account, with its next run."""
    await connection.execute(
        """
        UPDATE accounts SET watch_due_at = NULL WHERE account_id IN (
            SELECT account_id FROM accounts WHERE state = 'active' AND watch_topic <> ''
            ORDER BY account_id FOR NO KEY UPDATE)
        """
    )
