"""Merges by hand, and their undoing."""

from datetime import UTC, datetime

from libs.common.errors import not_found
from libs.common.idempotency import creation_id
from libs.common.requests import Contact, ListMerges, MergeContacts, Merged, MergeRecords, UndoMerge
from services.contacts import merges
from services.contacts.contact_views import get_contact_id, get_contact_view
from services.contacts.context import Context
from services.contacts.merges import Sides
from services.contacts.returns import list_merge_records
from services.contacts.store.merges import get_merge, list_standing

SHOWN = 20


async def merge_contacts(context: Context, command: MergeContacts) -> Merged:
    """The other contact goes into this one; its id leads here from now on. Refused: `same_contact` (409).

    Where the merge is there already, whoever sent the command got no reply and tries again.
    """
    user_id, merge_id, now = command.user_id, creation_id(), datetime.now(UTC)
    async with context.locked_for_request(user_id) as connection:
        survivor_id = await get_contact_id(connection, user_id, command.contact_id)
        other_id = await get_contact_id(connection, user_id, command.other_id)
        if await get_merge(connection, user_id, merge_id) is None:
            await merges.merge(connection, merge_id, user_id, Sides(survivor_id, other_id))
        contact = await get_contact_view(connection, user_id, survivor_id, now)
    await context.publish_changed({user_id: {survivor_id, other_id}})
    return Merged(merge_id=merge_id, contact=contact)


async def list_merges(context: Context, query: ListMerges) -> MergeRecords:
    """Who was merged into this contact, the last first, and what would happen if that were undone now."""
    async with context.db.acquire() as connection:
        contact_id = await get_contact_id(connection, query.user_id, query.contact_id)
        standing = await list_standing(connection, [contact_id], SHOWN)
        return MergeRecords(items=tuple(await list_merge_records(connection, standing)))


async def undo_merge(context: Context, command: UndoMerge) -> Contact:
    """Both contacts as they were, each with what came for it since. Refused: `merged_again` (409), `not_found`."""
    user_id, now = command.user_id, datetime.now(UTC)
    async with context.locked_for_request(user_id) as connection:
        merge = await get_merge(connection, user_id, command.merge_id)
        if merge is None or merge.undone:
            raise not_found("merge to undo")
        await merges.undo(connection, merge, now)
        contact = await get_contact_view(connection, user_id, merge.survivor_id, now)
    await context.publish_changed({user_id: {merge.survivor_id, merge.other_id}})
    return contact
