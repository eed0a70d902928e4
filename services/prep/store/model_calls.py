"""What was sent to the model: recorded before it leaves, counted against the user's day, and its answer kept for a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from libs.common.db import Connection
from libs.common.events import Meeting
from libs.common.ids import AccountId, UserId, new_id
from libs.common.model_prices import Usage
from libs.common.requests import ModelCall

ANSWER_KEPT, CALL_KEPT = timedelta(days=1), timedelta(days=30)
MOST_SHOWN = 200


@dataclass(frozen=True)
class Sent:
    """What is about to leave. `content`: a hash of all of it; `most_usd`: the most that it may cost."""

    host: str
    model: str
    content: str
    characters: int
    guests: int
    interactions: int
    bios: int
    most_usd: float


async def find_answer(connection: Connection, user_id: UserId, content: str) -> Mapping[str, Any] | None:
    """What the model answered to the very same content within a day."""
    answer: Mapping[str, Any] | None = await connection.fetchval(
        """SELECT answer FROM model_calls
           WHERE user_id = $1 AND content = $2 AND answer IS NOT NULL AND called_at > now() - $3::interval
           ORDER BY called_at DESC LIMIT 1""",
        user_id,
        content,
        ANSWER_KEPT,
    )
    return answer


async def insert_call(connection: Connection, meeting: Meeting, sent: Sent, budget_usd: float) -> UUID | None:
    """Record what is about to leave; None where the user's day (UTC) has no room for what it may cost. In a transaction of its own."""
    # One of a user's calls at a time looks at what is left and takes of it.
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('prep.model_calls:' || $1, 0))", str(meeting.user_id)
    )
    call_id = new_id()
    inserted: UUID | None = await connection.fetchval(
        """INSERT INTO model_calls (id, user_id, account_id, meeting_id, host, model, content, characters, guests, interactions, bios,
                                    spent_usd)
           SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::double precision
           WHERE $12::double precision + (
               SELECT coalesce(sum(spent_usd), 0) FROM model_calls
               WHERE user_id = $2 AND called_at >= date_trunc('day', now(), 'UTC')) <= $13::double precision
           RETURNING id""",
        call_id, meeting.user_id, meeting.account_id, meeting.meeting_id, sent.host, sent.model, sent.content, sent.characters,
        sent.guests, sent.interactions, sent.bios, sent.most_usd, budget_usd,
    )  # fmt: skip
    return inserted


async def finish_call(
    connection: Connection,
    call_id: UUID,
    outcome: str,
    usage: Usage,
    spent_usd: float,
    answer: Mapping[str, Any] | None,
) -> None:
    """What became of a call, and what it took."""
    await connection.execute(
        """UPDATE model_calls SET outcome = $2, input_tokens = $3, output_tokens = $4, cost_usd = $5, spent_usd = $6, answer = $7
           WHERE id = $1""",
        call_id, outcome, usage.input_tokens, usage.output_tokens, usage.cost_usd, spent_usd, answer,
    )  # fmt: skip


async def list_calls(connection: Connection, user_id: UserId) -> tuple[ModelCall, ...]:
    """The user's calls of the last 30 days, the newest first; at most 200."""
    rows = await connection.fetch(
        """SELECT meeting_id, called_at, host, model, characters, guests, interactions, bios, outcome, input_tokens, output_tokens, cost_usd
           FROM model_calls WHERE user_id = $1 AND called_at > now() - $2::interval ORDER BY called_at DESC, id DESC LIMIT $3""",
        user_id,
        CALL_KEPT,
        MOST_SHOWN,
    )
    return tuple(ModelCall(**row) for row in rows)


async def get_spent_today(connection: Connection, user_id: UserId) -> float:
    """How much of the day's budget is gone, in US dollars."""
    spent: float = await connection.fetchval(
        """SELECT coalesce(sum(spent_usd), 0) FROM model_calls
           WHERE user_id = $1 AND called_at >= date_trunc('day', now(), 'UTC')""",
        user_id,
    )
    return spent


async def forget_old(connection: Connection) -> None:
    """Answers go after a day, what was recorded of a call after 30."""
    await connection.execute("DELETE FROM model_calls WHERE called_at < now() - $1::interval", CALL_KEPT)
    await connection.execute(
        "UPDATE model_calls SET answer = NULL WHERE answer IS NOT NULL AND called_at < now() - $1::interval",
        ANSWER_KEPT,
    )


async def delete_of_account(connection: Connection, account_id: AccountId) -> None:
    await connection.execute("DELETE FROM model_calls WHERE account_id = $1", account_id)


async def delete_of_user(connection: Connection, user_id: UserId) -> None:
    await connection.execute("DELETE FROM model_calls WHERE user_id = $1", user_id)
