"""Timelines with their threads folded: each stands at its newest message, and there alone, whatever page that is on."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from libs.common.db import Connection
from libs.common.ids import ContactId, InteractionId
from services.contacts.domain.timeline_pieces import first_length, next_length
from services.contacts.store.timelines import (
    FITTING,
    SOURCES,
    Position,
    TimelineFilter,
    TimelineLine,
    conditions,
    get_piece,
    line_of,
    list_among,
    list_lines,
)

OLDER_SHOWN = 10

Thread: TypeAlias = tuple[str, str]
"""A platform, and the name of a thread on it."""


@dataclass(frozen=True)
class FoldedLine:
    """A line with the thread that is folded into it: how many messages it has; and the first OLDER_SHOWN of the others, where wanted."""

    line: TimelineLine
    messages: int = 1
    older: tuple[TimelineLine, ...] = ()


async def list_single_lines(
    connection: Connection, contact_id: ContactId, wanted: TimelineFilter, after: Position | None, limit: int
) -> list[FoldedLine]:
    """One page of a timeline, after this position, in which every message stands by itself."""
    return [FoldedLine(line) for line in await list_lines(connection, contact_id, wanted, after, limit)]


async def list_folded_lines(
    connection: Connection, contact_id: ContactId, wanted: TimelineFilter, after: Position | None, limit: int
) -> list[FoldedLine]:
    """One page of a folded timeline, after this position.

    Whether a message is the newest of its thread does not depend on the page: an older one is left out wherever it is met, unread.
    """
    found: list[FoldedLine] = []
    threads: dict[Thread, FoldedLine | None] = {}
    in_threads: set[InteractionId] = set()
    length, read = first_length(limit, narrows=wanted.narrows), 0
    while True:
        piece = await get_piece(connection, contact_id, wanted, after, length)
        thread_of = await _list_thread_names(connection, piece.ids)
        unknown = {id_: thread for id_, thread in thread_of.items() if thread not in threads}
        if unknown:
            members = await _list_ids_in_threads(connection, contact_id, {name for _, name in unknown.values()})
            known = await _list_threads(connection, contact_id, wanted, members)
            threads |= {thread: known.get(thread) for thread in unknown.values()}
            in_threads.update(members)
        shown = {folded.line.interaction_id: folded for folded in threads.values() if folded}
        # What is in a thread stands at its newest message; what is in none, or in one that is not known yet, by itself.
        by_itself = [id_ for id_ in piece.ids if id_ not in thread_of or id_ not in in_threads]
        for line in await list_among(connection, contact_id, wanted, by_itself):
            shown[line.interaction_id] = FoldedLine(line)
        found += [shown[id_] for id_ in piece.ids if id_ in shown]
        if piece.is_last or len(found) >= limit:
            return found[:limit]
        read += length
        after, length = piece.end, next_length(read, len(found), limit)


async def _list_thread_names(connection: Connection, ids: Collection[InteractionId]) -> dict[InteractionId, Thread]:
    """The threads of those of these interactions that are in one."""
    rows = await connection.fetch(
        "SELECT id, platform, thread FROM interactions WHERE id = ANY($1::uuid[]) AND thread <> ''", list(ids)
    )
    return {row["id"]: (row["platform"], row["thread"]) for row in rows}


async def _list_threads(
    connection: Connection, contact_id: ContactId, wanted: TimelineFilter, members: Sequence[InteractionId]
) -> dict[Thread, FoldedLine]:
    """The threads that these messages make on the contact's timeline, as far as they fit."""
    rows = await connection.fetch(
        f"""SELECT * FROM (
                SELECT line.*, count(*) OVER (PARTITION BY platform, thread) AS messages,
                       row_number() OVER (PARTITION BY platform, thread ORDER BY occurred_at DESC, interaction_id DESC) AS nth
                FROM ({FITTING}) line WHERE thread <> ''
            ) numbered WHERE nth <= $9 ORDER BY nth""",  # noqa: S608  (no input in it)
        contact_id,
        *conditions(wanted),
        members,
        1 + (OLDER_SHOWN if wanted.with_older else 0),
    )
    lines: dict[Thread, list[TimelineLine]] = defaultdict(list)
    messages: dict[Thread, int] = {}
    for row in rows:
        thread = (row["platform"], row["thread"])
        lines[thread].append(line_of(row))
        messages[thread] = row["messages"]
    return {thread: FoldedLine(newest, messages[thread], tuple(older)) for thread, (newest, *older) in lines.items()}


async def _list_ids_in_threads(
    connection: Connection, contact_id: ContactId, names: Collection[str]
) -> list[InteractionId]:
    """What is in threads of these names, whoever is on it: in any account of the user, or written by hand."""
    rows = await connection.fetch(
        f"""WITH {SOURCES}
            SELECT DISTINCT seen.interaction_id FROM sources CROSS JOIN unnest($2::text[]) AS t(thread) CROSS JOIN LATERAL (
                SELECT s.interaction_id FROM sightings s
                WHERE s.source_id = sources.id AND s.thread = t.thread AND s.fact IS NOT NULL OFFSET 0
            ) seen WHERE seen.interaction_id IS NOT NULL""",  # noqa: S608  (no input in it)
        contact_id,
        list(names),
    )
    return [row["interaction_id"] for row in rows]
