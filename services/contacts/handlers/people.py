"""Google's cards become contacts, or parts of them."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from libs.common.addresses import canonical, phone_key
from libs.common.events import PersonImported, PersonRemoved
from services.contacts import regrouping
from services.contacts.context import Context
from services.contacts.domain.grouping import CardKey
from services.contacts.domain.projection import Who
from services.contacts.domain.seeing import email_of
from services.contacts.domain.text import cleaned, folded, key
from services.contacts.recording import Changed
from services.contacts.store import addresses, cards, users
from services.contacts.store.cards import CardRow

MAX_FIELD, MAX_URL, MAX_ENTRIES = 500, 2_000, 100


async def import_people(context: Context, facts: Sequence[PersonImported]) -> None:
    """Store the cards as they are now and decide who they are."""
    newest: dict[CardKey, PersonImported] = {}
    for fact in sorted(facts, key=lambda fact: fact.revision):
        newest[fact.account_id, key(fact.resource_name)] = fact
    async with context.transaction() as c:
        user_ids = {fact.user_id for fact in newest.values()}
        await users.lock_users(c, user_ids)
        purged = await users.list_purged(c, user_ids | {fact.account_id for fact in newest.values()})
        wanted = [fact for fact in newest.values() if fact.user_id not in purged and fact.account_id not in purged]
        rows = {row.key: row for row in map(card, wanted)}
        stored = await cards.upsert_cards(c, list(rows.values()))
        for fact in wanted:
            if fact.former_names:
                await cards.rename_card(
                    c, fact.account_id, [key(name) for name in fact.former_names], key(fact.resource_name)
                )
        await addresses.ensure_addresses(c, _emails(wanted))
        by_user: dict[UUID, list[CardKey]] = defaultdict(list)
        for one in stored:
            by_user[rows[one].user_id].append(one)
        changed: Changed = {}
        for user_id, keys in by_user.items():
            changed[user_id] = await regrouping.regroup(c, user_id, cards=keys)
    await context.tell(changed)


async def remove_person(context: Context, fact: PersonRemoved) -> None:
    """The card supports its contact no more; the contact stays one, archived where nothing else stands behind it."""
    async with context.transaction() as c:
        await users.lock_users(c, [fact.user_id])
        if await users.list_purged(c, [fact.user_id, fact.account_id]):
            return
        one = (fact.account_id, key(fact.resource_name))
        changed: Changed = {}
        if await cards.remove_card(c, fact.user_id, one, fact.revision):
            changed[fact.user_id] = await regrouping.regroup(c, fact.user_id, cards=[one])
    await context.tell(changed)


def card(fact: PersonImported) -> CardRow:
    """A card with its texts made harmless and its addresses comparable. What says nothing at all is not live."""
    name = cleaned(" ".join(fact.name.split()), MAX_FIELD)
    emails = tuple(dict.fromkeys(address for one in fact.emails[:MAX_ENTRIES] if (address := canonical(one))))
    phones = {found: cleaned(one, 100) for one in fact.phones[:MAX_ENTRIES] if (found := phone_key(cleaned(one, 100)))}
    company, title = cleaned(fact.organization, MAX_FIELD), cleaned(fact.title, MAX_FIELD)
    return CardRow(
        user_id=fact.user_id,
        account_id=fact.account_id,
        resource_name=key(fact.resource_name),
        revision=fact.revision,
        live=bool(name or emails or phones or company or title),
        name=name,
        folded=folded(name),
        company=company,
        title=title,
        photo_url=_web(fact.photo_url),
        birthday=cleaned(fact.birthday, 10),
        emails=emails,
        phones=tuple(phones.values()),
        phone_keys=tuple(phones),
        urls=tuple(url for one in fact.urls[:MAX_ENTRIES] if (url := _web(one))),
    )


def _web(url: str) -> str:
    """An http(s) URL; empty where it is something else, which nobody should click."""
    text = cleaned(url, MAX_URL)
    return text if text.lower().startswith(("https://", "http://")) else ""


def _emails(facts: Sequence[PersonImported]) -> dict[addresses.Key, Who]:
    found: dict[addresses.Key, Who] = {}
    for fact in facts:
        for one in fact.emails[:MAX_ENTRIES]:
            if who := email_of("other", one):
                found[fact.user_id, who.kind, who.value] = who
    return found
