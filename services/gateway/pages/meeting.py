"""A meeting's page: its people, what became of its brief, the brief exactly as it arrives, and the note afterwards. Briefs link to it."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from aiohttp import web

from libs.common.errors import Outage, Refused
from libs.common.events import Meeting
from libs.common.ids import ContactId, MeetingId
from libs.common.requests import Brief, ForecastPreps, GetMeeting, MeetingForecast, MeetingGuest
from services.gateway.api.meetings import fetch_meeting_views, preview_prep, send_prep
from services.gateway.context import Context
from services.gateway.domain.accounts import AccountView
from services.gateway.domain.brief_scheme import in_scheme
from services.gateway.domain.meetings import ANSWER_TEXTS, MeetingView, brief_link, brief_outlook, brief_text
from services.gateway.domain.moments import length_text, whole_days_text
from services.gateway.meeting_notes import A_MOMENT, MAX_NOTE, contacts_of, get_note, write_note
from services.gateway.pages.visit import Visit, page_route, see_other

# The brief is mail: its styles are inline, and it may do nothing at all.
BRIEF_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"
FRAMED = {"Content-Security-Policy": BRIEF_POLICY, "X-Frame-Options": "SAMEORIGIN"}
LOOKS = {"light": "Light", "dark": "Dark", "text": "Plain text"}


def meeting_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/meetings/{meeting_id}", show_meeting),
        page_route(context, "GET", "/meetings/{meeting_id}/brief", show_brief, framed=False),
        page_route(context, "POST", "/meetings/{meeting_id}/brief", send_brief),
        page_route(context, "POST", "/meetings/{meeting_id}/note", add_note),
    ]


class GuestLine(NamedTuple):
    """A guest with their answer in words; `known`: who they are to the user, where `prep` could be asked."""

    name: str
    answer: str
    organizer: bool
    known: MeetingGuest | None


async def show_meeting(visit: Visit) -> web.Response:
    """The page; with `preview` the brief as it would be sent now, in `light`, `dark` or as `text`."""
    return await _page(visit)


async def _page(visit: Visit, problem: Refused | None = None) -> web.Response:
    meeting = await visit.request(GetMeeting(user_id=visit.user_id, meeting_id=_id(visit)))
    look = _look(visit)
    [view], forecast, accounts, brief = await asyncio.gather(
        fetch_meeting_views(visit.call, [meeting], without_prep=True),
        _forecast(visit, meeting),
        visit.accounts(),
        _text_brief(visit, look),
    )
    begun = view.starts_at <= visit.now
    noted = [guest for guest in forecast.guests if guest.contact_id] if forecast and begun else []
    note = await _note(visit, [guest.contact_id for guest in noted if guest.contact_id])
    values = {
        "meeting": view,
        "all_day": whole_days_text(view.start_date, view.end_date) if view.all_day and view.start_date else "",
        "length": length_text(view.ends_at - view.starts_at),
        "video_url": view.video_url if view.video_url.startswith(("https://", "http://")) else "",
        "guests": _guests(view, forecast),
        "state": brief_text(brief_outlook(view, forecast, visit.now), view.starts_at, visit.zone),
        "sent_url": _sent_url(visit, view, accounts),
        "looks": LOOKS,
        "look": look,
        "brief": brief,
        "sent": "sent" in visit.http_request.query,
        "problem_text": problem.detail if problem else "",
        "begun": begun,
        "noted": noted,
        "note": note,
        "saved": "noted" in visit.http_request.query,
    }
    return await visit.page(
        "meeting.html", values, status=problem.status if problem else 200, path=f"/meetings/{meeting.meeting_id}"
    )


def _sent_url(visit: Visit, view: MeetingView, accounts: Sequence[AccountView]) -> str:
    """Where the brief is in Gmail; nowhere with another Google than Google's own."""
    address = next((account.address for account in accounts if account.id == view.account_id), "")
    return brief_link(view.prep, address) if address and not visit.context.settings.google_api_root else ""


def _look(visit: Visit) -> str:
    """Which of the looks of the brief is asked for; empty where none is."""
    wanted = visit.http_request.query.get("preview")
    return "" if wanted is None else wanted if wanted in LOOKS else "light"


async def _forecast(visit: Visit, meeting: Meeting) -> MeetingForecast | None:
    """Who its people are, and what is going to become of its brief; None while `prep` or what it asks is away."""
    query = ForecastPreps(user_id=visit.user_id, start=meeting.starts_at, end=meeting.starts_at + A_MOMENT)
    forecasts = await visit.request_if_up(query)
    found = forecasts.items if forecasts else ()
    return next((item for item in found if item.meeting_id == meeting.meeting_id), None)


def _guests(view: MeetingView, forecast: MeetingForecast | None) -> list[GuestLine]:
    """In the order of the invitation; an organizer who is not on the list last."""
    known = {guest.address: guest for guest in forecast.guests} if forecast else {}
    host = view.organizer.address if view.organizer else ""
    lines = [
        GuestLine(_name(known.get(guest.address), guest.name or guest.address), ANSWER_TEXTS[guest.answer],
                  guest.address == host, known.get(guest.address))
        for guest in view.guests
        if not guest.me and not guest.resource
    ]  # fmt: skip
    listed = {guest.address for guest in view.guests}
    lines += [
        GuestLine(_name(guest, address), "", True, guest)
        for address, guest in known.items()
        if address == host and address not in listed
    ]
    return lines


def _name(known: MeetingGuest | None, otherwise: str) -> str:
    return known.name if known and known.name else otherwise


def _id(visit: Visit) -> MeetingId:
    return MeetingId(visit.path_id("meeting_id"))


async def _note(visit: Visit, contact_ids: Sequence[ContactId]) -> str:
    """The note that was written about the meeting; empty where there is none, or while nobody can be asked."""
    try:
        return await get_note(visit.call, _id(visit), contact_ids)
    except Outage:
        return ""


async def add_note(visit: Visit) -> web.Response:
    """One note on the timeline of every guest. Sent again it is the same note; with another text it is changed."""
    meeting = await visit.request(GetMeeting(user_id=visit.user_id, meeting_id=_id(visit)))
    text = str((await visit.http_request.post()).get("text", "")).strip()[:MAX_NOTE]
    forecast = await _forecast(visit, meeting)
    contact_ids = contacts_of(forecast)
    if not text or not contact_ids or meeting.starts_at > visit.now:
        return see_other(f"/meetings/{meeting.meeting_id}")
    await write_note(visit.call, meeting, contact_ids, text, visit.now)
    return see_other(f"/meetings/{meeting.meeting_id}?noted#note")


async def _text_brief(visit: Visit, look: str) -> Brief | None:
    """The brief where its text is looked at: as HTML it is fetched by its frame."""
    return await _preview(visit) if look == "text" else None


async def _preview(visit: Visit) -> Brief:
    brief: Brief = await preview_prep.handler(visit.call, _id(visit))
    return brief


async def show_brief(visit: Visit) -> web.Response:
    """The brief's HTML alone, for the frame on the meeting's page: it can run nothing and fetch nothing.

    Why it can't be shown stands in its place.
    """
    try:
        brief = await _preview(visit)
    except Refused as refused:
        if refused.status == 404:
            raise
        return web.Response(text=refused.detail, status=refused.status, headers=FRAMED)
    except Outage:
        return web.Response(
            text="The brief can't be written at this moment. Try again shortly.", status=503, headers=FRAMED
        )
    html = in_scheme(brief.html, "dark" if visit.http_request.query.get("scheme") == "dark" else "light")
    return web.Response(text=html, content_type="text/html", headers=FRAMED)


async def send_brief(visit: Visit) -> web.Response:
    """Send it now, whether one was sent before or not."""
    meeting_id = _id(visit)
    try:
        await send_prep.handler(visit.call, meeting_id)
    except Refused as refused:
        if refused.status == 404:
            raise
        return await _page(visit, refused)
    return see_other(f"/meetings/{meeting_id}?sent")
