"""Merges two contacts by hand, and takes that back: whatever happened since, each has what is theirs."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.db import Connection
from libs.common.errors import Refused
from libs.common.fault_points import reached
from libs.common.ids import ContactId, UserId
from services.contacts.contact_fields import refresh_fields
from services.contacts.domain.contact_fields import EditableFields
from services.contacts.domain.merges import Taken, merged_fields, restored_fields
from services.contacts.identity_resolution import resolve_identities
from services.contacts.returns import list_returning
from services.contacts.store import bcc, contacts, duplicates, merges, returns, scores
from services.contacts.store.contact_edits import (
    EditableContact,
    get_editable_contact,
    list_belongings,
    move_belongings,
    update_edited_fields,
)
from services.contacts.store.identity_resolution import Seeds
from services.contacts.store.merges import Merge


@dataclass(frozen=True)
class Sides:
    """Who is merged: the contact that stays, and the one that goes into it."""

    survivor_id: ContactId
    other_id: ContactId


async def merge(connection: Connection, merge_id: UUID, user_id: UserId, sides: Sides) -> None:
    """The other contact goes into the survivor, its id leads there from now on. Refused: `same_contact`."""
    survivor_id, other_id = sides.survivor_id, sides.other_id
    if survivor_id == other_id:
        raise Refused(409, "same_contact", "These are one contact already.")
    survivor = await get_editable_contact(connection, survivor_id)
    other = await get_editable_contact(connection, other_id)
    record = Merge(
        id=merge_id,
        user_id=user_id,
        survivor_id=survivor_id,
        other_id=other_id,
        before=survivor.fields,
        after=merged_fields(survivor.fields, other.fields),
        belongings=await list_belongings(connection, other_id),
        own=await list_belongings(connection, survivor_id),
        earlier=await merges.list_merged(connection, other_id),
        at=await merges.get_moment(connection),
    )
    await merges.insert_merge(connection, record)
    await reached("contacts.merge.recorded")
    await update_edited_fields(connection, survivor_id, record.after)
    await move_belongings(connection, record.belongings, other_id, survivor_id)
    await contacts.update_merged(connection, {other_id: survivor_id})
    await _resolve(connection, user_id, [survivor_id])


async def undo(connection: Connection, record: Merge, now: datetime) -> None:
    """Both contacts as they were, each with what came for it since. Refused: `merged_again`, where the survivor was merged away itself."""
    survivor_id, other_id = record.survivor_id, record.other_id
    survivor = await get_editable_contact(connection, survivor_id)
    if survivor.merged_into is not None:
        raise Refused(
            409,
            "merged_again",
            "This contact was merged once more since then. Undo that merge first.",
            merge_id=str(await merges.get_merge_away(connection, survivor_id)),
        )
    other = await get_editable_contact(connection, other_id)
    later = await merges.list_later(connection, record)
    belongings = await list_returning(connection, record, later)
    await merges.mark_undone(connection, record.id, other_id, record.earlier)
    await reached("contacts.undo.recorded")
    await move_belongings(connection, belongings, survivor_id, other_id)
    await update_edited_fields(connection, survivor_id, await _restored(connection, record, later, survivor, other))
    if await bcc.is_retired(connection, other_id):  # rotated with the survivor's: its own address would log nothing
        await bcc.rotate_hash(connection, record.user_id, other_id, now)
    await refresh_fields(connection, [survivor_id, other_id])
    await returns.move_phones(connection, record, later)
    await _resolve(connection, record.user_id, [survivor_id, other_id])


async def _restored(
    connection: Connection, record: Merge, later: list[Merge], survivor: EditableContact, other: EditableContact
) -> EditableFields:
    """The survivor's fields without the merge. Later ones are made again on top of what is there without it."""
    taken = Taken(other.fields, other.phones)
    stood, stands = record.after, record.before
    for following in later:
        before = restored_fields(following.before, stood, stands, taken)
        after = merged_fields(before, (await get_editable_contact(connection, following.other_id)).fields)
        await merges.update_fields(connection, following.id, before, after)
        stood, stands = following.after, after
    return restored_fields(survivor.fields, stood, stands, taken)


async def _resolve(connection: Connection, user_id: UserId, contact_ids: list[ContactId]) -> None:
    await resolve_identities(connection, user_id, Seeds(contacts=contact_ids))
    await scores.mark_due(connection, contact_ids)
    await duplicates.mark_due(connection, contact_ids)
