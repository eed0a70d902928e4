"""Google's cards become contacts, or parts of them."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from libs.common.addresses import canonical, phone_key
from libs.common.events import PersonImported, PersonRemoved
from services.contacts import identity_resolution
from services.contacts.context import Context
from services.contacts.domain.identity_resolution import CardKey
from services.contacts.domain.observations import email_of
from services.contacts.domain.projection import Participant
from services.contacts.domain.text import cleaned, folded, key
from services.contacts.projector import Changed
from services.contacts.store import addresses, cards, users
from services.contacts.store.cards import CardRow

MAX_FIELD, MAX_URL, MAX_ENTRIES = 500, 2_000, 100


async def import_people(context: Context, events: Sequence[PersonImported]) -> None:
    """Store the cards as they are now and decide who they are."""
    newest: dict[CardKey, PersonImported] = {}
    for event in sorted(events, key=lambda event: event.revision):
        newest[event.account_id, key(event.resource_name)] = event
    async with context.transaction() as connection:
        user_ids = {event.user_id for event in newest.values()}
        await users.lock_users(connection, user_ids)
        purged = await users.list_purged(connection, user_ids | {event.account_id for event in newest.values()})
        wanted = [event for event in newest.values() if event.user_id not in purged and event.account_id not in purged]
        rows = {row.key: row for row in map(card, wanted)}
        stored = await cards.upsert_cards(connection, list(rows.values()))
        for event in wanted:
            if event.former_names:
                await cards.rename_card(
                    connection, event.account_id, [key(name) for name in event.former_names], key(event.resource_name)
                )
        await addresses.ensure_addresses(connection, _emails(wanted))
        by_user: dict[UUID, list[CardKey]] = defaultdict(list)
        for one in stored:
            by_user[rows[one].user_id].append(one)
        changed: Changed = {}
        for user_id, keys in by_user.items():
            changed[user_id] = await identity_resolution.regroup(connection, user_id, cards=keys)
    await context.tell(changed)


async def remove_person(context: Context, event: PersonRemoved) -> None:
    """The card supports its contact no more; the contact stays one, archived where nothing else stands behind it."""
    async with context.transaction() as connection:
        await users.lock_users(connection, [event.user_id])
        if await users.list_purged(connection, [event.user_id, event.account_id]):
            return
        one = (event.account_id, key(event.resource_name))
        changed: Changed = {}
        if await cards.remove_card(connection, event.user_id, one, event.revision):
            changed[event.user_id] = await identity_resolution.regroup(connection, event.user_id, cards=[one])
    await context.tell(changed)


def card(event: PersonImported) -> CardRow:
    """A card with its texts made harmless and its addresses comparable. What says nothing at all is not live."""
    name = cleaned(" ".join(event.name.split()), MAX_FIELD)
    emails = tuple(dict.fromkeys(address for one in event.emails[:MAX_ENTRIES] if (address := canonical(one))))
    phones = {found: cleaned(one, 100) for one in event.phones[:MAX_ENTRIES] if (found := phone_key(cleaned(one, 100)))}
    company, title = cleaned(event.organization, MAX_FIELD), cleaned(event.title, MAX_FIELD)
    return CardRow(
        user_id=event.user_id,
        account_id=event.account_id,
        resource_name=key(event.resource_name),
        revision=event.revision,
        live=bool(name or emails or phones or company or title),
        name=name,
        folded=folded(name),
        company=company,
        title=title,
        photo_url=_web(event.photo_url),
        birthday=cleaned(event.birthday, 10),
        emails=emails,
        phones=tuple(phones.values()),
        phone_keys=tuple(phones),
        urls=tuple(url for one in event.urls[:MAX_ENTRIES] if (url := _web(one))),
    )


def _web(url: str) -> str:
    """An http(s) URL; empty where it is something else, which nobody should click."""
    text = cleaned(url, MAX_URL)
    return text if text.lower().startswith(("https://", "http://")) else ""


def _emails(events: Sequence[PersonImported]) -> dict[addresses.Key, Participant]:
    found: dict[addresses.Key, Participant] = {}
    for event in events:
        for one in event.emails[:MAX_ENTRIES]:
            if who := email_of("other", one):
                found[event.user_id, who.kind, who.value] = who
    return found
