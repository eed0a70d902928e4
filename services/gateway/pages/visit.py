"""One visit to a page: who is looking, from which zone, and the frame around what they look at."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TypeVar
from urllib.parse import unquote
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel

from libs.common.errors import Outage, not_found
from libs.common.ids import UserId
from libs.common.requests import GetSyncStatus, ListAccounts, Request, User
from libs.common.time_zones import known_zone
from services.gateway.api.endpoint import Call
from services.gateway.context import Context
from services.gateway.domain.accounts import AccountView, account_view
from services.gateway.domain.meetings import BriefClock
from services.gateway.domain.moments import UTC_ZONE
from services.gateway.domain.sync_health import sync_health
from services.gateway.pages.sign_in import require_caller
from services.gateway.sessions.authentication import Caller
from services.gateway.store.notifications import count_unread
from services.gateway.user_zones import user_zone

ZONE_COOKIE = "pingcrm_zone"
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class Visit:
    """A page being made for somebody who is signed in. Times are shown in `zone`, as of `now`."""

    context: Context
    http_request: web.Request
    caller: Caller
    now: datetime
    zone: ZoneInfo

    @property
    def user(self) -> User:
        return self.caller.user

    @property
    def user_id(self) -> UserId:
        return self.caller.user.id

    @cached_property
    def call(self) -> Call:
        """The same visit as a call of the API: a form does what the operation of the API does."""
        return Call(self.context, self.http_request, self.caller)

    @property
    def brief_clock(self) -> BriefClock:
        """By which the page states when briefs come."""
        lead = timedelta(minutes=self.context.settings.prep_window_from_minutes)
        return BriefClock(self.now, self.zone, lead)

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
        """What is connected, or was until Google refused it. While `sync` is away: without progress."""
        accounts, status = await asyncio.gather(
            self.request(ListAccounts(user_id=self.user_id)), self.request_if_up(GetSyncStatus(user_id=self.user_id))
        )
        runs = status.items if status else ()
        return [account_view(account, runs) for account in accounts.items if account.status != "disconnected"]

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
        self,
        template: str,
        values: Mapping[str, object],
        *,
        accounts: list[AccountView] | None = None,
        status: int = 200,
    ) -> web.Response:
        """The page in its frame: navigation, sync health, unread notifications. `accounts`: where the page has them already."""
        if accounts is None:
            accounts = await self.accounts()
        unread = await count_unread(self.context.db, self.user_id)
        frame = {
            "user": self.user,
            "unread": unread,
            "health": sync_health(accounts, self.now, self.zone),
            "now": self.now,
            "zone": self.zone,
            "path": self.http_request.path,
        }
        return self.context.pages.page(template, {**frame, **values}, status=status)


PageHandler = Callable[[Visit], Awaitable[web.Response]]


def page_route(context: Context, method: str, path: str, handler: PageHandler) -> web.RouteDef:
    """The route of a page for people who are signed in; others are led to the sign-in page."""

    async def handle(request: web.Request) -> web.Response:
        caller = await require_caller(context, request)
        zone = await _zone(context, request, caller.user.id)
        return await handler(Visit(context, request, caller, datetime.now(UTC), zone))

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


async def _zone(context: Context, request: web.Request, user_id: UserId) -> ZoneInfo:
    """The browser's own, which page.js writes into a cookie; without it the user's, as far as it can be known right now."""
    if zone := known_zone(unquote(request.cookies.get(ZONE_COOKIE, ""))):
        return zone
    try:
        return await user_zone(context, user_id)
    except Outage:
        return UTC_ZONE


def see_other(location: str) -> web.Response:
    """After a form was sent: to the page that shows what came of it."""
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})
