"""Scores as lists show them: what they are computed from, when they are due, and what they came to."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import ContactId, UserId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.changes import ChangedContacts
from services.contacts.domain.interaction_times import InteractionTimes, Occurrences, interaction_times
from services.contacts.domain.relationships import DetailedRelationship, Relationship


async def list_interaction_times(
    connection: Connection, contact_ids: Collection[ContactId]
) -> dict[ContactId, InteractionTimes]:
    """What the scores of these contacts are computed from."""
    found: dict[ContactId, list[Occurrences]] = defaultdict(list)
    rows = await connection.fetch(
        """SELECT contact_id, platform, direction, counted, array_agg(occurred_at ORDER BY occurred_at) AS moments
           FROM timeline_lines WHERE contact_id = ANY($1::uuid[]) GROUP BY 1, 2, 3, 4""",
        list(contact_ids),
    )
    for row in rows:
        found[row["contact_id"]].append(Occurrences(row["platform"], row["direction"], row["counted"], row["moments"]))
    return {contact_id: interaction_times(found[contact_id]) for contact_id in contact_ids}


async def list_kept_relationships(
    connection: Connection, contact_ids: Collection[ContactId], now: datetime
) -> dict[ContactId, DetailedRelationship]:
    """Of those of these contacts whose relationship is stored, what it is as of `now`, where that is what was stored."""
    rows = await connection.fetch(
        """SELECT id, relationship FROM contacts
           WHERE id = ANY($1::uuid[]) AND due_at > $2 AND (relationship->>'at')::timestamptz <= $2""",
        list(contact_ids),
        now,
    )
    return {row["id"]: DetailedRelationship.model_validate(row["relationship"]) for row in rows}


async def list_due_users(connection: Connection, now: datetime) -> list[UserId]:
    """Users with contacts whose scores are due, if not all of them."""
    rows = await connection.fetch(
        """SELECT DISTINCT user_id FROM (
               SELECT user_id FROM contacts WHERE due_at <= $1 AND merged_into IS NULL ORDER BY due_at LIMIT 5000
           ) AS due""",
        now,
    )
    return [row["user_id"] for row in rows]


async def list_due_contacts(
    connection: Connection, user_ids: Collection[UserId], now: datetime, limit: int
) -> list[ContactId]:
    """Some contacts of these users whose scores are due, the longest due first."""
    rows = await connection.fetch(
        """SELECT id FROM contacts WHERE due_at <= $1 AND user_id = ANY($2::uuid[]) AND merged_into IS NULL
           ORDER BY due_at LIMIT $3""",
        now,
        list(user_ids),
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


async def update_scores(connection: Connection, known: Mapping[ContactId, Relationship]) -> None:
    """What lists show of these relationships; of those in detail also what the page shows."""
    if not known:
        return
    await connection.execute(
        """UPDATE contacts c SET score = s.score, first_at = s.first_at, last_at = s.last_at, interactions = s.interactions,
               due_at = coalesce(s.due_at, 'infinity'), next_meeting_at = s.next_meeting_at, cold_since = s.cold_since,
               usual_days = s.usual_days, cold_was = s.cold_was, relationship = s.relationship, written_to = s.written_to
           FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::timestamptz[], $5::int[], $6::timestamptz[], $7::timestamptz[],
                       $8::timestamptz[], $9::int[], $10::text[], $11::jsonb[], $12::bool[])
               AS s(id, score, first_at, last_at, interactions, due_at, next_meeting_at, cold_since, usual_days, cold_was, relationship,
                    written_to)
           WHERE c.id = s.id""",
        *map(
            list, zip(*(_columns(contact_id, relationship) for contact_id, relationship in known.items()), strict=True)
        ),
    )


def _columns(contact_id: ContactId, known: Relationship) -> tuple[object, ...]:
    cold = known.going_cold
    return (
        contact_id,
        known.score.total,
        known.first_at,
        known.last_at,
        known.lines,
        known.due_at,
        known.next_meeting_at,
        cold and cold.since,
        cold and cold.usual_days,
        cold and cold.was,
        known.model_dump(mode="json") if isinstance(known, DetailedRelationship) else None,
        known.written_to,
    )
