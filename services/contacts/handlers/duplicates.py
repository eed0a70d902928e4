"""Questions about contacts that may be one person: suggest, merge, undo."""

from datetime import UTC, datetime
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.errors import Refused, not_found
from libs.common.ids import new_id
from libs.common.requests import (
    Contact,
    Duplicate,
    Duplicates,
    FindDuplicates,
    MergeContacts,
    Merged,
    UndoMerge,
)
from services.contacts import contact_views, identity_resolution
from services.contacts.context import Context
from services.contacts.domain.duplicates import Traits, likeness
from services.contacts.domain.merges import merged_columns, restored_columns
from services.contacts.handlers.contacts import resolved
from services.contacts.store import contact_edits, contact_search, contacts, merges, users

CANDIDATES = 500
SHOWN = 20


async def find_duplicates(context: Context, request: FindDuplicates) -> Duplicates:
    """Contacts that may be the same person, the surest first, with the evidence."""
    async with context.db.acquire() as connection:
        contact_id = await resolved(connection, request.user_id, request.contact_id)
        me = await contact_search.get_summary(connection, contact_id)
        if me is None:
            raise not_found("contact")
        query = " | ".join(word for word in me["name_key"].split() if word.isalnum())
        candidates = await contact_search.look_alikes(connection, contact_id, query, CANDIDATES)
    found = [
        Duplicate(contact=contact_views.summary(row), evidence=evidence, confidence=confidence)
        for row in candidates
        for confidence, evidence in [likeness(_traits(me), _traits(row))]
        if evidence
    ]
    found.sort(key=lambda one: (-one.confidence, one.contact.id))
    return Duplicates(items=tuple(found[:SHOWN]))


def _traits(row: Record) -> Traits:
    domains = {email.rpartition("@")[2].lower() for email in row["emails"]}
    return Traits(row["name_key"], domains, row["phone_keys"])


async def merge_contacts(context: Context, command: MergeContacts) -> Merged:
    """The other contact goes into this one; its id leads here from now on. Refused: `same_contact` (409)."""
    merge_id = new_id()
    async with context.transaction() as connection:
        await users.lock_users(connection, [command.user_id])
        survivor_id = await resolved(connection, command.user_id, command.contact_id)
        other_id = await resolved(connection, command.user_id, command.other_id)
        if survivor_id == other_id:
            raise Refused(409, "same_contact", "These are one contact already.")
        survivor, other = (
            await contact_edits.get_contact(connection, survivor_id),
            await contact_edits.get_contact(connection, other_id),
        )
        after = merged_columns(dict(survivor), dict(other))
        address_ids, cards = await merges.list_belongings(connection, other_id)
        earlier = await merges.list_merged(connection, other_id)
        await merges.insert_merge(connection, merge_id, survivor, other, after, address_ids, cards, earlier)
        await contact_edits.put_columns(connection, survivor_id, after)
        await contact_edits.move(connection, address_ids, cards, other_id, survivor_id)
        await contacts.merge_into(connection, {other_id: survivor_id})
        contact = await _settled(connection, command.user_id, [survivor_id], survivor_id)
    await context.tell({command.user_id: {survivor_id, other_id}})
    return Merged(merge_id=merge_id, contact=contact)


async def undo_merge(context: Context, command: UndoMerge) -> Contact:
    """Both contacts as they were; what was added since stays with the survivor. Refused: `merged_again` (409), `not_found`."""
    async with context.transaction() as connection:
        await users.lock_users(connection, [command.user_id])
        merge = await merges.get_merge(connection, command.user_id, command.merge_id)
        if merge is None or merge["undone_at"] is not None:
            raise not_found("merge to undo")
        survivor_id, other_id = merge["survivor_id"], merge["other_id"]
        survivor = await contact_edits.get_contact(connection, survivor_id)
        if survivor["merged_into"] is not None:
            raise Refused(409, "merged_again", "This contact was merged once more since then. Undo that merge first.")
        cards = list(zip(merge["card_accounts"], merge["card_names"], strict=True))
        await merges.close_merge(connection, merge["id"], other_id, merge["earlier"])
        await contact_edits.move(connection, merge["address_ids"], cards, survivor_id, other_id)
        await contact_edits.put_columns(
            connection, survivor_id, restored_columns(dict(survivor), merge["before"], merge["after"])
        )
        if await contact_edits.is_retired(
            connection, other_id
        ):  # rotated with the survivor's: its own address would log nothing
            await contact_edits.rotate_hash(connection, command.user_id, other_id, datetime.now(UTC))
        contact = await _settled(connection, command.user_id, [survivor_id, other_id], survivor_id)
    await context.tell({command.user_id: {survivor_id, other_id}})
    return contact


async def _settled(connection: Connection, user_id: UUID, ids: list[UUID], shown: UUID) -> Contact:
    await identity_resolution.regroup(connection, user_id, contacts=ids)
    await contacts.mark_due(connection, ids)
    [contact] = await contact_views.list_portraits(connection, user_id, [shown], datetime.now(UTC))
    return contact
