"""Which addresses have a reason to be a contact, and which have none any more (views/contact_reasons.sql)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from libs.common.db import Connection, Record
from libs.common.ids import InteractionId, UserId
from services.contacts.domain.addresses import AddressId


@dataclass(frozen=True)
class UserAddress:
    """An address and its user."""

    id: AddressId
    user_id: UserId


@dataclass(frozen=True)
class WithReason:
    """Addresses that have a reason to be a contact: those that have none yet, and those whose contact is archived."""

    without_contact: list[UserAddress]
    archived: list[UserAddress]


async def list_with_reason(connection: Connection, interaction_ids: Collection[InteractionId]) -> WithReason:
    """The addresses for which these interactions are a reason, and whose contact is not there."""
    rows = await connection.fetch(
        """SELECT DISTINCT a.id, a.user_id, a.contact_id FROM contact_reasons r JOIN addresses a ON a.id = r.address_id
           LEFT JOIN contacts k ON k.id = a.contact_id
           WHERE r.interaction_id = ANY($1::uuid[]) AND NOT a.barred AND (a.contact_id IS NULL OR k.archived AND NOT k.pinned)
           ORDER BY a.id""",
        list(interaction_ids),
    )
    return _with_reason(rows)


async def list_addresses_with_reason(connection: Connection, address_ids: Collection[AddressId]) -> WithReason:
    """Those of these addresses for which anything is a reason, and whose contact is not there."""
    rows = await connection.fetch(
        """SELECT a.id, a.user_id, a.contact_id FROM addresses a LEFT JOIN contacts k ON k.id = a.contact_id
           WHERE a.id = ANY($1::bigint[]) AND NOT a.is_me AND NOT a.barred AND (a.contact_id IS NULL OR k.archived AND NOT k.pinned)
             AND EXISTS (SELECT FROM contact_reasons r WHERE r.address_id = a.id)
           ORDER BY a.id""",
        list(address_ids),
    )
    return _with_reason(rows)


def _with_reason(rows: Sequence[Record]) -> WithReason:
    return WithReason(
        [UserAddress(row["id"], row["user_id"]) for row in rows if row["contact_id"] is None],
        [UserAddress(row["id"], row["user_id"]) for row in rows if row["contact_id"] is not None],
    )


async def list_without_reason(connection: Connection, address_ids: Collection[AddressId]) -> list[UserAddress]:
    """Of these addresses, those that belong to a contact and that nothing makes one any more."""
    rows = await connection.fetch(
        """SELECT a.id, a.user_id FROM addresses a
           WHERE a.id = ANY($1::bigint[]) AND a.contact_id IS NOT NULL
             AND NOT EXISTS (SELECT FROM contact_reasons r WHERE r.address_id = a.id)""",
        list(address_ids),
    )
    return [UserAddress(row["id"], row["user_id"]) for row in rows]
