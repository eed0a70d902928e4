"""The ledger of Gmail messages: what was listed, what became of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from libs.common.db import Connection, Record
from libs.common.ids import AccountId
from libs.common.resources.gmail import MessageRef
from services.sync.domain.history import NEVER_TOLD, Touched
from services.sync.domain.plan import Wanted

Final = Literal["recorded", "filtered", "set_aside", "gone"]

# What only looked away for a while: listed or touched again, it is looked at again.
_MAY_RETURN = (
    "(messages.state = 'gone' OR (messages.state = 'filtered' AND messages.rule IN ('trash', 'spam', 'lookback')))"
)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a fetched message. `revision`: that of the newest fact about it, as before where none was said."""

    gmail_id: str
    state: Final
    revision: int
    rule: str = ""
    reason: str = ""
    rfc_message_id: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """A message that is not to be seen any more, as of `revision`. `rule`: the label that hides it; empty: deleted."""

    gmail_id: str
    revision: int
    rule: str = ""

    @property
    def reason(self) -> str:
        return self.rule or "deleted"


async def add_listed(
    connection: Connection, account_id: AccountId, messages: Sequence[MessageRef], position: int, generation: int
) -> None:
    """One page of a listing: unknown messages become pending, known ones get the generation."""
    unique = {message.gmail_id: message for message in messages}
    await connection.execute(
        f"""
        INSERT INTO messages (account_id, gmail_id, thread_id, state, position, generation)
        SELECT $1, gmail_id, thread_id, 'pending', $4 + place, $5
        FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS listed (gmail_id, thread_id, place)
        ON CONFLICT (account_id, gmail_id) DO UPDATE SET
            generation = excluded.generation,
            state = CASE WHEN {_MAY_RETURN} THEN 'pending' ELSE messages.state END
        """,  # noqa: S608 - a constant of this module
        account_id, list(unique), [message.thread_id for message in unique.values()], position, generation,
    )  # fmt: skip


async def add_touched(connection: Connection, account_id: AccountId, touched: Sequence[Touched]) -> None:
    """Messages that history says to look at: unknown ones, and hidden ones that came back after they were hidden."""
    await connection.execute(
        f"""
        INSERT INTO messages (account_id, gmail_id, thread_id, state, position)
        SELECT $1, gmail_id, thread_id, 'pending', -history_id
        FROM unnest($2::text[], $3::text[], $4::bigint[]) AS touched (gmail_id, thread_id, history_id)
        ON CONFLICT (account_id, gmail_id) DO UPDATE SET state = 'pending', position = excluded.position
        WHERE {_MAY_RETURN} AND messages.revision < -excluded.position
        """,  # noqa: S608 - a constant of this module
        account_id, [one.gmail_id for one in touched], [one.thread_id for one in touched],
        [one.history_id for one in touched],
    )  # fmt: skip


async def list_to_remove(connection: Connection, account_id: AccountId, touched: Sequence[Touched]) -> list[Removal]:
    """Those hidden or deleted messages about which something may have been said before that."""
    rows = await connection.fetch(
        """
        SELECT gmail_id, history_id, touched.rule
        FROM unnest($2::text[], $3::bigint[], $4::text[]) AS touched (gmail_id, history_id, rule)
        JOIN messages USING (gmail_id)
        WHERE account_id = $1 AND history_id > revision AND state <> 'set_aside'
          AND NOT (state = 'filtered' AND messages.rule = ANY ($5::text[])) AND NOT (state = 'gone' AND revision > 0)
        """,
        account_id, [one.gmail_id for one in touched], [one.history_id for one in touched],
        [one.rule for one in touched], list(NEVER_TOLD),
    )  # fmt: skip
    return [Removal(row["gmail_id"], row["history_id"], row["rule"]) for row in rows]


async def add_hidden(connection: Connection, account_id: AccountId, touched: Sequence[Touched]) -> None:
    """Remember why unknown messages are not here. Drafts are not remembered: each edit has a new id."""
    hidden = [one for one in touched if one.rule and one.rule != "draft"]
    await connection.execute(
        """
        INSERT INTO messages (account_id, gmail_id, thread_id, state, rule, position, revision)
        SELECT $1, gmail_id, thread_id, 'filtered', rule, -history_id, history_id
        FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS hidden (gmail_id, thread_id, rule, history_id)
        ON CONFLICT DO NOTHING
        """,
        account_id, [one.gmail_id for one in hidden], [one.thread_id for one in hidden], [one.rule for one in hidden],
        [one.history_id for one in hidden],
    )  # fmt: skip


async def remove(connection: Connection, account_id: AccountId, removals: Sequence[Removal]) -> int:
    """Messages that are hidden or gone, once that was said; how many of them had been recorded."""
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
        account_id, [one.gmail_id for one in removals], [one.revision for one in removals],
        [one.rule for one in removals],
    )  # fmt: skip
    return len(recorded)


async def list_pending(
    connection: Connection, account_id: AccountId, after: int | None, limit: int, in_hand: Collection[str]
) -> tuple[list[Wanted], int | None]:
    """The next wanted messages, newest first, whole threads at a time, without the threads in hand; and the last position.

    About `limit` messages: as many as share a thread or the position (one change of many messages) with one of the next `limit`.
    """
    rows = await connection.fetch(
        """
        WITH next AS (SELECT thread_id, position FROM messages
                      WHERE account_id = $1 AND state = 'pending' AND position > $2 AND thread_id <> ALL ($4::text[])
                      ORDER BY position FETCH FIRST ($3) ROWS WITH TIES)
        SELECT gmail_id, thread_id, revision, (SELECT max(position) FROM next) AS last
        FROM messages
        WHERE account_id = $1 AND state = 'pending' AND thread_id IN (SELECT thread_id FROM next)
        ORDER BY position
        """,
        account_id, after if after is not None else -(2**63), limit, list(in_hand),
    )  # fmt: skip
    wanted = [Wanted(row["gmail_id"], row["thread_id"], row["revision"]) for row in rows]
    return wanted, rows[0]["last"] if rows else None


async def count_pending(connection: Connection, account_id: AccountId) -> int:
    return int(
        await connection.fetchval(
            "SELECT count(*) FROM messages WHERE account_id = $1 AND state = 'pending'", account_id
        )
    )


async def settle(connection: Connection, account_id: AccountId, settled: Sequence[Settled]) -> None:
    """Write down what became of fetched messages."""
    await connection.execute(
        """
        UPDATE messages m SET state = s.state, rule = s.rule, reason = s.reason, rfc_message_id = s.rfc_message_id,
                              occurred_at = COALESCE(s.occurred_at, m.occurred_at), revision = s.revision
        FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::bigint[])
             AS s (gmail_id, state, rule, reason, rfc_message_id, occurred_at, revision)
        WHERE m.account_id = $1 AND m.gmail_id = s.gmail_id AND m.state = 'pending'
        """,
        account_id, [one.gmail_id for one in settled], [one.state for one in settled], [one.rule for one in settled],
        [one.reason for one in settled], [one.rfc_message_id for one in settled],
        [one.occurred_at for one in settled], [one.revision for one in settled],
    )  # fmt: skip


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


async def find_message(connection: Connection, account_id: AccountId, message_id: str) -> Record | None:
    """By Gmail id, or by RFC 5322 Message-ID; of several the recorded one."""
    return await connection.fetchrow(
        """
        SELECT * FROM messages WHERE account_id = $1 AND (gmail_id = $2 OR rfc_message_id = $3)
        ORDER BY gmail_id = $2 DESC, state = 'recorded' DESC, occurred_at DESC NULLS LAST LIMIT 1
        """,
        account_id, message_id, message_id.strip().strip("<>").strip(),
    )  # fmt: skip


async def count_by_state(connection: Connection, account_id: AccountId) -> list[tuple[str, str, int]]:
    """How many messages are in each state, by rule."""
    rows = await connection.fetch(
        "SELECT state, rule, count(*) AS n FROM messages WHERE account_id = $1 GROUP BY state, rule", account_id
    )
    return [(row["state"], row["rule"], row["n"]) for row in rows]
