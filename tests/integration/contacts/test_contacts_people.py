"""Cards, meetings, and the user's own edits: who is one person, and what each shows."""

import random

import pytest

from libs.common.errors import Refused
from libs.common.requests import (
    ContactFields,
    CreateContact,
    DeleteContact,
    FindDuplicates,
    GetContact,
    MergeContacts,
    SearchContacts,
    UndoMerge,
    UpdateContact,
)
from services.contacts.duplicates import refresh_due_duplicates
from services.contacts.handlers import contacts, duplicates, merges
from tests.support.contacts_world import (
    ME,
    USER,
    WORK,
    World,
    card,
    card_removed,
    connected,
    contacts_database,
    disconnected,
    identified,
    mail,
    meeting,
    meeting_cancelled,
    removed,
    settings,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, HOME, BOB = "jane@acme.example", "jane@home.example", "bob@beta.example"


async def edit(world: World, email: str, **fields: object) -> None:
    contact = await world.contact(email)
    await contacts.update_contact(
        world.context, UpdateContact(user_id=USER, contact_id=contact.id, fields=ContactFields(**fields))
    )


@pytest.mark.parametrize("card_first", [True, False])
async def test_a_card_fills_what_mail_left_empty(world: World, card_first: bool) -> None:
    events = [
        card("1", name="Jane Doe", emails=[JANE, HOME], phones=["+49 30 1234567"], organization="Acme", title="CTO"),
        mail("m1", JANE, name="jane d."),
    ]
    await world.receive(*(events if card_first else events[::-1]))
    contact = await world.contact(HOME)
    assert (contact.name, contact.company, contact.title, contact.imported) == ("Jane Doe", "Acme", "CTO", True)
    assert [(phone.shown, phone.e164) for phone in contact.phones] == [("+49 30 1234567", "+49301234567")]
    assert (await world.counts()).contacts == 1


async def test_a_card_merges_contacts_that_nobody_edited(world: World) -> None:
    await world.receive(mail("m1", JANE), mail("m2", HOME))
    loser = max([await world.contact(JANE), await world.contact(HOME)], key=lambda contact: contact.id)
    await world.receive(card("1", emails=[JANE, HOME], name="Jane"))
    assert await world.emails() == {frozenset({JANE, HOME})}
    assert len(await world.timeline(JANE)) == 2
    redirected = await contacts.get_contact(world.context, GetContact(user_id=USER, contact_id=loser.id))
    assert redirected.name == "Jane"


async def test_a_card_leaves_contacts_that_the_user_edited_apart(world: World) -> None:
    await world.receive(mail("m1", JANE), mail("m2", HOME))
    await edit(world, JANE, name="My Jane")
    await edit(world, HOME, notes="somebody else")
    await world.receive(card("1", emails=[JANE, HOME], name="Jane"))
    assert await world.emails() == {frozenset({JANE}), frozenset({HOME})}
    assert (await world.contact(JANE)).name == "My Jane"


async def test_cards_with_the_same_phone_and_name_are_one_person_and_with_another_name_are_not(world: World) -> None:
    await world.receive(
        card("1", name="Zoë Müller", phones=["+49 30 1234567"], emails=[JANE]),
        card("2", name="zoe  muller", phones=["+4930/1234567"], emails=[HOME]),
        card("3", name="Bob", phones=["+49301234567"], emails=[BOB]),
    )
    assert await world.emails() == {frozenset({JANE, HOME}), frozenset({BOB})}
    assert (await world.counts()).imported == 3


async def test_a_card_with_words_for_a_phone_and_nothing_else_is_nobody(world: World) -> None:
    await world.receive(card("1", phones=["ask at the desk"]), card("2", phones=["---"]), card("3", phones=["030 1"]))
    assert await world.names() == ["030 1"]


async def test_importing_again_changes_nothing(world: World) -> None:
    events = [card("1", name="Jane", emails=[JANE], phones=["123"]), card("2", name="Only Name")]
    await world.receive(*events)
    before = await world.state()
    await world.receive(*events, *[event.model_copy(update={"revision": 5}) for event in events])
    assert await world.state() == before


async def test_what_the_user_typed_is_never_overwritten(world: World) -> None:
    await world.receive(
        card("1", name="Jane Google", emails=[JANE], phones=["+49301234567"], organization="Google Inc")
    )
    await edit(world, JANE, name="Jane Mine", phones=["0177 1"], company="")
    await world.receive(
        card("1", revision=2, name="Jane New", emails=[JANE], phones=["+49301234567"], organization="X")
    )
    contact = await world.contact(JANE)
    assert (contact.name, contact.company) == ("Jane Mine", "")
    assert [phone.shown for phone in contact.phones] == ["0177 1"], "the user took the other one off"


async def test_a_card_that_is_gone_leaves_a_contact_with_interactions_and_archives_one_without(world: World) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE]), card("2", name="Bob", emails=[BOB]), mail("m1", JANE))
    await world.receive(card_removed("1"), card_removed("2"))
    assert await world.emails() == {frozenset({JANE})}
    assert (await world.contact(BOB)).archived
    await world.receive(mail("m2", BOB))
    assert not (await world.contact(BOB)).archived


async def test_a_late_card_does_not_undo_its_removal(world: World) -> None:
    await world.receive(card_removed("1", revision=2), card("1", revision=1, name="Jane", emails=[JANE]))
    assert (await world.counts()).contacts == 0


async def test_a_renamed_card_keeps_its_contact(world: World) -> None:
    await world.receive(card("1", name="Jane"))
    [before] = (await contacts.search_contacts(world.context, SearchContacts(user_id=USER))).items
    await world.receive(card("9", name="Jane Doe", former_names=["people/1"]), card_removed("1"))
    [after] = (await contacts.search_contacts(world.context, SearchContacts(user_id=USER))).items
    assert (after.id, after.name) == (before.id, "Jane Doe")


async def test_a_card_with_one_of_my_addresses_is_me(world: World) -> None:
    await world.receive(card("1", name="Myself", emails=[WORK, HOME]), mail("m1", HOME))
    assert await world.emails() == {frozenset({WORK, HOME})}
    await world.receive(identified(ME, WORK))
    assert await world.emails() == {frozenset({HOME})}
    assert (await world.counts()).imported == 0


async def test_purging_an_account_takes_its_cards(world: World) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE]), card("1", account=2, name="Bob", emails=[BOB]))
    await world.receive(disconnected(2, purge=True))
    assert await world.emails() == {frozenset({JANE})}
    assert await world.pool.fetchval("SELECT count(*) FROM contacts") == 1


async def test_guests_become_contacts_and_rooms_and_me_do_not(world: World) -> None:
    await world.receive(meeting("e1", [ME, JANE, "room@resource.calendar.google.com"], organizer=BOB))
    assert await world.emails() == {frozenset({JANE}), frozenset({BOB})}
    [line] = await world.timeline(BOB)
    assert (line.platform, line.direction) == ("calendar", "mutual")


async def test_a_meeting_of_me_alone_is_no_interaction(world: World) -> None:
    await world.receive(meeting("e1", [ME]), meeting("e2", [WORK]))
    assert (await world.counts()).meetings == 1
    await world.receive(connected(2, WORK))
    assert ((await world.counts()).meetings, (await world.counts()).contacts) == (0, 0)


@pytest.mark.parametrize("guests", [[], [ME]])
async def test_an_organizer_whom_no_guest_list_names_is_met_all_the_same(world: World, guests: list[str]) -> None:
    await world.receive(
        meeting("e1", guests, organizer=BOB), meeting("e2", guests, organizer="noreply@webinars.example")
    )
    assert await world.emails() == {frozenset({BOB})}
    [line] = await world.timeline(BOB)
    assert (line.platform, line.direction, {who.role for who in line.people if who.address == BOB}) == (
        "calendar", "mutual", {"attendee", "organizer"},
    )  # fmt: skip
    assert (await world.contact(BOB)).relationship.recency == 0, "it is years ago"
    assert (await world.counts()).meetings == 1
    await world.receive(connected(2, BOB))
    assert (await world.counts()).meetings == 0, "I organise it myself"


async def test_twenty_five_guests_become_contacts_and_twenty_six_do_not(world: World) -> None:
    """The organizer is on the guest list too: an address with two roles is one guest."""
    few, many = ([f"{name}{number}@x.example" for number in range(24)] for name in ("few", "many"))
    await world.receive(
        meeting("e1", [ME, BOB, *few], organizer=BOB), meeting("e2", [ME, JANE, "25@x.example", *many], organizer=JANE)
    )
    assert await world.emails() == {frozenset({address}) for address in (BOB, *few)}


async def test_who_becomes_a_contact_of_an_invitation_is_found_in_proportion_to_its_guests(world: World) -> None:
    """Twice the guests may take three times the reading, where counting all of them for each takes four times."""
    read = []
    for guests in (50, 100):
        title = f"e{guests}"
        await world.receive(
            meeting(title, [ME, *(f"{title}-{number}@x.example" for number in range(guests))], organizer=BOB)
        )
        (plan,) = await world.pool.fetchval(
            f"""EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT r.address_id FROM contact_reasons r
                WHERE r.interaction_id IN (SELECT id FROM interactions WHERE title = 'meeting {title}')"""
        )
        read.append(plan["Plan"]["Shared Hit Blocks"])
    assert read[1] < 3 * read[0]


async def test_the_same_meeting_in_two_calendars_is_one_interaction_until_both_cancel(world: World) -> None:
    await world.receive(meeting("e1", [JANE]), meeting("e1", [JANE], account=2))
    assert (await world.counts()).meetings == 1
    await world.receive(meeting_cancelled("e1"))
    assert (await world.counts()).meetings == 1
    await world.receive(meeting_cancelled("e1", account=2))
    assert (await world.counts()).meetings == 0
    assert await world.emails() == set()


async def test_meetings_without_an_ical_uid_are_never_paired(world: World) -> None:
    for account in (1, 2):
        await world.receive(meeting("e1", [JANE], account=account, ical_uid="", calendar_id="primary"))
    for calendar in ("team", "club"):
        await world.receive(meeting("e1", [JANE], ical_uid="", calendar_id=calendar))
    assert (await world.counts()).meetings == 4


async def test_a_moved_meeting_replaces_what_was_there(world: World) -> None:
    await world.receive(meeting("e1", [JANE]), meeting("e1", [BOB], days_ago=-2, revision=2))
    assert (await world.counts()).meetings == 1
    assert await world.emails() == {frozenset({BOB})}


async def test_a_future_meeting_is_on_the_timeline_and_is_no_contact_had(world: World) -> None:
    await world.receive(meeting("e1", [JANE], days_ago=-20_000))
    contact = await world.contact(JANE)
    assert len(await world.timeline(JANE)) == 1
    assert (contact.last_interaction_at, contact.score) == (None, 0)


async def test_under_sent_only_guests_become_contacts_where_i_invite(world: World) -> None:
    await world.receive(settings(1, contact_creation="sent_only"), meeting("e1", [JANE, ME], organizer=BOB))
    assert await world.emails() == set()
    await world.receive(meeting("e2", [JANE, ME], organizer=ME))
    assert await world.emails() == {frozenset({JANE})}


async def test_an_email_of_another_contact_is_refused_and_the_other_named(world: World) -> None:
    await world.receive(mail("m1", JANE), mail("m2", BOB))
    with pytest.raises(Refused) as refused:
        await edit(world, BOB, emails=[BOB, "Jane@ACME.example"])
    assert (refused.value.status, refused.value.code) == (409, "address_taken")
    assert refused.value.extra == {"contact_id": str((await world.contact(JANE)).id), "contact_name": JANE}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"emails": ["nobody"]}, "invalid_address"),
        ({"urls": ["javascript:alert(1)"]}, "invalid_url"),
        ({}, "empty_contact"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_reason(world: World, fields: dict[str, object], code: str) -> None:
    with pytest.raises(Refused) as refused:
        await contacts.create_contact(
            world.context,
            CreateContact(user_id=USER, fields=ContactFields(**({"name": "X"} if fields else {}), **fields)),
        )
    assert (refused.value.status, refused.value.code) == (422, code)


async def test_a_deleted_contact_is_not_made_again_by_mail_or_its_card(world: World) -> None:
    await world.receive(mail("m1", JANE), card("1", name="Jane", emails=[JANE]))
    contact = await world.contact(JANE)
    await contacts.delete_contact(world.context, DeleteContact(user_id=USER, contact_id=contact.id))
    await world.receive(mail("m2", JANE), card("1", revision=2, name="Jane D", emails=[JANE]))
    assert await world.emails() == set()
    made = await contacts.create_contact(
        world.context, CreateContact(user_id=USER, fields=ContactFields(name="Jane again", emails=[JANE]))
    )
    assert made.interactions == 2, "the user may bring it back, with its history"


async def test_an_email_taken_off_stays_off(world: World) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE, HOME]))
    await edit(world, JANE, emails=[JANE])
    await world.receive(card("1", revision=2, name="Jane", emails=[JANE, HOME]), mail("m1", HOME))
    assert await world.emails() == {frozenset({JANE})}


async def test_merge_and_undo_are_exact(world: World) -> None:
    await world.receive(
        mail("m1", JANE, name="Jane"),
        card("2", name="Jane D", emails=[HOME], phones=["+49301234567"]),
        mail("m2", HOME),
    )
    await edit(world, JANE, notes="met in Rome", tags=["friend"])
    before = await world.state()
    survivor, other = await world.contact(JANE), await world.contact(HOME)
    merged = await merges.merge_contacts(
        world.context, MergeContacts(user_id=USER, contact_id=survivor.id, other_id=other.id)
    )
    assert set(merged.contact.emails) == {JANE, HOME}
    assert (merged.contact.name, merged.contact.notes) == ("Jane D", "met in Rome")
    assert len(await world.timeline(JANE)) == 2
    assert (await contacts.get_contact(world.context, GetContact(user_id=USER, contact_id=other.id))).id == survivor.id
    await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merged.merge_id))
    assert await world.state() == before
    assert (await world.contact(HOME)).id == other.id
    assert (await world.contact(HOME)).bcc_hash == other.bcc_hash
    with pytest.raises(Refused):
        await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merged.merge_id))


async def test_what_the_user_wrote_after_a_merge_survives_its_undo(world: World) -> None:
    await world.receive(mail("m1", JANE), mail("m2", BOB))
    await edit(world, BOB, company="Beta")
    survivor, other = await world.contact(JANE), await world.contact(BOB)
    merged = await merges.merge_contacts(
        world.context, MergeContacts(user_id=USER, contact_id=survivor.id, other_id=other.id)
    )
    assert merged.contact.company == "Beta"
    await edit(world, JANE, notes="since then")
    undone = await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merged.merge_id))
    assert (undone.company, undone.notes) == ("", "since then")
    assert (await world.contact(BOB)).company == "Beta"


async def test_likely_duplicates_come_with_their_evidence(world: World) -> None:
    await world.receive(
        mail("m1", "jane@acme.example", name="Jane Doe"),
        mail("m2", "jdoe@acme.example", name="Jané  Doe"),
        mail("m3", "x@y.example", name="Jane Does"),
        mail("m4", "other@acme.example", name="Otto Normal"),
    )
    contact = await world.contact(JANE)
    assert await refresh_due_duplicates(world.context) == 4
    found = await duplicates.find_duplicates(world.context, FindDuplicates(user_id=USER, contact_id=contact.id))
    assert [duplicate.evidence for duplicate in found.items] == [
        ("same name at acme.example",),
        ("similar name (94 %)",),
    ]


STORY = [
    connected(2, WORK),
    mail("a", JANE, name="Jane"),
    mail("b", WORK, [JANE, BOB], account=2, rfc_message_id="<b>"),
    mail("b2", WORK, [JANE, BOB, ME], rfc_message_id="<b>"),
    mail("c", "list@lists.example", automated="list", thread_id="t"),
    mail("d", ME, ["list@lists.example"], thread_id="t", cc=[HOME]),
    removed("a"),
    mail("e", HOME, name="Jane at home"),
    card("1", name="Jane Doe", emails=[JANE, HOME], phones=["+49301234567"]),
    card("1", account=2, name="JANE DOE", emails=["jd@x.example"], phones=["+49 30 1234567"], organization="Acme"),
    meeting("m", [JANE, "guest@x.example"], organizer=WORK),
    meeting("m", [JANE, "guest@x.example"], organizer=WORK, account=2, revision=3, days_ago=5),
    meeting_cancelled("m", revision=2),
    settings(1, own_addresses=["old@x.example"]),
    mail("f", "old@x.example", ["new@x.example", ME]),
]


async def test_any_order_and_any_repetition_of_the_same_events_gives_the_same_state(world: World) -> None:
    await world.receive(*STORY)
    expected = await world.state()
    assert len(expected) > 3
    chance = random.Random(20260615)
    for _ in range(15):
        order = [*STORY, *STORY[::3]]
        chance.shuffle(order)
        await world.clear()
        await world.receive(connected(), *order)
        assert await world.state() == expected, [type(event).__name__ for event in order]
