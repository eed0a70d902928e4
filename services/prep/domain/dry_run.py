"""One line of a dry run: whether a past meeting would have got a brief, and why not."""

from collections.abc import Mapping, Sequence

from libs.common.events import Guest, Meeting
from libs.common.requests import Account, Attendee, DryRunLine
from services.prep.domain.dossier import pair
from services.prep.domain.rules import Terms, skip_reason


def dry_run_line(
    meeting: Meeting,
    account: Account | None,
    terms: Terms,
    guests: Sequence[Guest],
    known: Mapping[str, Attendee],
) -> DryRunLine:
    """As of when its brief was due. `known`: what is known behind each guest's address."""
    people = [attendee for _, attendee in pair(guests, [known[guest.address] for guest in guests])]
    reason = skip_reason(meeting, account, terms.preferences, people, terms.brief_at(meeting))
    return DryRunLine(
        meeting_id=meeting.meeting_id,
        title=meeting.title,
        starts_at=meeting.starts_at,
        would_send=reason is None,
        reason=reason or "",
    )
