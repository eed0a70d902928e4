"""The names that were seen with addresses on interactions, and the one that each is known by."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from libs.common.db import Connection
from libs.common.ids import ContactId, InteractionId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.names import NameRank, SeenName

# Of each source the newest are enough to choose from: who is called by more names than this in one, is nobody to remember them for.
NAMES_PER_RANK = 20

_SEE = f"""
    INSERT INTO address_names AS known (address_id, user_id, rank, name, at)
    SELECT p.address_id, i.user_id, l.rank, p.name, max(i.occurred_at)
    FROM participants p
    JOIN interactions i ON i.id = p.interaction_id
    LEFT JOIN addresses author ON author.id = i.author_id
    CROSS JOIN LATERAL (SELECT CASE
        WHEN i.platform = 'email' AND p.role = 'from' THEN {NameRank.OWN:d}
        WHEN i.platform = 'email' AND p.role <> 'bcc_log' AND coalesce(author.is_me, false) THEN {NameRank.BY_USER:d}
        WHEN i.platform = 'calendar' THEN {NameRank.CALENDAR:d}
        WHEN i.platform NOT IN ('email', 'calendar') THEN {NameRank.PLATFORM:d}
    END::smallint AS rank) l
    WHERE {{which}} AND p.name <> '' AND l.rank IS NOT NULL AND NOT i.via
      AND counts_towards_relationship(i.automated, i.answered)
      AND NOT (i.unauthenticated AND coalesce(author.is_me, false))
    GROUP BY p.address_id, i.user_id, l.rank, p.name
    ON CONFLICT (address_id, rank, name) DO UPDATE SET at = excluded.at WHERE known.at < excluded.at
    RETURNING address_id
"""  # noqa: S608  (ranks are numbers)


async def upsert_names(connection: Connection, interaction_ids: Collection[InteractionId]) -> set[AddressId]:
    """The names on these interactions; the addresses that one is new or newer for."""
    rows = await connection.fetch(_SEE.format(which="i.id = ANY($1::uuid[])"), list(interaction_ids))
    return {row["address_id"] for row in rows}


async def replace_names(connection: Connection, address_ids: Collection[AddressId]) -> set[AddressId]:
    """The names of these addresses as everything recorded has them, for what showed one may be gone; those that are not the user's own."""
    rows = await connection.fetch(
        "SELECT id FROM addresses WHERE id = ANY($1::bigint[]) AND NOT is_me", list(address_ids)
    )
    ids = [row["id"] for row in rows]
    await connection.execute("DELETE FROM address_names WHERE address_id = ANY($1::bigint[])", ids)
    await connection.execute(_SEE.format(which="p.address_id = ANY($1::bigint[])"), ids)
    return set(ids)


async def list_names(connection: Connection, address_ids: Collection[AddressId]) -> dict[AddressId, list[SeenName]]:
    """What these addresses may be called, of each source the newest."""
    rows = await connection.fetch(
        """SELECT address_id, name, rank, at FROM (
               SELECT *, row_number() OVER (PARTITION BY address_id, rank ORDER BY at DESC, name DESC) AS place
               FROM address_names WHERE address_id = ANY($1::bigint[])
           ) seen WHERE place <= $2""",
        list(address_ids),
        NAMES_PER_RANK,
    )
    found: dict[AddressId, list[SeenName]] = defaultdict(list)
    for row in rows:
        found[row["address_id"]].append(SeenName(row["name"], row["rank"], row["at"]))
    return found


async def update_names(connection: Connection, chosen: Mapping[AddressId, SeenName | None]) -> set[ContactId]:
    """What each address is known by from now on; the contacts of those of which something is other than before."""
    names = list(chosen.values())
    rows = await connection.fetch(
        """UPDATE addresses a SET name = c.name, name_rank = c.rank, name_at = c.at
           FROM (SELECT id, coalesce(name, '') AS name, coalesce(rank, -1) AS rank, coalesce(at, '-infinity') AS at
                 FROM unnest($1::bigint[], $2::text[], $3::smallint[], $4::timestamptz[]) AS u(id, name, rank, at)) c
           WHERE a.id = c.id AND (a.name, a.name_rank, a.name_at) IS DISTINCT FROM (c.name, c.rank, c.at)
           RETURNING a.contact_id""",
        list(chosen),
        [seen.name if seen else None for seen in names],
        [seen.rank if seen else None for seen in names],
        [seen.at if seen else None for seen in names],
    )
    return {row["contact_id"] for row in rows if row["contact_id"]}
