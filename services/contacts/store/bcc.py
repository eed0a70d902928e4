"""BCC hashes: each is an address of the kind `bcc`, and so moves with the contact's other addresses."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import ContactId, UserId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.bcc import ENTROPY_BYTES, bcc_hash


@dataclass(frozen=True)
class StoredHash:
    """The address of a hash, and since when it logs no more (None: it does)."""

    address_id: AddressId
    retired_at: datetime | None


def new_hash() -> str:
    """A hash that nobody can guess."""
    return bcc_hash(secrets.token_bytes(ENTROPY_BYTES))


async def insert_hashes(connection: Connection, hashes: Sequence[tuple[ContactId, UserId, str]]) -> None:
    """Of each contact, with its user, a hash."""
    await connection.execute(
        """INSERT INTO addresses (contact_id, user_id, kind, value, shown)
           SELECT contact_id, user_id, 'bcc', value, value
           FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS h(contact_id, user_id, value)""",
        *map(list, zip(*hashes, strict=True)),
    )


async def list_hashes(
    connection: Connection, tags: Collection[tuple[UserId, str]]
) -> dict[tuple[UserId, str], StoredHash]:
    """Those of these tags (user, tag) that are the hash of a contact."""
    rows = await connection.fetch(
        """SELECT a.user_id, a.value, a.id, a.retired_at
           FROM unnest($1::uuid[], $2::text[]) AS w(user_id, value) JOIN addresses a USING (user_id, value)
           WHERE a.kind = 'bcc' AND a.contact_id IS NOT NULL""",
        [user_id for user_id, _ in tags],
        [tag for _, tag in tags],
    )
    return {(row["user_id"], row["value"]): StoredHash(row["id"], row["retired_at"]) for row in rows}


async def rotate_hash(connection: Connection, user_id: UserId, contact_id: ContactId, now: datetime) -> None:
    """A new hash; every earlier one logs no mail that is sent from now on."""
    hash_ = new_hash()
    await connection.execute(
        "UPDATE addresses SET retired_at = $2 WHERE contact_id = $1 AND kind = 'bcc' AND retired_at IS NULL",
        contact_id,
        now,
    )
    await connection.execute("UPDATE contacts SET bcc_hash = $2 WHERE id = $1", contact_id, hash_)
    await insert_hashes(connection, [(contact_id, user_id, hash_)])


async def is_retired(connection: Connection, contact_id: ContactId) -> bool:
    """Whether the hash that the contact shows logs nothing any more."""
    return bool(
        await connection.fetchval(
            """SELECT EXISTS (SELECT FROM contacts k JOIN addresses a ON (a.user_id, a.kind, a.value) = (k.user_id, 'bcc', k.bcc_hash)
               WHERE k.id = $1 AND a.retired_at IS NOT NULL)""",
            contact_id,
        )
    )
