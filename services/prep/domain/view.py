"""The brief as the templates show it: everything worded, nothing escaped yet. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from libs.common.events import Answer
from libs.common.requests import Label, TalkingPoint
from services.prep.domain.clean import line, safe_url
from services.prep.domain.dossier import Bio, Dossier, PastInteraction, Profile
from services.prep.domain.mail import reference, subject
from services.prep.domain.rules import minutes_until
from services.prep.domain.talking_points.fact import listed
from services.prep.domain.times import ago, counted, day, length, span

ANSWER_TEXTS: dict[Answer, str] = {
    "accepted": "accepted", "declined": "declined", "tentative": "maybe", "needsAction": "no answer yet",
}  # fmt: skip
EVIDENCE_SHOWN = 3
FEW_GUESTS = 3
"""Of so many there is room for everything."""
PREVIEW = 120


@dataclass(frozen=True)
class ShownInteraction:
    """`when`: date, platform and who wrote."""

    label: str
    when: str
    text: str


@dataclass(frozen=True)
class ShownPerson:
    """`about` and `standing`: work, last contact, answer and the like, each a piece of one line: beside the name, and with the history.

    `address`: of somebody with a history, whose name is not that already. `last_met`: where the last contact was another.
    """

    name: str
    about: tuple[str, ...]
    standing: tuple[str, ...]
    address: str
    known: bool
    not_recorded: bool
    relationship: Label | None
    score: int | None
    answer: str
    former_work: str
    last_met: str
    colleagues: str
    bios: tuple[Bio, ...]
    interactions: tuple[ShownInteraction, ...]


@dataclass(frozen=True)
class Source:
    """What a talking point rests on, in words: `Email, 22 Nov 2026`."""

    label: str
    text: str


@dataclass(frozen=True)
class ShownPoint:
    text: str
    evidence: tuple[Source, ...]


@dataclass(frozen=True)
class View:
    """What both templates get. `preview`: what mail programs show beside the subject. `others_hidden`: not all guests are shown."""

    title: str
    subject: str
    preview: str
    when: str
    minutes: int
    length: str
    place: str
    place_url: str
    video_url: str
    met_together: str
    others_hidden: bool
    people: tuple[ShownPerson, ...]
    points: tuple[ShownPoint, ...]
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
        preview=_preview(dossier, points),
        when=span(meeting.starts_at, meeting.ends_at, dossier.zone_name, meeting.time_zone),
        minutes=minutes,
        length=length(meeting.ends_at - meeting.starts_at),
        place=line(meeting.place, 200),
        place_url=safe_url(meeting.place),
        video_url=safe_url(meeting.video_url),
        met_together=_met_together(dossier, now),
        others_hidden=meeting.guests_hidden,
        people=tuple(_shown_person(person, dossier, now) for person in dossier.people),
        points=_shown_points(points, dossier),
        note=note,
        meeting_url=f"{base_url}/meetings/{meeting.meeting_id}",
        settings_url=f"{base_url}/settings#briefs",
        reference=reference(token),
    )


def _preview(dossier: Dossier, points: Sequence[TalkingPoint]) -> str:
    """Who it is, and the first thing to talk about."""
    first = points[0].text if points else ""
    return line(f"{listed([person.name for person in dossier.people])}. {first}", PREVIEW)


def _shown_points(points: Sequence[TalkingPoint], dossier: Dossier) -> tuple[ShownPoint, ...]:
    """Labels are for programs: people are shown what it is that they stand for."""
    sources: dict[str, Source] = {}
    for person in dossier.people:
        sources |= {bio.label: Source(bio.label, f"{bio.network} bio") for bio in person.bios}
        sources |= {
            past.label: Source(past.label, f"{past.platform}, {day(past.at, dossier.zone)}")
            for past in person.interactions
        }
    return tuple(
        ShownPoint(point.text, tuple(sources[label] for label in point.evidence if label in sources)[:EVIDENCE_SHOWN])
        for point in points
    )


def _shown_person(person: Profile, dossier: Dossier, now: datetime) -> ShownPerson:
    zone = dossier.zone
    about, standing = _about(person, dossier, now)
    return ShownPerson(
        name=person.name,
        about=tuple(filter(None, about)),
        standing=tuple(filter(None, standing)),
        address=person.address if person.known and person.name != person.address else "",
        known=person.known,
        not_recorded=person.not_recorded,
        relationship=person.relationship,
        score=person.score,
        answer=ANSWER_TEXTS[person.answer],
        former_work=_former_work(person),
        last_met=_last_met(person, now, zone),
        colleagues=listed(
            [f"{known.name} (last contact {day(known.last_contact_at, zone)})" for known in person.colleagues]
        ),
        bios=person.bios,
        interactions=tuple(_shown_interaction(interaction, zone) for interaction in person.interactions),
    )


def _about(person: Profile, dossier: Dossier, now: datetime) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stands beside the name, and with the history. Of many guests only the work and what is unusual stands beside the name.

    Somebody without a history may be known by nothing but the address.
    """
    last, zone = person.last_contact_at, dossier.zone
    work = ", ".join(filter(None, (person.title, person.company)))
    strangers_address = "" if person.known or person.name == person.address else person.address
    last_contact = f"last contact {day(last, zone)} ({ago(last, now, zone)})" if last else ""
    answer, role = ANSWER_TEXTS[person.answer], "organizer" if person.organizer else ""
    if len(dossier.people) <= FEW_GUESTS:
        return (work, strangers_address, last_contact, answer, role), ()
    if not person.known:
        return (work, strangers_address, answer, role), ()
    return (work, "" if person.answer == "accepted" else answer, role), (last_contact, answer)


def _former_work(person: Profile) -> str:
    former = person.former_work
    return ", ".join(filter(None, (former.title, former.company))) if former else ""


def _last_met(person: Profile, now: datetime, zone: tzinfo) -> str:
    """`24 May 2026 (6 months ago), 3 messages since`."""
    met = person.last_met_at
    if met is None or not person.known or met == person.last_contact_at:
        return ""
    since = counted(person.written_since_met, "message")
    return f"{day(met, zone)} ({ago(met, now, zone)})" + (f", {since} since" if since else "")


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
