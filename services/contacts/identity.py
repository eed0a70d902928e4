"""Who is me, and what follows when that changes: directions, contacts, answered lists, cards."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from libs.common.db import Connection
from services.contacts import recording, regrouping
from services.contacts.domain.projection import Sighting
from services.contacts.recording import Changed, Effects, joined
from services.contacts.store import addresses, cards, owners, people, sightings, users

PURGE_CHUNK = 1_000


async def change_me(c: Connection, user_id: UUID, change: Callable[[], Awaitable[None]]) -> Changed:
    """Change the user's own addresses with `change`, and bring everything that hangs on them up to date.

    The caller holds the user's lock.
    """
    before = await users.list_own(c, user_id)
    await change()
    mine = await users.list_own(c, user_id)
    flipped = await addresses.flip_me(c, user_id, mine, before ^ mine) if before != mine else []
    if not flipped:
        return {}
    written = await owners.interactions_of(c, flipped)
    changed = await recording.settle(
        c,
        Effects(
            written=written,
            loosened=await owners.people_on(c, written) | set(flipped),
            threads=await owners.threads_of(c, written),
        ),
    )
    # Addresses that became mine leave their contacts; cards that name one become mine or somebody's.
    left = await regrouping.regroup(c, user_id, addresses=flipped)
    return joined(changed, {user_id: left})


async def change_creation(c: Connection, user_id: UUID) -> Changed:
    """The user's rule for who becomes a contact changed: apply it to all that is recorded. The caller holds the lock."""
    made = await regrouping.make_contacts(c, await owners.all_interactions(c, user_id))
    left = await regrouping.drop_unwanted(c, await owners.owned_addresses(c, user_id))
    return {user_id: made | left}


async def purge_account(c: Connection, user_id: UUID, account_id: UUID, at: datetime) -> Changed:
    """What only this account saw goes, and contacts that nothing else supports. The caller holds the user's lock."""
    await users.mark_purged(c, [account_id], at)
    effects = Effects()
    while seen := await sightings.list_of_source(c, account_id, PURGE_CHUNK):
        done = await recording.apply(c, [_gone(one) for one in seen])
        await sightings.delete_sightings(c, [one.key for one in seen])
        effects.written |= done.written
        effects.loosened |= done.loosened
        effects.threads |= {thread for thread in done.threads if thread[0] != account_id}
    effects.written = await owners.existing(c, effects.written)
    changed = await recording.settle(c, effects)
    unlinked = await cards.delete_cards_of(c, account_id)
    contacts = {row["contact_id"] for row in unlinked if row["contact_id"]}
    await people.forget_imports(c, contacts)
    named = await addresses.owners_of(
        c, user_id, "email", sorted({email for row in unlinked for email in row["emails"]})
    )
    left = await regrouping.regroup(c, user_id, contacts=contacts, addresses=[row["id"] for row in named.values()])
    await owners.delete_unused(c, user_id)
    return joined(changed, {user_id: left})


def _gone(one: Sighting) -> Sighting:
    return replace(one, seen=None, revision=one.revision + 1)
