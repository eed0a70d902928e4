"""The home page: the accounts with their state, and the newest notifications."""

import asyncio
from functools import partial

from aiohttp import web

from libs.common.errors import Outage
from libs.common.events import KINDS
from libs.common.ids import UserId
from libs.common.requests import CountContacts, Counts, GetSyncStatus, ListAccounts
from services.gateway.context import Context
from services.gateway.domain.accounts import AccountView, account_view
from services.gateway.domain.sync_lines import sync_line
from services.gateway.pages.sign_in import require_caller
from services.gateway.store.notifications import count_unread, list_notifications

NEWEST = 8


def home_routes(context: Context) -> list[web.RouteDef]:
    return [web.get("/", partial(show_home, context))]


async def show_home(context: Context, request: web.Request) -> web.Response:
    user = (await require_caller(context, request)).user
    accounts, counts, notifications, unread = await asyncio.gather(
        _fetch_accounts(context, user.id),
        _fetch_counts(context, user.id),
        list_notifications(context.db, user.id, unread=True, limit=NEWEST),
        count_unread(context.db, user.id),
    )
    cards = [(account, [sync_line(account, kind) for kind in KINDS]) for account in accounts]
    values = {"user": user, "cards": cards, "counts": counts, "notifications": notifications, "unread": unread}
    return context.pages.page("home.html", values)


async def _fetch_accounts(context: Context, user_id: UserId) -> list[AccountView]:
    """What is connected, or was until Google refused it. While `sync` is away: without progress."""
    accounts = await context.bus.request(ListAccounts(user_id=user_id))
    try:
        runs = (await context.bus.request(GetSyncStatus(user_id=user_id))).items
    except Outage:
        runs = ()
    return [account_view(account, runs) for account in accounts.items if account.status != "disconnected"]


async def _fetch_counts(context: Context, user_id: UserId) -> Counts | None:
    """None while `contacts` is away."""
    try:
        return await context.bus.request(CountContacts(user_id=user_id))
    except Outage:
        return None
