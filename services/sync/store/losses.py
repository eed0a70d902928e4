"""What was said of messages, and those that were lost on their way to contacts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import AccountId
from libs.common.requests import PublishedMessage
from services.sync.domain.audit import MAX_RETRIES
from services.sync.store.ledger import Removal


@dataclass(frozen=True, slots=True)
class Suspect:
    """A message of the ledger that may not be as it is written there. `revision`: that of the newest fact about it, anywhere."""

    gmail_id: str
    revision: int


async def list_told(connection: Connection, account_id: AccountId, after: str, limit: int) -> list[PublishedMessage]:
    """What was last said of each message about which anything was said, by Gmail id."""
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
    """Recorded messages that contacts lost become pending; those older than the lookback, which a fetch would filter, are given
    back. With them the number of those that were tried too often. All of them keep the higher revision.
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
        account_id, [one.gmail_id for one in lost], [one.revision for one in lost], earliest, MAX_RETRIES,
    )  # fmt: skip
    old = [Suspect(row["gmail_id"], row["revision"]) for row in rows if row["state"] == "recorded"]
    return old, len(lost) - len(rows)


async def list_removals(connection: Connection, account_id: AccountId, lost: Sequence[Suspect]) -> list[Removal]:
    """The removals of messages that are not recorded, to be said once more."""
    rows = await connection.fetch(
        """
        SELECT gmail_id, GREATEST(m.revision, held) + 1 AS revision, CASE WHEN state = 'gone' THEN '' ELSE rule END AS rule
        FROM messages m JOIN unnest($2::text[], $3::bigint[]) AS lost (gmail_id, held) USING (gmail_id)
        WHERE account_id = $1 AND state IN ('gone', 'filtered')
        """,
        account_id, [one.gmail_id for one in lost], [one.revision for one in lost],
    )  # fmt: skip
    return [Removal(row["gmail_id"], row["revision"], row["rule"]) for row in rows]


async def raise_revisions(connection: Connection, account_id: AccountId, said: Sequence[Suspect]) -> None:
    """Recorded messages that were said once more."""
    await connection.execute(
        """
        UPDATE messages m SET revision = said.revision FROM unnest($2::text[], $3::bigint[]) AS said (gmail_id, revision)
        WHERE m.account_id = $1 AND m.gmail_id = said.gmail_id AND m.state = 'recorded' AND m.revision < said.revision
        """,
        account_id, [one.gmail_id for one in said], [one.revision for one in said],
    )  # fmt: skip
