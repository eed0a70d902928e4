"""Lists of contacts: by name, by last contact, by score, by text; and those that may be the same person as another."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.common.db import Connection, Record
from libs.common.ids import ContactId, UserId

_COLUMNS = """c.id, c.name, c.name_key, c.company, c.title, c.photo_url, c.score, c.last_at, c.phone_keys,
    ARRAY(SELECT a.shown FROM addresses a WHERE a.contact_id = c.id AND a.kind = 'email' ORDER BY a.position NULLS LAST, a.id) AS emails"""
_LISTED = "c.user_id = $1 AND c.merged_into IS NULL AND NOT c.archived"


@dataclass(frozen=True)
class ListedContact:
    """A contact as lists show it. `name_key` is the folded name, `phone_keys` are comparable, `rank` is how well a text fits."""

    id: ContactId
    name: str
    name_key: str
    company: str
    title: str
    photo_url: str
    score: int
    last_at: datetime | None
    phone_keys: tuple[str, ...]
    emails: tuple[str, ...]
    rank: int = 0


@dataclass(frozen=True)
class _Order:
    """An order of the list, and what lies behind a position in it, whose parts are $3 and following."""

    by: str
    behind: str


_LAST = "coalesce(c.last_at, '-infinity')"
_BY_NAME = _Order("c.name_key, c.id", "(c.name_key, c.id) > ($3, $4::uuid)")
_BY_RECENT = _Order(
    f"{_LAST} DESC, c.id", f"{_LAST} <= $3::timestamptz AND ({_LAST} < $3::timestamptz OR c.id > $4::uuid)"
)
_BY_SCORE = _Order(
    f"c.score DESC, {_LAST} DESC, c.id",
    f"""c.score <= $3::int AND (c.score < $3::int OR {_LAST} < $4::timestamptz
        OR ({_LAST} = $4::timestamptz AND c.id > $5::uuid))""",
)


async def list_by_name(
    connection: Connection, user_id: UserId, after: tuple[str, ContactId] | None, limit: int
) -> list[ListedContact]:
    """Position: name_key, id."""
    return await _list_page(connection, user_id, _BY_NAME, after, limit)


async def list_by_recent(
    connection: Connection, user_id: UserId, after: tuple[datetime, ContactId] | None, limit: int
) -> list[ListedContact]:
    """Position: last contact (the beginning of time without one), id."""
    return await _list_page(connection, user_id, _BY_RECENT, after, limit)


async def list_by_score(
    connection: Connection, user_id: UserId, after: tuple[int, datetime, ContactId] | None, limit: int
) -> list[ListedContact]:
    """Position: score, last contact, id."""
    return await _list_page(connection, user_id, _BY_SCORE, after, limit)


async def list_by_text(
    connection: Connection, user_id: UserId, query: str, after: tuple[int, ContactId] | None, limit: int
) -> list[ListedContact]:
    """Contacts that a tsquery finds, best first: names before emails and companies before notes. Position: rank, id."""
    rank = "(1e6 * ts_rank('{0.05, 0.1, 0.4, 1.0}', c.search, q.query))::int"
    more = f"AND ({rank} < $4 OR ({rank} = $4 AND c.id > $5::uuid))" if after else ""
    rows = await connection.fetch(
        f"""SELECT {_COLUMNS}, {rank} AS rank FROM contacts c, to_tsquery('simple', $3) AS q(query)
            WHERE {_LISTED} AND c.search @@ q.query {more}
            ORDER BY rank DESC, c.id LIMIT $2""",  # noqa: S608  (no input in it)
        user_id,
        limit,
        query,
        *(after or ()),
    )
    return [_listed(row, row["rank"]) for row in rows]


async def _list_page(
    connection: Connection, user_id: UserId, order: _Order, after: Sequence[Any] | None, limit: int
) -> list[ListedContact]:
    rows = await connection.fetch(
        f"""SELECT {_COLUMNS} FROM contacts c WHERE {_LISTED} {f"AND {order.behind}" if after else ""}
            ORDER BY {order.by} LIMIT $2""",  # noqa: S608  (no input in it)
        user_id,
        limit,
        *(after or ()),
    )
    return [_listed(row) for row in rows]


async def list_look_alikes(
    connection: Connection, contact_id: ContactId, query: str, limit: int
) -> list[ListedContact]:
    """Contacts of the same user that share a phone, the name or a word of it with this one: candidates to compare."""
    rows = await connection.fetch(
        f"""SELECT {_COLUMNS} FROM contacts me JOIN contacts c ON c.user_id = me.user_id AND c.id <> me.id
            WHERE me.id = $1 AND c.merged_into IS NULL AND NOT c.archived
              AND (c.phone_keys && me.phone_keys OR c.name_key = me.name_key AND me.name_key <> ''
                   OR $2 <> '' AND c.search @@ to_tsquery('simple', $2))
            ORDER BY c.name_key = me.name_key DESC, c.phone_keys && me.phone_keys DESC, c.id LIMIT $3""",  # noqa: S608  (no input in it)
        contact_id,
        query,
        limit,
    )
    return [_listed(row) for row in rows]


async def list_contacts_by_id(connection: Connection, contact_ids: Collection[ContactId]) -> list[ListedContact]:
    """Those of these contacts that are there, in no order."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM contacts c WHERE c.id = ANY($1::uuid[])",  # noqa: S608  (no input in it)
        list(contact_ids),
    )
    return [_listed(row) for row in rows]


async def get_listed_contact(connection: Connection, contact_id: ContactId) -> ListedContact | None:
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM contacts c WHERE c.id = $1", contact_id)  # noqa: S608  (no input in it)
    return _listed(row) if row else None


def _listed(row: Record, rank: int = 0) -> ListedContact:
    return ListedContact(
        id=row["id"],
        name=row["name"],
        name_key=row["name_key"],
        company=row["company"],
        title=row["title"],
        photo_url=row["photo_url"],
        score=row["score"],
        last_at=row["last_at"],
        phone_keys=tuple(row["phone_keys"]),
        emails=tuple(row["emails"]),
        rank=rank,
    )
