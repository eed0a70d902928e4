"""A meeting's page: what is known about it, what became of its brief, and the brief itself. Briefs link to it."""

from functools import partial
from uuid import UUID

from aiohttp import web

from libs.common.errors import Outage, not_found
from libs.common.ids import MeetingId
from libs.common.requests import GetMeeting, GetPreps, Prep
from services.gateway.context import Context
from services.gateway.domain.meetings import ANSWER_TEXTS, brief_text, meeting_view
from services.gateway.pages.sign_in import require_caller


def meeting_routes(context: Context) -> list[web.RouteDef]:
    return [web.get("/meetings/{meeting_id}", partial(show_meeting, context))]


async def show_meeting(context: Context, request: web.Request) -> web.Response:
    user = (await require_caller(context, request)).user
    try:
        meeting_id = MeetingId(UUID(request.match_info["meeting_id"]))
    except ValueError as error:
        raise not_found("meeting") from error
    meeting = await context.bus.request(GetMeeting(user_id=user.id, meeting_id=meeting_id))
    prep = await _fetch_prep(context, GetPreps(user_id=user.id, meeting_ids=(meeting_id,)))
    view = meeting_view(meeting, prep)
    values = {
        "user": user,
        "meeting": view,
        "minutes": round((view.ends_at - view.starts_at).total_seconds() / 60),
        "video_url": view.video_url if view.video_url.startswith(("https://", "http://")) else "",
        "guests": [guest for guest in view.guests if not guest.me and not guest.resource],
        "answers": ANSWER_TEXTS,
        "brief": brief_text(prep),
    }
    return context.pages.page("meeting.html", values)


async def _fetch_prep(context: Context, query: GetPreps) -> Prep | None:
    """None: nothing became of a brief yet, or `prep` is away."""
    try:
        return next(iter((await context.bus.request(query)).items), None)
    except Outage:
        return None
