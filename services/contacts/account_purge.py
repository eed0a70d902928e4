"""Removes what only one account saw, in committed chunks: an event that comes again goes on with what is left."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from libs.common.db import Connection
from libs.common.fault_points import reached
from libs.common.ids import AccountId, UserId
from services.contacts.context import Context, pause_between_chunks
from services.contacts.domain.changes import ChangedContacts
from services.contacts.identity_resolution import resolve_identities
from services.contacts.projector import follow_additions, project_observations
from services.contacts.rechecks import work_off_rechecks
from services.contacts.store import addresses, cards, contacts, exclusions, observations
from services.contacts.store.identity_resolution import Seeds
from services.contacts.store.rechecks import Stage, insert_rechecks

OBSERVATIONS_AT_ONCE, CARDS_AT_ONCE, ADDRESSES_AT_ONCE = 500, 200, 2_000

RemoveSome: TypeAlias = Callable[[Connection, UserId, AccountId], Awaitable[ChangedContacts | None]]
"""None where nothing is left to remove"""


async def purge_account(context: Context, user_id: UserId, account_id: AccountId) -> None:
    """What only this account saw goes, and contacts that nothing else supports.

    Its tombstone is committed: nothing of it is recorded any more.
    """
    for remove_some in (_remove_observations, _remove_cards):
        while await _remove(context, remove_some, user_id, account_id):
            await reached("contacts.purge.chunk")
            await pause_between_chunks()
    await work_off_rechecks(context, user_id)
    async with context.locked(user_id) as connection:
        await exclusions.delete_marks_of_source(connection, account_id)
    await _delete_unused_addresses(context, user_id)


async def _remove(context: Context, remove_some: RemoveSome, user_id: UserId, account_id: AccountId) -> bool:
    """One chunk; False where there was none."""
    async with context.locked(user_id) as connection:
        changed = await remove_some(connection, user_id, account_id)
    await context.publish_changed(changed or {})
    return changed is not None


async def _remove_observations(
    connection: Connection, user_id: UserId, account_id: AccountId
) -> ChangedContacts | None:
    """Each as if its source had reported it gone; then even that is forgotten."""
    seen = await observations.list_of_source(connection, account_id, OBSERVATIONS_AT_ONCE)
    if not seen:
        return None
    gone = [replace(observation, item=None, revision=observation.revision + 1) for observation in seen]
    effects = await project_observations(connection, gone)
    await observations.delete_observations(connection, [observation.key for observation in seen])
    # Whether a list was answered depends on the threads of the copies that are left.
    threads = await observations.list_threads(connection, effects.written)
    changed, recheck = await follow_additions(connection, replace(effects, threads=frozenset(threads)))
    await insert_rechecks(connection, user_id, recheck, Stage.NAME)
    return changed


async def _remove_cards(connection: Connection, user_id: UserId, account_id: AccountId) -> ChangedContacts | None:
    """The contacts that are left of those that the cards supported, or whose addresses they named."""
    deleted = await cards.delete_cards(connection, account_id, CARDS_AT_ONCE)
    if not deleted:
        return None
    contact_ids = {card.contact_id for card in deleted if card.contact_id}
    await contacts.clear_imported(connection, contact_ids)
    emails = sorted({email for card in deleted for email in card.emails})
    named = await addresses.list_owned_emails(connection, user_id, emails)
    seeds = Seeds(addresses=[address.id for address in named.values()], contacts=contact_ids)
    return {user_id: await resolve_identities(connection, user_id, seeds)}


async def _delete_unused_addresses(context: Context, user_id: UserId) -> None:
    after: tuple[str, str] | None = ("", "")
    while after:
        async with context.locked(user_id) as connection:
            after = await addresses.delete_unused_addresses(connection, user_id, after, ADDRESSES_AT_ONCE)
        await pause_between_chunks()
