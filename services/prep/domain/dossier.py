"""What is known before a meeting: its people, their bios and newest interactions, each with the label that points refer to.

Labels are `I1`, `I2`… for interactions and `B1`, `B2`… for bios, counted through the whole brief. Every text in here is one clean line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from libs.common.events import Answer, Guest, Meeting
from libs.common.requests import Attendee, FormerWork, GroupMeeting, GuestInteraction, Label
from services.prep.domain.clean import line, unlinked
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
MAX_BODY = 1_000
"""So much of a text is read for what it asks and promises; less of it is shown."""
PAIR = 2
FEW_PEOPLE = 6
"""What is written to more is not meant for each of them."""


@dataclass(frozen=True)
class Bio:
    label: str
    network: str
    text: str


@dataclass(frozen=True)
class PastInteraction:
    """One interaction: `direction_text` names who wrote, `platform` is as people call it. `text` is `title` and `body` on one line.

    `open`: nobody but its author has written in its thread since. `to_me`: it was written to the reader, and to few others. `to_others`:
    somebody besides the two had it too. `times`: of a recurring meeting this is the last one of so many.
    """

    label: str
    platform: str
    direction_text: str
    at: datetime
    text: str
    direction: str
    is_meeting: bool
    is_note: bool
    title: str = ""
    body: str = ""
    thread: str = ""
    open: bool = False
    to_me: bool = False
    to_others: bool = False
    times: int = 1


@dataclass(frozen=True)
class KnownColleague:
    """Somebody of a guest's company whom the reader knows."""

    name: str
    last_contact_at: datetime


@dataclass(frozen=True)
class Profile:
    """One guest. `interactions`: what was written first, then meetings. `history_complete`: they and what was left out of them are all
    there ever were. `not_recorded`: the user asked for that, so nothing is known of them. `former_work`: what they did before, where that
    was another. `birthday`: `1985-04-03`, `--12-24`, or nothing that can be read. `colleagues`: only of somebody without a history.
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
    birthday: str = ""
    last_met_at: datetime | None = None
    written_since_met: int = 0
    former_work: FormerWork | None = None
    colleagues: tuple[KnownColleague, ...] = ()


@dataclass(frozen=True)
class Dossier:
    """A meeting and its people, in the time zone in which its reader lives. `met_together`: when just these people met last. `reader`: what
    the reader is called.
    """

    meeting: Meeting
    title: str
    zone: tzinfo
    zone_name: str
    people: tuple[Profile, ...]
    met_together: GroupMeeting | None = None
    reader: tuple[str, ...] = ()


def pair(guests: Sequence[Guest], attendees: Sequence[Attendee]) -> tuple[tuple[Guest, Attendee], ...]:
    """Guests with what is known of them, in the same order; one pair per contact, none for me. ValueError: lengths differ."""
    found: dict[object, tuple[Guest, Attendee]] = {}
    for guest, attendee in zip(guests, attendees, strict=True):
        if not attendee.me:
            found.setdefault(attendee.contact_id or guest.address, (guest, attendee))
    return tuple(found.values())


def collect(
    meeting: Meeting,
    people: Sequence[tuple[Guest, Attendee]],
    time_zone: str = "",
    met_together: GroupMeeting | None = None,
    reader: Sequence[str] = (),
) -> Dossier:
    """Everything that the brief shows, cleaned and labelled: who is close first, who does not come last.

    `time_zone`: the one that the user has set, if any. `reader`: what the user is called, in each of their accounts.
    """
    most = INTERACTIONS_SHOWN if len(people) <= SMALL_MEETING_GUESTS else INTERACTIONS_SHOWN_IN_LARGE_MEETINGS
    profiles: list[Profile] = []
    bios = interactions = 0
    for guest, attendee in sorted(people, key=lambda person: _place(person[0], person[1], meeting.starts_at)):
        known = is_known(attendee, meeting.starts_at)
        profile = _profile(guest, attendee, known, most, (bios, interactions))
        bios += len(profile.bios)
        interactions += len(profile.interactions)
        profiles.append(profile)
    title = line(meeting.title, MAX_TITLE) or "(no title)"
    zone, zone_name = zone_of(time_zone, meeting.calendar_time_zone, meeting.time_zone)
    if met_together is not None:
        met_together = met_together.model_copy(update={"title": line(met_together.title, MAX_TITLE)})
    names = [*reader, *(guest.name for guest in meeting.guests if guest.me)]
    called = tuple(name for name in dict.fromkeys(line(name, MAX_NAME) for name in names) if name)
    return Dossier(meeting, title, zone, zone_name, tuple(profiles), met_together, called)


def _place(guest: Guest, attendee: Attendee, at: datetime) -> tuple[bool, bool, int]:
    """The lower, the more a guest matters to the reader."""
    score = attendee.score.total if attendee.score else 0
    return guest.answer == "declined", not is_known(attendee, at), -score


def _profile(guest: Guest, attendee: Attendee, known: bool, most: int, labels_before: tuple[int, int]) -> Profile:
    bios_before, interactions_before = labels_before
    address = line(guest.address, 254)
    personal = _shown([item for item in attendee.last if not item.automated], most) if known else []
    bios = [
        (NETWORKS[network], text) for network in NETWORKS if (text := line(attendee.bios.get(network, ""), MAX_BIO))
    ]
    return Profile(
        address=address,
        name=unlinked(attendee.name, MAX_NAME) or unlinked(guest.name, MAX_NAME) or address,
        title=unlinked(attendee.title, MAX_NAME),
        company=unlinked(attendee.company, MAX_NAME),
        known=known,
        relationship=attendee.score.label if known and attendee.score else None,
        score=attendee.score.total if known and attendee.score else None,
        answer=guest.answer,
        organizer=guest.organizer,
        last_contact_at=attendee.last_contact_at,
        bios=tuple(Bio(f"B{bios_before + n}", *bio) for n, bio in enumerate(bios, 1)),
        interactions=tuple(
            _past_interaction(f"I{interactions_before + n}", item) for n, item in enumerate(personal, 1)
        ),
        met_before=attendee.met_before or any(_is_meeting(item) for item in attendee.last),
        history_complete=len(attendee.last) < INTERACTIONS_REQUESTED,
        not_recorded=attendee.not_recorded,
        birthday=attendee.birthday,
        last_met_at=attendee.last_met_at,
        written_since_met=attendee.written_since_met,
        former_work=_former_work(attendee),
        colleagues=tuple(
            KnownColleague(name, colleague.last_contact_at)
            for colleague in attendee.colleagues
            if not known and (name := unlinked(colleague.name, MAX_NAME))
        ),
    )


def _shown(personal: Sequence[GuestInteraction], most: int) -> list[GuestInteraction]:
    """What was written first, then meetings, each newest first; the last meeting always has a place."""
    newest = sorted(personal, key=lambda item: item.occurred_at, reverse=True)
    meetings = [item for item in newest if _is_meeting(item)]
    written = [item for item in newest if not _is_meeting(item)][: most - 1 if meetings else most]
    return [*written, *meetings[: most - len(written)]]


def _is_meeting(item: GuestInteraction) -> bool:
    return item.platform == "calendar"


def _former_work(attendee: Attendee) -> FormerWork | None:
    """What they did before, where it reads as something else."""
    former = attendee.former_work
    if former is None:
        return None
    cleaned = FormerWork(
        company=unlinked(former.company, MAX_NAME), title=unlinked(former.title, MAX_NAME), changed_at=former.changed_at
    )
    is_other = is_other_name(cleaned.company, attendee.company) or is_other_name(cleaned.title, attendee.title)
    return cleaned if is_other else None


def is_other_name(before: str, after: str) -> bool:
    """Whether a company or a title became another: not only written differently ("Acme" and "ACME Inc."), and both known."""
    first, second = ("".join(filter(str.isalnum, line(name, MAX_NAME).casefold())) for name in (before, after))
    return bool(first and second) and not (first.startswith(second) or second.startswith(first))


def _past_interaction(label: str, interaction: GuestInteraction) -> PastInteraction:
    title, text = line(interaction.title, MAX_TEXT), line(interaction.text, MAX_BODY)
    whole = text if not title or text.startswith(title) else f"{title} — {text}" if text else title
    is_meeting = _is_meeting(interaction)
    texts = {"inbound": "they wrote", "outbound": "you wrote", "participant": "both on it", "mutual": "together"}
    return PastInteraction(
        label=label,
        platform=PLATFORMS.get(interaction.platform, line(interaction.platform, 32).replace("_", " ").capitalize()),
        direction_text="" if is_meeting or interaction.platform == "note" else texts[interaction.direction],
        at=interaction.occurred_at,
        text=unlinked(whole, MAX_TEXT),
        direction=interaction.direction,
        is_meeting=is_meeting,
        is_note=interaction.platform == "note",
        title=title,
        body=text.removeprefix(title).lstrip(" —–-:") if title else text,
        thread=interaction.thread or "",
        open=interaction.open,
        to_me=interaction.to_me and interaction.people_total <= FEW_PEOPLE,
        to_others=interaction.people_total > PAIR,
        times=interaction.times,
    )
