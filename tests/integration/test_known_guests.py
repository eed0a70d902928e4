"""Who is known before a meeting: what `contacts` knows about the guests, and what `prep` makes of it."""

from datetime import timedelta

import pytest

from libs.common.events import Meeting
from libs.common.preferences import GmailPreferences
from libs.common.requests import AddInteraction, ContactFields, CreateContact, GetAttendees, UpdateContact
from services.contacts.handlers import attendees, contacts, timelines
from services.prep.domain.dossier import Dossier, collect, pair
from services.prep.domain.prompt import given, prompt
from services.prep.domain.rules import SkipReason, guests_of, skip_reason
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
    settings,
    world,
)
from tests.support.meetings import account

__all__ = ["contacts_database", "world"]

JANE, BOB = "jane@acme.example", "bob@beta.example"
IN_HALF_AN_HOUR = -0.5 / 24  # days ago


async def invited(world: World, *guests: str) -> Meeting:
    """The calendar sync right before the scan: the meeting is on the timelines, its guests are contacts."""
    event = meeting("soon", [ME, *guests], days_ago=IN_HALF_AN_HOUR)
    await world.receive(event)
    return event.meeting


async def brief_of(world: World, event: Meeting, **gmail: bool) -> tuple[SkipReason | None, Dossier]:
    """What prep decides, and what its brief would show."""
    guests = guests_of(event, {ME})
    query = GetAttendees(user_id=USER, addresses=tuple(guest.address for guest in guests), now=NOW, last=10)
    people = pair(guests, (await attendees.get_attendees(world.context, query)).items)
    known = [attendee for _, attendee in people]
    return skip_reason(event, account(), GmailPreferences(**gmail), known, NOW), collect(event, people)


async def test_a_contact_that_only_the_invitation_made_is_a_stranger(world: World) -> None:
    event = await invited(world, JANE)
    assert (await world.contact(JANE)).name == JANE, "the invitation has made a contact"
    reason, dossier = await brief_of(world, event)
    assert reason == "nobody_known"
    assert [(person.known, person.relationship, person.score) for person in dossier.people] == [(False, None, None)]
    assert (await brief_of(world, event, meeting_prep_unknown=True))[0] is None


async def test_further_invitations_to_come_make_nobody_known(world: World) -> None:
    await world.receive(meeting("next week", [JANE], days_ago=-7))
    assert (await brief_of(world, await invited(world, JANE)))[0] == "nobody_known"


async def test_bulk_mail_and_mail_that_both_of_us_were_only_on_make_nobody_known(world: World) -> None:
    await world.receive(
        mail("m1", JANE, automated="bulk"), mail("m2", BOB, [ME, JANE]), mail("m3", "news@x.example", automated="list")
    )
    assert (await brief_of(world, await invited(world, JANE)))[0] == "nobody_known"


async def test_mail_forged_in_my_name_makes_nobody_known(world: World) -> None:
    await world.receive(mail("m1", ME, [JANE], dmarc="fail"))
    assert (await brief_of(world, await invited(world, JANE)))[0] == "nobody_known"


@pytest.mark.parametrize("past", ["they wrote", "I wrote", "we met", "it was logged", "a card"])
async def test_who_has_a_past_that_counts_is_known(world: World, past: str) -> None:
    match past:
        case "they wrote":
            await world.receive(mail("m1", JANE))
        case "I wrote":
            await world.receive(mail("m1", ME, [JANE]))
        case "we met":
            await world.receive(meeting("earlier", [JANE], days_ago=400))
        case "it was logged":
            await world.receive(card("1", name="Jane", emails=[JANE]))
            tags = ((await world.contact(JANE)).bcc_hash,)
            await world.receive(mail("m1", ME, ["who@x.example"], bcc_tags=tags), card_removed("1"))
        case "a card":
            await world.receive(card("1", name="Jane", emails=[JANE]))
    reason, dossier = await brief_of(world, await invited(world, JANE))
    assert reason is None
    assert [person.known for person in dossier.people] == [True]


async def test_whom_the_user_wrote_about_is_known(world: World) -> None:
    await contacts.create_contact(
        world.context, CreateContact(user_id=USER, fields=ContactFields(name="Jane", emails=(JANE,)))
    )
    assert (await brief_of(world, await invited(world, JANE, BOB)))[0] is None
    bob = (await world.contact(BOB)).id
    note = AddInteraction(user_id=USER, contact_id=bob, text="met at the fair", occurred_at=NOW - timedelta(days=1))
    await timelines.add_interaction(world.context, note)
    _, dossier = await brief_of(world, await invited(world, JANE, BOB))
    assert [person.known for person in dossier.people] == [True, True]


async def test_the_next_brief_quotes_the_note_after_the_last_meeting_and_keeps_it_from_the_model(world: World) -> None:
    await world.receive(mail("m1", JANE), meeting("last week", [ME, JANE], days_ago=7))
    jane = (await world.contact(JANE)).id
    for text in ("They want red.", "They want green."):
        note = AddInteraction(
            user_id=USER, contact_id=jane, title="Last week", text=text, ref="meeting:1:jane", thread="meeting:1",
            occurred_at=NOW - timedelta(days=7) + timedelta(hours=1),
        )  # fmt: skip
        await timelines.add_interaction(world.context, note)
    _, dossier = await brief_of(world, await invited(world, JANE))
    (person,) = dossier.people
    notes = [past.text for past in person.interactions if past.is_note]
    assert len(notes) == 1, "it was changed, and is there once"
    assert "They want green." in notes[0]
    assert "green" not in prompt(given(dossier), NOW)


async def test_an_edit_of_a_strangers_contact_makes_them_known(world: World) -> None:
    event = await invited(world, JANE)
    fields = ContactFields(notes="a friend of Bob")
    jane = (await world.contact(JANE)).id
    await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=jane, fields=fields))
    assert (await brief_of(world, event))[0] is None


async def test_a_card_that_is_gone_makes_nobody_known(world: World) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE]))
    event = await invited(world, JANE)
    await world.receive(card_removed("1"))
    assert (await brief_of(world, event))[0] == "nobody_known"


async def test_a_stranger_among_known_guests_is_shown_without_a_score(world: World) -> None:
    await world.receive(mail("m1", BOB, name="Bob"))
    reason, dossier = await brief_of(world, await invited(world, JANE, BOB))
    assert reason is None
    assert [(person.address, person.known, person.relationship) for person in dossier.people] == [
        (BOB, True, "Cold"), (JANE, False, None),
    ]  # fmt: skip


async def test_where_mail_makes_no_contacts_guests_stay_strangers(world: World) -> None:
    await world.receive(settings(1, contact_creation="none"), mail("m1", JANE))
    assert (await brief_of(world, await invited(world, JANE)))[0] == "nobody_known"


async def test_in_the_dry_run_a_meeting_makes_its_own_guests_known_no_earlier_than_it_took_place(world: World) -> None:
    """The past meeting is an interaction by now, and was none half an hour before it began."""
    event = meeting("past", [ME, JANE], days_ago=3)
    await world.receive(event)
    event = event.meeting
    query = GetAttendees(user_id=USER, addresses=(JANE,), now=NOW, last=0)
    known = (await attendees.get_attendees(world.context, query)).items
    before = event.starts_at - timedelta(minutes=35)
    assert skip_reason(event, account(), GmailPreferences(), known, before) == "nobody_known"
    again = meeting("again", [ME, JANE], days_ago=1).meeting
    assert skip_reason(again, account(), GmailPreferences(), known, again.starts_at - timedelta(minutes=35)) is None
