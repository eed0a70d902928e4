"""What is known before a meeting: its people, their bios and newest interactions, each with the label that points refer to.

Labels are `I1`, `I2`… for interactions and `B1`, `B2`… for bios, counted through the whole brief. Every text in here is one clean line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from operator import attrgetter

from libs.common.events import Answer, Guest, Meeting
from libs.common.requests import Attendee, Interaction, Label
from services.prep.domain.clean import line
from services.prep.domain.rules import is_known
from services.prep.domain.times import zone_of

INTERACTIONS_REQUESTED = 10
"""How many interactions are requested per person: automated ones among them are left out."""
INTERACTIONS_SHOWN = 5
INTERACTIONS_SHOWN_IN_LARGE_MEETINGS = 3
SMALL_MEETING_GUESTS = 6

PLATFORMS = {"gmail": "Email", "calendar": "Meeting", "linkedin": "LinkedIn", "whatsapp": "WhatsApp"}
NETWORKS = {"twitter": "Twitter", "linkedin": "LinkedIn", "telegram": "Telegram"}
MAX_TITLE, MAX_NAME, MAX_TEXT, MAX_BIO = 150, 80, 220, 300


@dataclass(frozen=True)
class Bio:
    label: str
    network: str
    text: str


@dataclass(frozen=True)
class PastInteraction:
    """One interaction: `direction_text` names who wrote, `platform` is as people call it."""

    label: str
    platform: str
    direction_text: str
    at: datetime
    text: str
    direction: str
    is_meeting: bool
    is_note: bool


@dataclass(frozen=True)
class Profile:
    """One guest. `history_complete`: `interactions` and what was left out of them are all there ever were. `not_recorded`: the user asked
    for that, so nothing is known of them.
    """

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
    interactions: tuple[PastInteraction, ...]
    met_before: bool
    history_complete: bool
    not_recorded: bool = False


@dataclass(frozen=True)
class Dossier:
    """A meeting and its people, in the time zone in which its reader lives."""

    meeting: Meeting
    title: str
    zone: tzinfo
    zone_name: str
    people: tuple[Profile, ...]


def pair(guests: Sequence[Guest], attendees: Sequence[Attendee]) -> tuple[tuple[Guest, Attendee], ...]:
    """Guests with what is known of them, in the same order; one pair per contact, none for me. ValueError: lengths differ."""
    found: dict[object, tuple[Guest, Attendee]] = {}
    for guest, attendee in zip(guests, attendees, strict=True):
        if not attendee.me:
            found.setdefault(attendee.contact_id or guest.address, (guest, attendee))
    return tuple(found.values())


def collect(meeting: Meeting, people: Sequence[tuple[Guest, Attendee]], time_zone: str = "") -> Dossier:
    """Everything that the brief shows, cleaned and labelled. `time_zone`: the one that the user has set, if any."""
    most = INTERACTIONS_SHOWN if len(people) <= SMALL_MEETING_GUESTS else INTERACTIONS_SHOWN_IN_LARGE_MEETINGS
    profiles: list[Profile] = []
    bios = interactions = 0
    for guest, attendee in people:
        known = is_known(attendee, meeting.starts_at)
        profile = _profile(guest, attendee, known, most, (bios, interactions))
        bios += len(profile.bios)
        interactions += len(profile.interactions)
        profiles.append(profile)
    title = line(meeting.title, MAX_TITLE) or "(no title)"
    zone, zone_name = zone_of(time_zone, meeting.calendar_time_zone, meeting.time_zone)
    return Dossier(meeting, title, zone, zone_name, tuple(profiles))


def _profile(guest: Guest, attendee: Attendee, known: bool, most: int, labels_before: tuple[int, int]) -> Profile:
    bios_before, interactions_before = labels_before
    address = line(guest.address, 254)
    seen = attendee.last if known else ()
    personal = sorted((item for item in seen if not item.automated), key=attrgetter("occurred_at"), reverse=True)
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
        interactions=tuple(
            _past_interaction(f"I{interactions_before + n}", item) for n, item in enumerate(personal[:most], 1)
        ),
        met_before=any(item.platform == "calendar" for item in attendee.last),
        history_complete=len(attendee.last) < INTERACTIONS_REQUESTED,
        not_recorded=attendee.not_recorded,
    )


def _past_interaction(label: str, interaction: Interaction) -> PastInteraction:
    title, text = line(interaction.title, MAX_TEXT), line(interaction.text, MAX_TEXT)
    whole = text if not title or text.startswith(title) else f"{title} — {text}" if text else title
    is_meeting = interaction.platform == "calendar"
    texts = {"inbound": "they wrote", "outbound": "you wrote", "participant": "both on it", "mutual": "together"}
    return PastInteraction(
        label=label,
        platform=PLATFORMS.get(interaction.platform, line(interaction.platform, 32).replace("_", " ").capitalize()),
        direction_text="" if is_meeting or interaction.platform == "note" else texts[interaction.direction],
        at=interaction.occurred_at,
        text=line(whole, MAX_TEXT),
        direction=interaction.direction,
        is_meeting=is_meeting,
        is_note=interaction.platform == "note",
    )
