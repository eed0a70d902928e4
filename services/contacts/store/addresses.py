"""Addresses: found or added, named, me or not."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.addresses import is_bouncer, is_me, is_robot
from libs.common.db import Connection, Record
from services.contacts.domain.projection import Participant

Key = tuple[UUID, str, str]
"""user, kind, canonical value"""


async def ensure_addresses(connection: Connection, wanted: dict[Key, Participant]) -> dict[Key, int]:
    """The ids of these addresses; those that are new are added, as me where they are mine."""
    keys = list(wanted)
    columns = [list(column) for column in zip(*keys, strict=True)] if keys else [[], [], []]
    known = await connection.fetch(
        """SELECT a.id, a.user_id, a.kind, a.value
           FROM unnest($1::uuid[], $2::text[], $3::text[]) AS w(user_id, kind, value) JOIN addresses a USING (user_id, kind, value)""",
        *columns,
    )
    ids: dict[Key, int] = {(row["user_id"], row["kind"], row["value"]): row["id"] for row in known}
    missing = sorted((key for key in keys if key not in ids), key=str)
    if missing:
        mine = await _mine(connection, {user_id for user_id, _, _ in missing})
        rows = await connection.fetch(
            """INSERT INTO addresses (user_id, kind, value, shown, is_me, robot)
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::bool[])
               RETURNING id, user_id, kind, value""",
            [key[0] for key in missing],
            [key[1] for key in missing],
            [key[2] for key in missing],
            [wanted[key].shown for key in missing],
            [key[1] == "email" and is_me(key[2], mine[key[0]]) for key in missing],
            [key[1] == "email" and (is_robot(key[2]) or is_bouncer(key[2])) for key in missing],
        )
        ids |= {(row["user_id"], row["kind"], row["value"]): row["id"] for row in rows}
    return ids


async def _mine(connection: Connection, user_ids: Collection[UUID]) -> dict[UUID, set[str]]:
    mine: dict[UUID, set[str]] = {user_id: set() for user_id in user_ids}
    for row in await connection.fetch(
        "SELECT user_id, address FROM own_addresses WHERE user_id = ANY($1::uuid[])", list(user_ids)
    ):
        mine[row["user_id"]].add(row["address"])
    return mine


async def flip_me(connection: Connection, user_id: UUID, mine: Collection[str], changed: Collection[str]) -> list[int]:
    """After `changed` came to or left `mine`: set is_me anew where it is concerned; the ids whose answer changed."""
    rows = await connection.fetch(
        """UPDATE addresses SET is_me = NOT is_me
           WHERE user_id = $1 AND kind = 'email' AND (base = ANY($3::text[]) OR value = ANY($3::text[]))
             AND is_me <> (value = ANY($2::text[]) OR base = ANY($2::text[]))
           RETURNING id""",
        user_id,
        list(mine),
        list(changed),
    )
    return [row["id"] for row in rows]


_LEARN = """
    UPDATE addresses a SET name = n.name, name_rank = n.rank, name_at = n.occurred_at
    FROM (
        SELECT DISTINCT ON (p.address_id) p.address_id, p.name, l.rank, i.occurred_at
        FROM participants p
        JOIN interactions i ON i.id = p.interaction_id
        LEFT JOIN addresses author ON author.id = i.author_id
        CROSS JOIN LATERAL (SELECT CASE
            -- What people call themselves comes before what others call them.
            WHEN i.platform = 'email' AND p.role = 'from' THEN 2
            WHEN i.platform = 'email' AND p.role <> 'bcc_log' AND coalesce(author.is_me, false) THEN 1
            WHEN i.platform = 'calendar' THEN 1
            WHEN i.platform NOT IN ('email', 'calendar') THEN 2
        END::smallint AS rank) l
        WHERE {which} AND p.name <> '' AND l.rank IS NOT NULL AND NOT i.via
          AND counts_towards_relationship(i.automated, i.answered)
        ORDER BY p.address_id, l.rank DESC, i.occurred_at DESC, p.name DESC
    ) n
    WHERE a.id = n.address_id AND (n.rank, n.occurred_at, n.name) > (a.name_rank, a.name_at, a.name)
    RETURNING a.contact_id
"""


async def learn_names(connection: Connection, interaction_ids: Collection[UUID]) -> set[UUID]:
    """Learn display names from interactions; the contacts whose addresses now have a better one."""
    rows = await connection.fetch(_LEARN.format(which="i.id = ANY($1::uuid[])"), list(interaction_ids))
    return {row["contact_id"] for row in rows if row["contact_id"]}


async def relearn_names(connection: Connection, address_ids: Collection[int]) -> set[UUID]:
    """Learn the names of these addresses from the beginning: something that taught one may be gone."""
    ids = list(address_ids)
    rows = await connection.fetch(
        """UPDATE addresses SET name = '', name_rank = -1, name_at = '-infinity'
           WHERE id = ANY($1::bigint[]) AND name_rank >= 0 AND NOT is_me RETURNING contact_id""",
        ids,
    )
    others = "p.address_id IN (SELECT id FROM addresses WHERE id = ANY($1::bigint[]) AND NOT is_me)"
    await connection.execute(_LEARN.format(which=others), ids)
    return {row["contact_id"] for row in rows if row["contact_id"]}


async def list_addresses(connection: Connection, contact_ids: Collection[UUID]) -> list[Record]:
    """Every address of these contacts, the ones typed by the user first, then oldest first."""
    return await connection.fetch(
        """SELECT id, contact_id, kind, value, shown, name, name_rank, name_at, is_me, retired_at, position
           FROM addresses WHERE contact_id = ANY($1::uuid[]) ORDER BY contact_id, position NULLS LAST, id""",
        list(contact_ids),
    )


async def owners_of(connection: Connection, user_id: UUID, kind: str, values: Sequence[str]) -> dict[str, Record]:
    """Addresses by value: id, contact_id, name, is_me."""
    rows = await connection.fetch(
        """SELECT value, id, contact_id, name, is_me FROM addresses
           WHERE user_id = $1 AND kind = $2 AND value = ANY($3::text[])""",
        user_id,
        kind,
        list(values),
    )
    return {row["value"]: row for row in rows}


async def bcc_addresses(
    connection: Connection, tags: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], tuple[int, datetime | None]]:
    """BCC hashes by user and hash: address id, and since when it logs no more."""
    rows = await connection.fetch(
        """SELECT a.user_id, a.value, a.id, a.retired_at
           FROM unnest($1::uuid[], $2::text[]) AS w(user_id, value) JOIN addresses a USING (user_id, value)
           WHERE a.kind = 'bcc' AND a.contact_id IS NOT NULL""",
        [user_id for user_id, _ in tags],
        [tag for _, tag in tags],
    )
    return {(row["user_id"], row["value"]): (row["id"], row["retired_at"]) for row in rows}
