"""Everything of a user: counted, and page by page."""

from typing import Any
from uuid import UUID

from libs.common.db import Connection, Record


async def count(connection: Connection, user_id: UUID) -> dict[str, int]:
    """contacts, messages, meetings, other, imported. A meeting counts where somebody besides me is invited."""
    row = await connection.fetchrow(
        """SELECT
            (SELECT count(*) FROM contacts WHERE user_id = $1 AND merged_into IS NULL AND NOT archived) AS contacts,
            (SELECT count(*) FROM interactions WHERE user_id = $1 AND platform = 'email') AS messages,
            (SELECT count(*) FROM interactions i WHERE user_id = $1 AND platform = 'calendar' AND EXISTS (
                SELECT FROM participants p JOIN addresses a ON a.id = p.address_id
                WHERE p.interaction_id = i.id AND p.role = 'attendee' AND NOT a.is_me)) AS meetings,
            (SELECT count(*) FROM interactions WHERE user_id = $1 AND platform NOT IN ('email', 'calendar')) AS other,
            (SELECT count(*) FROM cards WHERE user_id = $1 AND live AND contact_id IS NOT NULL) AS imported""",
        user_id,
    )
    return dict(row or {})


async def list_contact_ids(connection: Connection, user_id: UUID, after: UUID, limit: int) -> list[UUID]:
    rows = await connection.fetch(
        "SELECT id FROM contacts WHERE user_id = $1 AND merged_into IS NULL AND id > $2 ORDER BY id LIMIT $3",
        user_id,
        after,
        limit,
    )
    return [row["id"] for row in rows]


async def list_interactions(connection: Connection, user_id: UUID, after: UUID, limit: int) -> list[Record]:
    return await connection.fetch(
        """SELECT i.id, i.platform, i.ref, i.kind, i.thread, i.occurred_at, i.ends_at, i.title, i.text, i.automated, i.direction,
               coalesce(author.is_me, false) AS by_me,
               (SELECT jsonb_agg(jsonb_build_object('role', p.role, 'kind', a.kind, 'address', a.shown, 'name', p.name,
                                                    'contact_id', a.contact_id) ORDER BY p.role, a.id)
                FROM participants p JOIN addresses a ON a.id = p.address_id WHERE p.interaction_id = i.id) AS people
           FROM interactions i LEFT JOIN addresses author ON author.id = i.author_id
           WHERE i.user_id = $1 AND i.id > $2 ORDER BY i.id LIMIT $3""",
        user_id,
        after,
        limit,
    )


def as_json(row: Record) -> dict[str, Any]:
    """A row of `list_interactions` as plain JSON; mail's direction is told by its author."""
    fields = dict(row)
    fields["direction"] = row["direction"] or ("outbound" if fields.pop("by_me") else "inbound")
    fields.pop("by_me", None)
    for name in ("id", "occurred_at", "ends_at"):
        if fields[name] is not None:
            fields[name] = str(fields[name]) if name == "id" else fields[name].isoformat()
    return fields
