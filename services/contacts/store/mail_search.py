"""Mail of a user by its words, whoever is on it, and on whose timelines it is."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import InteractionId, UserId
from libs.common.requests import TimelineOwner


@dataclass(frozen=True)
class StoredMail:
    """A message; `sender`: the address that it is from, as it was first written."""

    interaction_id: InteractionId
    occurred_at: datetime
    title: str
    text: str
    sender: str
    automated: str


@dataclass(frozen=True)
class TimelineOwners:
    """The first of the contacts on whose timelines a message is, by name, and how many there are."""

    first: tuple[TimelineOwner, ...] = ()
    total: int = 0


async def list_mail(connection: Connection, user_id: UserId, text: str, limit: int) -> list[StoredMail]:
    """The newest with this text in subject or snippet. All of the user's mail is read for it: for a question that is seldom asked."""
    rows = await connection.fetch(
        """SELECT i.id AS interaction_id, i.occurred_at, i.title, i.text, i.automated, coalesce(a.shown, '') AS sender
           FROM (
               SELECT * FROM interactions
               WHERE user_id = $1 AND platform = 'email' AND strpos(lower(title || ' ' || text), lower($2)) > 0
               ORDER BY occurred_at DESC, id DESC LIMIT $3
           ) i LEFT JOIN addresses a ON a.id = i.author_id
           ORDER BY i.occurred_at DESC, i.id DESC""",
        user_id,
        text,
        limit,
    )
    return [StoredMail(**row) for row in rows]


async def list_timeline_owners(
    connection: Connection, ids: Collection[InteractionId], at_most: int
) -> dict[InteractionId, TimelineOwners]:
    """Of each of these messages the living contacts on whose timelines it is, archived ones behind the others."""
    rows = await connection.fetch(
        """SELECT * FROM (
               SELECT l.interaction_id, c.id, c.name, c.archived, count(*) OVER (PARTITION BY l.interaction_id) AS total,
                      row_number() OVER (PARTITION BY l.interaction_id ORDER BY c.archived, c.name, c.id) AS nth
               FROM timeline_lines l JOIN contacts c ON c.id = l.contact_id
               WHERE l.interaction_id = ANY($1::uuid[]) AND c.merged_into IS NULL
           ) numbered WHERE nth <= $2 ORDER BY interaction_id, nth""",
        list(ids),
        at_most,
    )
    owners: dict[InteractionId, list[TimelineOwner]] = defaultdict(list)
    for row in rows:
        owners[row["interaction_id"]].append(TimelineOwner(id=row["id"], name=row["name"], archived=row["archived"]))
    totals = {row["interaction_id"]: row["total"] for row in rows}
    return {id_: TimelineOwners(tuple(first), totals[id_]) for id_, first in owners.items()}
