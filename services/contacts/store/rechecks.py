"""What is still to be done after a change of who is me, of who becomes a contact, or of what one account saw (rechecks.py)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from libs.common.db import Connection
from libs.common.ids import InteractionId, UserId
from services.contacts.domain.addresses import AddressId


class Stage(IntEnum):
    """What is to be done for an address. The higher ones include the lower."""

    REASON = 1  # whether it is a contact
    NAME = 2  # and the name that it is known by
    INTERACTIONS = 3  # first of all what the interactions are that it is on


@dataclass(frozen=True)
class Walk:
    """An address whose interactions are followed up, newest first, and the next of them."""

    address_id: AddressId
    interaction_ids: Sequence[InteractionId]
    last: tuple[datetime, InteractionId] | None


async def insert_rechecks(
    connection: Connection, user_id: UserId, address_ids: Collection[AddressId], stage: Stage
) -> None:
    """These addresses are due. One that is due already keeps the higher stage; a walk begins anew."""
    await connection.execute(
        """INSERT INTO rechecks AS r (user_id, address_id, stage) SELECT $1, unnest($2::bigint[]), $3
           ON CONFLICT (user_id, address_id) DO UPDATE
           SET stage = excluded.stage, after_at = excluded.after_at, after_id = excluded.after_id
           WHERE r.stage < excluded.stage OR excluded.stage = 3""",
        user_id,
        list(address_ids),
        stage,
    )


async def insert_rechecks_of_user(connection: Connection, user_id: UserId) -> None:
    """Whether each address of the user is a contact is to be decided anew."""
    await connection.execute(
        """INSERT INTO rechecks (user_id, address_id, stage)
           SELECT user_id, id, 1 FROM addresses WHERE user_id = $1 AND kind <> 'bcc'
           ON CONFLICT DO NOTHING""",
        user_id,
    )


async def get_walk(connection: Connection, user_id: UserId, limit: int) -> Walk | None:
    """The next interactions of an address that is at the first stage; None where there is no such address."""
    address_id: AddressId | None = await connection.fetchval(
        "SELECT address_id FROM rechecks WHERE user_id = $1 AND stage = 3 ORDER BY address_id LIMIT 1", user_id
    )
    if address_id is None:
        return None
    found = await connection.fetch(
        """SELECT DISTINCT p.occurred_at, p.interaction_id FROM rechecks r
           JOIN participants p ON p.address_id = r.address_id AND (p.occurred_at, p.interaction_id) < (r.after_at, r.after_id)
           WHERE r.user_id = $1 AND r.address_id = $2
           ORDER BY p.occurred_at DESC, p.interaction_id DESC LIMIT $3""",
        user_id,
        address_id,
        limit,
    )
    last = (found[-1]["occurred_at"], found[-1]["interaction_id"]) if len(found) == limit else None
    return Walk(address_id, [row["interaction_id"] for row in found], last)


async def update_walk(connection: Connection, user_id: UserId, walk: Walk) -> None:
    """The walk has come so far; at its end the address goes on to the next stage."""
    last = walk.last or (None, None)
    await connection.execute(
        """UPDATE rechecks SET stage = CASE WHEN $3::timestamptz IS NULL THEN 2 ELSE stage END,
               after_at = coalesce($3, after_at), after_id = coalesce($4, after_id)
           WHERE user_id = $1 AND address_id = $2""",
        user_id,
        walk.address_id,
        *last,
    )


async def delete_rechecks(connection: Connection, user_id: UserId, limit: int) -> list[tuple[AddressId, Stage]]:
    """Some addresses beyond the first stage, which are due no more: the caller rechecks them in the same transaction."""
    rows = await connection.fetch(
        """DELETE FROM rechecks WHERE user_id = $1 AND address_id = ANY(ARRAY(
               SELECT address_id FROM rechecks WHERE user_id = $1 AND stage < 3 ORDER BY address_id LIMIT $2
           )) RETURNING address_id, stage""",
        user_id,
        limit,
    )
    return [(row["address_id"], Stage(row["stage"])) for row in rows]
