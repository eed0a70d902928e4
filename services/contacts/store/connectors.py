"""What connectors of other platforms told: revisions, phones as identities, bios."""

from datetime import datetime
from uuid import UUID

from libs.common.db import Connection
from services.contacts.domain.projection import Observation, Participant
from services.contacts.store.addresses import ensure_addresses


async def next_revision(connection: Connection, one: Observation) -> int:
    """One more than what is stored under this reference."""
    last: int | None = await connection.fetchval(
        "SELECT revision FROM sightings WHERE source_id = $1 AND platform = $2 AND ref = $3",
        one.source_id,
        one.platform,
        one.ref,
    )
    return 0 if last is None else last + 1


async def match_phones(connection: Connection, user_id: UUID, one: Observation) -> None:
    """A phone number that exactly one contact has identifies that contact."""
    phones = [who for who in one.item.people if who.kind == "phone"] if one.item else []
    if not phones:
        return
    ids = await ensure_addresses(connection, {(user_id, who.kind, who.value): who for who in phones})
    await connection.execute(
        """UPDATE addresses a SET contact_id = owner.id
           FROM (SELECT a.id AS address_id, (array_agg(c.id))[1] AS id
                 FROM addresses a JOIN contacts c ON c.user_id = a.user_id AND c.phone_keys @> ARRAY[a.value] AND c.merged_into IS NULL
                 WHERE a.id = ANY($1::bigint[]) AND a.contact_id IS NULL
                 GROUP BY a.id HAVING count(*) = 1) owner
           WHERE a.id = owner.address_id""",
        list(ids.values()),
    )


async def put_bio(
    connection: Connection, user_id: UUID, who: Participant, platform: str, bio: str, at: datetime
) -> dict[UUID, set[UUID]]:
    """Keep the newest bio of an address; the contact that shows it, by user."""
    ids = await ensure_addresses(connection, {(user_id, who.kind, who.value): who})
    [address_id] = ids.values()
    await connection.execute(
        """INSERT INTO profiles (address_id, platform, bio, at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (address_id, platform) DO UPDATE SET bio = $3, at = $4 WHERE profiles.at <= $4""",
        address_id,
        platform,
        bio,
        at,
    )
    contact_id: UUID | None = await connection.fetchval("SELECT contact_id FROM addresses WHERE id = $1", address_id)
    return {user_id: {contact_id}} if contact_id else {}
