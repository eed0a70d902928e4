"""A meeting's page: what is known about it, what became of its brief, and the brief exactly as it arrives. Briefs link to it."""

from aiohttp import web

from libs.common.errors import Refused
from libs.common.ids import MeetingId
from libs.common.requests import Brief, GetMeeting
from services.gateway.api.meetings import preview_prep, send_prep
from services.gateway.context import Context
from services.gateway.domain.meetings import ANSWER_TEXTS, brief_text
from services.gateway.domain.moments import length_text
from services.gateway.pages.meetings import meeting_views
from services.gateway.pages.visit import Visit, page_route, see_other

# The brief is mail: its styles are inline, and it may do nothing at all.
BRIEF_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


def meeting_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/meetings/{meeting_id}", show_meeting),
        page_route(context, "GET", "/meetings/{meeting_id}/brief", show_brief),
        page_route(context, "POST", "/meetings/{meeting_id}/brief", send_brief),
    ]


async def show_meeting(visit: Visit) -> web.Response:
    """The page; with `preview` the brief as it would be sent now."""
    return await _page(visit)


async def _page(visit: Visit, problem: Refused | None = None) -> web.Response:
    meeting_id = MeetingId(visit.path_id("meeting_id"))
    meeting = await visit.request(GetMeeting(user_id=visit.user_id, meeting_id=meeting_id))
    (view,) = await meeting_views(visit, (meeting,))
    brief = await _preview(visit, meeting_id) if "preview" in visit.http_request.query else None
    values = {
        "meeting": view,
        "length": length_text(view.ends_at - view.starts_at),
        "video_url": view.video_url if view.video_url.startswith(("https://", "http://")) else "",
        "guests": [guest for guest in view.guests if not guest.me and not guest.resource],
        "answers": ANSWER_TEXTS,
        "state": brief_text(view.prep),
        "brief": brief,
        "sent": "sent" in visit.http_request.query,
        "problem_text": problem.detail if problem else "",
    }
    return await visit.page("meeting.html", values, status=problem.status if problem else 200)


async def _preview(visit: Visit, meeting_id: MeetingId) -> Brief:
    brief: Brief = await preview_prep.handler(visit.call, meeting_id)
    return brief


async def show_brief(visit: Visit) -> web.Response:
    """The brief's HTML alone, for the frame on the meeting's page: it can run nothing and fetch nothing."""
    brief = await _preview(visit, MeetingId(visit.path_id("meeting_id")))
    headers = {"Content-Security-Policy": BRIEF_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return web.Response(text=brief.html, content_type="text/html", headers=headers)


async def send_brief(visit: Visit) -> web.Response:
    """Send it now, whether one was sent before or not."""
    meeting_id = MeetingId(visit.path_id("meeting_id"))
    try:
        await send_prep.handler(visit.call, meeting_id)
    except Refused as refused:
        if refused.status == 404:
            raise
        return await _page(visit, refused)
    return see_other(f"/meetings/{meeting_id}?sent")
