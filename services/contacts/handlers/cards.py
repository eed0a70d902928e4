"""Google's cards become contacts, or parts of them."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from libs.common.db import Connection
from libs.common.events import PersonImported, PersonRemoved
from libs.common.ids import UserId
from services.contacts.context import Context
from services.contacts.domain.cards import card_addresses, google_card, latest_imports
from services.contacts.domain.changes import ChangedContacts
from services.contacts.domain.identity_resolution import CardKey
from services.contacts.domain.text import key
from services.contacts.exclusions import leave_out_excluded_cards
from services.contacts.identity_resolution import resolve_identities
from services.contacts.store import addresses, cards, merges, users
from services.contacts.store.identity_resolution import Seeds


async def import_cards(context: Context, events: Sequence[PersonImported]) -> None:
    """Store the cards as they are now and decide who they are."""
    latest = latest_imports(events)

    async def import_theirs(connection: Connection, user_ids: Collection[UserId]) -> ChangedContacts:
        return await _import_latest(connection, [event for event in latest if event.user_id in user_ids])

    await context.change_users({event.user_id for event in latest}, import_theirs)


async def _import_latest(connection: Connection, latest: Sequence[PersonImported]) -> ChangedContacts:
    purged = await users.list_purged(connection, {id_ for event in latest for id_ in (event.user_id, event.account_id)})
    wanted = [event for event in latest if event.user_id not in purged and event.account_id not in purged]
    found = {card.key: card for card in await leave_out_excluded_cards(connection, map(google_card, wanted))}
    newer = await cards.upsert_cards(connection, list(found.values()))
    await cards.dismiss_renamed(connection, newer)
    for card_key in newer:
        if former := found[card_key].former:
            await merges.add_renamed_card(connection, card_key, former)
    kept = {(card.user_id, "email", email) for card in found.values() for email in card.emails}
    named = {address: person for address, person in card_addresses(wanted).items() if address in kept}
    await addresses.get_or_insert_addresses(connection, named)
    by_user: dict[UserId, list[CardKey]] = defaultdict(list)
    for card_key in newer:
        by_user[found[card_key].user_id].append(card_key)
    return {
        user_id: await resolve_identities(connection, user_id, Seeds(cards=keys)) for user_id, keys in by_user.items()
    }


async def remove_card(context: Context, event: PersonRemoved) -> None:
    """The card supports its contact no more; the contact stays one, archived where nothing else stands behind it."""
    card_key = (event.account_id, key(event.resource_name))
    changed: ChangedContacts = {}
    async with context.locked(event.user_id) as connection:
        if await users.list_purged(connection, [event.user_id, event.account_id]):
            return
        if await cards.mark_card_removed(connection, event.user_id, card_key, event.revision):
            changed[event.user_id] = await resolve_identities(connection, event.user_id, Seeds(cards=[card_key]))
    await context.publish_changed(changed)
