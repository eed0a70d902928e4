"""Who is me, and what follows when that changes: directions, contacts, answered lists, cards."""

from collections.abc import Awaitable, Callable

from libs.common.db import Connection
from libs.common.fault_points import reached
from libs.common.ids import UserId
from services.contacts.domain.changes import ChangedContacts
from services.contacts.identity_resolution import resolve_identities
from services.contacts.store.identity_resolution import Seeds
from services.contacts.store.own_addresses import list_own_addresses, update_is_me
from services.contacts.store.rechecks import Stage, insert_rechecks


async def change_own_addresses(
    connection: Connection, user_id: UserId, change: Callable[[], Awaitable[None]]
) -> ChangedContacts:
    """Change the user's own addresses with `change`. The caller holds the user's lock.

    Directions are right at once. What hangs on them besides is due from now on: the caller works it off after the commit (rechecks.py).
    """
    before = await list_own_addresses(connection, user_id)
    await change()
    own = await list_own_addresses(connection, user_id)
    flipped = await update_is_me(connection, user_id, own, before ^ own) if before != own else []
    if not flipped:
        return {}
    await reached("contacts.rechecks.changed")
    await insert_rechecks(connection, user_id, flipped, Stage.INTERACTIONS)
    # Addresses that became the user's leave their contacts; cards that name one become the user's, or somebody's again.
    return {user_id: await resolve_identities(connection, user_id, Seeds(addresses=flipped))}
