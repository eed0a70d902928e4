"""Everything of a user, page by page in the order of ids, for the user's archive."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.ids import ContactId, InteractionId, UserId
from libs.common.pagination import json_bytes

ROWS_AT_ONCE = 20


@dataclass(frozen=True)
class ExportedInteraction:
    """An interaction as plain JSON."""

    id: InteractionId
    fields: dict[str, Any]


async def list_contact_ids(connection: Connection, user_id: UserId, after: UUID, limit: int) -> list[ContactId]:
    rows = await connection.fetch(
        "SELECT id FROM contacts WHERE user_id = $1 AND merged_into IS NULL AND id > $2 ORDER BY id LIMIT $3",
        user_id,
        after,
        limit,
    )
    return [row["id"] for row in rows]


async def list_interactions(
    connection: Connection, user_id: UserId, after: UUID, limit: int, budget_bytes: int
) -> list[ExportedInteraction]:
    """With everybody on them. At least two, where there are; not many more than `budget_bytes` of them. In a transaction."""
    found: list[ExportedInteraction] = []
    read_bytes = 0
    rows = connection.cursor(
        """SELECT i.id, i.platform, i.ref, i.kind, i.thread, i.occurred_at, i.ends_at, i.title, i.text, i.direction,
               coalesce(author.is_me, false) AND NOT i.unauthenticated AS by_me,
               CASE WHEN i.unauthenticated AND coalesce(author.is_me, false) THEN 'forged' ELSE i.automated END AS automated,
               everybody.people, everybody.listed + greatest(i.crowd - everybody.different, 0) AS people_total
           FROM interactions i LEFT JOIN addresses author ON author.id = i.author_id
           CROSS JOIN LATERAL (
               SELECT jsonb_agg(jsonb_build_object('role', p.role, 'kind', a.kind, 'address', a.shown, 'name', p.name,
                                                   'contact_id', a.contact_id) ORDER BY p.role, a.id) AS people,
                   count(*) AS listed, count(DISTINCT a.id) FILTER (WHERE p.role <> 'bcc_log') AS different
               FROM participants p JOIN addresses a ON a.id = p.address_id WHERE p.interaction_id = i.id
           ) everybody
           WHERE i.user_id = $1 AND i.id > $2 ORDER BY i.id LIMIT $3""",
        user_id,
        after,
        limit,
        prefetch=ROWS_AT_ONCE,
    )
    async for row in rows:
        found.append(ExportedInteraction(row["id"], _as_json(row)))
        read_bytes += json_bytes(found[-1].fields)
        if read_bytes > budget_bytes and len(found) > 1:
            break
    return found


def _as_json(row: Record) -> dict[str, Any]:
    """The direction of mail follows from its author."""
    fields = dict(row)
    by_me = fields.pop("by_me")
    fields["direction"] = fields["direction"] or ("outbound" if by_me else "inbound")
    fields["id"] = str(fields["id"])
    for name in ("occurred_at", "ends_at"):
        if fields[name] is not None:
            fields[name] = fields[name].isoformat()
    return fields
