"""Bios that connectors read on other platforms, kept with the address under which they were read."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import ContactId
from services.contacts.domain.addresses import AddressId


@dataclass(frozen=True)
class Bio:
    """What somebody writes about themselves on a platform, as read at this moment."""

    platform: str
    text: str
    at: datetime


async def upsert_bio(connection: Connection, address_id: AddressId, bio: Bio) -> ContactId | None:
    """Keep the newest bio of an address; the contact that shows it."""
    await connection.execute(
        """INSERT INTO profiles (address_id, platform, bio, at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (address_id, platform) DO UPDATE SET bio = $3, at = $4 WHERE profiles.at <= $4""",
        address_id,
        bio.platform,
        bio.text,
        bio.at,
    )
    contact_id: ContactId | None = await connection.fetchval(
        "SELECT contact_id FROM addresses WHERE id = $1", address_id
    )
    return contact_id


async def get_bio(connection: Connection, address_id: AddressId, platform: str) -> str:
    """The newest bio of an address on a platform; empty where there is none."""
    return (
        await connection.fetchval(
            "SELECT bio FROM profiles WHERE address_id = $1 AND platform = $2", address_id, platform
        )
        or ""
    )


async def upsert_typed_bios(
    connection: Connection, contact_id: ContactId, bios: Mapping[str, str], at: datetime
) -> None:
    """Bios that the user typed, kept with the contact's own BCC address: every contact has one, and it moves with merges."""
    await connection.execute(
        """INSERT INTO profiles (address_id, platform, bio, at)
           SELECT a.id, t.platform, t.bio, $4 FROM contacts c
           JOIN addresses a ON a.contact_id = c.id AND a.kind = 'bcc' AND a.value = c.bcc_hash
           CROSS JOIN unnest($2::text[], $3::text[]) AS t(platform, bio) WHERE c.id = $1
           ON CONFLICT (address_id, platform) DO UPDATE SET bio = excluded.bio, at = excluded.at""",
        contact_id,
        list(bios.keys()),
        list(bios.values()),
        at,
    )


async def list_bios(connection: Connection, contact_ids: Collection[ContactId]) -> dict[ContactId, dict[str, str]]:
    """Per contact and platform what the user typed, else the newest that was read; none where they emptied it."""
    bios: dict[ContactId, dict[str, str]] = defaultdict(dict)
    rows = await connection.fetch(
        """SELECT DISTINCT ON (a.contact_id, p.platform) a.contact_id, p.platform, p.bio
           FROM profiles p JOIN addresses a ON a.id = p.address_id
           WHERE a.contact_id = ANY($1::uuid[]) ORDER BY a.contact_id, p.platform, a.kind = 'bcc' DESC, p.at DESC, a.id""",
        list(contact_ids),
    )
    for row in rows:
        if row["bio"]:
            bios[row["contact_id"]][row["platform"]] = row["bio"]
    return bios
