"""Lists of contacts: by name, by last contact, by score, by text."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.db import Connection, Record

_COLUMNS = """c.id, c.name, c.name_key, c.company, c.title, c.photo_url, c.score, c.last_at, c.phone_keys,
    ARRAY(SELECT a.shown FROM addresses a WHERE a.contact_id = c.id AND a.kind = 'email' ORDER BY a.position NULLS LAST, a.id) AS emails"""
_LISTED = "c.user_id = $1 AND c.merged_into IS NULL AND NOT c.archived"


async def by_name(connection: Connection, user_id: UUID, after: tuple[str, UUID] | None, limit: int) -> list[Record]:
    """Position: name_key, id."""
    return await _page(connection, "(c.name_key, c.id) > ($3, $4::uuid)", "c.name_key, c.id", user_id, limit, after)


async def by_recent(
    connection: Connection, user_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> list[Record]:
    """Position: last contact (the beginning of time without one), id."""
    last = "coalesce(c.last_at, '-infinity')"
    where = f"{last} <= $3::timestamptz AND ({last} < $3::timestamptz OR c.id > $4::uuid)"
    return await _page(connection, where, f"{last} DESC, c.id", user_id, limit, after)


async def by_score(
    connection: Connection, user_id: UUID, after: tuple[int, datetime, UUID] | None, limit: int
) -> list[Record]:
    """Position: score, last contact, id."""
    last = "coalesce(c.last_at, '-infinity')"
    where = f"""c.score <= $3::int AND (c.score < $3::int OR {last} < $4::timestamptz
                OR ({last} = $4::timestamptz AND c.id > $5::uuid))"""
    return await _page(connection, where, f"c.score DESC, {last} DESC, c.id", user_id, limit, after)


async def by_text(
    connection: Connection, user_id: UUID, query: str, after: tuple[int, UUID] | None, limit: int
) -> list[Record]:
    """Contacts that a tsquery finds, best first: names before emails and companies before notes. Position: rank, id."""
    rank = "(1e6 * ts_rank('{0.05, 0.1, 0.4, 1.0}', c.search, q.query))::int"
    more = f"AND ({rank} < $4 OR ({rank} = $4 AND c.id > $5::uuid))" if after else ""
    return await connection.fetch(
        f"""SELECT {_COLUMNS}, {rank} AS rank FROM contacts c, to_tsquery('simple', $3) AS q(query)
            WHERE {_LISTED} AND c.search @@ q.query {more}
            ORDER BY rank DESC, c.id LIMIT $2""",  # noqa: S608  (no input in it)
        user_id,
        limit,
        query,
        *(after or ()),
    )


async def _page(
    connection: Connection, where: str, order: str, user_id: UUID, limit: int, after: Sequence[Any] | None
) -> list[Record]:
    return await connection.fetch(
        f"""SELECT {_COLUMNS} FROM contacts c WHERE {_LISTED} {f"AND {where}" if after else ""}
            ORDER BY {order} LIMIT $2""",  # noqa: S608  (no input in it)
        user_id,
        limit,
        *(after or ()),
    )


async def look_alikes(connection: Connection, contact_id: UUID, query: str, limit: int) -> list[Record]:
    """Contacts of the same user that share a phone, the name or a word of it with this one: candidates to compare."""
    return await connection.fetch(
        f"""SELECT {_COLUMNS} FROM contacts me JOIN contacts c ON c.user_id = me.user_id AND c.id <> me.id
            WHERE me.id = $1 AND c.merged_into IS NULL AND NOT c.archived
              AND (c.phone_keys && me.phone_keys OR c.name_key = me.name_key AND me.name_key <> ''
                   OR $2 <> '' AND c.search @@ to_tsquery('simple', $2))
            ORDER BY c.name_key = me.name_key DESC, c.phone_keys && me.phone_keys DESC, c.id LIMIT $3""",  # noqa: S608  (no input in it)
        contact_id,
        query,
        limit,
    )


async def get_summary(connection: Connection, contact_id: UUID) -> Record | None:
    return await connection.fetchrow(f"SELECT {_COLUMNS} FROM contacts c WHERE c.id = $1", contact_id)  # noqa: S608  (no input in it)
