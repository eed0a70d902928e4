"""Merges by hand: what moved, so that it can move back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.ids import ContactId, UserId
from services.contacts.domain.contact_fields import EditableFields
from services.contacts.domain.identity_resolution import CardKey
from services.contacts.store.contact_edits import Belongings


@dataclass(frozen=True)
class Merge:
    """Who went into whom. `before` and `after` are the survivor's fields, `belongings` what was the other one's, `own` what was the
    survivor's (None: it was not recorded), `earlier` the contacts that had been merged into the other one before."""

    id: UUID
    user_id: UserId
    survivor_id: ContactId
    other_id: ContactId
    before: EditableFields
    after: EditableFields
    belongings: Belongings
    own: Belongings | None
    earlier: Sequence[ContactId]
    at: datetime
    undone: bool = False


async def get_moment(connection: Connection) -> datetime:
    """Now, by the clock that puts all merges in order."""
    moment: datetime = await connection.fetchval("SELECT now()")
    return moment


async def insert_merge(connection: Connection, merge: Merge) -> None:
    own = merge.own or Belongings((), ())
    await connection.execute(
        """INSERT INTO merges (id, user_id, survivor_id, other_id, before, after, address_ids, card_accounts, card_names, earlier, at,
                               survivor_address_ids, survivor_card_accounts, survivor_card_names)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)""",
        merge.id,
        merge.user_id,
        merge.survivor_id,
        merge.other_id,
        asdict(merge.before),
        asdict(merge.after),
        list(merge.belongings.address_ids),
        [account_id for account_id, _ in merge.belongings.cards],
        [name for _, name in merge.belongings.cards],
        list(merge.earlier),
        merge.at,
        list(own.address_ids),
        [account_id for account_id, _ in own.cards],
        [name for _, name in own.cards],
    )


async def get_merge(connection: Connection, user_id: UserId, merge_id: UUID) -> Merge | None:
    row = await connection.fetchrow("SELECT * FROM merges WHERE id = $1 AND user_id = $2", merge_id, user_id)
    return _merge(row) if row else None


async def list_later(connection: Connection, merge: Merge) -> list[Merge]:
    """Merges into the same contact that were made after this one and stand, in their order."""
    rows = await connection.fetch(
        """SELECT * FROM merges WHERE survivor_id = $1 AND undone_at IS NULL AND (at, id) > ($2, $3::uuid) ORDER BY at, id""",
        merge.survivor_id,
        merge.at,
        merge.id,
    )
    return [_merge(row) for row in rows]


async def list_standing(
    connection: Connection, contact_ids: Collection[ContactId], limit: int | None = None
) -> list[Merge]:
    """Merges that stand, into these contacts and into those that were merged into them; the last first. `limit` None: all."""
    rows = await connection.fetch(
        """SELECT m.* FROM contacts c JOIN merges m ON m.survivor_id = c.id
           WHERE (c.id = ANY($1::uuid[]) OR c.merged_into = ANY($1::uuid[])) AND m.undone_at IS NULL
           ORDER BY m.at DESC, m.id DESC LIMIT $2""",
        list(contact_ids),
        limit,
    )
    return [_merge(row) for row in rows]


async def get_merge_away(connection: Connection, contact_id: ContactId) -> UUID | None:
    """The merge by which this contact went into another one; None where there is none that stands."""
    found: UUID | None = await connection.fetchval(
        "SELECT id FROM merges WHERE other_id = $1 AND undone_at IS NULL", contact_id
    )
    return found


async def update_fields(connection: Connection, merge_id: UUID, before: EditableFields, after: EditableFields) -> None:
    """An earlier merge into the same contact was undone: these are the survivor's fields without it."""
    await connection.execute(
        "UPDATE merges SET before = $2, after = $3 WHERE id = $1", merge_id, asdict(before), asdict(after)
    )


def _merge(row: Record) -> Merge:
    own = row["survivor_address_ids"]
    return Merge(
        row["id"],
        row["user_id"],
        row["survivor_id"],
        row["other_id"],
        _fields(row["before"]),
        _fields(row["after"]),
        Belongings(row["address_ids"], list(zip(row["card_accounts"], row["card_names"], strict=True))),
        None
        if own is None
        else Belongings(own, list(zip(row["survivor_card_accounts"], row["survivor_card_names"], strict=True))),
        row["earlier"],
        row["at"],
        row["undone_at"] is not None,
    )


def _fields(stored: Mapping[str, Any]) -> EditableFields:
    """From JSON, which knows no tuples."""
    values: dict[str, Any] = {
        name: tuple(found) if isinstance(found, list) else found for name, found in stored.items()
    }
    return EditableFields(**values)


async def mark_undone(
    connection: Connection, merge_id: UUID, other_id: ContactId, earlier: Sequence[ContactId]
) -> None:
    """The merge is undone: the other contact, and those that had been merged into it, are there again."""
    await connection.execute("UPDATE merges SET undone_at = now() WHERE id = $1", merge_id)
    await connection.execute(
        """UPDATE contacts SET merged_into = NULL, pinned = true, due_at = '-infinity', duplicates_due = true
           WHERE id = $1""",
        other_id,
    )
    await connection.execute("UPDATE contacts SET merged_into = $1 WHERE id = ANY($2::uuid[])", other_id, list(earlier))


async def list_merged(connection: Connection, contact_id: ContactId) -> list[ContactId]:
    """Contacts that were merged into this one."""
    return [row["id"] for row in await connection.fetch("SELECT id FROM contacts WHERE merged_into = $1", contact_id)]


async def add_renamed_card(connection: Connection, key: CardKey, former: Collection[str]) -> None:
    """A card goes on from one that merges know by a former name: an undoing takes it where that one belongs."""
    for accounts, names in (("card_accounts", "card_names"), ("survivor_card_accounts", "survivor_card_names")):
        await connection.execute(
            f"""UPDATE merges SET {accounts} = {accounts} || $1::uuid, {names} = {names} || $2::text
                WHERE undone_at IS NULL AND {names} && $3::text[]
                  AND EXISTS (SELECT FROM unnest({accounts}, {names}) AS k(account_id, name) WHERE account_id = $1 AND name = ANY($3))
                  AND NOT EXISTS (SELECT FROM unnest({accounts}, {names}) AS k(account_id, name) WHERE account_id = $1 AND name = $2)""",  # noqa: S608  (columns above)
            *key,
            list(former),
        )
