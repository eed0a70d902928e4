"""Events of the bus as observations: what one source saw of one message, meeting or note. Addresses canonical, texts harmless."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from libs.common.addresses import MAX_ADDRESS, canonical
from libs.common.attendees import attendees_of
from libs.common.errors import Unprocessable
from libs.common.events import (
    Identity,
    InteractionReported,
    MeetingCancelled,
    MeetingIngested,
    MessageIngested,
    MessageRemoved,
)
from libs.common.ids import AccountId, ContactId, UserId
from libs.common.requests import AddInteraction
from services.contacts.domain.bcc import looks_like_hash
from services.contacts.domain.identities import read_identity
from services.contacts.domain.text import cleaned, key

EMAIL, CALENDAR = "email", "calendar"
MAX_TITLE, MAX_TEXT, MAX_NOTE, MAX_NAME = 500, 500, 10_000, 200
MAX_IDENTITIES = 500
MAX_DATED = 100
MAX_WRITTEN = 2_000  # of a name as it came: more is never read
NO_TEXT = "(no text)"
MAX_PLATFORM = 32
RESERVED_PLATFORMS = frozenset({"gmail", "email", "calendar"})
RESERVED = "The platforms gmail, email and calendar are those of the connected Google accounts: report under a name of your own."
_CALENDAR_DOMAIN = "calendar.google.com"
_ADDRESS = re.compile(r"[^\s@]@[^\s@]")

SourceId = AccountId | UserId
"""An account for what its mailbox and calendar hold; the user for notes and what connectors report."""
ObservationKey = tuple[SourceId, str, str]
"""source, platform, reference"""
GroupKey = tuple[UserId, str, str]
"""user, platform, group"""


@dataclass(frozen=True)
class Participant:
    """An address with its role. `value` is canonical, `shown` as it was written, `name` as it was shown with it."""

    role: str
    kind: str
    value: str
    shown: str
    name: str = ""

    @property
    def address(self) -> tuple[str, str]:
        return self.kind, self.value


@dataclass(frozen=True)
class ObservedItem:
    """What one source saw of a message, meeting or note.

    `automated`: the rule that fits, or empty. `organized`: I organise this meeting. `bcc_tags`: BCC hashes that may log it.
    `direction` is None for mail, where it follows from who the author is. `dated`: what the Date header of a mail comes to, empty where
    an earlier version recorded it without looking. `unauthenticated`: whoever is named as its author may not
    have written it. `left_out`: how many more people are on it who were not kept (domain/kept_participants.py).
    """

    occurred_at: datetime
    kind: str
    participants: tuple[Participant, ...]
    title: str = ""
    text: str = ""
    thread: str = ""
    ends_at: datetime | None = None
    automated: str = ""
    via: bool = False
    organized: bool = False
    direction: str | None = None
    dated: str = ""
    bcc_tags: tuple[str, ...] = ()
    unauthenticated: bool = False
    left_out: int = 0

    @property
    def author(self) -> Participant | None:
        """Who wrote it."""
        return next((participant for participant in self.participants if participant.role == "from"), None)

    @property
    def participant_count(self) -> int:
        """How many different people are on it, me included."""
        return len({participant.address for participant in self.participants}) + self.left_out


@dataclass(frozen=True)
class Observation:
    """What one source (an account, or the user) last saw of one item. `item` is None where it is gone.

    `group` holds together what may be the same interaction, whether it is or not: a Message-ID, a meeting's series key.
    """

    user_id: UserId
    source_id: SourceId
    platform: str
    ref: str
    revision: int
    group: str
    item: ObservedItem | None

    @property
    def key(self) -> ObservationKey:
        return self.source_id, self.platform, self.ref

    @property
    def group_key(self) -> GroupKey:
        return self.user_id, self.platform, self.group


def observed_message(event: MessageIngested) -> Observation:
    """A Gmail message as its account sees it."""
    participants = [
        participant
        for person in event.people
        if (participant := email_participant(person.role, person.address, person.name))
    ]
    title, text = cleaned(event.title, MAX_TITLE), cleaned(event.snippet, MAX_TEXT)
    tags = {tag.lower() for tag in event.bcc_tags} if event.dmarc != "fail" else set()
    item = ObservedItem(
        occurred_at=event.occurred_at,
        kind="message",
        participants=_each_once(participants),
        title=title,
        text=text or ("" if title else NO_TEXT),
        thread=key(event.thread_id),
        automated=event.automated,
        via=event.via,
        dated=cleaned(event.dated, MAX_DATED),
        bcc_tags=tuple(sorted(tag for tag in tags if looks_like_hash(tag))),
        unauthenticated=event.dmarc == "fail" and not event.sent,
    )
    ref = key(event.gmail_id)
    message_id = key((event.rfc_message_id or "").strip().strip("<>").strip())
    group = f"<{message_id}>" if message_id else f"{event.account_id}:{ref}"
    return Observation(event.user_id, event.account_id, EMAIL, ref, event.revision, group, item)


def removed_message(event: MessageRemoved) -> Observation:
    """The end of a Gmail message in its account."""
    return Observation(event.user_id, event.account_id, EMAIL, key(event.gmail_id), event.revision, "", None)


def observed_meeting(event: MeetingIngested) -> Observation:
    """A meeting as one calendar holds it."""
    meeting = event.meeting
    participants = [
        participant
        for guest in attendees_of(meeting).values()
        if (participant := email_participant("attendee", guest.address, guest.name))
    ]
    organizer = meeting.organizer
    if (
        organizer
        and not organizer.resource
        and (host := email_participant("organizer", organizer.address, organizer.name))
    ):
        participants.append(host)
    item = ObservedItem(
        occurred_at=meeting.starts_at,
        ends_at=max(meeting.starts_at, meeting.ends_at),
        kind="meeting",
        participants=_each_once(
            participant for participant in participants if not participant.value.endswith(_CALENDAR_DOMAIN)
        ),
        title=cleaned(meeting.title, MAX_TITLE),
        text=cleaned(meeting.place, MAX_TEXT),
        organized=bool(organizer and organizer.me),
        direction="mutual",
    )
    attended = any(participant.role == "attendee" for participant in item.participants)
    ref, group = key(f"{meeting.calendar_id}/{meeting.event_id}"), key(meeting.series_key)
    return Observation(
        meeting.user_id, meeting.account_id, CALENDAR, ref, meeting.revision, group, item if attended else None
    )


def cancelled_meeting(event: MeetingCancelled) -> Observation:
    """The end of a meeting in one calendar."""
    ref = key(f"{event.calendar_id}/{event.event_id}")
    return Observation(event.user_id, event.account_id, CALENDAR, ref, event.revision, "", None)


def is_reserved(platform: str) -> bool:
    """Whether what is reported under this name would pass for mail or meetings of Google; however it is spelled (`E-Mail`)."""
    plain = unicodedata.normalize("NFKC", cleaned(platform, MAX_PLATFORM)).casefold()
    return "".join(filter(str.isalnum, plain)) in RESERVED_PLATFORMS


def reported_interaction(event: InteractionReported, revision: int) -> Observation:
    """What a connector reported. The user is the source: whichever connector reports it, it is the same interaction.

    Unprocessable: it claims a platform that is not its own.
    """
    if is_reserved(event.platform):
        raise Unprocessable(RESERVED)
    participants = (identity_participant("other", identity) for identity in event.identities[:MAX_IDENTITIES])
    item = ObservedItem(
        occurred_at=event.occurred_at,
        kind=cleaned(event.kind, 32) or "message",
        participants=_each_once(participant for participant in participants if participant),
        title=cleaned(event.title, MAX_TITLE),
        text=cleaned(event.text, MAX_NOTE),
        thread=key(event.thread),
        direction=event.direction,
    )
    ref = key(event.ref)
    return Observation(event.user_id, event.user_id, cleaned(event.platform, MAX_PLATFORM), ref, revision, ref, item)


def written_interaction(
    command: AddInteraction, contact_id: ContactId, hash_: str, at: datetime, created_as: str = ""
) -> Observation:
    """What was written on a contact's timeline by hand, as its first revision.

    The contact's own BCC hash stands for it: every contact has one, and it moves with merges. Without a reference of its own it is
    known as `created_as`; without that too, the same note of the same moment is one note.
    """
    item = ObservedItem(
        occurred_at=at,
        kind=cleaned(command.kind, 32) or "note",
        participants=(Participant("other", "bcc", hash_, hash_),),
        title=cleaned(command.title, MAX_TITLE),
        text=cleaned(command.text, MAX_NOTE),
        thread=key(command.thread),
        direction=command.direction,
    )
    content = f"{command.user_id}{contact_id}{at.isoformat()}{command.platform}{item.title}{item.text}"
    ref = key(command.ref or "") or created_as or f"note:{sha256(content.encode()).hexdigest()[:32]}"
    return Observation(command.user_id, command.user_id, command.platform, ref, 0, ref, item)


def email_participant(role: str, address: str, name: str = "") -> Participant | None:
    """An email address with its role; None where it is not an address. What is too long to be met again is not remembered."""
    read = _remembered_email if len(address) <= MAX_ADDRESS and len(name) <= MAX_NAME else _email
    return read(role, address, name)


def _email(role: str, address: str, name: str) -> Participant | None:
    value = canonical(address)
    if value is None or "\x00" in value:
        return None
    shown = cleaned(address, 320).strip("<> ") or value
    called = display_name(name) if name else ""
    return Participant(role, "email", value, shown, "" if "@" in called and canonical(called) == value else called)


_remembered_email = lru_cache(maxsize=8_192)(_email)


def identity_participant(role: str, identity: Identity) -> Participant | None:
    """An identity of any platform; None where its value is nothing."""
    if cleaned(identity.kind, MAX_PLATFORM).lower() == EMAIL:
        return email_participant(role, identity.value, identity.name)
    found = read_identity(identity.kind, identity.value)
    return Participant(role, found.kind, found.value, found.shown, display_name(identity.name)) if found else None


def display_name(name: str) -> str:
    """A name worth showing: without an address in it and not mere digits. "Ann @ Acme" is a name."""
    text = cleaned(" ".join(name[:MAX_WRITTEN].split()), MAX_NAME)
    return text if not _ADDRESS.search(text) and any(character.isalpha() for character in text) else ""


def _each_once(participants: Iterable[Participant]) -> tuple[Participant, ...]:
    found: dict[tuple[str, str, str], Participant] = {}
    for participant in participants:
        found.setdefault((participant.role, participant.kind, participant.value), participant)
    return tuple(found.values())
