"""What is known before a meeting: its people, their bios and newest interactions, each with the label that points name.

Labels are `I1`, `I2`… for interactions and `B1`, `B2`… for bios, counted through the whole brief. Every text in here is one clean line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from libs.common.events import Answer, Guest, Meeting
from libs.common.requests import Attendee, Interaction, Label
from services.prep.domain.clean import line
from services.prep.domain.rules import is_known
from services.prep.domain.times import zone_of

ASKED_INTERACTIONS = 10
"""How many interactions are asked for per person: automated ones among them are left out."""
SHOWN_INTERACTIONS = 5
SHOWN_IN_A_CROWD = 3
CROWD = 6

PLATFORMS = {"gmail": "Email", "email": "Email", "calendar": "Meeting", "linkedin": "LinkedIn", "whatsapp": "WhatsApp"}
NETWORKS = {"twitter": "Twitter", "linkedin": "LinkedIn", "telegram": "Telegram"}
MAX_TITLE, MAX_NAME, MAX_TEXT, MAX_BIO = 150, 80, 220, 300


@dataclass(frozen=True)
class Bio:
    label: str
    network: str
    text: str


@dataclass(frozen=True)
class Contacted:
    """One interaction: `who` says who wrote, `platform` as people call it."""

    label: str
    platform: str
    who: str
    at: datetime
    text: str
    direction: str
    met: bool
    note: bool


@dataclass(frozen=True)
class Profile:
    """One guest. `all_seen`: `contacted` and what was left out are all interactions there ever were."""

    address: str
    name: str
    title: str
    company: str
    known: bool
    relationship: Label | None
    score: int | None
    answer: Answer
    organizer: bool
    last_contact_at: datetime | None
    bios: tuple[Bio, ...]
    contacted: tuple[Contacted, ...]
    met_before: bool
    all_seen: bool


@dataclass(frozen=True)
class Dossier:
    """A meeting and its people, in the time zone in which they see it."""

    meeting: Meeting
    title: str
    zone: tzinfo
    people: tuple[Profile, ...]

    @property
    def labels(self) -> frozenset[str]:
        """What a point may rest on."""
        bios = (bio.label for person in self.people for bio in person.bios)
        return frozenset(bios) | {one.label for person in self.people for one in person.contacted}


def pair(guests: Sequence[Guest], attendees: Sequence[Attendee]) -> tuple[tuple[Guest, Attendee], ...]:
    """Guests with what is known of them, in the same order; one pair per contact, none for me. ValueError: lengths differ."""
    found: dict[object, tuple[Guest, Attendee]] = {}
    for guest, attendee in zip(guests, attendees, strict=True):
        if not attendee.me:
            found.setdefault(attendee.contact_id or guest.address, (guest, attendee))
    return tuple(found.values())


def collect(meeting: Meeting, people: Sequence[tuple[Guest, Attendee]]) -> Dossier:
    """Everything that the brief shows, cleaned and labelled."""
    most = SHOWN_INTERACTIONS if len(people) <= CROWD else SHOWN_IN_A_CROWD
    profiles: list[Profile] = []
    bios = interactions = 0
    for guest, attendee in people:
        profile = _profile(guest, attendee, most, bios, interactions)
        bios += len(profile.bios)
        interactions += len(profile.contacted)
        profiles.append(profile)
    title = line(meeting.title, MAX_TITLE) or "(no title)"
    return Dossier(meeting, title, zone_of(meeting.time_zone)[0], tuple(profiles))


def _profile(guest: Guest, attendee: Attendee, most: int, bios_before: int, interactions_before: int) -> Profile:
    known = is_known(attendee)
    address = line(guest.address, 254)
    seen = attendee.last if known else ()
    personal = sorted((one for one in seen if not one.automated), key=lambda one: one.occurred_at, reverse=True)
    bios = [
        (NETWORKS[network], text) for network in NETWORKS if (text := line(attendee.bios.get(network, ""), MAX_BIO))
    ]
    return Profile(
        address=address,
        name=line(attendee.name, MAX_NAME) or line(guest.name, MAX_NAME) or address,
        title=line(attendee.title, MAX_NAME),
        company=line(attendee.company, MAX_NAME),
        known=known,
        relationship=attendee.score.label if known and attendee.score else None,
        score=attendee.score.total if known and attendee.score else None,
        answer=guest.answer,
        organizer=guest.organizer,
        last_contact_at=attendee.last_contact_at,
        bios=tuple(Bio(f"B{bios_before + n}", *bio) for n, bio in enumerate(bios, 1)),
        contacted=tuple(_contacted(f"I{interactions_before + n}", one) for n, one in enumerate(personal[:most], 1)),
        met_before=any(one.platform == "calendar" for one in attendee.last),
        all_seen=len(attendee.last) < ASKED_INTERACTIONS,
    )


def _contacted(label: str, one: Interaction) -> Contacted:
    title, text = line(one.title, MAX_TEXT), line(one.text, MAX_TEXT)
    whole = text if not title or text.startswith(title) else f"{title} — {text}" if text else title
    met = one.platform == "calendar"
    who = {"inbound": "they wrote", "outbound": "you wrote", "participant": "both on it", "mutual": "together"}
    return Contacted(
        label=label,
        platform=PLATFORMS.get(one.platform, line(one.platform, 32).replace("_", " ").capitalize()),
        who="" if met or one.platform == "note" else who[one.direction],
        at=one.occurred_at,
        text=line(whole, MAX_TEXT),
        direction=one.direction,
        met=met,
        note=one.platform == "note",
    )
