"""Interactions and their participants, written as the projection has them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from libs.common.db import Connection
from libs.common.ids import InteractionId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.observations import EMAIL
from services.contacts.domain.projection import InteractionRef, ProjectedInteraction, Thread

_COLUMNS = (
    "id", "user_id", "platform", "grp", "ref", "kind", "thread", "occurred_at", "ends_at", "title", "text", "automated", "via", "crowd",
    "bcc_logged", "organized", "direction", "author_id", "unauthenticated",
)  # fmt: skip


@dataclass(frozen=True)
class InteractionRow:
    """An interaction with its id, its author's address, and whether a BCC hash of ours is on it.

    The group of mail stands in its reference, and with its observations: a Message-ID is long.
    """

    id: InteractionId
    interaction: ProjectedInteraction
    author_id: AddressId | None
    bcc_logged: bool

    @property
    def columns(self) -> tuple[Any, ...]:
        row, item = self.interaction, self.interaction.item
        group = "" if row.platform == EMAIL else row.group
        return (
            self.id, row.user_id, row.platform, group, row.ref, item.kind, item.thread, item.occurred_at, item.ends_at, item.title,
            item.text, item.automated, item.via, row.participant_count, self.bcc_logged, item.organized, item.direction, self.author_id,
            item.unauthenticated,
        )  # fmt: skip


class ParticipantRow(NamedTuple):
    """An address on an interaction, in a role; fields are the columns of `participants`."""

    address_id: AddressId
    occurred_at: datetime
    interaction_id: InteractionId
    role: str
    name: str


async def list_refs(connection: Connection, ids: Collection[InteractionId]) -> dict[InteractionRef, InteractionId]:
    """The ids of those of these interactions that are there, by what they are known as."""
    rows = await connection.fetch(
        "SELECT id, user_id, platform, ref FROM interactions WHERE id = ANY($1::uuid[])", list(ids)
    )
    return {(row["user_id"], row["platform"], row["ref"]): row["id"] for row in rows}


async def upsert_interactions(
    connection: Connection, rows: Sequence[InteractionRow], present: Collection[InteractionId]
) -> None:
    """`present`: those that are there already. New ones are copied in, which costs both sides less than arrays do."""
    fresh = [row.columns for row in rows if row.id not in present]
    if len(fresh) == 1:  # all that is written on behalf of a user; PostgreSQL copies nothing into a table with policies
        places = ", ".join(f"${number}" for number in range(1, len(_COLUMNS) + 1))
        await connection.execute(f"INSERT INTO interactions ({', '.join(_COLUMNS)}) VALUES ({places})", *fresh[0])  # noqa: S608  (names above)
    elif fresh:
        await connection.copy_records_to_table("interactions", records=fresh, columns=_COLUMNS)
    if known := [row.columns for row in rows if row.id in present]:
        await connection.execute(
            """UPDATE interactions i SET kind = n.kind, thread = n.thread, occurred_at = n.occurred_at, ends_at = n.ends_at,
                   title = n.title, text = n.text, automated = n.automated, via = n.via, crowd = n.crowd, bcc_logged = n.bcc_logged,
                   organized = n.organized, direction = n.direction, author_id = n.author_id, unauthenticated = n.unauthenticated
               FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
                           $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::bool[], $14::int[], $15::bool[],
                           $16::bool[], $17::text[], $18::bigint[], $19::bool[])
                   AS n(id, user_id, platform, grp, ref, kind, thread, occurred_at, ends_at, title, text, automated, via, crowd,
                        bcc_logged, organized, direction, author_id, unauthenticated)
               WHERE i.id = n.id""",
            *map(list, zip(*known, strict=True)),
        )


async def delete_interactions(connection: Connection, ids: Collection[InteractionId]) -> set[AddressId]:
    """Remove interactions; the addresses that were on them."""
    addresses = await delete_participants(connection, ids)
    await connection.execute("DELETE FROM interactions WHERE id = ANY($1::uuid[])", list(ids))
    return addresses


async def delete_participants(connection: Connection, ids: Collection[InteractionId]) -> set[AddressId]:
    """Take everybody off these interactions; the addresses that were on them."""
    rows = await connection.fetch(
        "DELETE FROM participants WHERE interaction_id = ANY($1::uuid[]) RETURNING address_id", list(ids)
    )
    return {row["address_id"] for row in rows}


async def insert_participants(connection: Connection, rows: Iterable[ParticipantRow]) -> None:
    if records := list(rows):
        await connection.copy_records_to_table("participants", records=records, columns=ParticipantRow._fields)


async def update_answered(
    connection: Connection, threads: Collection[Thread]
) -> tuple[set[InteractionId], set[InteractionId]]:
    """docs/rules.md, "Answered": list mail of threads in which I wrote counts. What began to count, what counts no more."""
    rows = await connection.fetch(
        """WITH lists AS (
               SELECT i.id, bool_or(EXISTS (
                   SELECT FROM sightings own JOIN interactions o ON o.id = own.interaction_id JOIN addresses a ON a.id = o.author_id
                   WHERE own.source_id = s.source_id AND own.thread = s.thread AND own.fact IS NOT NULL AND a.is_me
                     AND NOT o.unauthenticated
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
    return {row["id"] for row in rows if row["answered"]}, {row["id"] for row in rows if not row["answered"]}


async def list_participants(connection: Connection, ids: Collection[InteractionId]) -> set[AddressId]:
    """The addresses that are on these interactions."""
    rows = await connection.fetch(
        "SELECT DISTINCT address_id FROM participants WHERE interaction_id = ANY($1::uuid[])", list(ids)
    )
    return {row["address_id"] for row in rows}
