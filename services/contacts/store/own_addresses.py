"""The addresses that are the user's own, each with the source that names it: an account, or the settings."""

from collections.abc import Collection
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import ContactId, UserId
from services.contacts.domain.addresses import AddressId


async def list_own_addresses(connection: Connection, user_id: UserId) -> set[str]:
    rows = await connection.fetch("SELECT address FROM own_addresses WHERE user_id = $1", user_id)
    return {row["address"] for row in rows}


async def list_own_addresses_by_user(connection: Connection, user_ids: Collection[UserId]) -> dict[UserId, set[str]]:
    """Of each of these users."""
    own: dict[UserId, set[str]] = {user_id: set() for user_id in user_ids}
    for row in await connection.fetch(
        "SELECT user_id, address FROM own_addresses WHERE user_id = ANY($1::uuid[])", list(user_ids)
    ):
        own[row["user_id"]].add(row["address"])
    return own


async def insert_own_addresses(
    connection: Connection, user_id: UserId, source: str, addresses: Collection[str]
) -> None:
    await connection.execute(
        """INSERT INTO own_addresses (user_id, source, address) SELECT $1, $2, unnest($3::text[]) ON CONFLICT DO NOTHING""",
        user_id,
        source,
        list(addresses),
    )


async def replace_own_addresses(
    connection: Connection, user_id: UserId, source: str, addresses: Collection[str], version: tuple[int, datetime]
) -> None:
    """Set all addresses that a source names; does nothing where it has named some in a later `version`.

    That is the source's revision and the moment, which orders only revisions that were not counted: they are 0.
    """
    revision, at = version
    if await connection.fetchval(
        """SELECT EXISTS (SELECT FROM own_addresses WHERE user_id = $1 AND source = $2
                          AND (revision > $3 OR (revision = 0 AND $3 = 0 AND at > $4)))""",
        user_id,
        source,
        revision,
        at,
    ):
        return
    await connection.execute("DELETE FROM own_addresses WHERE user_id = $1 AND source = $2", user_id, source)
    await connection.execute(
        "INSERT INTO own_addresses (user_id, source, address, revision, at) SELECT $1, $2, unnest($3::text[]), $4, $5",
        user_id,
        source,
        list(addresses),
        revision,
        at,
    )


async def update_is_me(
    connection: Connection, user_id: UserId, own: Collection[str], changed: Collection[str]
) -> list[AddressId]:
    """After `changed` joined or left the `own` addresses: the addresses that have become the user's, or ceased to be."""
    rows = await connection.fetch(
        """UPDATE addresses SET is_me = NOT is_me
           WHERE user_id = $1 AND kind = 'email' AND (base = ANY($3::text[]) OR value = ANY($3::text[]))
             AND is_me <> (value = ANY($2::text[]) OR base = ANY($2::text[]))
           RETURNING id""",
        user_id,
        list(own),
        list(changed),
    )
    return [row["id"] for row in rows]


async def list_own_among(
    connection: Connection,
    address_ids: Collection[AddressId],
    contact_ids: Collection[ContactId],
    pinned_ids: Collection[ContactId],
) -> list[AddressId]:
    """Of these addresses and those of these contacts, the user's own: they belong to no contact but one that the user pinned."""
    rows = await connection.fetch(
        """SELECT id FROM addresses WHERE is_me AND NOT coalesce(contact_id = ANY($3::uuid[]), false)
           AND (id = ANY($1::bigint[]) OR contact_id = ANY($2::uuid[]))""",
        list(address_ids),
        list(contact_ids),
        list(pinned_ids),
    )
    return [row["id"] for row in rows]
