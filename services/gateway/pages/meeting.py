"""A meeting's page: what is known about it, what became of its brief, and the brief itself. Briefs link to it."""

from functools import partial
from uuid import UUID

from aiohttp import web

from libs.common.errors import Outage, not_found
from libs.common.events import Answer
from libs.common.ids import MeetingId
from libs.common.requests import GetMeeting, GetPreps, Prep
from services.gateway.api.meetings import view_of
from services.gateway.context import Context
from services.gateway.pages.sign_in import signed_in

ANSWERS: dict[Answer, str] = {
    "accepted": "coming",
    "declined": "not coming",
    "tentative": "maybe",
    "needsAction": "has not answered",
}


def meeting_routes(context: Context) -> list[web.RouteDef]:
    return [web.get("/meetings/{meeting_id}", partial(show_meeting, context))]


async def show_meeting(context: Context, request: web.Request) -> web.Response:
    caller = await signed_in(context, request)
    if caller is None:
        raise web.HTTPFound("/login")
    try:
        meeting_id = MeetingId(UUID(request.match_info["meeting_id"]))
    except ValueError as error:
        raise not_found("meeting") from error
    meeting = await context.bus.request(GetMeeting(user_id=caller.user.id, meeting_id=meeting_id))
    view = view_of(meeting, await _prep(context, GetPreps(user_id=caller.user.id, meeting_ids=(meeting_id,))))
    values = {
        "user": caller.user,
        "meeting": view,
        "minutes": round((view.ends_at - view.starts_at).total_seconds() / 60),
        "video_url": view.video_url if view.video_url.startswith(("https://", "http://")) else "",
        "guests": [guest for guest in view.guests if not guest.me and not guest.resource],
        "answers": ANSWERS,
        "brief": brief_state(view.prep),
    }
    return context.pages.page("meeting.html", values)


async def _prep(context: Context, query: GetPreps) -> Prep | None:
    try:
        return next(iter((await context.bus.request(query)).items), None)
    except Outage:
        return None


def brief_state(prep: Prep | None) -> str:
    """What became of the brief, in words."""
    if prep is None:
        return "not sent yet"
    match prep.state:
        case "sent":
            return "sent"
        case "sending":
            return "being sent"
        case "skipped":
            return f"not sent: {prep.reason}"
        case "failed":
            return f"could not be sent: {prep.reason}"
