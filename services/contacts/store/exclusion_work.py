"""What is still there of somebody whom the user asked not to record, and its end."""

from collections.abc import Collection, Sequence

from libs.common.db import Connection
from libs.common.ids import ContactId, InteractionId, UserId
from services.contacts.domain.addresses import AddressId
from services.contacts.store.exclusions import StoredExclusion

# Whether the address `a` falls under the rule of this kind and value ($2, $3): domain/exclusions.py, `matching`. Never the user's own.
_EXCLUDED = """a.user_id = $1 AND NOT a.is_me AND CASE $2::text
    WHEN 'domain' THEN a.kind = 'email' AND (split_part(a.value, '@', 2) = $3 OR split_part(a.value, '@', 2) LIKE '%.' || $3)
    WHEN 'email' THEN a.kind = 'email' AND $3 IN (a.value, a.base)
    ELSE a.kind = $2 AND a.value = $3 END"""


def _rule(exclusion: StoredExclusion) -> tuple[UserId, str, str]:
    return exclusion.user_id, exclusion.kind, exclusion.value


async def bar_addresses(connection: Connection, exclusion: StoredExclusion) -> None:
    """Nothing makes a contact of these addresses any more, while what they are on is being removed."""
    await connection.execute(
        f"UPDATE addresses a SET barred = true WHERE {_EXCLUDED} AND contact_id IS NULL AND NOT barred",  # noqa: S608  (condition above)
        *_rule(exclusion),
    )


async def unbar_addresses(connection: Connection, exclusion: StoredExclusion) -> None:
    """The rule was taken back before everything was removed."""
    await connection.execute(
        f"UPDATE addresses a SET barred = false WHERE {_EXCLUDED} AND contact_id IS NULL AND barred",  # noqa: S608  (condition above)
        *_rule(exclusion),
    )


async def list_contacts_of(connection: Connection, exclusion: StoredExclusion, limit: int) -> list[ContactId]:
    """Some of the contacts that have such an address."""
    rows = await connection.fetch(
        f"SELECT DISTINCT contact_id FROM (SELECT contact_id FROM addresses a WHERE {_EXCLUDED} AND contact_id IS NOT NULL LIMIT $4) f",  # noqa: S608  (condition above)
        *_rule(exclusion),
        limit,
    )
    return [row["contact_id"] for row in rows]


async def list_addresses_of(
    connection: Connection, contact_ids: Collection[ContactId]
) -> dict[ContactId, dict[AddressId, tuple[str, str]]]:
    """Everything that identifies each of these contacts, as kind and canonical value; BCC hashes do not."""
    found: dict[ContactId, dict[AddressId, tuple[str, str]]] = {contact_id: {} for contact_id in contact_ids}
    for row in await connection.fetch(
        "SELECT id, contact_id, kind, value FROM addresses WHERE contact_id = ANY($1::uuid[]) AND kind <> 'bcc'",
        list(contact_ids),
    ):
        found[row["contact_id"]][row["id"]] = row["kind"], row["value"]
    return found


async def detach_addresses(connection: Connection, address_ids: Collection[AddressId]) -> None:
    """These addresses are no contact's, and make none."""
    await connection.execute(
        "UPDATE addresses SET contact_id = NULL, position = NULL, barred = true WHERE id = ANY($1::bigint[])",
        list(address_ids),
    )


async def forget_merges(connection: Connection, contact_ids: Collection[ContactId]) -> None:
    """After contacts lost addresses: whoever was merged into one and has none left is gone, and what lost its own can't be parted."""
    rows = await connection.fetch(
        """SELECT m.id, m.other_id,
               EXISTS (SELECT FROM addresses a
                       WHERE a.contact_id = m.survivor_id AND a.kind <> 'bcc' AND a.id = ANY(m.address_ids)) AS other_left,
               EXISTS (SELECT FROM addresses a WHERE a.contact_id = m.survivor_id AND a.kind <> 'bcc' AND NOT EXISTS (
                   SELECT FROM merges b
                   WHERE b.survivor_id = m.survivor_id AND b.undone_at IS NULL AND a.id = ANY(b.address_ids))) AS own_left
           FROM merges m WHERE m.survivor_id = ANY($1::uuid[]) AND m.undone_at IS NULL""",
        list(contact_ids),
    )
    gone = [row["other_id"] for row in rows if not row["other_left"]]
    stuck = [row["id"] for row in rows if row["other_left"] and not row["own_left"]]
    await connection.execute("DELETE FROM contacts WHERE id = ANY($1::uuid[])", gone)  # and their merges
    await connection.execute("DELETE FROM merges WHERE id = ANY($1::uuid[])", stuck)


async def list_interactions_of(connection: Connection, exclusion: StoredExclusion, limit: int) -> list[InteractionId]:
    """Some of the interactions that such an address is on."""
    rows = await connection.fetch(
        f"""SELECT DISTINCT interaction_id FROM (
                SELECT p.interaction_id FROM addresses a JOIN participants p ON p.address_id = a.id WHERE {_EXCLUDED} LIMIT $4) f""",  # noqa: S608  (condition above)
        *_rule(exclusion),
        limit,
    )
    return [row["interaction_id"] for row in rows]


async def delete_addresses(connection: Connection, exclusion: StoredExclusion, limit: int) -> int:
    """Some of these addresses, which are on nothing any more, with the names and bios that were learned with them; how many went."""
    rows = await connection.fetch(
        f"""DELETE FROM addresses d WHERE d.id = ANY(ARRAY(
                SELECT a.id FROM addresses a WHERE {_EXCLUDED} AND a.contact_id IS NULL
                AND NOT EXISTS (SELECT FROM participants p WHERE p.address_id = a.id) LIMIT $4)) RETURNING d.id, d.value""",  # noqa: S608  (condition above)
        *_rule(exclusion),
        limit,
    )
    await _forget(connection, exclusion.user_id, [row["id"] for row in rows], [row["value"] for row in rows])
    return len(rows)


async def _forget(
    connection: Connection, user_id: UserId, address_ids: Sequence[AddressId], values: Sequence[str]
) -> None:
    """What else names these addresses."""
    await connection.execute(
        "DELETE FROM rechecks WHERE user_id = $1 AND address_id = ANY($2::bigint[])", user_id, list(address_ids)
    )
    await connection.execute(
        "DELETE FROM bcc_offers WHERE user_id = $1 AND address = ANY($2::text[])", user_id, list(values)
    )
