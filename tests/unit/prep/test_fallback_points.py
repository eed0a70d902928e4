"""The talking points that no model wrote, before forty meetings: what a friend would mention, and nothing that is not so."""

import re
from collections.abc import Iterator

import pytest

from libs.common.requests import GuestInteraction
from services.prep.domain.dossier import collect
from services.prep.domain.talking_points.fact import Fact
from services.prep.domain.talking_points.points import best_facts, fact_points
from tests.support.meetings import NOW, guest, interaction, known, meeting
from tests.support.written_dossiers import FriendsFact, WrittenDossier, written_dossiers

FILES = ("written_first.toml", "written_later.toml")
MENTIONED_OF_FORTY = 36
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


def test_a_friends_facts_are_mentioned() -> None:
    dossiers = all_dossiers()
    print("\n" + table(dossiers))
    assert len(dossiers) == 40
    silent = [
        written.name
        for written in dossiers
        if not mentioned(written, [point.text for point in fact_points(written.dossier, NOW)])
    ]
    assert len(dossiers) - len(silent) >= MENTIONED_OF_FORTY, silent


@pytest.mark.parametrize("written", all_dossiers(), ids=lambda written: written.name)
def test_nothing_false_is_stated(written: WrittenDossier) -> None:
    known = [
        text
        for person in written.dossier.people
        for past in person.interactions
        for text in (past.title, past.body, past.text)
    ]
    known.append(written.dossier.met_together.title if written.dossier.met_together else "")
    for fact in best_facts(written.dossier, NOW):
        if fact.kind not in PLAIN_KINDS:
            assert written.true.issuperset(statements(written, fact)), fact
        for quoted in re.findall("“(.*?)”", fact.text):
            if quoted != "maybe":
                pieces = quoted.removesuffix("…").split("[link]")
                assert any(all(piece in text for piece in pieces) for text in known), fact


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
