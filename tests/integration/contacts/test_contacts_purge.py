"""What the end of an account and of a user takes: what nothing else needs, all of it, and the dead letters besides."""

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

import pytest

from libs.common.events import Identity, ProfileReported, UserDeleted
from libs.common.requests import AddInteraction, ContactFields, DeleteContact, UpdateContact
from services.contacts import account_purge
from services.contacts.handlers import accounts, connectors, contacts, timelines
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    WORK,
    World,
    account_id,
    card,
    card_removed,
    connected,
    contacts_database,
    disconnected,
    identified,
    mail,
    meeting,
    removed,
    settings,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, BOB, CAROL, DORA = "jane@acme.example", "bob@beta.example", "carol@gamma.example", "dora@delta.example"


async def addresses(world: World) -> set[str]:
    rows = await world.pool.fetch("SELECT value FROM addresses WHERE kind <> 'bcc'")
    return {row["value"] for row in rows}


@pytest.mark.parametrize("at_once", [1, 3, 1_000])
async def test_a_purge_takes_the_addresses_that_nothing_needs_any_more_and_no_others(
    world: World, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(account_purge, "ADDRESSES_AT_ONCE", at_once)
    await world.receive(
        connected(2, WORK),
        mail("kept", JANE, [ME, "silent@x.example"]),
        card("1", name="Carol", emails=[CAROL]),
        mail("w1", BOB, [WORK, "other@x.example"], account=2),
        mail("w2", WORK, [DORA, CAROL], account=2),
        card("2", account=2, name="Erik", emails=["erik@x.example"]),
        meeting("e", ["guest@x.example"], organizer=WORK, account=2),
    )
    dora = await world.contact(DORA)
    await contacts.delete_contact(world.context, DeleteContact(user_id=USER, contact_id=dora.id))
    await world.receive(disconnected(2, purge=True))
    assert await addresses(world) == {JANE, ME, "silent@x.example", CAROL, DORA}, "Dora's is marked: she stays away"
    hashes = await world.pool.fetch("SELECT contact_id FROM addresses WHERE kind = 'bcc'")
    assert {row["contact_id"] for row in hashes} == {(await world.contact(email)).id for email in (JANE, CAROL)}
    await world.receive(mail("new", DORA))
    assert await world.emails() == {frozenset({JANE}), frozenset({CAROL})}


async def test_a_purge_leaves_what_was_written_by_hand_and_whom_it_is_about(world: World) -> None:
    await world.receive(
        connected(2, WORK), mail("b", BOB, account=2), mail("j", JANE, account=2), mail("c", CAROL, account=2)
    )
    jane, bob = await world.contact(JANE), await world.contact(BOB)
    note = AddInteraction(user_id=USER, contact_id=jane.id, text="met in Rome", occurred_at=NOW)
    await timelines.add_interaction(world.context, note)
    fields = ContactFields(notes="a friend")
    await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=bob.id, fields=fields))
    identity = Identity(kind="email", value=BOB)
    bio = ProfileReported(user_id=USER, platform="twitter", identity=identity, bio="Founder", at=NOW)
    await connectors.record_profile(world.context, bio)
    await world.receive(disconnected(2, purge=True))
    assert await world.emails() == {frozenset({JANE}), frozenset({BOB})}
    assert [line.text for line in await world.timeline(JANE)] == ["met in Rome"]
    kept = await world.contact(BOB)
    assert (kept.id, kept.notes, kept.bios, kept.interactions) == (bob.id, "a friend", {"twitter": "Founder"}, 0)


async def test_a_contact_whose_only_card_was_purged_is_as_if_there_never_had_been_one(world: World) -> None:
    await world.receive(connected(2, WORK), mail("j", JANE), card("1", account=2, name="Jane", emails=[JANE]))
    await world.receive(
        mail("b", BOB), card("1", name="Bob", emails=[BOB]), card("2", account=2, name="Bob", emails=[BOB])
    )
    await world.receive(disconnected(2, purge=True))
    assert [(await world.contact(email)).imported for email in (JANE, BOB)] == [False, True]
    await world.receive(removed("j"), removed("b"), card_removed("1"))
    assert await world.pool.fetch("SELECT name, archived FROM contacts") == [(BOB, True)], (
        "only who was imported is archived"
    )


async def test_a_purge_gives_back_the_answer_that_only_the_other_account_gave(world: World) -> None:
    """A list that the purged account alone answered counts no more, in the copy of the account that is left."""
    same = {"rfc_message_id": "<list@mail>", "automated": "list", "name": "Jane"}
    await world.receive(
        connected(2, WORK),
        mail("a", JANE, thread_id="t1", **same),
        mail("b", JANE, [WORK], account=2, thread_id="t2", **same),
    )  # type: ignore[arg-type]
    await world.receive(mail("answer", WORK, ["list@lists.example"], account=2, thread_id="t2"))
    assert frozenset({JANE}) in await world.emails()
    await world.receive(disconnected(2, purge=True))
    assert await world.emails() == set()
    assert (await world.counts()).messages == 1


async def test_the_dead_letters_go_with_the_account_and_with_the_user(world: World) -> None:
    gone: list[tuple[UUID, ...]] = []

    async def purge_dead_letters(*of: UUID) -> None:
        assert await world.pool.fetchval("SELECT count(*) FROM purged") > 0, "what fails from now on is not kept either"
        gone.append(of)

    context = replace(world.context, purge_dead_letters=purge_dead_letters)
    await accounts.disconnect_account(context, disconnected(1, purge=False))
    assert gone == []
    await accounts.disconnect_account(context, disconnected(1, purge=True))
    await accounts.delete_user(context, UserDeleted(user_id=USER, account_ids=(account_id(1), account_id(2))))
    assert gone == [(USER, account_id(1)), (USER,)]
    marked = await world.pool.fetch("SELECT id FROM purged")
    assert {row["id"] for row in marked} == {USER, account_id(1), account_id(2)}


async def connected_addresses(world: World) -> list[tuple[str, bool]]:
    rows = await world.pool.fetch("SELECT address, connected FROM accounts ORDER BY address")
    return [tuple(row) for row in rows]


async def test_an_account_is_held_by_its_address_whatever_comes_first(world: World) -> None:
    await world.receive(connected(2, "  Me@Work.EXAMPLE "))
    assert await connected_addresses(world) == [(ME, True), (WORK, True)]
    await world.receive(disconnected(2, purge=False))
    assert await connected_addresses(world) == [(ME, True), (WORK, False)]
    own = await world.pool.fetch("SELECT source, address FROM own_addresses ORDER BY address")
    assert {tuple(row) for row in own} == {(str(account_id(1)), ME), (str(account_id(2)), WORK)}, "it remains mine"
    await world.receive(identified("alias@x.example", number=2), identified("later@x.example", number=2))
    own = await world.pool.fetch("SELECT address FROM own_addresses WHERE source = $1 ORDER BY 1", str(account_id(2)))
    assert [row["address"] for row in own] == ["later@x.example", WORK], "the account's own stays with its aliases"
    await world.receive(settings(1, own_addresses=["Typed@X.example"]))
    own = await world.pool.fetch("SELECT address FROM own_addresses WHERE source = 'settings'")
    assert [row["address"] for row in own] == ["typed@x.example"]


async def test_a_tagged_spelling_is_mine_as_long_as_its_address_is(world: World) -> None:
    tagged, plain = "office+news@x.example", "office@x.example"
    await world.receive(mail("1", tagged, [JANE]), mail("2", plain, [JANE]), mail("3", "office2@x.example", [BOB, ME]))

    async def mine() -> Collection[str]:
        rows = await world.pool.fetch("SELECT value FROM addresses WHERE is_me")
        return sorted(row["value"] for row in rows)

    assert await mine() == [ME]
    await world.receive(settings(1, own_addresses=[plain]))
    assert await mine() == [ME, tagged, plain]
    assert await world.emails() == {frozenset({JANE}), frozenset({"office2@x.example"})}
    await world.receive(identified(ME, plain), settings(2))
    assert await mine() == [ME, tagged, plain], "another source still names it"
    await world.receive(identified(ME).model_copy(update={"revision": 1}))
    assert await mine() == [ME]
    await world.receive(mail("4", tagged.upper(), [BOB]))
    assert [line.direction for line in await world.timeline(tagged)] == ["inbound", "inbound"]


async def test_a_renamed_card_that_the_user_dismissed_stays_away_and_one_that_has_a_contact_keeps_it(
    world: World,
) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE]), card("2", name="Bob", emails=[BOB]))
    jane, bob = await world.contact(JANE), await world.contact(BOB)
    await contacts.delete_contact(world.context, DeleteContact(user_id=USER, contact_id=jane.id))
    await world.receive(card("9", name="Jane New", emails=["new@x.example"], former_names=["people/1"]))
    assert await world.emails() == {frozenset({BOB})}
    await world.receive(card("2", revision=2, name="Bob", emails=[BOB], former_names=["people/9", "people/2"]))
    assert (await world.contact(BOB)).id == bob.id
    rows = await world.pool.fetch("SELECT resource_name, contact_id, dismissed FROM cards ORDER BY 1")
    assert [tuple(row) for row in rows] == [
        ("people/1", None, True), ("people/2", bob.id, False), ("people/9", None, True)
    ], "former ones stay dismissed, it itself is none"  # fmt: skip


async def test_a_dismissed_card_that_becomes_part_of_another_does_not_dismiss_that(world: World) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE]), card("2", name="Bob", emails=[BOB]))
    jane, bob = await world.contact(JANE), await world.contact(BOB)
    await contacts.delete_contact(world.context, DeleteContact(user_id=USER, contact_id=jane.id))
    await world.receive(card("2", revision=2, name="Bob", emails=[BOB], former_names=["people/1"]))
    rows = await world.pool.fetch("SELECT resource_name, contact_id, dismissed FROM cards ORDER BY 1")
    assert [tuple(row) for row in rows] == [("people/1", None, True), ("people/2", bob.id, False)]


async def test_a_deleted_contact_leaves_mail_that_was_logged_under_its_hash_to_the_others_on_it(world: World) -> None:
    await world.receive(mail("j", JANE), mail("b", BOB))
    jane = await world.contact(JANE)
    await world.receive(mail("logged", ME, [BOB], bcc_tags=(jane.bcc_hash,), days_ago=0.5))
    await contacts.delete_contact(world.context, DeleteContact(user_id=USER, contact_id=jane.id))
    assert [line.title for line in await world.timeline(BOB)] == ["about logged", "about b"]


async def test_an_address_that_is_typed_again_is_shown_as_typed_and_no_longer_barred(world: World) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE, BOB]))
    jane = await world.contact(JANE)
    for emails in ((JANE,), (JANE, "BOB@beta.example")):
        fields = ContactFields(emails=emails)
        await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=jane.id, fields=fields))
    assert (await world.contact(JANE)).emails == (JANE, "BOB@beta.example")
    assert await world.pool.fetchval("SELECT bool_or(barred) FROM addresses") is False
