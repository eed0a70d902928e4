"""Interactions and their participants, written as the projection says."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from libs.common.db import Connection
from services.contacts.domain.projection import ProjectedInteraction

ParticipantRow = tuple[int, str, str]
"""address id, role, name"""


async def interaction_refs(connection: Connection, ids: Collection[UUID]) -> dict[tuple[UUID, str, str], UUID]:
    """What these interactions are known as: (user, platform, ref) → id."""
    rows = await connection.fetch(
        "SELECT id, user_id, platform, ref FROM interactions WHERE id = ANY($1::uuid[])", list(ids)
    )
    return {(row["user_id"], row["platform"], row["ref"]): row["id"] for row in rows}


_COLUMNS = (
    "id", "user_id", "platform", "grp", "ref", "kind", "thread", "occurred_at", "ends_at", "title", "text", "automated", "via", "crowd",
    "bcc_logged", "organized", "direction", "author_id",
)  # fmt: skip


async def put_interactions(
    connection: Connection,
    interactions: Sequence[tuple[UUID, ProjectedInteraction, int | None, bool]],
    present: Collection[UUID],
) -> None:
    """Each with its id, its author's address and whether a BCC hash of ours is on it. `present`: those that are there already.

    New ones are copied in, which costs both sides less than arrays do.
    """
    rows: list[tuple[Any, ...]] = [
        (
            id_, one.user_id, one.platform, one.group, one.ref, one.item.kind, one.item.thread, one.item.occurred_at,
            one.item.ends_at, one.item.title, one.item.text, one.item.automated, one.item.via, one.participant_count, logged,
            one.item.organized, one.item.direction, author,
        )
        for id_, one, author, logged in interactions
    ]  # fmt: skip
    if fresh := [row for row in rows if row[0] not in present]:
        await connection.copy_records_to_table("interactions", records=fresh, columns=_COLUMNS)
    if known := [row for row in rows if row[0] in present]:
        await connection.execute(
            """UPDATE interactions i SET kind = n.kind, thread = n.thread, occurred_at = n.occurred_at, ends_at = n.ends_at,
                   title = n.title, text = n.text, automated = n.automated, via = n.via, crowd = n.crowd, bcc_logged = n.bcc_logged,
                   organized = n.organized, direction = n.direction, author_id = n.author_id
               FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
                           $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::bool[], $14::int[], $15::bool[],
                           $16::bool[], $17::text[], $18::bigint[])
                   AS n(id, user_id, platform, grp, ref, kind, thread, occurred_at, ends_at, title, text, automated, via, crowd,
                        bcc_logged, organized, direction, author_id)
               WHERE i.id = n.id""",
            *map(list, zip(*known, strict=True)),
        )


async def delete_interactions(connection: Connection, ids: Collection[UUID]) -> set[int]:
    """Remove interactions; the addresses that were on them."""
    rows = await connection.fetch(
        "DELETE FROM participants WHERE interaction_id = ANY($1::uuid[]) RETURNING address_id", list(ids)
    )
    await connection.execute("DELETE FROM interactions WHERE id = ANY($1::uuid[])", list(ids))
    return {row["address_id"] for row in rows}


async def clear_participants(connection: Connection, ids: Collection[UUID]) -> set[int]:
    rows = await connection.fetch(
        "DELETE FROM participants WHERE interaction_id = ANY($1::uuid[]) RETURNING address_id", list(ids)
    )
    return {row["address_id"] for row in rows}


async def insert_participants(
    connection: Connection,
    interactions: Sequence[tuple[UUID, ProjectedInteraction]],
    people: Mapping[UUID, Iterable[ParticipantRow]],
) -> None:
    rows = [
        (address_id, one.item.occurred_at, id_, role, name)
        for id_, one in interactions
        for address_id, role, name in people[id_]
    ]
    if rows:
        columns = ("address_id", "occurred_at", "interaction_id", "role", "name")
        await connection.copy_records_to_table("participants", records=rows, columns=columns)


async def refresh_answered(
    connection: Connection, threads: Collection[tuple[UUID, str]]
) -> tuple[list[UUID], list[UUID]]:
    """docs/rules.md, "Answered": list mail of threads in which I wrote counts. What began to count, what counts no more."""
    rows = await connection.fetch(
        """WITH lists AS (
               SELECT i.id, bool_or(EXISTS (
                   SELECT FROM sightings mine JOIN interactions o ON o.id = mine.interaction_id JOIN addresses a ON a.id = o.author_id
                   WHERE mine.source_id = s.source_id AND mine.thread = s.thread AND mine.fact IS NOT NULL AND a.is_me
               )) AS answered
               FROM unnest($1::uuid[], $2::text[]) AS t(source_id, thread)
               JOIN sightings touched ON touched.source_id = t.source_id AND touched.thread = t.thread AND touched.fact IS NOT NULL
               JOIN interactions i ON i.id = touched.interaction_id AND i.automated = 'list'
               -- All of its copies: another account may have answered.
               JOIN sightings s ON s.interaction_id = i.id AND s.thread <> ''
               GROUP BY i.id
           )
           UPDATE interactions i SET answered = lists.answered FROM lists
           WHERE i.id = lists.id AND i.answered <> lists.answered
           RETURNING i.id, i.answered""",
        [source_id for source_id, _ in threads],
        [thread for _, thread in threads],
    )
    return [row["id"] for row in rows if row["answered"]], [row["id"] for row in rows if not row["answered"]]


async def mark_due(connection: Connection, address_ids: Collection[int]) -> dict[UUID, set[UUID]]:
    """The contacts of these addresses, by user; their scores are to be computed anew."""
    rows = await connection.fetch(
        """WITH touched AS (
               SELECT DISTINCT a.contact_id AS id FROM addresses a WHERE a.id = ANY($1::bigint[]) AND a.contact_id IS NOT NULL
           ), due AS (
               UPDATE contacts c SET due_at = '-infinity' FROM touched WHERE c.id = touched.id AND c.due_at <> '-infinity'
           )
           SELECT c.user_id, c.id FROM touched JOIN contacts c USING (id)""",
        list(address_ids),
    )
    by_user: dict[UUID, set[UUID]] = {}
    for row in rows:
        by_user.setdefault(row["user_id"], set()).add(row["id"])
    return by_user
