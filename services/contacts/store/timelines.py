"""Timelines: the lines of contacts (views/timeline_lines.sql), newest first, and what is on each."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.events import Person
from libs.common.ids import AccountId, ContactId, InteractionId, UserId
from libs.common.requests import ContactRef, Direction
from services.contacts.domain.timeline_pieces import first_length, next_length

LINES = """
    SELECT l.interaction_id, l.occurred_at, l.direction, l.platform, l.contact_id, l.counted,
           l.kind, l.title, l.text, l.thread, l.automated, l.bcc_logged, l.ends_at
    FROM timeline_lines l
"""

Position: TypeAlias = tuple[datetime, InteractionId]
"""Of a line in a timeline; the newest line has the highest."""


@dataclass(frozen=True)
class TimelineLine:
    """An interaction from a contact's point of view."""

    contact_id: ContactId
    interaction_id: InteractionId
    occurred_at: datetime
    direction: Direction
    platform: str
    kind: str
    title: str
    text: str
    thread: str
    automated: str
    bcc_logged: bool
    ends_at: datetime | None

    @property
    def position(self) -> Position:
        return (self.occurred_at, self.interaction_id)


@dataclass(frozen=True)
class ListedPeople:
    """The first of the people on an interaction, and how many there are; who is in two roles is there twice."""

    first: tuple[Person, ...] = ()
    total: int = 0


_LAST_ID = InteractionId(UUID(int=2**128 - 1))

# Of a contact ($1) the lines that fit a filter (`conditions`) among some interactions ($8). Each by itself, as OFFSET 0 has it: together
# the planner would read all that the contact is on, and pick these from it.
FITTING = f"""
    SELECT line.* FROM unnest($8::uuid[]) AS piece(interaction_id) CROSS JOIN LATERAL (
        {LINES} WHERE l.contact_id = $1
          AND ($2::text IS NULL OR l.platform = $2) AND ($3::text IS NULL OR l.direction = $3)
          AND ($4 = '' OR strpos(lower(l.title || ' ' || l.text), lower($4)) > 0)
          AND ($5::timestamptz IS NULL OR l.occurred_at <= $5) AND ($6::timestamptz IS NULL OR l.occurred_at > $6)
          AND ($7::text IS NULL OR l.thread = $7) AND l.interaction_id = piece.interaction_id OFFSET 0
    ) line
"""  # noqa: S608  (no input in it)


# Whoever has seen something of the user whose contact $1 is: the user, for what was written by hand, and their accounts, also those whose
# connection has not arrived yet. Each is found with one look at an index, however much it has seen.
SOURCES = """
    RECURSIVE sources(id) AS (
        (SELECT s.source_id FROM sightings s
         WHERE s.user_id = (SELECT user_id FROM contacts WHERE id = $1) ORDER BY s.source_id NULLS FIRST LIMIT 1)
        UNION ALL
        SELECT (
            SELECT s.source_id FROM sightings s
            WHERE s.user_id = (SELECT user_id FROM contacts WHERE id = $1) AND s.source_id > sources.id
            ORDER BY s.source_id NULLS FIRST LIMIT 1
        ) FROM sources WHERE sources.id IS NOT NULL
    )
"""


@dataclass(frozen=True)
class TimelineFilter:
    """Which lines of a timeline are asked for.

    `until`: what had begun then; `later_than`: what had not. `down_to`: as far as this position, itself included.
    `with_older`: of folded threads not the newest message alone.
    """

    platform: str | None = None
    direction: str | None = None
    text: str = ""
    thread: str | None = None
    until: datetime | None = None
    later_than: datetime | None = None
    down_to: Position | None = None
    with_older: bool = False

    @property
    def narrows(self) -> bool:
        """Whether lines are left out by what they are."""
        return any((self.platform, self.direction, self.text, self.thread))

    def ends_above(self, position: Position) -> bool:
        """Whether nothing from this position on is asked for."""
        if self.later_than is not None and position[0] <= self.later_than:
            return True
        return self.down_to is not None and position < self.down_to

    def begins_after(self, position: Position | None) -> Position | None:
        """Behind which position there may be something, where it is read on from this one; None: from the newest on."""
        if self.until is None:
            return position
        newest = (self.until, _LAST_ID)
        return newest if position is None else min(position, newest)


@dataclass(frozen=True)
class Piece:
    """What is at the next positions, newest first; not all of it is a line that fits. `is_last`: nothing follows behind `end`."""

    ids: Sequence[InteractionId]
    end: Position | None
    is_last: bool


async def list_lines(
    connection: Connection, contact_id: ContactId, wanted: TimelineFilter, after: Position | None, limit: int
) -> list[TimelineLine]:
    """One page of a timeline, after this position.

    Read are pieces, each as long as is likely to do: a page costs what its own lines cost, however long the timeline.
    """
    found: list[TimelineLine] = []
    length, read = first_length(limit, narrows=wanted.narrows), 0
    while True:
        piece = await get_piece(connection, contact_id, wanted, after, length)
        found += await list_among(connection, contact_id, wanted, piece.ids)
        if piece.is_last or len(found) >= limit:
            return found[:limit]
        read += length
        after, length = piece.end, next_length(read, len(found), limit)


async def get_piece(
    connection: Connection, contact_id: ContactId, wanted: TimelineFilter, after: Position | None, length: int
) -> Piece:
    """So many positions after this one; fewer where it is the last piece."""
    begin = wanted.begins_after(after)
    if wanted.thread is None:
        found = await _list_piece(connection, contact_id, begin, wanted.later_than, length)
    else:
        found = await _list_piece_of_thread(connection, contact_id, wanted.thread, begin, length)
    is_last = len(found) < length or wanted.ends_above(found[-1])
    ids = [position[1] for position in found if wanted.down_to is None or position >= wanted.down_to]
    return Piece(ids, found[-1] if found else None, is_last)


async def _list_piece(
    connection: Connection, contact_id: ContactId, after: Position | None, later_than: datetime | None, limit: int
) -> list[Position]:
    """The next positions at which something of the contact's addresses is, by their index; not all of it is a line."""
    rows = await connection.fetch(
        """SELECT DISTINCT piece.occurred_at, piece.interaction_id
           FROM addresses a CROSS JOIN LATERAL (
               SELECT DISTINCT p.occurred_at, p.interaction_id FROM participants p
               WHERE p.address_id = a.id AND (p.occurred_at, p.interaction_id)
                   < (coalesce($2, 'infinity'::timestamptz), coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
                 AND p.occurred_at > coalesce($5, '-infinity'::timestamptz)
               ORDER BY p.occurred_at DESC, p.interaction_id DESC LIMIT $4
           ) piece
           WHERE a.contact_id = $1 ORDER BY 1 DESC, 2 DESC LIMIT $4""",
        contact_id,
        *(after or (None, None)),
        limit,
        later_than,
    )
    return [(row["occurred_at"], row["interaction_id"]) for row in rows]


async def _list_piece_of_thread(
    connection: Connection, contact_id: ContactId, thread: str, after: Position | None, limit: int
) -> list[Position]:
    """The next positions in a thread, whoever is on what is there: in any account of the user, or written by hand."""
    rows = await connection.fetch(
        f"""WITH {SOURCES}
            SELECT DISTINCT i.occurred_at, i.id FROM sources CROSS JOIN LATERAL (
                SELECT s.interaction_id FROM sightings s WHERE s.source_id = sources.id AND s.thread = $2 AND s.fact IS NOT NULL OFFSET 0
            ) seen JOIN interactions i ON i.id = seen.interaction_id
            WHERE (i.occurred_at, i.id)
                < (coalesce($3, 'infinity'::timestamptz), coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
            ORDER BY 1 DESC, 2 DESC LIMIT $5""",  # noqa: S608  (no input in it)
        contact_id,
        thread,
        *(after or (None, None)),
        limit,
    )
    return [(row["occurred_at"], row["id"]) for row in rows]


async def list_among(
    connection: Connection, contact_id: ContactId, wanted: TimelineFilter, ids: Sequence[InteractionId]
) -> list[TimelineLine]:
    """Those of these interactions that are lines of the timeline and fit, newest first, wherever they stand on it."""
    if not ids:
        return []
    rows = await connection.fetch(
        f"{FITTING} ORDER BY line.occurred_at DESC, line.interaction_id DESC",
        contact_id,
        *conditions(wanted),
        ids,
    )
    return [line_of(row) for row in rows]


def conditions(wanted: TimelineFilter) -> tuple[object, ...]:
    """The parameters of FITTING between the contact and the interactions."""
    return (wanted.platform, wanted.direction, wanted.text, wanted.until, wanted.later_than, wanted.thread)


async def list_lines_of(
    connection: Connection, wanted: Collection[tuple[ContactId, InteractionId]]
) -> dict[tuple[ContactId, InteractionId], TimelineLine]:
    """These interactions from the point of view of these contacts, as far as they are lines of their timelines."""
    rows = await connection.fetch(
        f"""SELECT line.* FROM unnest($1::uuid[], $2::uuid[]) AS piece(contact_id, interaction_id) CROSS JOIN LATERAL (
                {LINES} WHERE l.contact_id = piece.contact_id AND l.interaction_id = piece.interaction_id OFFSET 0
            ) line""",  # noqa: S608  (no input in it)
        [contact_id for contact_id, _ in wanted],
        [interaction_id for _, interaction_id in wanted],
    )
    return {(row["contact_id"], row["interaction_id"]): line_of(row) for row in rows}


async def get_line(connection: Connection, contact_id: ContactId, platform: str, ref: str) -> TimelineLine | None:
    """The line of what is known as `ref` on a platform other than email; None where it is not on the contact's timeline."""
    row = await connection.fetchrow(
        f"""{LINES} WHERE l.contact_id = $1 AND l.interaction_id = (
                SELECT i.id FROM contacts c JOIN interactions i ON i.user_id = c.user_id
                WHERE c.id = $1 AND i.platform = $2 AND i.ref = $3 AND i.platform <> 'email')""",  # noqa: S608  (no input in it)
        contact_id,
        platform,
        ref,
    )
    return line_of(row) if row else None


async def list_people(
    connection: Connection, ids: Collection[InteractionId], at_most: int
) -> dict[InteractionId, ListedPeople]:
    """Who is on these interactions, the author or organizer first, `at_most` of each; and how many they are, those included of whom
    only the number was kept. Of notes: nobody.
    """
    order = "ORDER BY p.role <> 'from', p.role <> 'organizer', p.role, a.id) FILTER (WHERE a.kind <> 'bcc'))[1:$2]"
    rows = await connection.fetch(
        f"""SELECT i.id, (array_agg(p.role {order} AS roles, (array_agg(a.shown {order} AS addresses, (array_agg(p.name {order} AS names,
               count(*) FILTER (WHERE a.kind <> 'bcc' AND p.role <> 'bcc_log')
               + greatest(i.crowd - count(DISTINCT a.id) FILTER (WHERE p.role <> 'bcc_log'), 0) AS total
           FROM interactions i
           JOIN participants p ON p.interaction_id = i.id
           JOIN addresses a ON a.id = p.address_id
           WHERE i.id = ANY($1::uuid[]) GROUP BY i.id HAVING bool_or(p.role <> 'bcc_log')""",  # noqa: S608  (no input in it)
        list(ids),
        at_most,
    )
    return {row["id"]: ListedPeople(_people(row), row["total"]) for row in rows}


def _people(row: Record) -> tuple[Person, ...]:
    written = zip(row["roles"] or (), row["addresses"] or (), row["names"] or (), strict=True)
    return tuple(Person(role=role, address=address, name=name) for role, address, name in written)


async def list_accounts_of(
    connection: Connection, ids: Collection[InteractionId]
) -> dict[InteractionId, tuple[AccountId, ...]]:
    """The accounts that saw these interactions."""
    accounts: dict[InteractionId, list[AccountId]] = defaultdict(list)
    rows = await connection.fetch(
        """SELECT DISTINCT interaction_id, source_id FROM sightings
           WHERE interaction_id = ANY($1::uuid[]) AND fact IS NOT NULL AND source_id <> user_id ORDER BY 1, 2""",
        list(ids),
    )
    for row in rows:
        accounts[row["interaction_id"]].append(row["source_id"])
    return {interaction_id: tuple(found) for interaction_id, found in accounts.items()}


async def list_contacts_of_message(
    connection: Connection, user_id: UserId, account_id: AccountId, ref: str, limit: int
) -> list[ContactRef]:
    """The contacts on whose timelines a message is, by name."""
    rows = await connection.fetch(
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
    return [ContactRef(id=row["id"], name=row["name"]) for row in rows]


def line_of(row: Record) -> TimelineLine:
    """The line in a row of LINES."""
    return TimelineLine(
        contact_id=row["contact_id"],
        interaction_id=row["interaction_id"],
        occurred_at=row["occurred_at"],
        direction=row["direction"],
        platform=row["platform"],
        kind=row["kind"],
        title=row["title"],
        text=row["text"],
        thread=row["thread"],
        automated=row["automated"],
        bcc_logged=row["bcc_logged"],
        ends_at=row["ends_at"],
    )
