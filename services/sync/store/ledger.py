"""The ledger of Gmail messages: what was listed, what became of it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import AccountId
from libs.common.resources.gmail import MessageRef
from services.sync.domain.estimate import WorkEstimate
from services.sync.domain.fetching import Prices, Wanted
from services.sync.domain.history import NEVER_PUBLISHED, Touched
from services.sync.domain.ledger import PutOff, Removal, Settled

FIRST, LAST = -(2**63), 2**63 - 1  # before and behind every position

# What may only have been hidden for a while: listed or touched again, it is fetched again.
_MAY_RETURN = (
    "(messages.state = 'gone' OR (messages.state = 'filtered' AND messages.rule IN ('trash', 'spam', 'lookback')))"
)


async def add_listed(
    connection: Connection, account_id: AccountId, messages: Sequence[MessageRef], position: int, generation: int
) -> int:
    """One page of a listing: unknown messages become pending, known ones get the generation. How many were unknown."""
    unique = {message.gmail_id: message for message in messages}
    return int(
        await connection.fetchval(
            f"""
            WITH put AS (
                INSERT INTO messages (account_id, gmail_id, thread_id, state, position, generation)
                SELECT $1, gmail_id, thread_id, 'pending', $4 + place, $5
                FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS listed (gmail_id, thread_id, place)
                ON CONFLICT (account_id, gmail_id) DO UPDATE SET
                    generation = excluded.generation,
                    state = CASE WHEN {_MAY_RETURN} THEN 'pending' ELSE messages.state END
                RETURNING xmax = 0 AS is_new
            )
            SELECT count(*) FROM put WHERE is_new
            """,  # noqa: S608 - a constant of this module
            account_id, list(unique), [message.thread_id for message in unique.values()], position, generation,
        )
    )  # fmt: skip


async def add_touched(connection: Connection, account_id: AccountId, touched: Sequence[Touched]) -> None:
    """Messages that are to be fetched because of a change: unknown ones, and hidden ones that came back after they were hidden."""
    await connection.execute(
        f"""
        INSERT INTO messages (account_id, gmail_id, thread_id, state, position)
        SELECT $1, gmail_id, thread_id, 'pending', -history_id
        FROM unnest($2::text[], $3::text[], $4::bigint[]) AS touched (gmail_id, thread_id, history_id)
        ON CONFLICT (account_id, gmail_id) DO UPDATE SET state = 'pending', position = excluded.position
        WHERE {_MAY_RETURN} AND messages.revision < -excluded.position
        """,  # noqa: S608 - a constant of this module
        account_id, [change.gmail_id for change in touched], [change.thread_id for change in touched],
        [change.history_id for change in touched],
    )  # fmt: skip


async def reopen_within(connection: Connection, account_ids: Collection[AccountId], earliest: datetime | None) -> None:
    """Messages that only the lookback kept out, and that lie within it now (None: all do), become pending."""
    await connection.execute(
        """
        WITH within AS MATERIALIZED (
            SELECT account_id, gmail_id FROM messages
            WHERE account_id = ANY ($1::uuid[]) AND state = 'filtered' AND rule = 'lookback'
              AND ($2::timestamptz IS NULL OR occurred_at >= $2)
            ORDER BY account_id, gmail_id FOR UPDATE
        )
        UPDATE messages m SET state = 'pending'
        FROM within WHERE m.account_id = within.account_id AND m.gmail_id = within.gmail_id
        """,
        list(account_ids), earliest,
    )  # fmt: skip


async def list_to_remove(connection: Connection, account_id: AccountId, touched: Sequence[Touched]) -> list[Removal]:
    """Those hidden or deleted messages about which an event may have been published before that."""
    rows = await connection.fetch(
        """
        SELECT gmail_id, history_id, touched.rule
        FROM unnest($2::text[], $3::bigint[], $4::text[]) AS touched (gmail_id, history_id, rule)
        JOIN messages USING (gmail_id)
        WHERE account_id = $1 AND history_id > revision AND (state <> 'set_aside' OR revision > 0)
          AND NOT (state = 'filtered' AND messages.rule = ANY ($5::text[])) AND NOT (state = 'gone' AND revision > 0)
        """,
        account_id, [change.gmail_id for change in touched], [change.history_id for change in touched],
        [change.rule for change in touched], list(NEVER_PUBLISHED),
    )  # fmt: skip
    return [Removal(row["gmail_id"], row["history_id"], row["rule"]) for row in rows]


async def add_hidden(connection: Connection, account_id: AccountId, touched: Sequence[Touched]) -> None:
    """Remember why unknown messages are not here. Drafts are not remembered: each edit has a new id."""
    hidden = [change for change in touched if change.rule and change.rule != "draft"]
    await connection.execute(
        """
        INSERT INTO messages (account_id, gmail_id, thread_id, state, rule, position, revision)
        SELECT $1, gmail_id, thread_id, 'filtered', rule, -history_id, history_id
        FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS hidden (gmail_id, thread_id, rule, history_id)
        ON CONFLICT DO NOTHING
        """,
        account_id, [change.gmail_id for change in hidden], [change.thread_id for change in hidden],
        [change.rule for change in hidden], [change.history_id for change in hidden],
    )  # fmt: skip


async def remove(connection: Connection, account_id: AccountId, removals: Sequence[Removal]) -> int:
    """Messages that are hidden or gone, once that was published; how many of them had been recorded."""
    recorded = await connection.fetch(
        """
        WITH removed (gmail_id, revision, rule) AS (SELECT * FROM unnest($2::text[], $3::bigint[], $4::text[])),
             before AS (SELECT m.gmail_id FROM messages m JOIN removed USING (gmail_id)
                        WHERE m.account_id = $1 AND m.state = 'recorded'),
             after AS (UPDATE messages m
                       SET state = CASE WHEN removed.rule = '' THEN 'gone' ELSE 'filtered' END, rule = removed.rule,
                           reason = CASE WHEN removed.rule = '' THEN 'deleted in Gmail' ELSE '' END,
                           revision = removed.revision
                       FROM removed
                       WHERE m.account_id = $1 AND m.gmail_id = removed.gmail_id AND removed.revision > m.revision)
        SELECT gmail_id FROM before
        """,
        account_id, [removal.gmail_id for removal in removals], [removal.revision for removal in removals],
        [removal.rule for removal in removals],
    )  # fmt: skip
    return len(recorded)


async def list_pending(
    connection: Connection,
    account_id: AccountId,
    after: int | None,
    limit: int,
    in_hand: Collection[str],
    up_to: int = LAST,
) -> tuple[list[Wanted], int | None]:
    """The next wanted messages that are due, newest first, whole threads at a time, without the threads in hand; and the last position.

    About `limit` messages: as many as share a thread or the position (one change of many messages) with one of the next `limit`
    behind the position `after` and not behind `up_to`.
    """
    rows = await connection.fetch(
        """
        WITH next AS (SELECT thread_id, position FROM messages
                      WHERE account_id = $1 AND state = 'pending' AND position > $2 AND position <= $5
                        AND thread_id <> ALL ($4::text[]) AND (due_at IS NULL OR due_at <= now())
                      ORDER BY position FETCH FIRST ($3) ROWS WITH TIES)
        SELECT m.gmail_id, m.thread_id, m.revision, m.failures, (SELECT max(position) FROM next) AS last
        FROM (SELECT DISTINCT thread_id FROM next) AS wanted
        -- OFFSET keeps the planner from reading all that is pending to join it.
        CROSS JOIN LATERAL (SELECT gmail_id, thread_id, revision, failures, position FROM messages
                            WHERE account_id = $1 AND state = 'pending' AND thread_id = wanted.thread_id
                              AND (due_at IS NULL OR due_at <= now()) OFFSET 0) AS m
        ORDER BY m.position
        """,
        account_id, after if after is not None else FIRST, limit, list(in_hand), up_to,
    )  # fmt: skip
    wanted = [Wanted(row["gmail_id"], row["thread_id"], row["revision"], row["failures"]) for row in rows]
    return wanted, rows[0]["last"] if rows else None


async def get_estimate(connection: Connection, account_id: AccountId, prices: Prices) -> WorkEstimate:
    """What is pending and due, and what it costs to fetch."""
    row = await connection.fetchrow(
        """
        SELECT COALESCE(sum(n), 0)::bigint AS messages, COALESCE(sum(LEAST(n * $2, $3)), 0)::bigint AS units
        FROM (SELECT count(*) AS n FROM messages
              WHERE account_id = $1 AND state = 'pending' AND (due_at IS NULL OR due_at <= now()) GROUP BY thread_id) AS threads
        """,
        account_id, prices.message, prices.thread,
    )  # fmt: skip
    return WorkEstimate(row["messages"], row["units"]) if row else WorkEstimate(0, 0)


async def settle(connection: Connection, settled: Sequence[tuple[AccountId, Settled]]) -> None:
    """Write down what became of fetched messages."""
    await connection.execute(
        """
        UPDATE messages m SET state = s.state, rule = s.rule, reason = s.reason, rfc_message_id = s.rfc_message_id,
                              occurred_at = COALESCE(s.occurred_at, m.occurred_at), revision = s.revision,
                              failures = 0, due_at = NULL
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::bigint[])
             AS s (account_id, gmail_id, state, rule, reason, rfc_message_id, occurred_at, revision)
        WHERE m.account_id = s.account_id AND m.gmail_id = s.gmail_id AND m.state = 'pending'
        """,
        [account_id for account_id, _ in settled],
        [message.gmail_id for _, message in settled], [message.state for _, message in settled],
        [message.rule for _, message in settled], [message.reason for _, message in settled],
        [message.rfc_message_id for _, message in settled], [message.occurred_at for _, message in settled],
        [message.revision for _, message in settled],
    )  # fmt: skip


async def put_off(connection: Connection, account_id: AccountId, failing: Sequence[PutOff]) -> None:
    """Pending messages that Gmail gives an error for are tried again later."""
    await connection.execute(
        """
        UPDATE messages m SET failures = failures + 1, due_at = now() + f.delay, reason = f.reason
        FROM unnest($2::text[], $3::interval[], $4::text[]) AS f (gmail_id, delay, reason)
        WHERE m.account_id = $1 AND m.gmail_id = f.gmail_id AND m.state = 'pending'
        """,
        account_id, [message.gmail_id for message in failing], [message.delay for message in failing],
        [message.reason for message in failing],
    )  # fmt: skip


async def get_recorded(connection: Connection, account_id: AccountId, besides: Sequence[str]) -> str | None:
    """The id of a message that Gmail gave out before, of the newest, but none of these."""
    gmail_id: str | None = await connection.fetchval(
        """
        SELECT gmail_id FROM messages WHERE account_id = $1 AND state = 'recorded' AND gmail_id <> ALL ($2::text[])
        ORDER BY gmail_id DESC LIMIT 1
        """,
        account_id,
        list(besides),
    )
    return gmail_id


async def list_unlisted(
    connection: Connection, account_id: AccountId, generation: int, since: datetime | None, history_id: int, limit: int
) -> list[Removal]:
    """Messages that a complete listing should have met and did not: gone as of its history id."""
    rows = await connection.fetch(
        """
        SELECT gmail_id, GREATEST($4, revision + 1) AS revision FROM messages
        WHERE account_id = $1 AND generation < $2 AND ($3::timestamptz IS NULL OR occurred_at IS NULL OR occurred_at >= $3)
          AND (state IN ('recorded', 'pending')
               OR (revision = 0 AND (state = 'gone' OR (state = 'filtered' AND rule IN ('trash', 'spam')))))
        LIMIT $5
        """,
        account_id, generation, since, history_id, limit,
    )  # fmt: skip
    return [Removal(row["gmail_id"], row["revision"]) for row in rows]


async def count_by_state(connection: Connection, account_id: AccountId) -> list[tuple[str, str, int]]:
    """How many messages are in each state, by rule."""
    rows = await connection.fetch(
        "SELECT state, rule, count(*) AS n FROM messages WHERE account_id = $1 GROUP BY state, rule", account_id
    )
    return [(row["state"], row["rule"], row["n"]) for row in rows]
