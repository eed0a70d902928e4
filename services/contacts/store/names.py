"""The names of addresses, learned from the interactions that they are on."""

from collections.abc import Collection

from libs.common.db import Connection
from libs.common.ids import ContactId, InteractionId
from services.contacts.domain.addresses import AddressId

_LEARN = """
    UPDATE addresses a SET name = n.name, name_rank = n.rank, name_at = n.occurred_at
    FROM (
        SELECT DISTINCT ON (p.address_id) p.address_id, p.name, l.rank, i.occurred_at
        FROM participants p
        JOIN interactions i ON i.id = p.interaction_id
        LEFT JOIN addresses author ON author.id = i.author_id
        CROSS JOIN LATERAL (SELECT CASE
            -- What people call themselves comes before what others call them.
            WHEN i.platform = 'email' AND p.role = 'from' THEN 2
            WHEN i.platform = 'email' AND p.role <> 'bcc_log' AND coalesce(author.is_me, false) THEN 1
            WHEN i.platform = 'calendar' THEN 1
            WHEN i.platform NOT IN ('email', 'calendar') THEN 2
        END::smallint AS rank) l
        WHERE {which} AND p.name <> '' AND l.rank IS NOT NULL AND NOT i.via
          AND counts_towards_relationship(i.automated, i.answered)
          AND NOT (i.unauthenticated AND coalesce(author.is_me, false))
        ORDER BY p.address_id, l.rank DESC, i.occurred_at DESC, p.name DESC
    ) n
    WHERE a.id = n.address_id AND (n.rank, n.occurred_at, n.name) > (a.name_rank, a.name_at, a.name)
    RETURNING a.contact_id
"""


async def update_names(connection: Connection, interaction_ids: Collection[InteractionId]) -> set[ContactId]:
    """Learn display names from interactions; the contacts whose addresses now have a better one."""
    rows = await connection.fetch(_LEARN.format(which="i.id = ANY($1::uuid[])"), list(interaction_ids))
    return {row["contact_id"] for row in rows if row["contact_id"]}


async def relearn_names(connection: Connection, address_ids: Collection[AddressId]) -> set[ContactId]:
    """Learn the names of these addresses from the beginning, for what taught one may be gone; the contacts that had one."""
    ids = list(address_ids)
    rows = await connection.fetch(
        """UPDATE addresses SET name = '', name_rank = -1, name_at = '-infinity'
           WHERE id = ANY($1::bigint[]) AND name_rank >= 0 AND NOT is_me RETURNING contact_id""",
        ids,
    )
    others = "p.address_id IN (SELECT id FROM addresses WHERE id = ANY($1::bigint[]) AND NOT is_me)"
    await connection.execute(_LEARN.format(which=others), ids)
    return {row["contact_id"] for row in rows if row["contact_id"]}
