"""Lists of contacts: in each of their orders, filtered; and single ones as lists show them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.common.db import Connection, Record
from libs.common.ids import ContactId, UserId
from libs.common.requests import ContactOrder, GoingCold, Tag

COLUMNS = """c.id, c.name, c.name_key, c.company, c.company_key, c.title, c.photo_url, c.score, c.last_at, c.created_at, c.phone_keys,
    c.next_meeting_at, c.cold_since, c.usual_days, c.cold_was,
    ARRAY(SELECT a.shown FROM addresses a WHERE a.contact_id = c.id AND a.kind = 'email' ORDER BY a.position NULLS LAST, a.id) AS emails"""
LISTED = "c.user_id = $1 AND c.merged_into IS NULL"


@dataclass(frozen=True)
class ListedContact:
    """A contact as lists show it. Keys are folded, `phone_keys` are comparable, `rank` is how well a text fits."""

    id: ContactId
    name: str
    name_key: str
    company: str
    company_key: str
    title: str
    photo_url: str
    score: int
    last_at: datetime | None
    next_meeting_at: datetime | None
    going_cold: GoingCold | None
    created_at: datetime
    phone_keys: tuple[str, ...]
    emails: tuple[str, ...]
    rank: int = 0


@dataclass(frozen=True)
class ContactFilter:
    """Whose contacts are listed, and which. `scores`: the lowest and the highest."""

    user_id: UserId
    archived: bool = False
    tag: str | None = None
    scores: tuple[int, int] | None = None
    upcoming: bool = False
    going_cold: bool = False


class Parameters(list[Any]):
    """The values of a statement that is put together."""

    def add(self, value: object, kind: str) -> str:
        """What stands for the value in the statement."""
        self.append(value)
        return f"${len(self)}::{kind}"


@dataclass(frozen=True)
class _Order:
    """An order of the list, and what lies behind a position in it, whose parts are $3 and following."""

    by: str
    behind: str


LAST = "coalesce(c.last_at, '-infinity')"
_BY_NAME = _Order("c.name_key, c.id", "(c.name_key, c.id) > ($3, $4::uuid)")
_BY_RECENT = _Order(
    f"{LAST} DESC, c.id", f"{LAST} <= $3::timestamptz AND ({LAST} < $3::timestamptz OR c.id > $4::uuid)"
)
_BY_SCORE = _Order(
    f"c.score DESC, {LAST} DESC, c.id",
    f"""c.score <= $3::int AND (c.score < $3::int OR {LAST} < $4::timestamptz
        OR ({LAST} = $4::timestamptz AND c.id > $5::uuid))""",
)
_BY_COMPANY = _Order(
    "(c.company_key = ''), c.company_key, c.name_key, c.id",
    "((c.company_key = ''), c.company_key, c.name_key, c.id) > ($3 = '', $3, $4, $5::uuid)",
)
_BY_ADDED = _Order(
    "c.created_at DESC, c.id",
    "c.created_at <= $3::timestamptz AND (c.created_at < $3::timestamptz OR c.id > $4::uuid)",
)
_ORDERS: dict[ContactOrder, _Order] = {
    "name": _BY_NAME,
    "recent": _BY_RECENT,
    "score": _BY_SCORE,
    "company": _BY_COMPANY,
    "added": _BY_ADDED,
}


async def list_sorted(
    connection: Connection, wanted: ContactFilter, order: ContactOrder, after: Sequence[Any] | None, limit: int
) -> list[ListedContact]:
    """Positions: by name name_key, id; recent: last contact (the beginning of time without one), id; score: score, last contact, id.

    By company: company_key, name_key, id; added: created_at, id.
    """
    values = Parameters([wanted.user_id, limit, *(after or ())])
    behind = f"AND {_ORDERS[order].behind}" if after else ""
    rows = await connection.fetch(
        f"""SELECT {COLUMNS} FROM contacts c WHERE {LISTED} {fitting(wanted, values)} {behind}
            ORDER BY {_ORDERS[order].by} LIMIT $2""",  # noqa: S608  (no input in it)
        *values,
    )
    return [listed(row) for row in rows]


def fitting(wanted: ContactFilter, values: Parameters) -> str:
    """The conditions of a filter. Adds to the values."""
    conditions = ["AND c.archived" if wanted.archived else "AND NOT c.archived"]
    if wanted.tag is not None:
        conditions.append(f"AND c.tags <> '{{}}' AND c.tags @> {values.add([wanted.tag], 'text[]')}")
    if wanted.scores is not None:
        lowest, highest = (values.add(total, "int") for total in wanted.scores)
        conditions.append(f"AND c.score BETWEEN {lowest} AND {highest}")
    if wanted.upcoming:
        conditions.append("AND c.next_meeting_at IS NOT NULL")
    if wanted.going_cold:
        conditions.append("AND c.cold_since IS NOT NULL")
    return " ".join(conditions)


async def list_tags(connection: Connection, user_id: UserId, limit: int) -> list[Tag]:
    """The tags of contacts that are not archived, those of most contacts first."""
    rows = await connection.fetch(
        f"""SELECT tag, count(*) AS contacts FROM contacts c, unnest(c.tags) AS tag
            WHERE {LISTED} AND NOT c.archived AND c.tags <> '{{}}' GROUP BY tag ORDER BY contacts DESC, tag LIMIT $2""",  # noqa: S608  (no input in it)
        user_id,
        limit,
    )
    return [Tag(name=row["tag"], contacts=row["contacts"]) for row in rows]


async def list_listed_contacts(
    connection: Connection, contact_ids: Collection[ContactId]
) -> dict[ContactId, ListedContact]:
    """These contacts as lists show them, by id."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM contacts c WHERE c.id = ANY($1::uuid[])",  # noqa: S608  (no input in it)
        list(contact_ids),
    )
    return {row["id"]: listed(row) for row in rows}


def listed(row: Record, rank: int = 0) -> ListedContact:
    cold = row["cold_since"] and GoingCold(since=row["cold_since"], usual_days=row["usual_days"], was=row["cold_was"])
    return ListedContact(
        id=row["id"],
        name=row["name"],
        name_key=row["name_key"],
        company=row["company"],
        company_key=row["company_key"],
        title=row["title"],
        photo_url=row["photo_url"],
        score=row["score"],
        last_at=row["last_at"],
        next_meeting_at=row["next_meeting_at"],
        going_cold=cold,
        created_at=row["created_at"],
        phone_keys=tuple(row["phone_keys"]),
        emails=tuple(row["emails"]),
        rank=rank,
    )
