"""Who is me, and what follows when that changes: directions, contacts, answered lists, cards."""

from collections.abc import Awaitable, Callable

from libs.common.db import Connection
from libs.common.ids import UserId
from services.contacts.domain.changes import ChangedContacts, joined
from services.contacts.identity_resolution import resolve_identities
from services.contacts.projector import Effects, follow_up
from services.contacts.store import interactions, observations
from services.contacts.store.identity_resolution import Seeds
from services.contacts.store.own_addresses import list_own_addresses, update_is_me


async def change_own_addresses(
    connection: Connection, user_id: UserId, change: Callable[[], Awaitable[None]]
) -> ChangedContacts:
    """Change the user's own addresses with `change`, and bring everything that hangs on them up to date.

    The caller holds the user's lock.
    """
    before = await list_own_addresses(connection, user_id)
    await change()
    own = await list_own_addresses(connection, user_id)
    flipped = await update_is_me(connection, user_id, own, before ^ own) if before != own else []
    if not flipped:
        return {}
    written = await interactions.list_with_addresses(connection, flipped)
    recheck = await interactions.list_participants(connection, written) | set(flipped)
    threads = await observations.list_threads(connection, written)
    changed = await follow_up(connection, Effects(frozenset(written), frozenset(recheck), frozenset(threads)))
    # Addresses that became the user's leave their contacts; cards that name one become the user's, or somebody's again.
    left = await resolve_identities(connection, user_id, Seeds(addresses=flipped))
    return joined(changed, {user_id: left})
