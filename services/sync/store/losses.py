"""What was published of messages, and those that were lost on their way to contacts."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import AccountId
from libs.common.requests import PublishedMessage
from services.sync.domain.audit import MAX_RETRIES
from services.sync.domain.ledger import Removal, Suspect


async def list_published(
    connection: Connection, account_id: AccountId, after: str, limit: int
) -> list[PublishedMessage]:
    """What was last published of each message about which anything was, by Gmail id."""
    rows = await connection.fetch(
        """
        SELECT gmail_id, revision, state <> 'recorded' AS removed FROM messages
        WHERE account_id = $1 AND gmail_id > $2 AND revision > 0
          AND (state IN ('recorded', 'gone') OR (state = 'filtered' AND rule IN ('trash', 'spam')))
        ORDER BY gmail_id LIMIT $3
        """,
        account_id, after, limit,
    )  # fmt: skip
    return [PublishedMessage(**dict(row)) for row in rows]


async def add_lost(
    connection: Connection, account_id: AccountId, lost: Sequence[Suspect], earliest: datetime | None
) -> tuple[list[Suspect], int]:
    """Recorded messages that contacts lost become pending; those older than the lookback, which a fetch would filter, are
    returned. With them the number of those that were tried too often. All of them keep the higher revision.
    """
    rows = await connection.fetch(
        """
        WITH lost (gmail_id, held) AS (SELECT * FROM unnest($2::text[], $3::bigint[])),
        tried AS (
            UPDATE messages m SET retries = retries + 1, revision = GREATEST(m.revision, held),
                                  state = CASE WHEN $4::timestamptz IS NULL OR occurred_at >= $4 THEN 'pending' ELSE state END
            FROM lost
            WHERE m.account_id = $1 AND m.gmail_id = lost.gmail_id AND m.state = 'recorded' AND m.retries < $5
            RETURNING m.gmail_id, m.revision, m.state
        ), remembered AS (
            INSERT INTO audit_missing (account_id, gmail_id) SELECT $1, gmail_id FROM tried ON CONFLICT DO NOTHING
        )
        SELECT * FROM tried
        """,
        account_id, [suspect.gmail_id for suspect in lost], [suspect.revision for suspect in lost], earliest, MAX_RETRIES,
    )  # fmt: skip
    old = [Suspect(row["gmail_id"], row["revision"]) for row in rows if row["state"] == "recorded"]
    return old, len(lost) - len(rows)


async def list_removals(connection: Connection, account_id: AccountId, lost: Sequence[Suspect]) -> list[Removal]:
    """The removals of messages that are not recorded, to be published once more."""
    rows = await connection.fetch(
        """
        SELECT gmail_id, GREATEST(m.revision, held) + 1 AS revision, CASE WHEN state = 'gone' THEN '' ELSE rule END AS rule
        FROM messages m JOIN unnest($2::text[], $3::bigint[]) AS lost (gmail_id, held) USING (gmail_id)
        WHERE account_id = $1 AND state IN ('gone', 'filtered')
        """,
        account_id, [suspect.gmail_id for suspect in lost], [suspect.revision for suspect in lost],
    )  # fmt: skip
    return [Removal(row["gmail_id"], row["revision"], row["rule"]) for row in rows]


async def raise_revisions(connection: Connection, account_id: AccountId, published: Sequence[Suspect]) -> None:
    """Recorded messages that were published once more."""
    await connection.execute(
        """
        UPDATE messages m SET revision = published.revision FROM unnest($2::text[], $3::bigint[]) AS published (gmail_id, revision)
        WHERE m.account_id = $1 AND m.gmail_id = published.gmail_id AND m.state = 'recorded' AND m.revision < published.revision
        """,
        account_id, [message.gmail_id for message in published], [message.revision for message in published],
    )  # fmt: skip
