"""The brief as the templates show it: everything worded, nothing escaped yet. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from libs.common.events import Answer
from libs.common.requests import Label, TalkingPoint
from services.prep.domain.clean import line, safe_url
from services.prep.domain.dossier import Bio, Dossier, PastInteraction, Profile
from services.prep.domain.fact import listed
from services.prep.domain.mail import reference, subject
from services.prep.domain.rules import minutes_until
from services.prep.domain.times import ago, day, length, span

ANSWER_TEXTS: dict[Answer, str] = {
    "accepted": "accepted", "declined": "declined", "tentative": "maybe", "needsAction": "no answer yet",
}  # fmt: skip


@dataclass(frozen=True)
class ShownInteraction:
    label: str
    when: str
    text: str


@dataclass(frozen=True)
class ShownPerson:
    name: str
    work: str
    address: str
    known: bool
    not_recorded: bool
    relationship: Label | None
    score: int | None
    answer: str
    organizer: bool
    last_contact: str
    former_work: str
    colleagues: str
    bios: tuple[Bio, ...]
    interactions: tuple[ShownInteraction, ...]


@dataclass(frozen=True)
class View:
    """What both templates get."""

    title: str
    subject: str
    when: str
    minutes: int
    length: str
    place: str
    place_url: str
    video_url: str
    met_together: str
    people: tuple[ShownPerson, ...]
    points: tuple[TalkingPoint, ...]
    note: str
    meeting_url: str
    settings_url: str
    reference: str


def view(
    dossier: Dossier, points: Sequence[TalkingPoint], note: str, now: datetime, *, base_url: str, token: str
) -> View:
    """The brief as it is read at `now`. `base_url`: under which PingCRM is reached; `token`: the brief's own, for its reference."""
    meeting = dossier.meeting
    minutes = minutes_until(meeting.starts_at, now)
    return View(
        title=dossier.title,
        subject=subject(dossier.title, minutes),
        when=span(meeting.starts_at, meeting.ends_at, dossier.zone_name, meeting.time_zone),
        minutes=minutes,
        length=length(meeting.ends_at - meeting.starts_at),
        place=line(meeting.place, 200),
        place_url=safe_url(meeting.place),
        video_url=safe_url(meeting.video_url),
        met_together=_met_together(dossier, now),
        people=tuple(_shown_person(person, dossier, now) for person in dossier.people),
        points=tuple(points),
        note=note,
        meeting_url=f"{base_url}/meetings/{meeting.meeting_id}",
        settings_url=f"{base_url}/settings#briefs",
        reference=reference(token),
    )


def _shown_person(person: Profile, dossier: Dossier, now: datetime) -> ShownPerson:
    zone, last = dossier.zone, person.last_contact_at
    return ShownPerson(
        name=person.name,
        work=", ".join(filter(None, (person.title, person.company))),
        address="" if person.name == person.address else person.address,
        known=person.known,
        not_recorded=person.not_recorded,
        relationship=person.relationship,
        score=person.score,
        answer=ANSWER_TEXTS[person.answer],
        organizer=person.organizer,
        last_contact=f"{day(last, zone)} ({ago(last, now, zone)})" if last else "",
        former_work=_former_work(person),
        colleagues=listed(
            [f"{known.name} (last contact {day(known.last_contact_at, zone)})" for known in person.colleagues]
        ),
        bios=person.bios,
        interactions=tuple(_shown_interaction(interaction, zone) for interaction in person.interactions),
    )


def _former_work(person: Profile) -> str:
    former = person.former_work
    return ", ".join(filter(None, (former.title, former.company))) if former else ""


def _met_together(dossier: Dossier, now: datetime) -> str:
    """`24 May 2026 (6 months ago): Board meeting`."""
    met, zone = dossier.met_together, dossier.zone
    if met is None:
        return ""
    return f"{day(met.starts_at, zone)} ({ago(met.starts_at, now, zone)}): {met.title or '(no title)'}"


def _shown_interaction(interaction: PastInteraction, zone: tzinfo) -> ShownInteraction:
    series = "recurring" if interaction.times > 1 else ""
    when = (day(interaction.at, zone), interaction.platform, interaction.direction_text, series)
    return ShownInteraction(interaction.label, " · ".join(filter(None, when)), interaction.text or "(no text)")
