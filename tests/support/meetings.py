"""Meetings, accounts and attendees for the tests of prep."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.events import Guest, Meeting
from libs.common.ids import AccountId, ContactId, InteractionId, MeetingId, UserId, new_id
from libs.common.requests import Account, Attendee, GuestInteraction, Score
from libs.common.scopes import ALL

NOW = datetime(2026, 11, 24, 13, 25, tzinfo=UTC)
ME = "sam.rivera@gmail.com"
USER_ID = UserId(UUID("01940000-0000-7000-8000-000000000001"))
ACCOUNT_ID = AccountId(UUID("01940000-0000-7000-8000-000000000002"))
MEETING_ID = MeetingId(UUID("01940000-0000-7000-8000-000000000003"))


def guest(address: str, name: str = "", **fields: Any) -> Guest:
    return Guest(address=address, name=name, **{"answer": "accepted", **fields})


def me() -> Guest:
    return guest(ME, "Sam Rivera", me=True)


def meeting(**fields: Any) -> Meeting:
    """A meeting in 35 minutes with Ada and me."""
    starts_at = fields.pop("starts_at", NOW + timedelta(minutes=35))
    return Meeting(
        **{
            "meeting_id": MEETING_ID,
            "user_id": USER_ID,
            "account_id": ACCOUNT_ID,
            "calendar_id": ME,
            "event_id": "event1",
            "revision": 1,
            "title": "Pricing review",
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(minutes=45),
            "time_zone": "Europe/Berlin",
            "organizer": me(),
            "guests": (me(), guest("ada@lovelace.example", "Ada Lovelace")),
            **fields,
        }
    )


def account(**fields: Any) -> Account:
    defaults = {
        "id": ACCOUNT_ID, "user_id": USER_ID, "address": ME, "status": "active", "scopes": frozenset(ALL), "connected_at": NOW,
    }  # fmt: skip
    return Account(**{**defaults, **fields})


def score(total: int) -> Score:
    label = "Strong" if total >= 7 else "Warm" if total >= 4 else "Cold"
    return Score(total=total, label=label, reciprocity=0, recency=0, frequency=0, breadth=0, tenure=0)


def interaction(text: str, days_ago: float, *, now: datetime = NOW, **fields: Any) -> GuestInteraction:
    return GuestInteraction(
        **{
            "id": InteractionId(new_id()),
            "platform": "gmail",
            "kind": "email",
            "direction": "inbound",
            "occurred_at": now - timedelta(days=days_ago),
            "title": text.partition(" — ")[0],
            "text": text,
            **fields,
        }
    )


def known(address: str = "ada@lovelace.example", name: str = "Ada Lovelace", **fields: Any) -> Attendee:
    """A contact with a score and two mails."""
    defaults = {
        "contact_id": ContactId(new_id()), "company": "Analytical Engines", "title": "Head of Research", "score": score(8),
        "first_contact_at": NOW - timedelta(days=20), "last_contact_at": NOW - timedelta(days=2),
        "bios": {"linkedin": "Building machines that weave algebraic patterns."},
        "last": (
            interaction("Pricing for the second engine — I need your numbers before Tuesday.", 2),
            interaction("Notes from London — Thank you for the notes.", 20, direction="outbound"),
        ),
    }  # fmt: skip
    return Attendee(address=address, name=name, **{**defaults, **fields})


def unknown(address: str = "stranger@elsewhere.example") -> Attendee:
    return Attendee(address=address)


def invited(address: str = "stranger@elsewhere.example", name: str = "A. Stranger", **fields: Any) -> Attendee:
    """A contact that only the invitation made."""
    return Attendee(address=address, contact_id=ContactId(new_id()), name=name, score=score(0), **fields)
