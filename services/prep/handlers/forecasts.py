"""What is going to become of the briefs of coming meetings."""

import asyncio
from datetime import UTC, datetime

from libs.common.errors import not_found
from libs.common.requests import ForecastPreps, Forecasts
from services.prep.context import Context
from services.prep.domain.dossier import pair
from services.prep.domain.forecast import forecast
from services.prep.domain.rules import Terms, guests_of
from services.prep.gathering import get_attendees_by_address, get_owner, list_meetings


async def forecast_preps(context: Context, query: ForecastPreps) -> Forecasts:
    """As of now, in the order of the meetings. Who is invited more than once to one of them is there once.

    Of no time nobody else is asked: only how long before a meeting its brief comes is wanted then.
    """
    lead_minutes = context.settings.prep_window_from_minutes
    if query.start >= query.end:
        return Forecasts(items=(), lead_minutes=lead_minutes)
    now = datetime.now(UTC)
    owner, meetings = await asyncio.gather(
        get_owner(context.bus, query.user_id), list_meetings(context.bus, query.user_id, query.start, query.end)
    )
    if owner is None:
        raise not_found("user")
    guests = {meeting.meeting_id: guests_of(meeting, owner.own_addresses) for meeting in meetings}
    terms = Terms(owner.preferences, context.brief_lead)
    everybody = [guest.address for invited in guests.values() for guest in invited]
    known = await get_attendees_by_address(context.bus, query.user_id, everybody, now)
    forecasts = []
    for meeting in meetings:
        invited = guests[meeting.meeting_id]
        people = pair(invited, [known[guest.address] for guest in invited])
        account = owner.account(meeting.account_id)
        forecasts.append(forecast(meeting, account, terms, people, now))
    return Forecasts(items=tuple(forecasts), lead_minutes=lead_minutes)
