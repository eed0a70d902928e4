"""What would have been sent for past meetings."""

from datetime import UTC, datetime, timedelta

from libs.common.errors import not_found
from libs.common.requests import DryRun, DryRunPreps
from services.prep.context import Context
from services.prep.domain.dry_run import dry_run_line
from services.prep.domain.rules import Terms, guests_of
from services.prep.gathering import get_attendees_by_address, get_owner, list_meetings


async def dry_run(context: Context, query: DryRunPreps) -> DryRun:
    """The outcome of the same rules for past meetings, each as of when its brief was due, with the contacts of today."""
    now = datetime.now(UTC)
    owner = await get_owner(context.bus, query.user_id)
    if owner is None:
        raise not_found("user")
    meetings = await list_meetings(context.bus, query.user_id, now - timedelta(days=query.days), now)
    guests = {meeting.meeting_id: guests_of(meeting, owner.own_addresses) for meeting in meetings}
    terms = Terms(owner.preferences, context.brief_lead)
    everybody = [guest.address for invited in guests.values() for guest in invited]
    known = await get_attendees_by_address(context.bus, query.user_id, everybody, now)
    lines = [
        dry_run_line(meeting, owner.account(meeting.account_id), terms, guests[meeting.meeting_id], known)
        for meeting in meetings
    ]
    return DryRun(items=tuple(lines))
