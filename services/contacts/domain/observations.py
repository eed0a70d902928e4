"""Facts of the bus as sightings: addresses made canonical, texts made harmless."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from libs.common.addresses import canonical, phone_key
from libs.common.events import (
    Identity,
    InteractionReported,
    MeetingCancelled,
    MeetingIngested,
    MessageIngested,
    MessageRemoved,
)
from services.contacts.domain.bcc import looks_like_hash
from services.contacts.domain.projection import CALENDAR, EMAIL, Observation, ObservedItem, Participant
from services.contacts.domain.text import cleaned, key

MAX_TITLE, MAX_TEXT, MAX_NOTE, MAX_NAME = 500, 500, 10_000, 200
NO_TEXT = "(no text)"
_CALENDAR_DOMAIN = "calendar.google.com"


def message(event: MessageIngested) -> Observation:
    """A Gmail message as its account sees it."""
    people = [who for one in event.people if (who := email_of(one.role, one.address, one.name))]
    title, text = cleaned(event.title, MAX_TITLE), cleaned(event.snippet, MAX_TEXT)
    tags = {tag.lower() for tag in event.bcc_tags} if event.dmarc != "fail" else set()
    item = ObservedItem(
        occurred_at=event.occurred_at,
        kind="message",
        people=_once(people),
        title=title,
        text=text or ("" if title else NO_TEXT),
        thread=key(event.thread_id),
        automated=event.automated,
        via=event.via,
        tags=tuple(sorted(tag for tag in tags if looks_like_hash(tag))),
    )
    ref = key(event.gmail_id)
    message_id = key((event.rfc_message_id or "").strip().strip("<>").strip())
    group = f"<{message_id}>" if message_id else f"{event.account_id}:{ref}"
    return Observation(event.user_id, event.account_id, EMAIL, ref, event.revision, group, item)


def removed_message(event: MessageRemoved) -> Observation:
    return Observation(event.user_id, event.account_id, EMAIL, key(event.gmail_id), event.revision, "", None)


def meeting(event: MeetingIngested) -> Observation:
    """A meeting as one calendar holds it. Rooms, calendars and the account itself are no attendees."""
    one = event.meeting
    people = [
        who
        for guest in one.guests
        if not guest.resource and not guest.me and (who := email_of("attendee", guest.address, guest.name))
    ]
    organizer = one.organizer
    if organizer and not organizer.resource and (who := email_of("organizer", organizer.address, organizer.name)):
        people.append(who)
    item = ObservedItem(
        occurred_at=one.starts_at,
        ends_at=max(one.starts_at, one.ends_at),
        kind="meeting",
        people=_once(who for who in people if not who.value.endswith(_CALENDAR_DOMAIN)),
        title=cleaned(one.title, MAX_TITLE),
        text=cleaned(one.place, MAX_TEXT),
        organized=bool(organizer and organizer.me),
        direction="mutual",
    )
    attended = any(who.role == "attendee" for who in item.people)
    ref = key(f"{one.calendar_id}/{one.event_id}")
    return Observation(
        one.user_id, one.account_id, CALENDAR, ref, one.revision, key(one.series_key), item if attended else None
    )


def cancelled_meeting(event: MeetingCancelled) -> Observation:
    ref = key(f"{event.calendar_id}/{event.event_id}")
    return Observation(event.user_id, event.account_id, CALENDAR, ref, event.revision, "", None)


def reported(event: InteractionReported, revision: int) -> Observation:
    """What a connector told. The user is the source: whichever connector tells it, it is the same interaction."""
    people = _once(who for one in event.identities[:500] if (who := participant_of("other", one)))
    item = ObservedItem(
        occurred_at=event.occurred_at,
        kind=cleaned(event.kind, 32) or "message",
        people=people,
        title=cleaned(event.title, MAX_TITLE),
        text=cleaned(event.text, MAX_NOTE),
        thread=key(event.thread),
        direction=event.direction,
    )
    ref = key(event.ref)
    platform = cleaned(event.platform, 32)
    return Observation(event.user_id, event.user_id, platform, ref, revision, ref, item)


@lru_cache(maxsize=8_192)
def email_of(role: str, address: str, name: str = "") -> Participant | None:
    """An email address with its role; None where it is not an address."""
    value = canonical(address)
    if value is None or "\x00" in value:
        return None
    shown = cleaned(address, 320).strip("<> ") or value
    return Participant(role, "email", value, shown, display_name(name))


def participant_of(role: str, identity: Identity) -> Participant | None:
    """An identity of any platform; None where its value is nothing."""
    if identity.kind == "email":
        return email_of(role, identity.value, identity.name)
    shown = cleaned(identity.value, 500)
    value = phone_key(shown) if identity.kind == "phone" else handle(shown)
    kind = cleaned(identity.kind, 32).lower()
    # The kind `bcc` is ours: nobody may claim a contact's hash from outside.
    return (
        Participant(role, kind, value, shown, display_name(identity.name))
        if value and kind not in ("", "bcc")
        else None
    )


def handle(written: str) -> str:
    """A handle or profile address, comparable: without scheme, `www.`, `@` and trailing slash, in lower case."""
    text = written.strip().lower().removeprefix("https://").removeprefix("http://").removeprefix("www.")
    return key(text.lstrip("@").rstrip("/"))


def display_name(name: str) -> str:
    """A name worth showing: neither an address over again nor mere digits."""
    text = cleaned(" ".join(name.split()), MAX_NAME)
    return text if "@" not in text and any(character.isalpha() for character in text) else ""


def _once(people: Iterable[Participant]) -> tuple[Participant, ...]:
    found: dict[tuple[str, str, str], Participant] = {}
    for who in people:
        found.setdefault((who.role, who.kind, who.value), who)
    return tuple(found.values())


def note_ref(user_id: UUID, contact_id: UUID, at: datetime, text: str) -> str:
    """A reference for an interaction that came without one: the same note twice in one second is one note."""
    digest = sha256(f"{user_id}{contact_id}{at.isoformat()}{text}".encode()).hexdigest()
    return f"note:{digest[:32]}"
