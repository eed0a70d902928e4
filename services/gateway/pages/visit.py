"""One visit to a page: who is looking, from which zone, and the frame around what they look at."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import unquote
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel

from libs.common.errors import Outage, not_found
from libs.common.ids import UserId
from libs.common.requests import Request, User
from libs.common.time_zones import known_zone
from services.gateway.api.endpoint import Call
from services.gateway.context import Context
from services.gateway.domain.accounts import AccountView
from services.gateway.domain.live_updates import Position
from services.gateway.domain.moments import UTC_ZONE
from services.gateway.domain.sync_health import sync_health
from services.gateway.pages.frame import Frame
from services.gateway.pages.sign_in import is_partial, require_caller
from services.gateway.user_zones import user_zone

ZONE_COOKIE = "pingcrm_zone"
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class Visit:
    """A page being made for somebody who is signed in. Times are shown in `zone`, as of `now`.

    `call`: the same visit as a call of the API: a form does what the operation of the API does.
    `position`: of the live updates, taken before anything that the page shows is read.
    """

    call: Call
    frame: Frame
    now: datetime
    zone: ZoneInfo
    position: Position

    @property
    def context(self) -> Context:
        return self.call.context

    @property
    def http_request(self) -> web.Request:
        return self.call.http_request

    @property
    def user(self) -> User:
        return self.call.user

    @property
    def user_id(self) -> UserId:
        return self.call.user_id

    @property
    def is_partial(self) -> bool:
        """Whether a page that is open fetches this one for a part of it."""
        return is_partial(self.http_request)

    @property
    def replaced_id(self) -> str:
        """The id of the element in the place of which that part comes; empty where it has none, and for a whole page."""
        return self.http_request.headers.get("HX-Target", "").partition("#")[2] if self.is_partial else ""

    async def request(self, request: Request[R], *, seconds: float | None = None) -> R:
        """The reply of the service."""
        return await self.call.request(request, seconds=seconds)

    async def request_if_up(self, request: Request[R], *, seconds: float | None = None) -> R | None:
        """The reply; None while the service is away, so that the rest of the page can be shown."""
        try:
            return await self.request(request, seconds=seconds)
        except Outage:
            return None

    async def accounts(self) -> list[AccountView]:
        """What is connected, or was until Google refused it; fetched once. While `sync` is away: without progress."""
        return await self.frame.accounts

    def path_id(self, name: str) -> UUID:
        """The id of this name in the path. Refused: `not_found` (404) where it can't be one."""
        try:
            return UUID(self.http_request.match_info[name])
        except ValueError as error:
            raise not_found(name.removesuffix("_id")) from error

    def query_id(self, name: str) -> UUID | None:
        """The id of this name in the query; None where there is none, or what is there can't be one."""
        return uuid_or_none(self.http_request.query.get(name, ""))

    async def page(
        self, template: str, values: Mapping[str, object], *, status: int = 200, path: str = ""
    ) -> web.Response:
        """The page in its frame; without it where a page that is open wants a part of it.

        `path`: where the page is. One that answers a form is not where that was sent: nothing can be loaded from there.
        """
        if not self.is_partial:
            return await self.framed_page(template, values, status=status, path=path)
        return self._render(template, {"user": self.user, "unread": await self.frame.unread, **values}, status)

    async def framed_page(
        self, template: str, values: Mapping[str, object], *, status: int = 200, path: str = ""
    ) -> web.Response:
        """The page in its frame, whoever wants it: navigation, sync health, unread notifications."""
        connected, unread = await asyncio.gather(self.frame.accounts, self.frame.unread)
        frame = {
            "user": self.user,
            "unread": unread,
            "health": sync_health(connected, self.now, self.zone),
            "path": path or self.http_request.path,
            "reload": path,
            "position": self.position,
            "partial": False,
        }
        return self._render(template, {**frame, **values}, status)

    def part(self, template: str, values: Mapping[str, object]) -> web.Response:
        """A part that has a template of its own."""
        return self._render(template, values, 200)

    def _render(self, template: str, values: Mapping[str, object], status: int) -> web.Response:
        shared = {"now": self.now, "zone": self.zone, "partial": self.is_partial}
        return self.context.pages.page(template, {**shared, **values}, status=status)


PageHandler = Callable[[Visit], Awaitable[web.Response]]


def page_route(context: Context, method: str, path: str, handler: PageHandler, *, framed: bool = True) -> web.RouteDef:
    """The route of a page for people who are signed in; others are led to the sign-in page.

    Not `framed`: what a page shows within it. No time is written there.
    """

    async def handle(request: web.Request) -> web.Response:
        caller = await require_caller(context, request)
        position = context.hub.position(caller.user.id)
        call = Call(context, request, caller)
        frame = Frame(call)
        if framed and method == "GET" and not is_partial(request):
            frame.begin()
        try:
            zone = await _zone(frame) if framed else UTC_ZONE
            return await handler(Visit(call, frame, datetime.now(UTC), zone, position))
        finally:
            await frame.end()

    return web.route(method, path, handle)


def query_text(parameters: Mapping[str, str], name: str, longest: int) -> str:
    """What somebody entered in the field of this name, harmless for the database, and no longer than that."""
    return parameters.get(name, "").replace("\0", "").strip()[:longest]


def uuid_or_none(text: str) -> UUID | None:
    """The id that is written there; None where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


async def _zone(frame: Frame) -> ZoneInfo:
    """The browser's own, which page.js writes into a cookie; without it the user's, as far as it can be known right now."""
    call = frame.call
    if zone := known_zone(unquote(call.http_request.cookies.get(ZONE_COOKIE, ""))):
        return zone
    try:
        return await user_zone(call.context, call.user_id, frame.status)
    except Outage:
        return UTC_ZONE


def see_other(location: str) -> web.Response:
    """After a form was sent: to the page that shows what came of it."""
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})
