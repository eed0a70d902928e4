"""Merges two contacts by hand, and takes that back."""

from datetime import datetime
from uuid import UUID

from libs.common.db import Connection
from libs.common.errors import Refused
from libs.common.fault_points import reached
from libs.common.ids import ContactId, UserId
from services.contacts.domain.merges import merged_fields, restored_fields
from services.contacts.identity_resolution import resolve_identities
from services.contacts.store import bcc, contacts, merges, scores
from services.contacts.store.contact_edits import (
    get_editable_contact,
    list_belongings,
    move_belongings,
    update_edited_fields,
)
from services.contacts.store.identity_resolution import Seeds


async def merge(
    connection: Connection, merge_id: UUID, user_id: UserId, survivor_id: ContactId, other_id: ContactId
) -> None:
    """The other contact goes into the survivor, its id leads there from now on. Refused: `same_contact`."""
    if survivor_id == other_id:
        raise Refused(409, "same_contact", "These are one contact already.")
    survivor = await get_editable_contact(connection, survivor_id)
    other = await get_editable_contact(connection, other_id)
    record = merges.Merge(
        id=merge_id,
        user_id=user_id,
        survivor_id=survivor_id,
        other_id=other_id,
        before=survivor.fields,
        after=merged_fields(survivor.fields, other.fields),
        belongings=await list_belongings(connection, other_id),
        earlier=await merges.list_merged(connection, other_id),
    )
    await merges.insert_merge(connection, record)
    await reached("contacts.merge.recorded")
    await update_edited_fields(connection, survivor_id, record.after)
    await move_belongings(connection, record.belongings, other_id, survivor_id)
    await contacts.update_merged(connection, {other_id: survivor_id})
    await _resolve(connection, user_id, [survivor_id])


async def undo(connection: Connection, record: merges.Merge, now: datetime) -> None:
    """Both contacts as they were; what was added since stays with the survivor. Refused: `merged_again`."""
    survivor_id, other_id = record.survivor_id, record.other_id
    survivor = await get_editable_contact(connection, survivor_id)
    if survivor.merged_into is not None:
        raise Refused(409, "merged_again", "This contact was merged once more since then. Undo that merge first.")
    await merges.mark_undone(connection, record.id, other_id, record.earlier)
    await reached("contacts.undo.recorded")
    await move_belongings(connection, record.belongings, survivor_id, other_id)
    restored = restored_fields(survivor.fields, record.before, record.after)
    await update_edited_fields(connection, survivor_id, restored)
    if await bcc.is_retired(connection, other_id):  # rotated with the survivor's: its own address would log nothing
        await bcc.rotate_hash(connection, record.user_id, other_id, now)
    await _resolve(connection, record.user_id, [survivor_id, other_id])


async def _resolve(connection: Connection, user_id: UserId, contact_ids: list[ContactId]) -> None:
    await resolve_identities(connection, user_id, Seeds(contacts=contact_ids))
    await scores.mark_due(connection, contact_ids)
