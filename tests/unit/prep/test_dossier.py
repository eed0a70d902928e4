"""What is collected about a meeting's people: whole profiles, in order, clean, with labels that go through the whole brief."""

from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.prep.domain.dossier import Bio, Dossier, PastInteraction, Profile, collect
from tests.support.meetings import NOW, guest, interaction, invited, known, meeting

BIOS = {"telegram": "Walks\na lot.", "linkedin": "Builds.", "twitter": "Writes.", "myspace": "Plays.", "": "Nothing."}


def past(**fields: Any) -> PastInteraction:
    """How one interaction of somebody is shown."""
    attendee = known(last=(interaction("Hello", 3).model_copy(update=fields),))
    return collect(meeting(), [(guest(attendee.address), attendee)]).people[0].interactions[0]


def test_the_profiles_of_two_guests_are_whole() -> None:
    ada = known(
        name="Ada\u202e Lovelace",
        title="Head of\tResearch",
        bios=BIOS,
        last_contact_at=NOW - timedelta(days=2),
        last=(
            interaction("Older", 9, platform="calendar", direction="mutual"),
            interaction("Newest — with a text", 2, direction="outbound"),
            interaction("An invoice", 1, automated="list"),
        ),
    )
    ben = known(
        "ben@x.example", "", company="", title="", bios={"twitter": "Reads."}, score=None, last_contact_at=None,
        last=(interaction("From Ben", 4),) * 10,
    )  # fmt: skip
    event = meeting(title="Pricing\nreview", calendar_time_zone="Asia/Kathmandu")
    people = [
        (guest("ada@lovelace.example", "A. L.", answer="tentative", organizer=True), ada),
        (guest("ben@x.example", "Ben B."), ben),
    ]

    def shown(label: str, text: str, days: int, platform: str, words: str, direction: str) -> PastInteraction:
        return PastInteraction(
            label=label, platform=platform, direction_text=words, at=NOW - timedelta(days=days), text=text,
            direction=direction, is_meeting=platform == "Meeting", is_note=False, title=text.partition(" — ")[0],
            body=text.partition(" — ")[2],
        )  # fmt: skip

    assert collect(event, people, "Europe/Paris", reader=("Sam\u202e R.", "Sam R.")) == Dossier(
        meeting=event,
        title="Pricing review",
        zone=ZoneInfo("Europe/Paris"),
        zone_name="Europe/Paris",
        people=(
            Profile(
                address="ada@lovelace.example",
                name="Ada Lovelace",
                title="Head of Research",
                company="Analytical Engines",
                known=True,
                relationship="Strong",
                score=8,
                answer="tentative",
                organizer=True,
                last_contact_at=NOW - timedelta(days=2),
                bios=(
                    Bio("B1", "Twitter", "Writes."),
                    Bio("B2", "LinkedIn", "Builds."),
                    Bio("B3", "Telegram", "Walks a lot."),
                ),
                interactions=(
                    shown("I1", "Newest — with a text", 2, "Email", "you wrote", "outbound"),
                    shown("I2", "Older", 9, "Meeting", "", "mutual"),
                ),
                met_before=True,
                history_complete=True,
            ),
            Profile(
                address="ben@x.example",
                name="Ben B.",
                title="",
                company="",
                known=True,
                relationship=None,
                score=None,
                answer="accepted",
                organizer=False,
                last_contact_at=None,
                bios=(Bio("B4", "Twitter", "Reads."),),
                interactions=tuple(
                    shown(f"I{n}", "From Ben", 4, "Email", "they wrote", "inbound") for n in range(3, 8)
                ),
                met_before=False,
                history_complete=False,
            ),
        ),
        reader=("Sam R.", "Sam Rivera"),
    )


def test_labels_are_counted_through_all_people() -> None:
    people = [
        (guest(address), known(address, last=(interaction("Hello", 3),), bios={"twitter": "Writes."}))
        for address in ("a@x.example", "b@x.example", "c@x.example")
    ]
    profiles = collect(meeting(), people).people
    assert [profile.bios[0].label for profile in profiles] == ["B1", "B2", "B3"]
    assert [profile.interactions[0].label for profile in profiles] == ["I1", "I2", "I3"]


@pytest.mark.parametrize(("people", "to_me", "to_others"), [(2, True, False), (3, True, True), (7, False, True)])
def test_what_is_written_to_many_is_not_meant_for_each(people: int, to_me: bool, to_others: bool) -> None:
    mail = interaction("Hello", 3, to_me=True, people_total=people)
    shown = collect(meeting(), [(guest("a@x.example"), known("a@x.example", last=(mail,)))])
    (past,) = shown.people[0].interactions
    assert (past.to_me, past.to_others) == (to_me, to_others)


def test_of_somebody_whom_only_the_invitation_made_nothing_is_shown_but_what_they_are_called() -> None:
    stranger = invited(name="", last=(interaction("Hello", 3),), bios={})
    (profile,) = collect(meeting(), [(guest(stranger.address), stranger)]).people
    shown = (profile.name, profile.known, profile.relationship, profile.score, profile.interactions, profile.met_before)
    assert shown == (stranger.address, False, None, None, (), False)


def test_a_meeting_without_a_title_has_one() -> None:
    assert collect(meeting(title=" \n"), []).title == "(no title)"


@pytest.mark.parametrize(
    ("setting", "calendar", "event", "zone"),
    [
        ("Asia/Tokyo", "Europe/Rome", "Europe/Paris", "Asia/Tokyo"),
        ("", "Europe/Rome", "Europe/Paris", "Europe/Rome"),
        ("", "", "Europe/Paris", "Europe/Paris"),
        ("nowhere", "", "", "UTC"),
    ],
)
def test_the_zone_is_that_of_the_reader_or_of_the_calendar_or_of_the_event(
    setting: str, calendar: str, event: str, zone: str
) -> None:
    found = collect(meeting(calendar_time_zone=calendar, time_zone=event), [], setting)
    assert (str(found.zone), found.zone_name) == (zone, zone)
    assert collect(meeting(calendar_time_zone="", time_zone=""), []).zone is UTC


@pytest.mark.parametrize(
    ("platform", "label"),
    [
        ("gmail", "Email"), ("email", "Email"), ("calendar", "Meeting"), ("linkedin", "LinkedIn"), ("whatsapp", "WhatsApp"),
        ("note", "Note"), ("phone_call", "Phone call"), ("XXsms", "Xxsms"),
    ],
)  # fmt: skip
def test_a_platform_is_called_what_people_call_it(platform: str, label: str) -> None:
    shown = past(platform=platform)
    assert (shown.platform, shown.is_meeting, shown.is_note) == (label, platform == "calendar", platform == "note")


@pytest.mark.parametrize(
    ("platform", "direction", "words"),
    [
        ("gmail", "inbound", "they wrote"), ("gmail", "outbound", "you wrote"), ("gmail", "participant", "both on it"),
        ("whatsapp", "mutual", "together"), ("calendar", "mutual", ""), ("calendar", "inbound", ""), ("note", "mutual", ""),
    ],
)  # fmt: skip
def test_who_wrote_is_named_where_somebody_did(platform: str, direction: str, words: str) -> None:
    shown = past(platform=platform, direction=direction)
    assert (shown.direction_text, shown.direction) == (words, direction)


@pytest.mark.parametrize(
    ("title", "text", "shown"),
    [
        ("Offer", "Here it is", "Offer — Here it is"), ("Offer", "Offer: here it is", "Offer: here it is"), ("Offer", "", "Offer"),
        ("", "Here it is", "Here it is"), ("", "", ""),
    ],
)  # fmt: skip
def test_title_and_text_are_one_line_and_nothing_is_in_it_twice(title: str, text: str, shown: str) -> None:
    assert past(title=title, text=text).text == shown


def test_what_others_wrote_is_cut() -> None:
    attendee = known(
        name="n" * 81, title="t" * 81, company="c" * 81, bios={"linkedin": "b" * 301},
        last=(interaction("x" * 221, 3, title=""), interaction("z" * 150, 4, title="y" * 150),
              interaction("", 5, platform="p" * 33)),
    )  # fmt: skip
    dossier = collect(meeting(title="m" * 151), [(guest("g" * 250 + "@x.example"), attendee)])
    (profile,) = dossier.people
    first, second, third = profile.interactions
    found = (
        dossier.title, profile.address, profile.name, profile.title, profile.company, profile.bios[0].text,
        first.text, second.text, third.platform,
    )  # fmt: skip
    assert [(len(text), text[-1]) for text in found] == [
        (150, "…"), (254, "…"), (80, "…"), (80, "…"), (80, "…"), (300, "…"), (220, "…"), (220, "…"), (32, "…"),
    ]  # fmt: skip
    exact = known(name="n" * 80, bios={"linkedin": "b" * 300}, last=(interaction("x" * 220, 3, title=""),))
    (profile,) = collect(meeting(), [(guest(exact.address), exact)]).people
    assert (profile.name, profile.bios[0].text, profile.interactions[0].text) == ("n" * 80, "b" * 300, "x" * 220)
