"""Scores as lists show them: what they are computed from, when they are due, and what they came to."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from libs.common.db import Connection
from libs.common.ids import ContactId, UserId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.changes import ChangedContacts
from services.contacts.domain.scoring import ScoredInteraction


class ScoreSnapshot(NamedTuple):
    """A contact's score, first and last contact, number of lines, and when that can next change by itself (None: never)."""

    contact_id: ContactId
    score: int
    first_at: datetime | None
    last_at: datetime | None
    interactions: int
    due_at: datetime | None


async def list_scored_interactions(
    connection: Connection, contact_ids: Collection[ContactId]
) -> dict[ContactId, list[ScoredInteraction]]:
    """What the scores of these contacts are computed from; an empty list for one without any."""
    interactions: dict[ContactId, list[ScoredInteraction]] = defaultdict(list)
    rows = await connection.fetch(
        "SELECT contact_id, occurred_at, direction, platform, counted FROM timeline_lines WHERE contact_id = ANY($1::uuid[])",
        list(contact_ids),
    )
    for row in rows:
        interactions[row["contact_id"]].append(
            ScoredInteraction(row["occurred_at"], row["direction"], row["platform"], row["counted"])
        )
    return interactions


async def list_due_users(connection: Connection, now: datetime) -> list[UserId]:
    """Users with contacts whose scores are due, if not all of them."""
    rows = await connection.fetch(
        """SELECT DISTINCT user_id FROM (
               SELECT user_id FROM contacts WHERE due_at <= $1 AND merged_into IS NULL ORDER BY due_at LIMIT 5000
           ) AS due""",
        now,
    )
    return [row["user_id"] for row in rows]


async def list_due_contacts(connection: Connection, user_id: UserId, now: datetime, limit: int) -> list[ContactId]:
    rows = await connection.fetch(
        "SELECT id FROM contacts WHERE due_at <= $1 AND user_id = $2 AND merged_into IS NULL ORDER BY due_at LIMIT $3",
        now,
        user_id,
        limit,
    )
    return [row["id"] for row in rows]


async def mark_due(connection: Connection, contact_ids: Collection[ContactId]) -> None:
    """The scores of these contacts are to be computed anew."""
    await connection.execute("UPDATE contacts SET due_at = '-infinity' WHERE id = ANY($1::uuid[])", list(contact_ids))


async def mark_due_by_address(connection: Connection, address_ids: Collection[AddressId]) -> ChangedContacts:
    """The contacts of these addresses; their scores are to be computed anew."""
    rows = await connection.fetch(
        """WITH touched AS (
               SELECT DISTINCT a.contact_id AS id FROM addresses a WHERE a.id = ANY($1::bigint[]) AND a.contact_id IS NOT NULL
           ), due AS (
               UPDATE contacts c SET due_at = '-infinity' FROM touched WHERE c.id = touched.id AND c.due_at <> '-infinity'
           )
           SELECT c.user_id, c.id FROM touched JOIN contacts c USING (id)""",
        list(address_ids),
    )
    by_user: ChangedContacts = {}
    for row in rows:
        by_user.setdefault(row["user_id"], set()).add(row["id"])
    return by_user


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
