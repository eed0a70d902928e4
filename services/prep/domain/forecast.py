"""What is going to become of a meeting's brief, and who its people are: the rules of a brief that is due, ahead of time."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.events import Guest, Meeting
from libs.common.requests import Account, Attendee, MeetingForecast, MeetingGuest
from services.prep.domain.rules import Terms, is_known, skip_reason


def forecast(
    meeting: Meeting,
    account: Account | None,
    terms: Terms,
    people: Sequence[tuple[Guest, Attendee]],
    now: datetime,
) -> MeetingForecast:
    """As of when its brief is due, or of `now` where that is over."""
    attendees = [attendee for _, attendee in people]
    brief_at = terms.brief_at(meeting)
    reason = skip_reason(meeting, account, terms.preferences, attendees, max(now, brief_at))
    return MeetingForecast(
        meeting_id=meeting.meeting_id,
        would_send=reason is None,
        reason=reason or "",
        brief_at=None if reason else brief_at,
        guests=tuple(_guest(invited, attendee, now) for invited, attendee in people),
    )


def _guest(invited: Guest, attendee: Attendee, now: datetime) -> MeetingGuest:
    known = is_known(attendee, now)
    return MeetingGuest(
        address=invited.address,
        name=attendee.name or invited.name,
        contact_id=attendee.contact_id,
        label=attendee.score.label if attendee.score and known else None,
        score=attendee.score.total if attendee.score and known else 0,
        known=known,
        met_before=attendee.met_before,
    )
