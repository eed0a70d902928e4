"""What a contact holds at the moment at which a merge into it is undone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import ContactId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.arrivals import HeldCard, HeldEmail
from services.contacts.store.merges import Merge


@dataclass(frozen=True)
class HeldAddress:
    """An address of a contact."""

    id: AddressId
    kind: str
    value: str
    shown: str


@dataclass(frozen=True)
class Held:
    """All addresses and cards of a contact."""

    addresses: Sequence[HeldAddress]
    cards: Sequence[HeldCard]

    @property
    def emails(self) -> list[HeldEmail]:
        return [HeldEmail(address.id, address.value) for address in self.addresses if address.kind == "email"]


async def list_held(connection: Connection, contact_id: ContactId) -> Held:
    addresses = await connection.fetch(
        "SELECT id, kind, value, shown FROM addresses WHERE contact_id = $1 ORDER BY position NULLS LAST, id",
        contact_id,
    )
    cards = await connection.fetch(
        "SELECT account_id, resource_name, emails FROM cards WHERE contact_id = $1 ORDER BY 1, 2", contact_id
    )
    return Held(
        [HeldAddress(row["id"], row["kind"], row["value"], row["shown"]) for row in addresses],
        [HeldCard((row["account_id"], row["resource_name"]), tuple(row["emails"])) for row in cards],
    )


async def list_emails(connection: Connection, address_ids: Collection[AddressId]) -> list[HeldAddress]:
    """The emails among these addresses, whose ever they are."""
    rows = await connection.fetch(
        "SELECT id, kind, value, shown FROM addresses WHERE id = ANY($1::bigint[]) AND kind = 'email' ORDER BY id",
        list(address_ids),
    )
    return [HeldAddress(row["id"], row["kind"], row["value"], row["shown"]) for row in rows]


async def list_addresses(connection: Connection, address_ids: Collection[AddressId]) -> list[HeldAddress]:
    """The emails and handles among these addresses, whose ever they are."""
    rows = await connection.fetch(
        """SELECT id, kind, value, shown FROM addresses WHERE id = ANY($1::bigint[]) AND kind NOT IN ('phone', 'bcc') ORDER BY id""",
        list(address_ids),
    )
    return [HeldAddress(row["id"], row["kind"], row["value"], row["shown"]) for row in rows]


async def count_written(connection: Connection, merge: Merge, later: Sequence[Merge], *, role: str) -> int:
    """How much was written on the survivor's own timeline since the merge: notes (`other`), or mail logged by BCC (`bcc_log`)."""
    others = {id_ for known in (merge, *later) for id_ in known.belongings.address_ids}
    return int(
        await connection.fetchval(
            """SELECT count(DISTINCT p.interaction_id) FROM addresses a JOIN participants p ON p.address_id = a.id
               WHERE a.contact_id = $1 AND a.kind = 'bcc' AND a.id <> ALL($2::bigint[]) AND p.role = $3 AND p.interaction_id > $4""",
            merge.survivor_id,
            list(others),
            role,
            _first_id_after(merge),
        )
    )


def _first_id_after(merge: Merge) -> UUID:
    """What is recorded after the merge has a greater id: ids begin with the moment, in milliseconds."""
    return UUID(int=int(merge.at.timestamp() * 1000) << 80)


async def move_phones(connection: Connection, merge: Merge, later: Sequence[Merge]) -> None:
    """Phones that came to identify the survivor since the merge, and are those of the other contact alone."""
    own = merge.own.address_ids if merge.own else ()
    known = {*own, *(id_ for other in (merge, *later) for id_ in other.belongings.address_ids)}
    await connection.execute(
        """UPDATE addresses a SET contact_id = other.id FROM contacts survivor, contacts other
           WHERE survivor.id = $1 AND other.id = $2 AND a.contact_id = survivor.id AND a.kind = 'phone' AND a.id <> ALL($3::bigint[])
             AND a.value = ANY(other.phone_keys) AND NOT a.value = ANY(survivor.phone_keys)""",
        merge.survivor_id,
        merge.other_id,
        list(known),
    )
