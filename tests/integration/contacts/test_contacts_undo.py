"""A merge is undone at any later time: whatever came since goes where it belongs, and what that is can be read before."""

from typing import Any
from uuid import UUID

import pytest

from libs.common.errors import Refused
from libs.common.ids import ContactId
from libs.common.requests import (
    AddInteraction,
    Contact,
    ContactFields,
    CreateContact,
    GetContact,
    GetTimeline,
    ListMerges,
    MergeContacts,
    MergeRecord,
    RotateBcc,
    UndoMerge,
    UpdateContact,
)
from services.contacts.handlers import contacts, merges, timelines
from tests.support.contacts_world import ME, USER, World, card, card_removed, contacts_database, mail, world

__all__ = ["contacts_database", "world"]

JANE, BOB = "jane@acme.example", "bob@beta.example"


async def edit(world: World, contact_id: ContactId, **fields: Any) -> Contact:
    command = UpdateContact(user_id=USER, contact_id=contact_id, fields=ContactFields(**fields))
    return await contacts.update_contact(world.context, command)


async def create(world: World, **fields: Any) -> ContactId:
    command = CreateContact(user_id=USER, fields=ContactFields(**fields))
    return (await contacts.create_contact(world.context, command)).id


async def merge(world: World, survivor: ContactId, other: ContactId) -> UUID:
    command = MergeContacts(user_id=USER, contact_id=survivor, other_id=other)
    return (await merges.merge_contacts(world.context, command)).merge_id


async def undo(world: World, merge_id: UUID) -> Contact:
    return await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merge_id))


async def get(world: World, contact_id: ContactId) -> Contact:
    return await contacts.get_contact(world.context, GetContact(user_id=USER, contact_id=contact_id))


async def lines(world: World, contact_id: ContactId) -> set[str]:
    query = GetTimeline(user_id=USER, contact_id=contact_id, limit=200)
    return {line.title or line.text for line in (await timelines.get_timeline(world.context, query)).items}


async def write(world: World, contact_id: ContactId, text: str) -> None:
    note = AddInteraction(user_id=USER, contact_id=contact_id, text=text)
    await timelines.add_interaction(world.context, note)


async def history(world: World, contact_id: ContactId) -> tuple[MergeRecord, ...]:
    return (await merges.list_merges(world.context, ListMerges(user_id=USER, contact_id=contact_id))).items


async def test_what_came_since_goes_where_it_belongs_and_that_can_be_read_before(world: World) -> None:
    await world.receive(
        mail("j", JANE), mail("b", BOB), card("1", name="Jane Card", emails=[JANE]), card("2", name="Bob Card", emails=[BOB])
    )  # fmt: skip
    jane, bob = (await world.contact(JANE)).id, (await world.contact(BOB)).id
    hash_ = (await get(world, bob)).bcc_hash
    merge_id = await merge(world, jane, bob)
    await world.receive(
        mail("b2", BOB),
        mail("j2", JANE),
        card("2", name="Bob Card", emails=[BOB, "bob2@beta.example"], organization="Beta", revision=2),
        card("3", name="Bob at work", emails=[BOB, "bob3@beta.example"], account=1),
        mail("b3", "bob2@beta.example"),
        mail("log", ME, ["x@y.example"], bcc_tags=(hash_,)),
    )
    for n in range(3):
        await write(world, bob, f"note {n}")
    await edit(world, jane, emails=(*(await get(world, jane)).emails, "typed@x.example"), title="Chief")
    [record] = await history(world, bob)
    assert (record.id, record.other_id, record.other_name, record.other_emails) == (merge_id, bob, "Bob Card", (BOB,))
    assert record.consequences == (
        f"{BOB}, bob2@beta.example, bob3@beta.example and all mail with it, also what came since, goes back to Bob Card.",
        "typed@x.example, added since, stays with Jane Card.",
        "3 notes written since stay with Jane Card.",
        "What you changed since stays with Jane Card: title.",
    )
    await undo(world, merge_id)
    assert await history(world, jane) == ()
    shown = await get(world, jane)
    assert (set(shown.emails), shown.title, shown.company) == ({JANE, "typed@x.example"}, "Chief", "")
    shown = await get(world, bob)
    assert (set(shown.emails), shown.title, shown.company) == (
        {BOB, "bob2@beta.example", "bob3@beta.example"},
        "",
        "Beta",
    )
    assert await lines(world, jane) == {"about j", "about j2", "note 0", "note 1", "note 2"}
    assert await lines(world, bob) == {"about b", "about b2", "about b3", "about log"}
    await world.receive(mail("b4", "bob2@beta.example"), mail("j3", "typed@x.example"), mail("b5", BOB))
    assert await lines(world, bob) >= {"about b4", "about b5"}
    assert "about j3" in await lines(world, jane)


async def test_a_card_that_google_renamed_since_goes_back_all_the_same(world: World) -> None:
    await world.receive(mail("j", JANE), card("1", name="Bob", phones=["+49 40 1"], organization="Beta"))
    jane = (await world.contact(JANE)).id
    bob = ContactId(await world.pool.fetchval("SELECT contact_id FROM cards"))
    merge_id = await merge(world, jane, bob)
    renamed = card("9", name="Bob", phones=["+49 40 1"], organization="Beta 2", former_names=["people/1"])
    await world.receive(renamed, card_removed("1"))
    assert (await get(world, jane)).company == "Beta 2"
    await undo(world, merge_id)
    assert ((await get(world, jane)).company, (await get(world, bob)).company) == ("", "Beta 2")


async def test_a_merge_below_others_is_undone_as_if_it_had_never_been(world: World) -> None:
    jane = await create(world, name="Jane", tags=("j",), notes="jane's", emails=(JANE,))
    bob = await create(world, name="Bob", title="Boss", tags=("b", "x"), notes="bob's", emails=(BOB,))
    carol = await create(world, name="Carol", title="Chief", tags=("c", "x"), notes="carol's", phones=("030 3",))
    before = [await get(world, id_) for id_ in (jane, bob, carol)]
    first = await merge(world, jane, bob)
    await edit(world, jane, tags=("j", "b", "x", "new"), notes="jane's\n\nbob's\n\nnew")
    second = await merge(world, jane, carol)
    shown = await get(world, jane)
    assert (shown.title, shown.tags, shown.notes) == (
        "Boss",
        ("j", "b", "x", "new", "c"),
        "jane's\n\nbob's\n\nnew\n\ncarol's",
    )
    await undo(world, first)
    shown = await get(world, jane)
    assert (shown.title, shown.tags, shown.notes) == ("Chief", ("j", "new", "c", "x"), "jane's\n\nnew\n\ncarol's")
    assert [phone.shown for phone in shown.phones] == ["030 3"]
    assert await get(world, bob) == before[1]
    await undo(world, second)
    shown = await get(world, jane)
    assert (shown.title, shown.tags, shown.notes, shown.phones) == ("", ("j", "new"), "jane's\n\nnew", ())
    assert await get(world, carol) == before[2]


async def test_an_address_that_came_with_somebody_else_since_goes_with_them(world: World) -> None:
    jane, bob, carol = [
        await create(world, name=name, emails=(f"{name}@x.example",)) for name in ("jane", "bob", "carol")
    ]
    first = await merge(world, jane, bob)
    await edit(world, jane, emails=("jane@x.example",))
    await edit(world, carol, emails=("carol@x.example", "bob@x.example"))
    second = await merge(world, jane, carol)
    [later, earlier] = await history(world, jane)
    assert [later.id, earlier.id] == [second, first]
    assert earlier.consequences == ()
    assert (await undo(world, first)).emails == ("jane@x.example", "carol@x.example", "bob@x.example")
    await undo(world, second)
    assert [(await get(world, id_)).emails for id_ in (jane, bob, carol)] == [
        ("jane@x.example",), (), ("carol@x.example", "bob@x.example"),
    ]  # fmt: skip


async def test_who_was_merged_away_names_the_merge_that_is_undone_first(world: World) -> None:
    jane, bob, carol = [
        await create(world, name=name, emails=(f"{name}@x.example",)) for name in ("jane", "bob", "carol")
    ]
    inner = await merge(world, bob, carol)
    outer = await merge(world, jane, bob)
    assert [(record.id, record.blocked_by) for record in await history(world, carol)] == [(outer, None), (inner, outer)]
    with pytest.raises(Refused) as refused:
        await undo(world, inner)
    assert (refused.value.code, refused.value.extra) == ("merged_again", {"merge_id": str(outer)})
    await undo(world, outer)
    assert [record.blocked_by for record in await history(world, bob)] == [None]
    await undo(world, inner)
    assert [(await get(world, id_)).name for id_ in (jane, bob, carol)] == ["jane", "bob", "carol"]


async def test_what_cannot_come_back_can_be_read_before(world: World) -> None:
    jane = await create(world, name="Jane", emails=(JANE,), notes="jane's")
    bob = await create(world, name="Bob", emails=(BOB,), notes="bob's", phones=("030 2",))
    merge_id = await merge(world, jane, bob)
    await edit(world, jane, emails=(JANE,), notes="we met, bob's not sure", phones=("030 2", "030 9"))
    await contacts.rotate_bcc(world.context, RotateBcc(user_id=USER, contact_id=jane))
    [record] = await history(world, jane)
    assert record.consequences == (
        f"{BOB} was taken off since and does not come back.",
        "What you changed since stays with Jane: notes, phones.",
        "The notes were rewritten since: Jane keeps all of them, and Bob those from before.",
        "Bob gets a new BCC address: the old one was rotated away.",
    )
    await undo(world, merge_id)
    for id_, notes, phones in ((jane, "we met, bob's not sure", ["030 9"]), (bob, "bob's", ["030 2"])):
        shown = await get(world, id_)
        assert (shown.notes, [phone.shown for phone in shown.phones]) == (notes, phones)


async def test_who_is_in_use_stays_listed_when_an_archived_one_is_merged_with_it(world: World) -> None:
    jane, bob = await create(world, name="Jane"), await create(world, name="Bob")
    await edit(world, jane, archived=True)
    merge_id = await merge(world, jane, bob)
    assert (await get(world, jane)).archived is False
    await undo(world, merge_id)
    assert [(await get(world, id_)).archived for id_ in (jane, bob)] == [True, False]
