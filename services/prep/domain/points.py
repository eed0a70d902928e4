"""Talking points: those that follow from the facts alone, and the choice among those that a model wrote. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest

from libs.common.requests import TalkingPoint
from services.prep.domain.clean import has_link, line
from services.prep.domain.dossier import Dossier, PastInteraction, Profile
from services.prep.domain.times import ago, for_days, length

FEWEST, MOST = 3, 5
MAX_POINT = 280
OPEN_DAYS = 60
"""For so long a mail without a reply may still be open."""
SILENCE_DAYS = 90
QUOTED = 90


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
    """Three to five points without any model: the best of each person in turn, then what is good in every meeting."""
    people = sorted(dossier.people, key=lambda person: (not person.known, -(person.score or 0)))
    rounds = zip_longest(*(list(_person_points(person, dossier, now)) for person in people))
    personal = [point for turn in rounds for point in turn if point is not None][:MOST]
    return (*personal, *list(_general_points(dossier))[: max(0, FEWEST - len(personal))])


def _person_points(person: Profile, dossier: Dossier, now: datetime) -> Iterator[TalkingPoint]:
    """What the facts yield about one person, the most useful first."""
    name, zone = person.name, dossier.zone
    if person.not_recorded:
        return
    if not person.known:
        yield _point(f"You have no history with {name}: ask what brings them to this meeting.")
        return
    message = next((past for past in person.interactions if not past.is_meeting and not past.is_note), None)
    last_meeting = next((past for past in person.interactions if past.is_meeting), None)
    newest = person.interactions[0] if person.interactions else None
    silent = (now - person.last_contact_at).days if person.last_contact_at else None
    if message and (now - message.at).days <= OPEN_DAYS and not (last_meeting and last_meeting.at > message.at):
        yield _open_thread(name, message, ago(message.at, now, zone))
    if newest and silent is not None and silent > SILENCE_DAYS:
        yield _point(
            f"You have not been in touch with {name} for {for_days(silent)}: ask what has changed since.", newest.label
        )
    if person.interactions and not person.met_before and person.history_complete:
        yield _point(f"This looks like your first meeting with {name}.", person.interactions[-1].label)
    if last_meeting:
        yield _point(
            f"You last met {name} {ago(last_meeting.at, now, zone)}: {_quoted(last_meeting.text)}.", last_meeting.label
        )
    for bio in person.bios:
        yield _point(f"{name} on {bio.network}: {_quoted(bio.text)}.", bio.label)
    if message and (now - message.at).days > OPEN_DAYS:
        yield _point(
            f"Your last exchange with {name}, {ago(message.at, now, zone)}: {_quoted(message.text)}.", message.label
        )
    if work := " at ".join(filter(None, (person.title, person.company))):
        yield _point(f"{name}: {work}. Ask what they work on at the moment.")
    if person.answer in ("needsAction", "tentative"):
        yield _point(f"{name} has not firmly accepted the invitation: they may not come.")


def _open_thread(name: str, message: PastInteraction, when: str) -> TalkingPoint:
    if message.direction == "inbound":
        return _point(
            f"{name} wrote last, {when}: {_quoted(message.text)}. It may wait for your answer.", message.label
        )
    if message.direction == "outbound":
        return _point(f"You wrote last to {name}, {when}: {_quoted(message.text)}. Ask where it stands.", message.label)
    return _point(f"You and {name} were in touch {when}: {_quoted(message.text)}.", message.label)


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


def _quoted(text: str) -> str:
    return f"“{line(text, QUOTED).rstrip('.')}”" if text else "(no text)"
