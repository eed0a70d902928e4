"""Contacts that may be one person: found in the background, few however many there are, and never again where the user has decided."""

from collections.abc import Collection
from typing import Any

import pytest

from libs.common.db import Connection
from libs.common.errors import Refused
from libs.common.ids import ContactId
from libs.common.requests import (
    ContactFields,
    CreateContact,
    DismissDuplicate,
    DuplicatePairs,
    FindDuplicates,
    ListDuplicates,
    MergeContacts,
    UndoMerge,
    UpdateContact,
)
from services.contacts.domain.duplicate_keys import MAX_BLOCK
from services.contacts.duplicates import refresh_due_duplicates
from services.contacts.handlers import contacts, duplicates, merges
from services.contacts.handlers.cards import import_cards
from services.contacts.store.contact_search import ListedContact, list_listed_contacts
from tests.support.contacts_world import USER, World, card, contacts_database, mail, removed, settings, world

__all__ = ["contacts_database", "world"]

Pair = frozenset[str]


async def create(world: World, name: str, **fields: Any) -> ContactId:
    command = CreateContact(user_id=USER, fields=ContactFields(name=name, **fields))
    return (await contacts.create_contact(world.context, command)).id


async def found(world: World) -> DuplicatePairs:
    """All pairs, after the background is done."""
    await refresh_due_duplicates(world.context)
    return await duplicates.list_duplicates(world.context, ListDuplicates(user_id=USER, limit=200))


async def names(world: World) -> set[Pair]:
    return {frozenset({pair.contact.name, pair.other.name}) for pair in (await found(world)).items}


async def dismiss(world: World, first: ContactId, second: ContactId) -> None:
    await duplicates.dismiss_duplicate(world.context, DismissDuplicate(user_id=USER, contact_id=first, other_id=second))


async def merge(world: World, survivor: ContactId, other: ContactId) -> Any:
    command = MergeContacts(user_id=USER, contact_id=survivor, other_id=other)
    return (await merges.merge_contacts(world.context, command)).merge_id


async def test_only_what_changed_is_compared_and_what_no_longer_holds_goes(world: World) -> None:
    jane, bob = await create(world, "Jane Doe"), await create(world, "Bob Miller")
    other = await create(world, "Robert Miller", phones=("+49 30 1234567",))
    assert await names(world) == {frozenset({"Bob Miller", "Robert Miller"})}
    assert await refresh_due_duplicates(world.context) == 0, "nothing is due any more"
    await world.receive(mail("m", "j.doe@acme.example", name="J. Doe"))
    assert await refresh_due_duplicates(world.context) == 1
    assert await names(world) == {frozenset({"Bob Miller", "Robert Miller"}), frozenset({"Jane Doe", "J. Doe"})}
    await world.receive(mail("m2", "j.doe@acme.example", name="J. Doe"), settings(1))
    assert await refresh_due_duplicates(world.context) == 0, "nothing by which anybody is compared has changed"
    await world.receive(removed("m"), removed("m2"))
    renamed = UpdateContact(user_id=USER, contact_id=other, fields=ContactFields(name="Rose Miller"))
    await contacts.update_contact(world.context, renamed)
    assert await names(world) == set()
    with_keys = await world.pool.fetch("SELECT DISTINCT contact_id FROM duplicate_keys")
    assert {row["contact_id"] for row in with_keys} == {jane, bob, other}, "who is gone has none"


async def test_thousands_of_one_name_cost_no_more_than_a_block_of_them(world: World) -> None:
    many = 10 * MAX_BLOCK
    cards = [
        card(f"h{n}", name="Jane Doe", phones=[f"+49 30 {1_000_000 + n}"], organization="Acme") for n in range(many)
    ]
    await import_cards(world.context, cards)
    await world.receive(
        card("x", name="Jané Doe", phones=["+49 30 1000007"], organization="Beta"), card("y", name="Otto Beck"), card("z", name="O. Beck")
    )  # fmt: skip
    pairs = (await found(world)).items
    assert {pair.evidence for pair in pairs if "Otto Beck" in (pair.contact.name, pair.other.name)} == {
        ("same name with initials",)
    }
    alike = [pair for pair in pairs if pair.contact.name.startswith("Jan")]
    assert len(alike) <= 1, "a name that hundreds have says nothing"
    assert await world.pool.fetchval("SELECT count(*) FROM duplicate_suggestions") <= MAX_BLOCK**2 / 2


async def test_a_phone_that_two_of_many_namesakes_share_is_still_seen(world: World) -> None:
    await world.receive(*[card(f"n{n}", name="Jane Doe", organization="Acme") for n in range(MAX_BLOCK + 1)])
    first = await create(world, "Jane Doe", phones=("+49 30 1234567",))
    second = await create(world, "Jane D", phones=("+49 30 1234567",))
    listed = await found(world)
    pair = next(pair for pair in listed.items if {pair.contact.id, pair.other.id} == {first, second})
    assert pair.evidence == ("same phone +49301234567", "same name with initials")
    assert (pair.confidence, listed.total) == (0.8, len(listed.items))


async def test_not_the_same_is_remembered_through_merges_of_either_and_their_undoing(world: World) -> None:
    first, second, third = [await create(world, "Jane Doe", phones=(f"030 {n}",)) for n in range(3)]
    stranger = await create(world, "Otto Beck")
    assert (await found(world)).total == 3
    await dismiss(world, first, second)
    pairs = [{pair.contact.id, pair.other.id} for pair in (await found(world)).items]
    assert pairs == [{first, third}, {second, third}] or pairs == [{second, third}, {first, third}]
    merge_id = await merge(world, third, first)
    assert (await found(world)).total == 0, "who the first one went into is not the second one either"
    on_top = await merge(world, stranger, third)
    assert (await found(world)).total == 0
    await dismiss(world, stranger, second)
    for undone in (on_top, merge_id):
        await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=undone))
    pairs = [{pair.contact.id, pair.other.id} for pair in (await found(world)).items]
    assert pairs == [{first, third}], "of the third it was stated while it was part of the stranger"
    with pytest.raises(Refused) as refused:
        await dismiss(world, first, first)
    assert (refused.value.status, refused.value.code) == (409, "same_contact")


async def test_neither_a_card_nor_a_mail_makes_one_of_two_that_are_not_the_same(world: World) -> None:
    await world.receive(mail("a", "a@x.example", name="Jane Doe"), mail("b", "b@x.example", name="Jane Doe"))
    first, second = (await world.contact("a@x.example")).id, (await world.contact("b@x.example")).id
    await dismiss(world, first, second)
    await world.receive(card("1", name="Jane Doe", emails=["a@x.example", "b@x.example"]))
    assert await world.emails() == {frozenset({"a@x.example"}), frozenset({"b@x.example"})}
    assert (await found(world)).total == 0


async def test_pairs_come_page_by_page_the_surest_first_and_each_contact_has_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.receive(
        card("1", name="Jane Doe", emails=["jane@acme.example"]), card("2", name="Jane Doe", emails=["doe@acme.example"]),
        card("3", name="Otto Beck"), card("4", name="Beck Otto"), card("5", name="Ann Lee"), card("6", name="A. Lee"),
    )  # fmt: skip
    await refresh_due_duplicates(world.context)
    gone: ContactId | None = None

    async def without_gone(connection: Connection, ids: Collection[ContactId]) -> dict[ContactId, ListedContact]:
        found = await list_listed_contacts(connection, ids)
        return {id_: contact for id_, contact in found.items() if id_ != gone}

    async def listed() -> list[float]:
        seen: list[float] = []
        cursor: str | None = None
        while True:
            page = await duplicates.list_duplicates(world.context, ListDuplicates(user_id=USER, cursor=cursor, limit=1))
            seen += [pair.confidence for pair in page.items]
            assert page.total == 3
            cursor = page.next_cursor
            if cursor is None:
                return seen

    monkeypatch.setattr(duplicates, "list_listed_contacts", without_gone)
    assert await listed() == [0.95, 0.85, 0.6]
    jane = gone = (await world.contact("jane@acme.example")).id
    assert await listed() == [0.85, 0.6], "deleted in the moment in which the page was read"
    gone = None
    [own] = (await duplicates.find_duplicates(world.context, FindDuplicates(user_id=USER, contact_id=jane))).items
    assert (own.contact.emails, own.evidence) == (("doe@acme.example",), ("same name at acme.example",))
    with pytest.raises(Refused):
        await duplicates.list_duplicates(world.context, ListDuplicates(user_id=USER, cursor="WzFlNDAwLDEsMV0"))
