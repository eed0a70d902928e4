"""Contacts that may be one person: what they are compared by, what was found, and what the user has stated to be two."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from libs.common.db import Connection, Record
from libs.common.ids import ContactId, UserId
from services.contacts.domain.duplicate_keys import MAX_BLOCK, Names, handles_of
from services.contacts.domain.duplicates import Traits
from services.contacts.domain.text import folded
from services.contacts.store.identities import list_evidence, list_named


@dataclass(frozen=True)
class Suggestion:
    """A pair that may be one person; `first_id` is the smaller id."""

    first_id: ContactId
    second_id: ContactId
    confidence: float
    evidence: tuple[str, ...]


Position = tuple[float, ContactId, ContactId]
"""confidence, first and second contact: where a page of the list begins"""


async def list_due_users(connection: Connection) -> list[UserId]:
    """Users with contacts that are to be compared anew."""
    rows = await connection.fetch("SELECT DISTINCT user_id FROM contacts WHERE duplicates_due AND merged_into IS NULL")
    return [row["user_id"] for row in rows]


async def take_due_contacts(connection: Connection, user_id: UserId, limit: int) -> list[ContactId]:
    """Some contacts that are due, and are due no more: the caller compares them in the same transaction."""
    rows = await connection.fetch(
        """UPDATE contacts SET duplicates_due = false WHERE id = ANY(ARRAY(
               SELECT id FROM contacts WHERE user_id = $1 AND duplicates_due AND merged_into IS NULL LIMIT $2
           )) RETURNING id""",
        user_id,
        limit,
    )
    return sorted(row["id"] for row in rows)


async def mark_due(connection: Connection, contact_ids: Collection[ContactId]) -> None:
    """These contacts are to be compared anew."""
    await connection.execute("UPDATE contacts SET duplicates_due = true WHERE id = ANY($1::uuid[])", list(contact_ids))


async def list_traits(connection: Connection, contact_ids: Collection[ContactId]) -> dict[ContactId, Traits]:
    """By what those of these contacts are compared that were not merged into others."""
    rows = await connection.fetch(
        """SELECT c.id, c.name_key, c.company, c.phone_keys, c.urls,
               ARRAY(SELECT a.value FROM addresses a WHERE a.contact_id = c.id AND a.kind = 'email' ORDER BY a.id LIMIT 50) AS emails,
               ARRAY(SELECT a.value FROM addresses a WHERE a.contact_id = c.id AND a.kind NOT IN ('email', 'bcc')
                     AND (a.kind = 'phone' OR a.value LIKE '+%') ORDER BY a.id LIMIT 50) AS numbers,
               ARRAY(SELECT a.value FROM addresses a WHERE a.contact_id = c.id AND a.kind NOT IN ('email', 'phone', 'bcc')
                     AND a.value NOT LIKE '+%' ORDER BY a.id LIMIT 50) AS handles
           FROM contacts c WHERE c.id = ANY($1::uuid[]) AND c.merged_into IS NULL""",
        list(contact_ids),
    )
    evidence, named = defaultdict(list), defaultdict(list)
    for contact_id, found in await list_evidence(connection, contact_ids):
        evidence[contact_id].append(found)
    for contact_id, address in await list_named(connection, contact_ids):
        named[contact_id].append(address)
    return {
        row["id"]: Traits(
            name=row["name_key"],
            domains=frozenset(email.rpartition("@")[2] for email in row["emails"]),
            phones=tuple(dict.fromkeys((*row["phone_keys"], *row["numbers"]))),
            company=folded(row["company"]),
            handles=handles_of(Names(row["emails"], row["handles"], row["urls"])),
            evidence=tuple(evidence[row["id"]]),
            named=tuple(named[row["id"]]),
        )
        for row in rows
    }


async def list_names(connection: Connection, contact_ids: Collection[ContactId]) -> dict[ContactId, str]:
    """The folded names of those of these contacts that were not merged into others."""
    rows = await connection.fetch(
        "SELECT id, name_key FROM contacts WHERE id = ANY($1::uuid[]) AND merged_into IS NULL", list(contact_ids)
    )
    return {row["id"]: row["name_key"] for row in rows}


async def replace_keys(connection: Connection, user_id: UserId, keys: Mapping[ContactId, Collection[str]]) -> None:
    """These contacts have these keys, and no others. The caller holds the user's lock."""
    rows = await connection.fetch(
        "SELECT key, contact_id FROM duplicate_keys WHERE contact_id = ANY($1::uuid[])", list(keys)
    )
    known = {(row["key"], row["contact_id"]) for row in rows}
    wanted = {(key, contact_id) for contact_id, several in keys.items() for key in several}
    if gone := sorted(known - wanted):
        await connection.execute(
            """DELETE FROM duplicate_keys d USING unnest($2::text[], $3::uuid[]) AS k(key, contact_id)
               WHERE d.user_id = $1 AND d.key = k.key AND d.contact_id = k.contact_id""",
            user_id,
            [key for key, _ in gone],
            [contact_id for _, contact_id in gone],
        )
    if new := sorted(wanted - known):
        await connection.execute(
            """INSERT INTO duplicate_keys (user_id, key, contact_id)
               SELECT $1, key, contact_id FROM unnest($2::text[], $3::uuid[]) AS k(key, contact_id)""",
            user_id,
            [key for key, _ in new],
            [contact_id for _, contact_id in new],
        )


async def list_blocks(connection: Connection, user_id: UserId, keys: Iterable[str]) -> dict[str, list[ContactId]]:
    """Who has each of these keys; nobody, where that are more than MAX_BLOCK: no more than that are read."""
    rows = await connection.fetch(
        """SELECT w.key, found.contact_ids FROM unnest($2::text[]) AS w(key) CROSS JOIN LATERAL (
               SELECT array_agg(block.contact_id) AS contact_ids FROM (
                   SELECT contact_id FROM duplicate_keys d WHERE d.user_id = $1 AND d.key = w.key LIMIT $3
               ) AS block
           ) AS found WHERE cardinality(found.contact_ids) BETWEEN 2 AND $3 - 1""",
        user_id,
        sorted(keys),
        MAX_BLOCK + 1,
    )
    return {row["key"]: row["contact_ids"] for row in rows}


async def replace_suggestions(
    connection: Connection, user_id: UserId, contact_ids: Collection[ContactId], found: Sequence[Suggestion]
) -> None:
    """What was found about these contacts replaces what was found before."""
    await connection.execute(
        "DELETE FROM duplicate_suggestions WHERE first_id = ANY($1::uuid[]) OR second_id = ANY($1::uuid[])",
        list(contact_ids),
    )
    if not found:
        return
    await connection.execute(
        """INSERT INTO duplicate_suggestions (user_id, first_id, second_id, confidence, evidence)
           SELECT $1, first_id, second_id, confidence, evidence FROM jsonb_to_recordset($2::jsonb)
               AS s(first_id uuid, second_id uuid, confidence float8, evidence text[])""",
        user_id,
        [
            {
                "first_id": str(pair.first_id),
                "second_id": str(pair.second_id),
                "confidence": pair.confidence,
                "evidence": list(pair.evidence),
            }
            for pair in found
        ],
    )


async def list_suggestions_of(
    connection: Connection, user_id: UserId, contact_id: ContactId, limit: int
) -> list[Suggestion]:
    """Who may be the same person as this contact, the surest first."""
    rows = await connection.fetch(
        """SELECT * FROM possible_duplicates WHERE user_id = $1 AND (first_id = $2 OR second_id = $2)
           ORDER BY confidence DESC, first_id, second_id LIMIT $3""",
        user_id,
        contact_id,
        limit,
    )
    return [_suggestion(row) for row in rows]


async def list_suggestions(
    connection: Connection, user_id: UserId, after: Position | None, limit: int
) -> list[Suggestion]:
    """A page of all pairs, the surest first."""
    rows = await connection.fetch(
        """SELECT * FROM possible_duplicates WHERE user_id = $1 AND ($2::float8 IS NULL OR confidence <= $2
               AND (confidence < $2 OR (first_id, second_id) > ($3::uuid, $4::uuid)))
           ORDER BY confidence DESC, first_id, second_id LIMIT $5""",
        user_id,
        *(after or (None, None, None)),
        limit,
    )
    return [_suggestion(row) for row in rows]


async def count_suggestions(connection: Connection, user_id: UserId, most: int) -> int:
    """How many pairs there are to decide about; counted no further than `most`."""
    return int(
        await connection.fetchval(
            "SELECT count(*) FROM (SELECT FROM possible_duplicates WHERE user_id = $1 LIMIT $2) AS counted",
            user_id,
            most,
        )
    )


def _suggestion(row: Record) -> Suggestion:
    return Suggestion(row["first_id"], row["second_id"], row["confidence"], tuple(row["evidence"]))


async def insert_distinct(connection: Connection, user_id: UserId, contact_id: ContactId, other_id: ContactId) -> None:
    """These two, and all that were merged into either, are two people for ever. Nothing but the user joins them from now on (pinned)."""
    await connection.execute(
        """INSERT INTO distinct_contacts (user_id, first_id, second_id)
           SELECT $1, least(a.id, b.id), greatest(a.id, b.id) FROM contacts a, contacts b
           WHERE $2 IN (a.id, a.merged_into) AND $3 IN (b.id, b.merged_into) AND a.user_id = $1 AND b.user_id = $1
           ON CONFLICT DO NOTHING""",
        user_id,
        contact_id,
        other_id,
    )
    await connection.execute("UPDATE contacts SET pinned = true WHERE id = ANY($1::uuid[])", [contact_id, other_id])
