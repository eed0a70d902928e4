"""Who is me, and what follows when that changes: directions, contacts, answered lists, cards."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from libs.common.db import Connection
from services.contacts import identity_resolution, projector
from services.contacts.domain.projection import Observation
from services.contacts.projector import Changed, Effects, joined
from services.contacts.store import addresses, cards, observations, owners, users
from services.contacts.store import contacts as contact_store

PURGE_CHUNK = 1_000


async def change_me(connection: Connection, user_id: UUID, change: Callable[[], Awaitable[None]]) -> Changed:
    """Change the user's own addresses with `change`, and bring everything that hangs on them up to date.

    The caller holds the user's lock.
    """
    before = await users.list_own(connection, user_id)
    await change()
    mine = await users.list_own(connection, user_id)
    flipped = await addresses.flip_me(connection, user_id, mine, before ^ mine) if before != mine else []
    if not flipped:
        return {}
    written = await owners.interactions_of(connection, flipped)
    changed = await projector.settle(
        connection,
        Effects(
            written=written,
            loosened=await owners.people_on(connection, written) | set(flipped),
            threads=await owners.threads_of(connection, written),
        ),
    )
    # Addresses that became mine leave their contacts; cards that name one become mine or somebody's.
    left = await identity_resolution.regroup(connection, user_id, addresses=flipped)
    return joined(changed, {user_id: left})


async def change_creation(connection: Connection, user_id: UUID) -> Changed:
    """The user's rule for who becomes a contact changed: apply it to all that is recorded. The caller holds the lock."""
    made = await identity_resolution.make_contacts(connection, await owners.all_interactions(connection, user_id))
    left = await identity_resolution.drop_unwanted(connection, await owners.owned_addresses(connection, user_id))
    return {user_id: made | left}


async def purge_account(connection: Connection, user_id: UUID, account_id: UUID, at: datetime) -> Changed:
    """What only this account saw goes, and contacts that nothing else supports. The caller holds the user's lock."""
    await users.mark_purged(connection, [account_id], at)
    effects = Effects()
    while item := await observations.list_of_source(connection, account_id, PURGE_CHUNK):
        done = await projector.apply(connection, [_gone(one) for one in item])
        await observations.delete_sightings(connection, [one.key for one in item])
        effects.written |= done.written
        effects.loosened |= done.loosened
        effects.threads |= {thread for thread in done.threads if thread[0] != account_id}
    effects.written = await owners.existing(connection, effects.written)
    changed = await projector.settle(connection, effects)
    unlinked = await cards.delete_cards_of(connection, account_id)
    contacts = {row["contact_id"] for row in unlinked if row["contact_id"]}
    await contact_store.forget_imports(connection, contacts)
    named = await addresses.owners_of(
        connection, user_id, "email", sorted({email for row in unlinked for email in row["emails"]})
    )
    left = await identity_resolution.regroup(
        connection, user_id, contacts=contacts, addresses=[row["id"] for row in named.values()]
    )
    await owners.delete_unused(connection, user_id)
    return joined(changed, {user_id: left})


def _gone(one: Observation) -> Observation:
    return replace(one, item=None, revision=one.revision + 1)
