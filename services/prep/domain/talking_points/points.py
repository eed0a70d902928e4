"""Talking points: those that follow from the facts alone, and the choice among those that a model wrote. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from libs.common.requests import TalkingPoint
from services.prep.domain.clean import has_link, line
from services.prep.domain.dossier import Dossier
from services.prep.domain.talking_points.fact import Fact
from services.prep.domain.talking_points.facts import facts
from services.prep.domain.times import length

FEWEST, MOST = 3, 5
MAX_POINT = 320
MOST_PER_GUEST = 2


def grounded(points: Sequence[TalkingPoint], labels: frozenset[str]) -> tuple[TalkingPoint, ...]:
    """The model's points that rest on something that was given, cleaned, each once, at most five.

    A point with a link, or with a bare domain that a mail program makes one of, is dropped too: no link was given, so it comes from
    somebody's words to the model.
    """
    kept: dict[str, TalkingPoint] = {}
    for point in points:
        text = line(point.text, MAX_POINT)
        evidence = tuple(dict.fromkeys(label for label in point.evidence if label in labels))
        if text and evidence and not has_link(text):
            kept.setdefault(text.casefold(), TalkingPoint(text=text, evidence=evidence))
    return tuple(kept.values())[:MOST]


def filled(points: Sequence[TalkingPoint], facts: Sequence[TalkingPoint]) -> tuple[TalkingPoint, ...]:
    """At least three points: where the model's are fewer, facts that rest on something else join them."""
    used = {label for point in points for label in point.evidence}
    fresh = [fact for fact in facts if not used.intersection(fact.evidence)]
    stale = [fact for fact in facts if used.intersection(fact.evidence)]
    return (*points, *(fresh + stale)[: max(0, FEWEST - len(points))])


def fact_points(dossier: Dossier, now: datetime) -> tuple[TalkingPoint, ...]:
    """Three to five points without any model: what a friend would mention, then what is good in every meeting."""
    chosen = [
        TalkingPoint(text=line(fact.text, MAX_POINT), evidence=fact.evidence) for fact in best_facts(dossier, now)
    ]
    return (*chosen, *list(_general_points(dossier))[: max(0, FEWEST - len(chosen))])


def best_facts(dossier: Dossier, now: datetime) -> tuple[Fact, ...]:
    """At most five; of many guests each has at most two of them, so that there is something about others too."""
    chosen: list[Fact] = []
    for fact in facts(dossier, now):
        if not _repeats(fact, chosen) and (len(dossier.people) == 1 or _has_room(fact, chosen)):
            chosen.append(fact)
    return tuple(chosen[:MOST])


def _repeats(fact: Fact, chosen: Sequence[Fact]) -> bool:
    """Whether it is merely good to know, and has been mentioned: about the same meeting, or about somebody else on the same mail."""
    if fact.kind not in ("message", "met"):
        return False
    rested_on = {label for other in chosen for label in other.evidence}
    return (fact.kind == "met" and bool(rested_on.intersection(fact.evidence))) or any(
        other.kind == fact.kind and other.text.partition(": ")[2] == fact.text.partition(": ")[2] for other in chosen
    )


def _has_room(fact: Fact, chosen: Sequence[Fact]) -> bool:
    """Whether fewer than two are about this guest alone."""
    return len(fact.who) > 1 or sum(other.who == fact.who for other in chosen) < MOST_PER_GUEST


def _general_points(dossier: Dossier) -> Iterator[TalkingPoint]:
    """What holds for every meeting; three, so that no brief has fewer."""
    organizer = next((person.name for person in dossier.people if person.organizer), None)
    if organizer:
        yield _point(f"{organizer} called this meeting: ask what would make it worth their time.")
    else:
        yield _point("Begin with what each of you wants to have settled at the end.")
    duration = length(dossier.meeting.ends_at - dossier.meeting.starts_at)
    available = f"You have {duration}: name" if duration else "Name"
    yield _point(f"{available} the one thing that must not be left out.")
    yield _point("Before you part, agree on the next step and on who takes it.")


def _point(text: str, *evidence: str) -> TalkingPoint:
    return TalkingPoint(text=line(text, MAX_POINT), evidence=evidence)
