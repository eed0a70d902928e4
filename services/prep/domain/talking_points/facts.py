"""What a friend would mention before a meeting, from the facts alone: each with what it rests on, the most useful first. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from services.prep.domain.dossier import Dossier, Profile
from services.prep.domain.talking_points.fact import Fact, Kind, is_other_title, listed, quoted
from services.prep.domain.talking_points.personal_facts import MET_DAYS, Reading, facts_about, is_first_meeting
from services.prep.domain.times import ago


def facts(dossier: Dossier, now: datetime) -> tuple[Fact, ...]:
    """All of them, the most useful first; among equals those about who is closer."""
    people = sorted(dossier.people, key=lambda person: (not person.known, -(person.score or 0)))
    readings = [Reading(person, dossier, now) for person in people]
    found = [fact for reading in readings for fact in facts_about(reading)]
    found += [
        *_of_answers(dossier), *_of_first_meetings(readings), *_of_group(dossier, now), *_of_strangers(dossier, now)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda fact: fact.rank))


def _of_answers(dossier: Dossier) -> Iterator[Fact]:
    """What became of the invitation; whoever called the meeting needs to answer none."""
    guests = [person for person in dossier.people if not person.not_recorded]
    declined = [person for person in guests if person.answer == "declined"]
    silent = [person for person in guests if person.answer == "needsAction" and not person.organizer]
    unsure = [person for person in guests if person.answer == "tentative"]
    if declined:
        end = "nobody else is invited" if len(declined) == len(dossier.people) else "do not wait for them"
        yield _of_several("declined", declined, f"declined the invitation: {end}.")
    if silent:
        yield _of_several("no_answer", silent, "not answered the invitation.")
    if unsure:
        yield _of_several("no_answer", unsure, "answered the invitation with “maybe”.")


def _of_several(kind: Kind, people: Sequence[Profile], ending: str) -> Fact:
    verb = "has" if len(people) == 1 else "have"
    names = listed([person.name for person in people])
    return Fact(kind, f"{names} {verb} {ending}", tuple(person.address for person in people))


def _of_first_meetings(readings: Sequence[Reading]) -> Iterator[Fact]:
    """Whom of those with a history the reader has never met."""
    people = [reading.person for reading in readings if is_first_meeting(reading)]
    if people:
        names, who = listed([person.name for person in people]), tuple(person.address for person in people)
        yield Fact("first_meeting", f"This is your first meeting with {names} that is on record.", who)


def _of_group(dossier: Dossier, now: datetime) -> Iterator[Fact]:
    """When just these people met last, where that was not the last of the same series."""
    met = dossier.met_together
    if met and met.title and (now - met.starts_at).days >= MET_DAYS and is_other_title(met.title, dossier.title):
        who = tuple(person.address for person in dossier.people)
        text = f"The same people last met {ago(met.starts_at, now, dossier.zone)}: {quoted(met.title)}"
        yield Fact("group", text, who)


def _of_strangers(dossier: Dossier, now: datetime) -> Iterator[Fact]:
    """Whom the reader does not know, by the colleagues of theirs whom they do."""
    by_colleagues: dict[tuple[str, ...], list[Profile]] = {}
    for person in dossier.people:
        if not person.known and not person.not_recorded:
            by_colleagues.setdefault(tuple(colleague.name for colleague in person.colleagues), []).append(person)
    for names, people in by_colleagues.items():
        who, strangers = tuple(person.address for person in people), listed([person.name for person in people])
        verb = "is" if len(people) == 1 else "are"
        if not names:
            yield Fact("stranger", f"{strangers} {verb} new to you: nothing with them is on record.", who)
            continue
        last = max(colleague.last_contact_at for colleague in people[0].colleagues)
        known = f"of the same company you know {listed(names)}, last contact {ago(last, now, dossier.zone)}"
        text = f"{strangers} {verb} new to you, but {known}."
        yield Fact("colleague", text, who)
