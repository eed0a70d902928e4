"""Lists of contacts: searched by what is known of them, in their orders, page by page."""

from datetime import timedelta
from typing import Any

import pytest

from libs.common.errors import Refused
from libs.common.requests import (
    ContactFields,
    SearchContacts,
    UpdateContact,
)
from services.contacts.derivations import refresh_due_derivations
from services.contacts.handlers import contacts
from services.contacts.scoring import refresh_due_scores
from tests.support.contacts_world import (
    NOW,
    USER,
    World,
    card,
    contacts_database,
    mail,
    world,
)

__all__ = ["contacts_database", "world"]  # fixtures

JANE, BOB = "jane@acme.example", "bob@beta.example"


async def found(world: World, q: str, **more: Any) -> list[str]:
    page = await contacts.search_contacts(world.context, SearchContacts(user_id=USER, q=q, **more))
    return [item.name for item in page.items]


async def test_search_knows_no_accents_and_finds_beginnings(world: World) -> None:
    await world.receive(
        card("1", name="Zoë Müller", emails=["zoe@acme.example"], organization="Çelik GmbH"),
        card("2", name="Jane Doe", emails=["jane@zoetrope.example"]),
    )
    assert await found(world, "zoe") == ["Zoë Müller", "Jane Doe"], "names before addresses"
    assert await found(world, "MULL") == ["Zoë Müller"]
    assert await found(world, "celik zo") == ["Zoë Müller"]
    assert await found(world, "jane@zoetrope.example") == ["Jane Doe"]
    assert await found(world, "nobody") == []
    assert await found(world, "'; & | ! <-> \\ (") == []


async def test_search_finds_letters_that_no_english_keyboard_has(world: World) -> None:
    names = ["Łukasz", "Søren", "Straße", "Đorđe", "Þórður", "Işıl", "Cæcilie", "山田太郎", "김철수"]
    await world.receive(*[card(str(number), name=name) for number, name in enumerate(names)])
    for typed, name in zip(
        ["lukasz", "soren", "strasse", "dord", "thord", "isil", "caec", "山田", "김철"], names, strict=True
    ):
        assert await found(world, typed) == await found(world, name) == [name]


async def test_a_card_without_a_name_is_found_and_listed_by_its_organization(world: World) -> None:
    await world.receive(card("1", organization="Çelik GmbH", phones=["+49 30 1"]), card("2", name="Bob"))
    assert await world.names() == ["Bob", "Çelik GmbH"]
    assert await found(world, "celik") == ["Çelik GmbH"]


async def test_two_extensions_of_one_number_are_two_phones(world: World) -> None:
    phones = ["+1 212 555 0100 ext. 5", "+1 212 555 0100 ext. 6", "1-800-FLOWERS", "ask at the desk"]
    await world.receive(card("1", name="Ann", emails=[JANE], phones=phones))
    shown = (await world.contact(JANE)).phones
    assert [phone.shown for phone in shown] == phones
    assert [phone.e164 for phone in shown] == ["+12125550100", "+12125550100", None, None]


async def test_after_an_upgrade_what_is_stored_is_derived_anew(world: World) -> None:
    """A database of an earlier version: names folded by other rules, cards that folded apart."""
    await world.receive(
        card("1", name="Søren", emails=[JANE], phones=["+49 30 1234567"]),
        card("2", name="Łukasz", emails=[BOB], phones=["+49 30 7654321"]),
        mail("m1", "lone@x.example", name="Þór"),
    )
    await world.pool.execute(
        """UPDATE contacts SET name_key = 'old', words_name = 'old', phone_keys = '{}', derive_due = true;
           UPDATE cards SET folded = 'old', phone_keys = '{}', derive_due = true"""
    )
    assert await found(world, "soren") == []
    assert await refresh_due_derivations(world.context) == 3, (
        "two cards with their contacts, and a contact without a card"
    )
    assert [await found(world, typed) for typed in ("soren", "lukasz", "thor")] == [["Søren"], ["Łukasz"], ["Þór"]]
    assert await refresh_due_derivations(world.context) == 0, "only what is due is derived again"
    await world.receive(card("3", name="Soren", emails=["s@x.example"], phones=["+49301234567"]))
    assert frozenset({JANE, "s@x.example"}) in await world.emails(), "the name and the phone of one card"


async def test_notes_are_searched_too(world: World) -> None:
    await world.receive(mail("m1", JANE, name="Jane"))
    contact = await world.contact(JANE)
    fields = ContactFields(notes="likes naïve art", tags=("curator",))
    await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=contact.id, fields=fields))
    assert await found(world, "naive") == await found(world, "curator") == ["Jane"]


@pytest.mark.parametrize("order", [{"sort": "name"}, {"sort": "recent"}, {"sort": "score"}, {"q": "p"}])
async def test_pages_are_complete_and_without_repetition(world: World, order: dict[str, Any]) -> None:
    await world.receive(*[mail(f"m{n}", f"p{n}@x.example", days_ago=n % 4 + 1) for n in range(23)])
    await refresh_due_scores(world.context, NOW)
    seen: list[Any] = []
    cursor = None
    while True:
        page = await contacts.search_contacts(
            world.context, SearchContacts(user_id=USER, cursor=cursor, limit=4, **order)
        )
        seen += [item.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 23


async def test_lists_are_sorted_by_last_contact_and_score(world: World) -> None:
    await world.receive(mail("m1", JANE, days_ago=40), mail("m2", BOB, days_ago=5), card("1", name="Never Met"))
    assert await refresh_due_scores(world.context, NOW) == 3
    assert await refresh_due_scores(world.context, NOW) == 0
    for sort in ("recent", "score"):
        assert await found(world, "", sort=sort) == [BOB, JANE, "Never Met"]
    assert await refresh_due_scores(world.context, NOW + timedelta(days=2, minutes=1)) == 1, (
        "Bob's recency fades after a week"
    )


async def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    for request in ({"sort": "name"}, {"sort": "score"}, {"q": "x"}):
        with pytest.raises(Refused) as refused:
            await contacts.search_contacts(world.context, SearchContacts(user_id=USER, cursor="WzFd", **request))
        assert refused.value.status == 400
