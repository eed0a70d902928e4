"""Timelines: the lines of contacts, newest first, and what is on each."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.events import Person
from libs.common.ids import AccountId, InteractionId
from libs.common.requests import Interaction
from services.contacts.domain.scoring import ScoredInteraction

MAX_PEOPLE = 100

_LINES = """
    SELECT l.interaction_id, l.occurred_at, l.direction, l.platform, l.contact_id,
           i.kind, i.title, i.text, i.thread, i.automated, i.bcc_logged, i.ends_at, i.user_id
    FROM timeline_lines l JOIN interactions i ON i.id = l.interaction_id
"""


async def list_lines(
    connection: Connection,
    contact_id: UUID,
    *,
    platform: str | None,
    direction: str | None,
    q: str,
    group: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Record]:
    """One page of a timeline. `group` folds a thread into its newest line that fits the filters."""
    matching = f"""{_LINES} WHERE l.contact_id = $1
        AND ($2::text IS NULL OR l.platform = $2) AND ($3::text IS NULL OR l.direction = $3)
        AND ($4 = '' OR strpos(lower(i.title || ' ' || i.text), lower($4)) > 0)"""
    if group:
        matching = f"""SELECT * FROM (
            SELECT m.*, row_number() OVER (
                PARTITION BY platform, CASE WHEN thread = '' THEN interaction_id::text ELSE thread END
                ORDER BY occurred_at DESC, interaction_id DESC) AS nth
            FROM ({matching}) m) n WHERE nth = 1"""  # noqa: S608  (no input in it)
    return await connection.fetch(
        f"""SELECT * FROM ({matching}) line
            WHERE $5::timestamptz IS NULL OR (occurred_at, interaction_id) < ($5, $6::uuid)
            ORDER BY occurred_at DESC, interaction_id DESC LIMIT $7""",  # noqa: S608  (no input in it)
        contact_id,
        platform,
        direction,
        q,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )


async def last_lines(connection: Connection, contact_ids: Collection[UUID], now: datetime, last: int) -> list[Record]:
    """Each contact's newest lines before `now`; bulk mail only where there is nothing else."""
    return await connection.fetch(
        f"""SELECT * FROM (
                SELECT line.*, row_number() OVER (
                    PARTITION BY contact_id ORDER BY counted DESC, occurred_at DESC, interaction_id DESC) AS nth
                FROM ({_LINES.replace("l.contact_id,", "l.contact_id, l.counted,")}
                      WHERE l.contact_id = ANY($1::uuid[]) AND l.occurred_at < $2) line
            ) numbered WHERE nth <= $3 ORDER BY contact_id, occurred_at DESC, interaction_id DESC""",  # noqa: S608  (no input in it)
        list(contact_ids),
        now,
        last,
    )


async def list_scored_interactions(
    connection: Connection, contact_ids: Collection[UUID]
) -> dict[UUID, list[ScoredInteraction]]:
    """What scores are computed from."""
    interactions: dict[UUID, list[ScoredInteraction]] = defaultdict(list)
    rows = await connection.fetch(
        "SELECT contact_id, occurred_at, direction, platform, counted FROM timeline_lines WHERE contact_id = ANY($1::uuid[])",
        list(contact_ids),
    )
    for row in rows:
        interactions[row["contact_id"]].append(
            ScoredInteraction(row["occurred_at"], row["direction"], row["platform"], row["counted"])
        )
    return interactions


async def show(connection: Connection, lines: Sequence[Record]) -> list[Interaction]:
    """Lines with the people on them and the accounts that saw them."""
    ids = list({line["interaction_id"] for line in lines})
    people: dict[UUID, list[Person]] = defaultdict(list)
    for row in await connection.fetch(
        """SELECT p.interaction_id, p.role, p.name, a.shown FROM participants p JOIN addresses a ON a.id = p.address_id
           WHERE p.interaction_id = ANY($1::uuid[]) AND a.kind <> 'bcc'
           ORDER BY p.interaction_id, p.role <> 'from', p.role <> 'organizer', p.role, a.id""",
        ids,
    ):
        if len(people[row["interaction_id"]]) < MAX_PEOPLE:
            people[row["interaction_id"]].append(Person(role=row["role"], address=row["shown"], name=row["name"]))
    accounts: dict[UUID, list[AccountId]] = defaultdict(list)
    for row in await connection.fetch(
        """SELECT DISTINCT interaction_id, source_id FROM sightings
           WHERE interaction_id = ANY($1::uuid[]) AND fact IS NOT NULL AND source_id <> user_id ORDER BY 1, 2""",
        ids,
    ):
        accounts[row["interaction_id"]].append(row["source_id"])
    return [
        _interaction(line, tuple(people[line["interaction_id"]]), tuple(accounts[line["interaction_id"]]))
        for line in lines
    ]


def _interaction(line: Record, people: tuple[Person, ...], accounts: tuple[AccountId, ...]) -> Interaction:
    fields: dict[str, Any] = {
        name: line[name]
        for name in ("platform", "kind", "direction", "occurred_at", "title", "text", "automated", "ends_at")
    }
    return Interaction(
        id=InteractionId(line["interaction_id"]),
        thread=line["thread"] or None,
        account_ids=accounts,
        people=people,
        bcc_logged=line["bcc_logged"] and line["direction"] == "outbound",
        **fields,
    )


async def get_line(connection: Connection, contact_id: UUID, platform: str, ref: str) -> Record | None:
    return await connection.fetchrow(
        f"{_LINES} WHERE l.contact_id = $1 AND i.platform = $2 AND i.ref = $3", contact_id, platform, ref
    )
