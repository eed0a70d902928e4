"""Removes what only one account saw."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import AccountId, ContactId, UserId
from services.contacts.domain.changes import ChangedContacts, joined
from services.contacts.identity_resolution import resolve_identities
from services.contacts.projector import Effects, follow_up, project_observations
from services.contacts.store import addresses, cards, contacts, interactions, observations, users
from services.contacts.store.identity_resolution import Seeds

PURGE_CHUNK = 1_000


async def purge_account(
    connection: Connection, user_id: UserId, account_id: AccountId, at: datetime
) -> ChangedContacts:
    """What only this account saw goes, and contacts that nothing else supports. The caller holds the user's lock."""
    await users.upsert_purged(connection, [account_id], at)
    effects = await _remove_observations(connection, account_id)
    changed = await follow_up(connection, effects)
    left = await _remove_cards(connection, user_id, account_id)
    await addresses.delete_unused_addresses(connection, user_id)
    return joined(changed, {user_id: left})


async def _remove_observations(connection: Connection, account_id: AccountId) -> Effects:
    """Each as if its source had reported it gone; then even that is forgotten."""
    effects = Effects()
    while seen := await observations.list_of_source(connection, account_id, PURGE_CHUNK):
        gone = [replace(observation, item=None, revision=observation.revision + 1) for observation in seen]
        effects |= await project_observations(connection, gone)
        await observations.delete_observations(connection, [observation.key for observation in seen])
    return replace(
        effects,
        written=frozenset(await interactions.list_existing(connection, effects.written)),
        threads=frozenset(thread for thread in effects.threads if thread[0] != account_id),
    )


async def _remove_cards(connection: Connection, user_id: UserId, account_id: AccountId) -> Collection[ContactId]:
    """The contacts that are left of those that the cards supported, or whose addresses they named."""
    deleted = await cards.delete_cards(connection, account_id)
    contact_ids = {card.contact_id for card in deleted if card.contact_id}
    await contacts.clear_imported(connection, contact_ids)
    emails = sorted({email for card in deleted for email in card.emails})
    named = await addresses.list_owned_emails(connection, user_id, emails)
    seeds = Seeds(addresses=[address.id for address in named.values()], contacts=contact_ids)
    return await resolve_identities(connection, user_id, seeds)
