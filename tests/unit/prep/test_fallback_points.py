"""The talking points that no model wrote, before a hundred meetings: what a friend would mention, and nothing that is not so."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.common.requests import GuestInteraction
from services.prep.domain.dossier import collect
from services.prep.domain.talking_points.fact import Fact
from services.prep.domain.talking_points.points import best_facts, fact_points
from tests.support.meetings import NOW, guest, interaction, known, meeting
from tests.support.thread_dossiers import real_people, thread_dossiers
from tests.support.written_dossiers import FriendsFact, WrittenDossier, written_dossiers

FILES = ("written_first.toml", "written_later.toml")
MENTIONED_OF_TEN = 9
PLAIN_KINDS = frozenset({"message", "met", "stranger"})
"""What only quotes and dates."""


def all_dossiers() -> list[WrittenDossier]:
    return [dossier for file in FILES for dossier in written_dossiers(file)]


def mentioned(written: WrittenDossier, texts: list[str]) -> list[FriendsFact]:
    """The facts of a friend's that a point has in it, with all their words."""
    return [
        fact
        for fact in written.facts
        if any(all(word.casefold() in text.casefold() for word in fact.words) for text in texts)
    ]


def statements(written: WrittenDossier, fact: Fact) -> Iterator[str]:
    """What a fact states, as the dossiers name it: by its kind, and what it rests on or whom it is about."""
    if fact.evidence and fact.kind not in ("silence", "new_work"):
        yield from (f"{fact.kind} {label}" for label in fact.evidence)
    elif fact.kind == "group":
        assert written.dossier.met_together
        yield f"group {written.dossier.met_together.title}"
    else:
        names = {person.address: person.name for person in written.dossier.people}
        yield from (f"{fact.kind} {names[address].split()[0]}" for address in fact.who)


def table(dossiers: list[WrittenDossier]) -> str:
    """One line a dossier: how many of the two facts are mentioned, and the best point."""
    lines = []
    for number, written in enumerate(dossiers, 1):
        points = [point.text for point in fact_points(written.dossier, NOW)]
        lines.append(f"{number:2}  {len(mentioned(written, points))} of 2  {written.name:46.46}  {points[0]}")
    return "\n".join(lines)


def unmentioned(dossiers: list[WrittenDossier]) -> list[str]:
    """The dossiers of which no point has anything that a friend would mention."""
    return [
        written.name
        for written in dossiers
        if not mentioned(written, [point.text for point in fact_points(written.dossier, NOW)])
    ]


def what_is_not_so(written: WrittenDossier) -> Iterator[Fact]:
    """The facts that state what may not be stated, or quote what nobody wrote."""
    known = [
        text
        for person in written.dossier.people
        for past in person.interactions
        for text in (past.title, past.body, past.text)
    ]
    known.append(written.dossier.met_together.title if written.dossier.met_together else "")
    for fact in best_facts(written.dossier, NOW):
        if fact.kind not in PLAIN_KINDS and not written.true.issuperset(statements(written, fact)):
            yield fact
        for quoted in re.findall("“(.*?)”", fact.text):
            pieces = quoted.removesuffix("…").split("[link]")
            if quoted != "maybe" and not any(all(piece in text for piece in pieces) for text in known):
                yield fact


def test_a_friends_facts_are_mentioned() -> None:
    dossiers = all_dossiers()
    print("\n" + table(dossiers))
    assert len(dossiers) == 40
    assert 10 * len(unmentioned(dossiers)) <= (10 - MENTIONED_OF_TEN) * len(dossiers), unmentioned(dossiers)


@pytest.mark.parametrize("written", all_dossiers(), ids=lambda written: written.name)
def test_nothing_false_is_stated(written: WrittenDossier) -> None:
    assert list(what_is_not_so(written)) == []


@pytest.mark.corpus
def test_of_real_conversations_a_friends_facts_are_mentioned_and_nothing_false(corpus: Path) -> None:
    dossiers = thread_dossiers(corpus)
    print("\n" + table(dossiers))
    assert len(dossiers) >= 40
    assert {written.name: found for written in dossiers if (found := list(what_is_not_so(written)))} == {}
    assert 10 * len(unmentioned(dossiers)) <= (10 - MENTIONED_OF_TEN) * len(dossiers), unmentioned(dossiers)


@pytest.mark.corpus
def test_nobody_is_called_by_a_real_name_or_address(corpus: Path) -> None:
    texts = [
        text
        for written in thread_dossiers(corpus)
        for person in written.dossier.people
        for text in (person.name, person.address, *(past.text for past in person.interactions))
    ]
    real = real_people(corpus)
    assert len(real) > 100
    assert [(person, text) for person in real for text in texts if person in text.lower()] == []
    assert [text for text in texts if "@" in text and not text.endswith("@elsewhere.example")] == []


@pytest.mark.parametrize("written", all_dossiers(), ids=lambda written: written.name)
def test_no_point_restates_a_bio_or_the_meeting_itself(written: WrittenDossier) -> None:
    for point in fact_points(written.dossier, NOW):
        assert not point.text.startswith("You last met") or "today" not in point.text, point
        assert not any(bio.text in point.text for person in written.dossier.people for bio in person.bios)
        assert f"“{written.dossier.title}”" not in point.text, point


PROMISED = interaction("Plans — I'll send you the drawings on Friday.", 9, direction="outbound", thread="p")


@pytest.mark.parametrize(
    ("since", "kept"),
    [
        ([], False),
        ([interaction("Re: Plans — Perfect, looking forward to it.", 8, thread="p")], False),
        ([interaction("Lunch — Tuesday is fine.", 4, direction="outbound", thread="l")], False),
        ([interaction("Standup", 2, platform="calendar", direction="mutual", times=9)], False),
        ([interaction("Re: Plans — Here you go.", 4, direction="outbound", thread="p")], True),
        ([interaction("New — Attached, as agreed.", 4, direction="outbound", thread="n")], True),
        ([interaction("Drawings — All twelve.", 4, direction="outbound", thread="n")], True),
        ([interaction("Re: Plans — Got it, thank you!", 4, thread="p")], True),
        ([interaction("Site visit", 2, platform="calendar", direction="mutual")], True),
    ],
)
def test_a_promise_is_kept_once_something_speaks_for_it(since: list[GuestInteraction], kept: bool) -> None:
    ada = known(last=(*since, PROMISED), bios={})
    stated = {fact.kind for fact in best_facts(collect(meeting(), [(guest(ada.address), ada)]), NOW)}
    assert ("promise" in stated) is not kept


@pytest.mark.parametrize(("people", "words", "asked"), [(3, "Kragen", False), (3, "Sam", True), (2, "Kragen", True)])
def test_of_a_mail_to_several_what_somebody_else_is_asked_is_not_the_users(
    people: int, words: str, asked: bool
) -> None:
    mail = interaction(
        f"Filters — {words}, do you know of any filters here?",
        3,
        thread="f",
        open=True,
        to_me=True,
        people_total=people,
    )
    ada = known(last=(mail,), bios={})
    stated = {fact.kind for fact in best_facts(collect(meeting(), [(guest(ada.address), ada)]), NOW)}
    assert ("question" in stated) is asked


def test_what_else_a_mail_has_is_mentioned_and_what_short_words_are_about() -> None:
    mail = interaction(
        "Barn — It is free from the 14th on. Shall I book it or do you want to see it? Nobody else has asked yet.",
        3, thread="b", open=True, to_me=True, people_total=2,
    )  # fmt: skip
    promise = interaction("Deck — Yes! I'll do it.", 9, direction="outbound", thread="d")
    ada = known(last=(mail, promise), bios={}, met_before=True)
    assert [point.text for point in fact_points(collect(meeting(), [(guest(ada.address), ada)]), NOW)] == [
        "Ada Lovelace asked 3 days ago: “Shall I book it or do you want to see it?” No answer from you is on record.",
        "You promised Ada Lovelace 9 days ago (Deck): “I'll do it.” Nothing from you is on record since.",
        "Ada Lovelace also wrote (Barn): “It is free from the 14th on.”",
    ]
