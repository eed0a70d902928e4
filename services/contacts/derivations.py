"""After an upgrade that changed how something is derived: stored cards, contacts and interactions are derived anew, a few at a time.

Which ones are due is in the rows (a migration marks them), so that a restart goes on where it was, and several replicas share the work.
"""

from libs.common.db import Connection
from libs.common.ids import UserId
from services.contacts.context import Context
from services.contacts.domain.changes import ChangedContacts
from services.contacts.domain.phones import canonical_by_entry, phone_keys
from services.contacts.domain.text import folded
from services.contacts.identity_resolution import resolve_identities
from services.contacts.projector import follow_up, project_groups
from services.contacts.rechecks import work_off_rechecks
from services.contacts.store import derivations
from services.contacts.store.derivations import DerivedKeys, DueCard
from services.contacts.store.identity_resolution import Seeds

ROWS_AT_ONCE = 200
GROUPS_AT_ONCE = 50


async def refresh_due_derivations(context: Context) -> int:
    """Derive everything that is due; how many cards, contacts and groups of observations that was."""
    done = 0
    async with context.db.acquire() as connection:
        due_users = await derivations.list_due_users(connection)
    for user_id in due_users:
        while refreshed := await _refresh_some(context, user_id):
            done += refreshed
        await work_off_rechecks(context, user_id)
    return done


async def _refresh_some(context: Context, user_id: UserId) -> int:
    """Cards first, for contacts are derived from them: names that fold alike now may make two cards one person. Then interactions."""
    async with context.locked(user_id) as connection:
        refreshed, changed = await _refresh_people(connection, user_id)
        if not refreshed:
            groups = await derivations.delete_due_groups(connection, user_id, GROUPS_AT_ONCE)
            refreshed, changed = len(groups), await follow_up(connection, await project_groups(connection, groups))
    await context.publish_changed(changed)
    return refreshed


async def _refresh_people(connection: Connection, user_id: UserId) -> tuple[int, ChangedContacts]:
    cards = await derivations.list_due_cards(connection, user_id, ROWS_AT_ONCE)
    contact_ids = [] if cards else await derivations.list_due_contacts(connection, user_id, ROWS_AT_ONCE)
    if not cards and not contact_ids:
        return 0, {}
    if cards:
        await derivations.update_card_keys(connection, [_derived_keys(card) for card in cards])
    seeds = Seeds(cards=[card.key for card in cards], contacts=contact_ids)
    return len(cards) + len(contact_ids), {user_id: await resolve_identities(connection, user_id, seeds)}


def _derived_keys(card: DueCard) -> DerivedKeys:
    canonical = canonical_by_entry(zip(card.phones, card.canonical_phones, strict=False))
    return DerivedKeys(card.key, folded(card.name), phone_keys(card.phones, canonical))
