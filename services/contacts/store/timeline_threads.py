"""Timelines with their threads folded: each stands at its newest message, and there alone, whatever page that is on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from libs.common.db import Connection
from libs.common.ids import ContactId, InteractionId
from services.contacts.store.timelines import (
    FITTING,
    Position,
    TimelineFilter,
    TimelineLine,
    conditions,
    list_lines,
    walk,
)

OLDER_SHOWN = 10

Thread: TypeAlias = tuple[str, str]
"""A platform, and the name of a thread on it."""


@dataclass(frozen=True)
class FoldedLine:
    """A line with the thread that is folded into it: how many messages it has, and the first OLDER_SHOWN of the others."""

    line: TimelineLine
    messages: int = 1
    older_ids: tuple[InteractionId, ...] = ()


@dataclass(frozen=True)
class _FoundThread:
    messages: int
    ids: tuple[InteractionId, ...]


async def list_single_lines(
    connection: Connection, contact_id: ContactId, wanted: TimelineFilter, after: Position | None, limit: int
) -> list[FoldedLine]:
    """One page of a timeline, after this position, in which every message stands by itself."""
    return [FoldedLine(line) for line in await list_lines(connection, contact_id, wanted, after, limit)]


async def list_folded_lines(
    connection: Connection, contact_id: ContactId, wanted: TimelineFilter, after: Position | None, limit: int
) -> list[FoldedLine]:
    """One page of a folded timeline, after this position.

    Whether a message is the newest of its thread does not depend on the page: an older one is left out wherever it is met.
    """
    found: list[FoldedLine] = []
    threads: dict[Thread, _FoundThread] = {}
    async for lines in walk(connection, contact_id, wanted, after, limit):
        unknown = [line for line in lines if line.thread and _thread_of(line) not in threads]
        threads |= await _get_threads(connection, contact_id, wanted, unknown) if unknown else {}
        for line in lines:
            thread = threads.get(_thread_of(line), _FoundThread(1, (line.interaction_id,)))
            if thread.ids[0] == line.interaction_id:
                found.append(FoldedLine(line, thread.messages, thread.ids[1:]))
        if len(found) >= limit:
            break
    return found[:limit]


def _thread_of(line: TimelineLine) -> Thread:
    return (line.platform, line.thread)


async def _get_threads(
    connection: Connection, contact_id: ContactId, wanted: TimelineFilter, lines: Sequence[TimelineLine]
) -> dict[Thread, _FoundThread]:
    """The threads of these lines as they are on the contact's timeline, as far as it fits: their newest messages first."""
    rows = await connection.fetch(
        f"""SELECT platform, thread, count(*) AS messages,
                   (array_agg(interaction_id ORDER BY occurred_at DESC, interaction_id DESC))[:$9] AS ids
            FROM ({FITTING}) line WHERE thread <> '' GROUP BY platform, thread""",  # noqa: S608  (no input in it)
        contact_id,
        *conditions(wanted),
        await _list_ids_in_threads(connection, lines),
        1 + OLDER_SHOWN,
    )
    return {(row["platform"], row["thread"]): _FoundThread(row["messages"], tuple(row["ids"])) for row in rows}


async def _list_ids_in_threads(connection: Connection, lines: Sequence[TimelineLine]) -> list[InteractionId]:
    """What is in the threads of these lines, whoever is on it: in any account of the user, or written by hand.

    Where the connection of an account has not arrived yet, it is known by the lines alone.
    """
    rows = await connection.fetch(
        """WITH own AS (SELECT id, user_id FROM interactions WHERE id = ANY($1::uuid[])),
           sources AS (
               SELECT user_id AS id FROM own
               UNION SELECT id FROM accounts WHERE user_id IN (SELECT user_id FROM own)
               UNION SELECT source_id FROM sightings WHERE interaction_id = ANY($1::uuid[])
           )
           SELECT DISTINCT s.interaction_id FROM sources CROSS JOIN unnest($2::text[]) AS t(thread)
           JOIN sightings s ON s.source_id = sources.id AND s.thread = t.thread AND s.fact IS NOT NULL
           WHERE s.interaction_id IS NOT NULL""",
        [line.interaction_id for line in lines],
        list({line.thread for line in lines}),
    )
    return [row["interaction_id"] for row in rows]
