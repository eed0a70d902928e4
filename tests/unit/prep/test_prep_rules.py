"""Who is briefed and who is not, and in how many minutes."""

from datetime import timedelta
from typing import Any

import pytest

from libs.common.preferences import GmailPreferences
from libs.common.requests import Account, Attendee
from libs.common.scopes import ALL, GMAIL_SEND
from services.prep.domain.dossier import pair
from services.prep.domain.mail import subject
from services.prep.domain.rules import SENTENCES, SkipReason, guests_of, minutes_until, skip_reason
from tests.support.meetings import ME, NOW, account, guest, known, me, meeting, unknown

ONE = (known(),)
CROWD = tuple(known(f"guest{n}@crowd.example") for n in range(21))


@pytest.mark.parametrize(
    ("event", "settings", "whose", "people", "reason"),
    [
        # what the meeting is
        ({}, {}, account(), ONE, None),
        ({"all_day": True}, {}, account(), ONE, "all_day"),
        ({"my_answer": "declined"}, {}, account(), ONE, "declined"),
        ({"my_answer": "needsAction"}, {}, account(), ONE, None),
        ({"starts_at": NOW + timedelta(minutes=5)}, {}, account(), ONE, None),
        ({"starts_at": NOW + timedelta(minutes=4, seconds=59)}, {}, account(), ONE, "too_late"),
        ({"starts_at": NOW - timedelta(minutes=1)}, {}, account(), ONE, "too_late"),
        ({"private": True}, {}, account(), ONE, "private"),
        ({"private": True}, {"meeting_prep_private": True}, account(), ONE, None),
        # who comes
        ({}, {}, account(), (), "no_guests"),
        ({}, {}, account(), CROWD[:20], None),
        ({}, {}, account(), CROWD, "too_many_guests"),
        ({}, {}, account(), (unknown(),), "nobody_known"),
        ({}, {}, account(), (unknown(), known()), None),
        ({}, {"meeting_prep_unknown": True}, account(), (unknown(),), None),
        # whether it may and can be sent
        ({}, {"meeting_prep_enabled": False}, account(), ONE, "disabled"),
        ({}, {}, account(scopes=frozenset(ALL) - {GMAIL_SEND}), ONE, "missing_scope"),
        ({}, {}, account(status="reauth_required"), ONE, "reauth_required"),
        ({}, {}, account(status="disconnected"), ONE, "disconnected"),
        ({}, {}, None, ONE, "disconnected"),
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
    assert reason is None or SENTENCES[reason].endswith(".")


def test_rooms_me_calendars_and_invalid_addresses_are_no_guests() -> None:
    room = guest("room-4@resource.calendar.google.com", "Room 4")
    others = (
        me(),
        guest("Sam.Rivera+work@gmail.com"),
        guest("x@me.example", me=True),
        guest("r@r.example", resource=True),
    )
    assert guests_of(meeting(guests=(*others, room, guest("no address"))), {"samrivera@gmail.com"}) == ()


def test_the_organizer_joins_only_where_somebody_else_is_invited() -> None:
    boss = guest("boss@company.example", "The Boss")
    mine = {"samrivera@gmail.com"}
    assert guests_of(meeting(organizer=boss, guests=(me(),)), mine) == ()
    found = guests_of(meeting(organizer=boss), mine)
    assert [one.address for one in found] == ["ada@lovelace.example", "boss@company.example"]
    assert found[1].organizer


def test_one_person_with_two_spellings_is_one_guest() -> None:
    twice = (guest("a.d.a@gmail.com", "Ada"), guest("ADA+meetings@googlemail.com"))
    assert len(guests_of(meeting(guests=twice, organizer=None), {ME})) == 1


def test_one_contact_with_two_addresses_is_one_person_and_an_alias_of_mine_is_none() -> None:
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
def test_the_subject_says_the_true_minutes(seconds: int, minutes: int) -> None:
    assert minutes_until(NOW + timedelta(seconds=seconds), NOW) == minutes
    unit = "minute" if minutes == 1 else "minutes"
    assert subject("Pricing review", minutes) == f"Meeting prep: Pricing review in {minutes} {unit}"
