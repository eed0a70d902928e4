"""Removes what was recorded of somebody whom the user asked not to record, in committed chunks; and forgets what was left out, where the
user took the rule back.

The rule is committed first, so nothing comes in while this goes on (exclusions.py). What is still to be done is in the rows: after a crash
another replica goes on with what is left.

    a rule is added ──► contacts ──► cards ──► interactions ──► who is still a contact ──► the addresses themselves ──► applied
    it is taken back ──► what it left out is as if it had never arrived ──► the rule is gone
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import AccountId, ContactId, UserId
from libs.common.log import get_logger
from services.contacts.context import Context, UserBusy, pause_between_chunks
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.changes import ChangedContacts
from services.contacts.domain.exclusions import ExclusionRules
from services.contacts.domain.identity_resolution import CardKey
from services.contacts.domain.merges import typed_only
from services.contacts.exclusions import leave_out_excluded, leave_out_excluded_cards
from services.contacts.identity_resolution import resolve_identities
from services.contacts.projector import follow_additions, replace_observations
from services.contacts.rechecks import work_off_rechecks
from services.contacts.store import cards, contact_edits, exclusion_work, exclusions, merges, observations, scores
from services.contacts.store.exclusions import StoredExclusion
from services.contacts.store.identity_resolution import Seeds
from services.contacts.store.rechecks import Stage, insert_rechecks

CONTACTS_AT_ONCE, CARDS_AT_ONCE, INTERACTIONS_AT_ONCE, ADDRESSES_AT_ONCE, MARKS_AT_ONCE = 20, 200, 200, 500, 500
BEFORE_ALL: CardKey = (AccountId(UUID(int=0)), "")

RemoveSome: TypeAlias = Callable[[Connection, StoredExclusion], Awaitable[ChangedContacts | None]]
"""None where nothing is left to remove"""


class NothingRemoved(Exception):
    """A rule covers what the door would let in: a bug. The work of this rule ends, for it would find the same again and again."""


async def work_off_exclusions(context: Context) -> int:
    """Everything that is due for any rule; for how many it was done."""
    async with context.db.acquire() as connection:
        due = await exclusions.list_due(connection)
    done = 0
    for user_id, exclusion_id in due:
        try:
            await _work_off(context, user_id, exclusion_id)
            done += 1
        except UserBusy:  # the next round finds it due as before
            get_logger().info("exclusion_postponed", user=str(user_id))
        except NothingRemoved as stuck:  # its page shows that it is not done; those of others are
            get_logger().error("exclusion_stuck", user=str(user_id), error=str(stuck))
    return done


async def _work_off(context: Context, user_id: UserId, exclusion_id: UUID) -> None:
    async with context.db.acquire() as connection:
        exclusion = await exclusions.get_exclusion(connection, user_id, exclusion_id)
    if exclusion is None:
        return
    if exclusion.ended_at is not None:
        await _end(context, exclusion)
    elif await _apply(context, exclusion):
        get_logger().info("exclusion_applied", user=str(user_id))


async def _apply(context: Context, exclusion: StoredExclusion) -> bool:
    """False where the rule was taken back meanwhile, or the user is gone."""
    for remove_some in (_remove_contacts, _cards_remover(), _remove_interactions):
        while await _remove(context, exclusion, remove_some):
            await pause_between_chunks()
    await work_off_rechecks(context, exclusion.user_id)
    async with context.locked(exclusion.user_id) as connection:
        if not await _is_in_force(connection, exclusion):
            return False
        while await exclusion_work.delete_addresses(connection, exclusion, ADDRESSES_AT_ONCE) == ADDRESSES_AT_ONCE:
            pass
        await exclusion_work.delete_evidence(connection, exclusion)
        await exclusions.mark_applied(connection, exclusion.id)
    return True


async def _remove(context: Context, exclusion: StoredExclusion, remove_some: RemoveSome) -> bool:
    """One chunk; False where there was none, or the rule is not in force any more."""
    async with context.locked(exclusion.user_id) as connection:
        changed = await remove_some(connection, exclusion) if await _is_in_force(connection, exclusion) else None
    await context.publish_changed(changed or {})
    return changed is not None


async def _is_in_force(connection: Connection, exclusion: StoredExclusion) -> bool:
    now = await exclusions.get_exclusion(connection, exclusion.user_id, exclusion.id)
    return now is not None and now.ended_at is None


async def _remove_contacts(connection: Connection, exclusion: StoredExclusion) -> ChangedContacts | None:
    """Contacts that nothing else identifies go, with their notes; others lose the addresses that fall under a rule."""
    user_id = exclusion.user_id
    await exclusion_work.bar_addresses(connection, exclusion)
    contact_ids = await exclusion_work.list_contacts_of(connection, exclusion, CONTACTS_AT_ONCE)
    if not contact_ids:
        return None
    rules = (await exclusions.list_in_force(connection, [user_id])).get(user_id, ExclusionRules({}))
    held_by = await exclusion_work.list_addresses_of(connection, contact_ids)
    lost_by = {
        contact_id: [address_id for address_id, address in held.items() if rules.matching(*address)]
        for contact_id, held in held_by.items()
    }
    if not any(lost_by.values()):
        raise NothingRemoved(f"{len(contact_ids)} contacts have an address under the rule, and none of them loses it.")
    kept: list[ContactId] = []
    for contact_id, lost in lost_by.items():
        if len(lost) == len(held_by[contact_id]):
            await contact_edits.delete_contact(connection, user_id, contact_id)
        else:
            await exclusion_work.detach_addresses(connection, lost)
            kept.append(contact_id)
    await _forget_merges(connection, kept, [id_ for contact_id in kept for id_ in lost_by[contact_id]])
    left = await resolve_identities(connection, user_id, Seeds(contacts=kept)) if kept else set()
    await scores.mark_due(connection, kept)
    return {user_id: {*contact_ids, *left}}


async def _forget_merges(connection: Connection, contact_ids: list[ContactId], lost: list[AddressId]) -> None:
    """What was derived from somebody who is not recorded stays in no contact that was merged away, and in no merge."""
    await exclusion_work.forget_merges(connection, contact_ids)
    await exclusion_work.clear_derived(connection, contact_ids, lost)
    for merge in await merges.list_standing(connection, contact_ids):
        await merges.update_fields(connection, merge.id, typed_only(merge.before), typed_only(merge.after))


def _cards_remover() -> RemoveSome:
    """Card after card, in their order: one that stays as it is must not be looked at again."""
    after = BEFORE_ALL

    async def remove_some(connection: Connection, exclusion: StoredExclusion) -> ChangedContacts | None:
        nonlocal after
        rule = exclusion.user_id, exclusion.kind, exclusion.value
        held = await cards.list_cards_with(connection, *rule, CARDS_AT_ONCE, after)
        if not held:
            return None
        after = held[-1].key
        kept = await leave_out_excluded_cards(connection, held)
        changed = [card for card, before in zip(kept, held, strict=True) if card != before]
        contact_ids = await cards.overwrite_cards(connection, changed)
        return {exclusion.user_id: await resolve_identities(connection, exclusion.user_id, Seeds(contacts=contact_ids))}

    return remove_some


async def _remove_interactions(connection: Connection, exclusion: StoredExclusion) -> ChangedContacts | None:
    """What they wrote, and what only they were on with me; the rest goes on without them."""
    ids = await exclusion_work.list_interactions_of(connection, exclusion, INTERACTIONS_AT_ONCE)
    if not ids:
        return None
    held = await observations.list_of_interactions(connection, ids)
    kept = await leave_out_excluded(connection, held)
    changed = [observation for observation, before in zip(kept, held, strict=True) if observation != before]
    if not changed:
        raise NothingRemoved(f"{len(ids)} interactions have somebody under the rule on them, and all of it is let in.")
    effects = await replace_observations(connection, changed)
    followed, recheck = await follow_additions(connection, effects)
    await insert_rechecks(connection, exclusion.user_id, recheck, Stage.NAME)
    return followed


async def _end(context: Context, exclusion: StoredExclusion) -> None:
    """What it left out is published again by the next audits; what it removed and the user had written is gone."""
    forgotten = MARKS_AT_ONCE
    while forgotten == MARKS_AT_ONCE:
        async with context.locked(exclusion.user_id) as connection:
            forgotten = await exclusions.forget_marks(connection, exclusion.id, MARKS_AT_ONCE)
        await pause_between_chunks()
    async with context.locked(exclusion.user_id) as connection:
        await exclusion_work.unbar_addresses(connection, exclusion)
        await exclusions.delete_exclusion(connection, exclusion.id)
    await work_off_rechecks(context, exclusion.user_id)
    get_logger().info("exclusion_ended", user=str(exclusion.user_id))
