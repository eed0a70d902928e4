"""One line of a dry run: whether a past meeting would have got a brief, and why not."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from libs.common.events import Guest, Meeting
from libs.common.preferences import GmailPreferences
from libs.common.requests import Account, Attendee, DryRunLine
from services.prep.domain.dossier import pair
from services.prep.domain.rules import skip_reason

USUAL_LEAD = timedelta(minutes=35)


def dry_run_line(
    meeting: Meeting,
    account: Account | None,
    preferences: GmailPreferences,
    guests: Sequence[Guest],
    known: Mapping[str, Attendee],
) -> DryRunLine:
    """As of the usual lead before the meeting's start. `known`: what is known behind each guest's address."""
    people = [attendee for _, attendee in pair(guests, [known[guest.address] for guest in guests])]
    reason = skip_reason(meeting, account, preferences, people, meeting.starts_at - USUAL_LEAD)
    return DryRunLine(
        meeting_id=meeting.meeting_id,
        title=meeting.title,
        starts_at=meeting.starts_at,
        would_send=reason is None,
        reason=reason or "",
    )
