"""The last lines of timelines before a moment, read by the index of who is on what: as far as they are wanted, however many there are."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import ContactId, InteractionId
from services.contacts.store.timelines import LINES, Position, TimelineLine, line_of

_FIRST_ID = InteractionId(UUID(int=0))
_SPARE, _GROWTH = 8, 4
"""By how many positions the first pieces are longer than what is wanted, for what is no line or bulk mail; and how pieces grow."""


async def list_last_lines(
    connection: Connection, contact_ids: Collection[ContactId], now: datetime, last: int
) -> list[TimelineLine]:
    """Each contact's `last` newest lines before `now`; bulk mail only where there is nothing else.

    Read are pieces of their timelines, for all of them at once, until each has enough that is no bulk mail or is read to its end.
    """
    counted: dict[ContactId, list[TimelineLine]] = defaultdict(list)
    bulk: dict[ContactId, list[TimelineLine]] = defaultdict(list)
    after: dict[ContactId, Position] = dict.fromkeys(contact_ids, (now, _FIRST_ID))
    length = last + _SPARE
    while after:
        pieces = await _list_pieces(connection, after, length)
        for line, is_counted in await _list_lines(connection, pieces):
            lines = (counted if is_counted else bulk)[line.contact_id]
            if len(lines) < last:
                lines.append(line)
        after = {
            contact_id: piece[-1]
            for contact_id, piece in pieces.items()
            if len(piece) == length and len(counted[contact_id]) < last
        }
        length *= _GROWTH
    return [
        line
        for contact_id in sorted(set(contact_ids))
        for line in sorted(
            [*counted[contact_id], *bulk[contact_id]][:last], key=lambda line: line.position, reverse=True
        )
    ]


async def _list_pieces(
    connection: Connection, after: Mapping[ContactId, Position], limit: int
) -> dict[ContactId, list[Position]]:
    """The next positions before those of `after` at which something of each contact's addresses is; not all of it is a line."""
    rows = await connection.fetch(
        """SELECT wanted.contact_id, piece.occurred_at, piece.interaction_id
           FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) AS wanted(contact_id, occurred_at, interaction_id)
           CROSS JOIN LATERAL (
               SELECT DISTINCT found.occurred_at, found.interaction_id
               FROM addresses a CROSS JOIN LATERAL (
                   SELECT DISTINCT p.occurred_at, p.interaction_id FROM participants p
                   WHERE p.address_id = a.id AND (p.occurred_at, p.interaction_id) < (wanted.occurred_at, wanted.interaction_id)
                   ORDER BY p.occurred_at DESC, p.interaction_id DESC LIMIT $4
               ) found
               WHERE a.contact_id = wanted.contact_id ORDER BY 1 DESC, 2 DESC LIMIT $4
           ) piece ORDER BY 1, 2 DESC, 3 DESC""",
        list(after),
        [occurred_at for occurred_at, _ in after.values()],
        [interaction_id for _, interaction_id in after.values()],
        limit,
    )
    pieces: dict[ContactId, list[Position]] = defaultdict(list)
    for row in rows:
        pieces[row["contact_id"]].append((row["occurred_at"], row["interaction_id"]))
    return pieces


async def _list_lines(
    connection: Connection, pieces: Mapping[ContactId, Sequence[Position]]
) -> list[tuple[TimelineLine, bool]]:
    """The lines at these positions, newest first, each with whether it counts as contact between people."""
    # Each by itself, as OFFSET 0 has it: together the planner would read all that the contacts are on, and pick these from it.
    rows = await connection.fetch(
        f"""SELECT line.* FROM unnest($1::uuid[], $2::uuid[]) AS piece(contact_id, interaction_id) CROSS JOIN LATERAL (
                {LINES} WHERE l.contact_id = piece.contact_id AND l.interaction_id = piece.interaction_id OFFSET 0
            ) line ORDER BY line.occurred_at DESC, line.interaction_id DESC""",  # noqa: S608  (no input in it)
        [contact_id for contact_id, piece in pieces.items() for _ in piece],
        [interaction_id for piece in pieces.values() for _, interaction_id in piece],
    )
    return [(line_of(row), row["counted"]) for row in rows]
