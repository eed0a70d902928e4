"""Scores as lists show them: when they are due, and what they came to."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from libs.common.db import Connection


class ScoreSnapshot(NamedTuple):
    """A contact's score, first and last contact, number of lines, and when that can next change by itself."""

    contact_id: UUID
    score: int
    first_at: datetime | None
    last_at: datetime | None
    interactions: int
    due_at: datetime | None


async def users_due(connection: Connection, now: datetime) -> list[UUID]:
    rows = await connection.fetch(
        """SELECT DISTINCT user_id FROM (
               SELECT user_id FROM contacts WHERE due_at <= $1 AND merged_into IS NULL ORDER BY due_at LIMIT 5000
           ) AS due""",
        now,
    )
    return [row["user_id"] for row in rows]


async def list_due(connection: Connection, user_id: UUID, now: datetime, limit: int) -> list[UUID]:
    rows = await connection.fetch(
        "SELECT id FROM contacts WHERE due_at <= $1 AND user_id = $2 AND merged_into IS NULL ORDER BY due_at LIMIT $3",
        now,
        user_id,
        limit,
    )
    return [row["id"] for row in rows]


async def update_scores(connection: Connection, snapshots: Sequence[ScoreSnapshot]) -> None:
    if not snapshots:
        return
    await connection.execute(
        """UPDATE contacts c SET score = s.score, first_at = s.first_at, last_at = s.last_at, interactions = s.interactions,
               due_at = coalesce(s.due_at, 'infinity')
           FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::timestamptz[], $5::int[], $6::timestamptz[])
               AS s(id, score, first_at, last_at, interactions, due_at)
           WHERE c.id = s.id""",
        *map(list, zip(*snapshots, strict=True)),
    )
