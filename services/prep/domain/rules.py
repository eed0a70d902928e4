"""Whether a meeting gets a brief. Pure; docs/rules.md (Calendar) names the sources of the rules."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from libs.common.addresses import is_me
from libs.common.attendees import attendees_of
from libs.common.events import MIN_BRIEF_LEAD, Guest, Meeting
from libs.common.preferences import GmailPreferences
from libs.common.requests import Account, Attendee
from libs.common.scopes import GMAIL_SEND

MAX_GUESTS = 20
USEFUL_UNTIL = MIN_BRIEF_LEAD

SkipReason = Literal[
    "disabled", "disconnected", "reauth_required", "missing_scope", "all_day", "cancelled", "moved", "declined", "too_late",
    "private", "no_guests", "guests_hidden", "too_many_guests", "nobody_known",
]  # fmt: skip

SKIP_SENTENCES: dict[SkipReason, str] = {
    "disabled": "Meeting prep emails are turned off in your settings.",
    "disconnected": "This Google account is no longer connected.",
    "reauth_required": "Google no longer accepts this account's permission. Sign in with it again in the settings.",
    "missing_scope": "PingCRM may not send email from this account. Grant that permission in the settings.",
    "all_day": "All-day events get no brief.",
    "cancelled": "The meeting was cancelled.",
    "moved": "The meeting was moved; it is briefed for its new time.",
    "declined": "You declined this meeting.",
    "too_late": "The meeting was less than 5 minutes away.",
    "private": "The event is marked private, and your settings leave those out.",
    "no_guests": "Nobody else is invited.",
    "guests_hidden": "Google does not show who else is invited.",
    "too_many_guests": f"More than {MAX_GUESTS} people are invited.",
    "nobody_known": "You have no history with any of the guests: no mail, no earlier meeting, no card, no note.",
}


@dataclass(frozen=True)
class Terms:
    """What briefs of a user go by: their settings, and how long before a meeting the installation sends them."""

    preferences: GmailPreferences
    lead: timedelta

    def brief_at(self, meeting: Meeting) -> datetime:
        """When the brief of a meeting is there, at the latest, if nothing is in the way."""
        return meeting.starts_at - self.lead


def guests_of(meeting: Meeting, own_addresses: Collection[str]) -> tuple[Guest, ...]:
    """The other people, each once, in the order of the invitation. `own_addresses`: canonical addresses that are me."""
    return tuple(guest for address, guest in attendees_of(meeting).items() if not is_me(address, own_addresses))


def is_known(attendee: Attendee, at: datetime) -> bool:
    """Whether this contact is somebody to the user, as of `at`: an interaction that counts, a card, or something that they wrote.

    A contact that only the invitation made is nobody yet.
    """
    if attendee.contact_id is None or attendee.me:
        return False
    return attendee.on_file or (attendee.first_contact_at is not None and attendee.first_contact_at <= at)


def skip_reason(
    meeting: Meeting, account: Account | None, preferences: GmailPreferences, people: Sequence[Attendee], now: datetime
) -> SkipReason | None:
    """Why this meeting gets no brief at `now`; None where it gets one. `people`: the guests without me."""
    if not preferences.meeting_prep_enabled:
        return "disabled"
    return (
        sending_obstacle(account)
        or _event_reason(meeting, preferences, now)
        or _people_reason(meeting, people, preferences.meeting_prep_unknown, now)
    )


def sending_obstacle(account: Account | None) -> SkipReason | None:
    """Why nothing can be sent from this account at all."""
    if account is None or account.status == "disconnected":
        return "disconnected"
    if account.status == "reauth_required":
        return "reauth_required"
    return None if GMAIL_SEND in account.scopes else "missing_scope"


def _event_reason(meeting: Meeting, preferences: GmailPreferences, now: datetime) -> SkipReason | None:
    if meeting.all_day:
        return "all_day"
    if meeting.my_answer == "declined":
        return "declined"
    if not is_useful(meeting.starts_at, now):
        return "too_late"
    return "private" if meeting.private and not preferences.meeting_prep_private else None


def _people_reason(
    meeting: Meeting, people: Sequence[Attendee], include_unknown: bool, now: datetime
) -> SkipReason | None:
    if not people:
        return without_guests(meeting)
    if len(people) > MAX_GUESTS:
        return "too_many_guests"
    return None if include_unknown or any(is_known(attendee, now) for attendee in people) else "nobody_known"


def without_guests(meeting: Meeting) -> SkipReason:
    """Why there is nobody to write about."""
    return "guests_hidden" if meeting.guests_hidden else "no_guests"


def is_useful(starts_at: datetime, now: datetime) -> bool:
    """Whether a brief that arrives at `now` is still read before the meeting."""
    return starts_at - now >= USEFUL_UNTIL


def minutes_until(starts_at: datetime, now: datetime) -> int:
    """Whole minutes, rounded half up; 0 for what has begun."""
    return max(0, int(((starts_at - now).total_seconds() + 30) // 60))
