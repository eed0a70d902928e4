"""What is held of single messages, beside what was said of them."""

from collections.abc import Collection
from uuid import UUID

from libs.common.db import Connection, Record


async def list_differing(
    connection: Connection, account_id: UUID, told: Collection[tuple[str, str, int, bool]]
) -> list[Record]:
    """gmail_id, revision (0: never seen) of the messages that are not held as told: (Gmail id, ref, revision, removed).

    One that is there must be held alive, with its interaction, at least at its revision; one that was removed must not be alive
    as of an earlier one.
    """
    return await connection.fetch(
        """SELECT t.gmail_id, coalesce(s.revision, 0) AS revision
           FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bool[]) AS t(gmail_id, ref, revision, removed)
           LEFT JOIN sightings s ON s.source_id = $1 AND s.platform = 'email' AND s.ref = t.ref
           WHERE CASE WHEN t.removed THEN s.fact IS NOT NULL AND s.revision < t.revision
                 ELSE s.fact IS NULL OR s.revision < t.revision
                      OR NOT EXISTS (SELECT FROM interactions i WHERE i.id = s.interaction_id) END""",
        account_id,
        *([list(column) for column in zip(*told, strict=True)] or [[], [], [], []]),
    )


async def list_contacts(connection: Connection, user_id: UUID, account_id: UUID, ref: str, limit: int) -> list[Record]:
    """id, name of the contacts on whose timelines a message is."""
    return await connection.fetch(
        """SELECT c.id, c.name FROM sightings s
           JOIN timeline_lines l ON l.interaction_id = s.interaction_id
           JOIN contacts c ON c.id = l.contact_id
           WHERE s.source_id = $2 AND s.platform = 'email' AND s.ref = $3 AND s.user_id = $1 AND s.fact IS NOT NULL
             AND c.merged_into IS NULL AND NOT c.archived
           ORDER BY c.name, c.id LIMIT $4""",
        user_id,
        account_id,
        ref,
        limit,
    )
