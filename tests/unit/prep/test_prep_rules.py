"""Who is briefed and who is not, and in how many minutes."""

from datetime import timedelta
from typing import Any

import pytest

from libs.common.events import Guest
from libs.common.preferences import GmailPreferences
from libs.common.requests import Account, Attendee
from libs.common.scopes import ALL, GMAIL_SEND
from services.prep.domain.dossier import pair
from services.prep.domain.mail import subject
from services.prep.domain.rules import SKIP_SENTENCES, SkipReason, guests_of, minutes_until, skip_reason
from tests.support.meetings import ME, NOW, account, guest, invited, known, me, meeting, unknown

KNOWN = (known(),)
MANY = tuple(known(f"guest{n}@many.example") for n in range(21))


@pytest.mark.parametrize(
    ("event", "settings", "whose", "people", "reason"),
    [
        # what the meeting is
        ({}, {}, account(), KNOWN, None),
        ({"all_day": True}, {}, account(), KNOWN, "all_day"),
        ({"my_answer": "declined"}, {}, account(), KNOWN, "declined"),
        ({"my_answer": "needsAction"}, {}, account(), KNOWN, None),
        ({"starts_at": NOW + timedelta(minutes=5)}, {}, account(), KNOWN, None),
        ({"starts_at": NOW + timedelta(minutes=4, seconds=59)}, {}, account(), KNOWN, "too_late"),
        ({"starts_at": NOW - timedelta(minutes=1)}, {}, account(), KNOWN, "too_late"),
        ({"private": True}, {}, account(), KNOWN, "private"),
        ({"private": True}, {"meeting_prep_private": True}, account(), KNOWN, None),
        # who comes
        ({}, {}, account(), (), "no_guests"),
        ({"guests_hidden": True}, {}, account(), (), "guests_hidden"),
        ({"guests_hidden": True}, {}, account(), KNOWN, None),
        ({}, {}, account(), MANY[:20], None),
        ({}, {}, account(), MANY, "too_many_guests"),
        ({}, {}, account(), (unknown(),), "nobody_known"),
        ({}, {}, account(), (unknown(), known()), None),
        ({}, {}, account(), (invited(),), "nobody_known"),
        ({}, {}, account(), (invited(), known()), None),
        ({}, {}, account(), (invited(on_file=True),), None),
        ({}, {}, account(), (invited(first_contact_at=NOW),), None),
        ({}, {}, account(), (invited(first_contact_at=NOW + timedelta(seconds=1)),), "nobody_known"),
        ({}, {}, account(), (known(me=True),), "nobody_known"),
        ({}, {"meeting_prep_unknown": True}, account(), (unknown(),), None),
        ({}, {"meeting_prep_unknown": True}, account(), (invited(),), None),
        # whether it may and can be sent
        ({}, {"meeting_prep_enabled": False}, account(), KNOWN, "disabled"),
        ({}, {}, account(scopes=frozenset(ALL) - {GMAIL_SEND}), KNOWN, "missing_scope"),
        ({}, {}, account(status="reauth_required"), KNOWN, "reauth_required"),
        ({}, {}, account(status="disconnected"), KNOWN, "disconnected"),
        ({}, {}, None, KNOWN, "disconnected"),
    ],
)
def test_a_meeting_is_skipped_for_the_right_reason(
    event: dict[str, Any],
    settings: dict[str, Any],
    whose: Account | None,
    people: tuple[Attendee, ...],
    reason: SkipReason | None,
) -> None:
    assert skip_reason(meeting(**event), whose, GmailPreferences(**settings), people, NOW) == reason
    assert reason is None or SKIP_SENTENCES[reason].endswith(".")


def test_rooms_me_calendars_and_invalid_addresses_are_no_guests() -> None:
    room = guest("room-4@resource.calendar.google.com", "Room 4")
    others = (
        me(),
        guest("Sam.Rivera+work@gmail.com"),
        guest("x@me.example", me=True),
        guest("r@r.example", resource=True),
    )
    assert guests_of(meeting(guests=(*others, room, guest("no address"))), {"samrivera@gmail.com"}) == ()


def test_the_organizer_is_a_guest_also_where_the_list_does_not_name_them() -> None:
    boss = guest("boss@company.example", "The Boss", answer="needsAction")
    own_addresses = {"samrivera@gmail.com"}
    for listed in ((), (me(),), (me(), guest("room@x.example", resource=True))):
        (found,) = guests_of(meeting(organizer=boss, guests=listed), own_addresses)
        assert (found.address, found.organizer, found.answer) == ("boss@company.example", True, "accepted")
    both = guests_of(meeting(organizer=boss), own_addresses)
    assert [guest.address for guest in both] == ["ada@lovelace.example", "boss@company.example"]
    again = guests_of(
        meeting(organizer=boss, guests=(guest("Boss@company.example", answer="tentative"),)), own_addresses
    )
    assert [(guest.address, guest.answer) for guest in again] == [("Boss@company.example", "tentative")]


@pytest.mark.parametrize(
    "organizer",
    [
        me(), guest("Sam.Rivera+calendar@gmail.com"), guest("team@group.calendar.google.com"), guest("noreply@webinars.example"),
        guest("unknownorganizer@calendar.google.com"), guest("room@x.example", resource=True), guest("nobody"), None,
    ],
)  # fmt: skip
def test_an_organizer_who_is_no_other_person_is_no_guest(organizer: Guest | None) -> None:
    assert guests_of(meeting(organizer=organizer, guests=(me(),)), {"samrivera@gmail.com"}) == ()


def test_a_person_with_two_spellings_is_a_single_guest() -> None:
    twice = (guest("a.d.a@gmail.com", "Ada"), guest("ADA+meetings@googlemail.com"))
    assert len(guests_of(meeting(guests=twice, organizer=None), {ME})) == 1


def test_a_contact_with_two_addresses_is_a_single_person_and_an_alias_of_mine_is_none() -> None:
    ada = known()
    guests = [guest("ada@lovelace.example"), guest("ada@home.example"), guest("alias@me.example")]
    also_ada = ada.model_copy(update={"address": "ada@home.example"})
    people = pair(guests, [ada, also_ada, Attendee(address="alias@me.example", me=True)])
    assert [attendee.address for _, attendee in people] == ["ada@lovelace.example"]


@pytest.mark.parametrize(
    ("seconds", "minutes"),
    [
        (35 * 60, 35),
        (35 * 60 + 29, 35),
        (35 * 60 + 30, 36),
        (35 * 60 - 31, 34),
        (5 * 60, 5),
        (59, 1),
        (0, 0),
        (-600, 0),
    ],
)
def test_the_subject_states_the_true_minutes(seconds: int, minutes: int) -> None:
    assert minutes_until(NOW + timedelta(seconds=seconds), NOW) == minutes
    unit = "minute" if minutes == 1 else "minutes"
    assert subject("Pricing review", minutes) == f"Meeting prep: Pricing review in {minutes} {unit}"
