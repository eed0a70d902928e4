"""Merges and their undoing: everything moves, once, and everything moves back."""

from typing import Any
from uuid import UUID

import pytest

from libs.common.errors import Refused
from libs.common.events import Identity, InteractionReported, ProfileReported
from libs.common.ids import ContactId, new_id
from libs.common.requests import (
    AddInteraction,
    Contact,
    ContactFields,
    CreateContact,
    DeleteContact,
    GetContact,
    GetTimeline,
    MergeContacts,
    RotateBcc,
    UndoMerge,
    UpdateContact,
)
from services.contacts.handlers import connectors, contacts, merges, timelines
from services.contacts.scoring import refresh_due_scores
from tests.support.contacts_rows import rows_of
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    World,
    card,
    card_removed,
    contacts_database,
    mail,
    meeting,
    removed,
    settings,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, HOME, BOB = "jane@acme.example", "jane@home.example", "bob@beta.example"


async def edit(world: World, contact_id: ContactId, **fields: Any) -> Contact:
    command = UpdateContact(user_id=USER, contact_id=contact_id, fields=ContactFields(**fields))
    return await contacts.update_contact(world.context, command)


async def merge(world: World, survivor: ContactId, other: ContactId) -> UUID:
    command = MergeContacts(user_id=USER, contact_id=survivor, other_id=other)
    return (await merges.merge_contacts(world.context, command)).merge_id


async def undo(world: World, merge_id: UUID) -> Contact:
    return await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merge_id))


async def get(world: World, contact_id: ContactId) -> Contact:
    return await contacts.get_contact(world.context, GetContact(user_id=USER, contact_id=contact_id))


async def lines(world: World, contact_id: ContactId) -> list[str]:
    query = GetTimeline(user_id=USER, contact_id=contact_id, limit=200)
    return [line.title or line.text for line in (await timelines.get_timeline(world.context, query)).items]


async def two_full_contacts(world: World) -> tuple[ContactId, ContactId]:
    """Each with mail, a card, a handle, a bio, a note, a meeting, a logged mail and everything that can be typed."""
    await world.receive(
        mail("j", JANE, name="Jane", days_ago=8), mail("b", BOB, name="Bob", days_ago=7), meeting("ej", [JANE]), meeting("eb", [BOB]),
        card("1", name="Jane Card", emails=[JANE], phones=["+49 30 1111111", "+49 30 2222222"], organization="Acme", title="CTO"),
        card("2", name="Bob Card", emails=[BOB], phones=["+49 40 1111111", "+49 40 2222222"], organization="Beta", title="CFO"),
    )  # fmt: skip
    jane, bob = (await world.contact(JANE)).id, (await world.contact(BOB)).id
    for email, handle, id_ in ((JANE, "@jane", jane), (BOB, "@bob", bob)):
        both = (Identity(kind="email", value=email), Identity(kind="telegram", value=handle, name=handle))
        report = InteractionReported(
            user_id=USER, platform="telegram", ref=handle, occurred_at=NOW, direction="inbound", kind="message", identities=both,
            text=f"from {handle}",
        )  # fmt: skip
        await connectors.record_report(world.context, report)
        bio = ProfileReported(user_id=USER, platform="twitter", identity=both[0], bio=f"bio {handle}", at=NOW)
        await connectors.record_profile(world.context, bio)
        note = AddInteraction(user_id=USER, contact_id=id_, text=f"note {handle}", occurred_at=NOW)
        await timelines.add_interaction(world.context, note)
        hash_ = (await get(world, id_)).bcc_hash
        await world.receive(mail(f"bcc {handle}", ME, ["x@y.example"], bcc_tags=(hash_,), days_ago=2))
    await edit(world, jane, notes="jane's", tags=("a", "b"), phones=("0177 1", "+49 30 1111111"))
    await edit(
        world, bob, name="Bob Typed", title="Boss", notes="bob's", tags=("b", "c"), phones=("0177 2", "+49 40 1111111"),
        birthday="1980-01-01", urls=("https://bob.example",), photo_url="https://bob.example/b.png",
    )  # fmt: skip
    return jane, bob


async def test_a_merge_brings_everything_together_and_its_undoing_takes_everything_apart_again(world: World) -> None:
    jane, bob = await two_full_contacts(world)
    before = [await get(world, id_) for id_ in (jane, bob)]
    lines_before = [await lines(world, id_) for id_ in (jane, bob)]
    assert [len(found) for found in lines_before] == [5, 5]
    merge_id = await merge(world, jane, bob)
    merged = await get(world, bob)
    assert merged == await get(world, jane)
    assert merged.id == jane
    assert (merged.name, merged.company, merged.title, merged.birthday) == ("Bob Typed", "Acme", "Boss", "1980-01-01")
    assert (merged.notes, merged.tags, merged.urls) == ("jane's\n\nbob's", ("a", "b", "c"), ("https://bob.example",))
    assert merged.photo_url == "https://bob.example/b.png"
    assert merged.emails == (JANE, BOB)
    shown = [phone.shown for phone in merged.phones]
    assert shown == ["0177 1", "+49 30 1111111", "0177 2", "+49 40 1111111"]
    assert (merged.imported, merged.bcc_hash) == (True, before[0].bcc_hash)
    assert {row["contact_id"] for row in await world.pool.fetch("SELECT contact_id FROM cards")} == {jane}
    assert sorted(await lines(world, jane)) == sorted(lines_before[0] + lines_before[1])
    undone = await undo(world, merge_id)
    assert undone == before[0]
    assert [await get(world, id_) for id_ in (jane, bob)] == before
    assert [await lines(world, id_) for id_ in (jane, bob)] == lines_before
    cards = await world.pool.fetch("SELECT resource_name, contact_id FROM cards ORDER BY 1")
    assert [tuple(row) for row in cards] == [("people/1", jane), ("people/2", bob)]


async def test_a_card_that_nothing_but_its_contact_leads_to_goes_along_and_comes_back(world: World) -> None:
    await world.receive(mail("j", JANE), card("1", name="Bob", phones=["+49 40 1111111"], organization="Beta"))
    jane = (await world.contact(JANE)).id
    bob = ContactId(await world.pool.fetchval("SELECT contact_id FROM cards"))
    merge_id = await merge(world, jane, bob)
    merged = await get(world, jane)
    assert ([phone.shown for phone in merged.phones], merged.company, merged.imported) == (
        ["+49 40 1111111"],
        "Beta",
        True,
    )
    await undo(world, merge_id)
    for id_, company in ((jane, ""), (bob, "Beta")):
        contact = await get(world, id_)
        assert (contact.company, contact.imported, len(contact.phones)) == (company, bool(company), len(company) // 4)


async def test_scores_are_computed_anew_after_a_merge_and_after_its_undoing(world: World) -> None:
    await world.receive(mail("j", JANE, days_ago=20), mail("b", ME, [BOB], days_ago=2))
    jane, bob = (await world.contact(JANE)).id, (await world.contact(BOB)).id
    await refresh_due_scores(world.context, NOW)
    sql = "SELECT score, interactions, first_at, last_at FROM contacts WHERE id = $1"
    before = [tuple(await world.pool.fetchrow(sql, id_)) for id_ in (jane, bob)]
    merge_id = await merge(world, jane, bob)
    assert await refresh_due_scores(world.context, NOW) == 1, "the one that is left"
    score, interactions, first_at, last_at = await world.pool.fetchrow(sql, jane)
    assert (score, interactions, first_at, last_at) == (6, 2, before[0][2], before[1][3])
    await undo(world, merge_id)
    assert await refresh_due_scores(world.context, NOW) == 2
    assert [tuple(await world.pool.fetchrow(sql, id_)) for id_ in (jane, bob)] == before


async def test_merges_of_merges_come_apart_one_by_one_in_the_order_in_which_they_can(world: World) -> None:
    await world.receive(*[mail(f"m{n}", f"p{n}@x.example", days_ago=n + 1) for n in range(4)])
    ids = [(await world.contact(f"p{n}@x.example")).id for n in range(4)]
    before = await rows_of(world)
    first = await merge(world, ids[1], ids[2])
    second = await merge(world, ids[0], ids[1])
    third = await merge(world, ids[0], ids[3])
    assert {(await get(world, id_)).id for id_ in ids} == {ids[0]}
    assert await lines(world, ids[2]) == [f"about m{n}" for n in range(4)]
    with pytest.raises(Refused, match="merged once more") as refused:
        await undo(world, first)
    assert (refused.value.status, refused.value.code) == (409, "merged_again")
    await undo(world, second)
    assert [(await get(world, id_)).id for id_ in ids] == [ids[0], ids[1], ids[1], ids[0]]
    assert await lines(world, ids[2]) == ["about m1", "about m2"]
    assert await lines(world, ids[0]) == ["about m0", "about m3"]
    await undo(world, first)
    assert [(await get(world, id_)).id for id_ in ids] == [*ids[:3], ids[0]]
    await undo(world, third)
    assert [(await get(world, id_)).id for id_ in ids] == ids
    for id_, title in zip(ids, (f"about m{n}" for n in range(4)), strict=True):
        assert await lines(world, id_) == [title]
    after = await rows_of(world)
    assert after["participants"] == before["participants"]
    assert [row["row"]["contact_id"] for row in after["addresses"]] == [
        row["row"]["contact_id"] for row in before["addresses"]
    ]


async def test_what_is_undone_is_undone_once_and_a_contact_is_not_merged_with_itself(world: World) -> None:
    await world.receive(mail("j", JANE), mail("b", BOB))
    jane, bob = (await world.contact(JANE)).id, (await world.contact(BOB)).id
    merge_id = await merge(world, jane, bob)
    for survivor, other in ((jane, jane), (jane, bob), (bob, jane)):
        with pytest.raises(Refused, match="one contact already") as refused:
            await merge(world, survivor, other)
        assert (refused.value.status, refused.value.code) == (409, "same_contact")
    assert await world.pool.fetchval("SELECT count(*) FROM merges") == 1
    await undo(world, merge_id)
    before = await rows_of(world)
    for unknown in (merge_id, new_id()):
        with pytest.raises(Refused) as refused:
            await undo(world, unknown)
        assert (refused.value.status, refused.value.code) == (404, "not_found")
    assert await rows_of(world) == before
    again = await merge(world, bob, jane)
    assert (await get(world, jane)).id == bob
    await undo(world, again)
    assert await rows_of(world) != before, "both merges are on record"
    assert await world.emails() == {frozenset({JANE}), frozenset({BOB})}


async def test_both_contacts_of_an_undone_merge_are_the_users_from_now_on(world: World) -> None:
    await world.receive(mail("j", JANE), mail("b", BOB))
    jane, bob = (await world.contact(JANE)).id, (await world.contact(BOB)).id
    merge_id = await merge(world, jane, bob)
    await world.receive(removed("j"), removed("b"), settings(1, contact_creation="none"))
    assert await world.emails() == {frozenset({JANE, BOB})}
    await undo(world, merge_id)
    await world.receive(card("1", name="Both", emails=[JANE, BOB]))
    assert await world.emails() == {frozenset({JANE}), frozenset({BOB})}, "no card makes them one again"


async def test_what_was_taken_off_since_a_merge_does_not_come_back_with_its_undoing(world: World) -> None:
    await world.receive(mail("j", JANE), mail("b", BOB), mail("h", HOME))
    jane, bob, home = [(await world.contact(email)).id for email in (JANE, BOB, HOME)]
    merge_id = await merge(world, jane, bob)
    await edit(world, jane, emails=(JANE, "new@x.example"))
    await edit(world, home, emails=(HOME, BOB))
    undone = await undo(world, merge_id)
    assert undone.emails == (JANE, "new@x.example"), "what was added since stays"
    assert (await get(world, home)).emails == (HOME, BOB), "it was given to somebody else meanwhile"
    assert (await get(world, bob)).emails == ()


async def test_a_card_that_went_since_a_merge_supports_nobody_after_its_undoing(world: World) -> None:
    await world.receive(mail("j", JANE), card("1", name="Bob Card", emails=[BOB], organization="Beta"))
    jane, bob = (await world.contact(JANE)).id, (await world.contact(BOB)).id
    merge_id = await merge(world, jane, bob)
    assert (await get(world, jane)).company == "Beta"
    await world.receive(card("1", name="Bob Card", emails=[BOB], organization="Beta 2", revision=2))
    assert (await get(world, jane)).company == "Beta 2", "it goes on where it was taken along"
    await world.receive(card_removed("1", revision=3))
    await undo(world, merge_id)
    assert ((await get(world, bob)).company, (await get(world, bob)).imported) == ("", False)
    assert (await get(world, jane)).company == ""


async def test_a_deleted_survivor_takes_the_merge_and_the_other_along(world: World) -> None:
    await world.receive(mail("j", JANE), mail("b", BOB))
    jane, bob = (await world.contact(JANE)).id, (await world.contact(BOB)).id
    merge_id = await merge(world, jane, bob)
    await contacts.delete_contact(world.context, DeleteContact(user_id=USER, contact_id=bob))
    for id_ in (jane, bob):
        with pytest.raises(Refused):
            await get(world, id_)
    with pytest.raises(Refused):
        await undo(world, merge_id)
    await world.receive(mail("j2", JANE), mail("b2", BOB))
    assert await world.emails() == set(), "neither comes back by mail"


async def test_only_where_the_others_own_hash_was_rotated_away_does_it_get_a_new_one(world: World) -> None:
    await world.receive(mail("j", JANE), mail("b", BOB))
    jane, bob = await world.contact(JANE), await world.contact(BOB)
    merge_id = await merge(world, jane.id, bob.id)
    rotated = await contacts.rotate_bcc(world.context, RotateBcc(user_id=USER, contact_id=bob.id))
    assert rotated.id == jane.id
    await undo(world, merge_id)
    assert (await get(world, jane.id)).bcc_hash == rotated.bcc_hash
    assert (await get(world, bob.id)).bcc_hash not in (bob.bcc_hash, jane.bcc_hash, rotated.bcc_hash)
    rows = await world.pool.fetch(
        "SELECT value, contact_id, retired_at IS NULL AS logs FROM addresses WHERE kind = 'bcc' ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        (jane.bcc_hash, jane.id, False),
        (bob.bcc_hash, bob.id, False),
        (rotated.bcc_hash, jane.id, True),
        ((await get(world, bob.id)).bcc_hash, bob.id, True),
    ]


async def test_a_deleted_contact_leaves_no_note_and_no_hash_and_what_others_share_stays(world: World) -> None:
    await world.receive(mail("both", ME, [JANE, BOB]), mail("j", JANE))
    jane, bob = await world.contact(JANE), await world.contact(BOB)
    for contact in (jane, bob):
        note = AddInteraction(user_id=USER, contact_id=contact.id, text="secret", occurred_at=NOW)
        await timelines.add_interaction(world.context, note)
    shared = tuple(Identity(kind="email", value=email) for email in (JANE, BOB))
    report = InteractionReported(
        user_id=USER, platform="telegram", ref="1", occurred_at=NOW, direction="inbound", kind="message", identities=shared, text="hi"
    )  # fmt: skip
    await connectors.record_report(world.context, report)
    await contacts.delete_contact(world.context, DeleteContact(user_id=USER, contact_id=jane.id))
    assert await lines(world, bob.id) == ["hi", "secret", "about both"] or await lines(world, bob.id) == [
        "secret",
        "hi",
        "about both",
    ]
    notes = await world.pool.fetchval("SELECT count(*) FROM interactions WHERE platform = 'note'")
    assert notes == 1
    assert await world.pool.fetchval("SELECT count(*) FROM sightings WHERE platform = 'note'") == 1
    assert await world.pool.fetchval("SELECT count(*) FROM addresses WHERE value = $1", jane.bcc_hash) == 0
    created = await contacts.create_contact(
        world.context, CreateContact(user_id=USER, fields=ContactFields(emails=(JANE,)))
    )
    assert "secret" not in await lines(world, created.id)
    assert created.bcc_hash != jane.bcc_hash
