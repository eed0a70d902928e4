"""The home page: the accounts with their state, and the newest notifications."""

import asyncio
from functools import partial
from typing import NamedTuple

from aiohttp import web

from libs.common.errors import Outage
from libs.common.events import Kind
from libs.common.requests import CountContacts, Counts, GetSyncStatus, ListAccounts, Run
from libs.common.scopes import NEEDED_BY_KIND
from services.gateway import store
from services.gateway.accounts import AccountView, view_of
from services.gateway.context import Context
from services.gateway.pages.sign_in import signed_in
from services.gateway.session import Caller
from services.gateway.wording import NOUNS

NEWEST = 8
KINDS: tuple[Kind, ...] = ("mail", "contacts", "calendar")


class KindLine(NamedTuple):
    """One kind of one account: what it is doing, or when it last did. `tone`: calm, busy, bad or off."""

    kind: Kind
    noun: str
    tone: str
    text: str
    run: Run | None


def home_routes(context: Context) -> list[web.RouteDef]:
    return [web.get("/", partial(show_home, context))]


async def show_home(context: Context, request: web.Request) -> web.Response:
    caller = await signed_in(context, request)
    if caller is None:
        raise web.HTTPFound("/login")
    accounts, counts, notifications, unread = await asyncio.gather(
        _accounts(context, caller),
        _counts(context, caller),
        store.list_notifications(context.db, caller.user.id, unread=True, limit=NEWEST),
        store.count_unread(context.db, caller.user.id),
    )
    cards = [(account, [line_of(account, kind) for kind in KINDS]) for account in accounts]
    values = {
        "user": caller.user,
        "cards": cards,
        "counts": counts,
        "notifications": notifications,
        "unread": unread,
    }
    return context.pages.page("home.html", values)


async def _accounts(context: Context, caller: Caller) -> list[AccountView]:
    """What is connected, or was until Google refused it. Without sync's answer: without progress."""
    accounts = await context.bus.request(ListAccounts(user_id=caller.user.id))
    try:
        runs = (await context.bus.request(GetSyncStatus(user_id=caller.user.id))).items
    except Outage:
        runs = ()
    return [view_of(account, runs) for account in accounts.items if account.status != "disconnected"]


async def _counts(context: Context, caller: Caller) -> Counts | None:
    try:
        return await context.bus.request(CountContacts(user_id=caller.user.id))
    except Outage:
        return None


def line_of(account: AccountView, kind: Kind) -> KindLine:
    run = account.syncs.get(kind)
    noun = NOUNS[kind]
    if NEEDED_BY_KIND[kind] not in account.scopes:
        return KindLine(kind, noun, "off", "not permitted", None)
    if run is None:
        return KindLine(kind, noun, "off", "not synced yet", None)
    if run.state == "completed":
        return KindLine(kind, noun, "calm", result(run), run)
    if run.state == "failed":
        return KindLine(kind, noun, "bad", run.error or "failed", run)
    if run.state == "waiting":
        return KindLine(kind, noun, "busy", run.error or "waiting to go on", run)
    return KindLine(kind, noun, "busy", progress(run), run)


def result(run: Run) -> str:
    """What a finished run brought, in as few words as possible."""
    counts = ((run.new, "new"), (run.updated, "updated"), (run.removed, "removed"))
    return ", ".join(f"{count:,} {word}" for count, word in counts if count) or "up to date"


def progress(run: Run) -> str:
    """The words beside the bar; home.js says them in the same way."""
    if not run.total:
        return "starting"
    left = ""
    if run.eta_seconds is not None:
        minutes = run.eta_seconds / 60
        left = (
            f", about {max(1, round(run.eta_seconds))} s left" if minutes < 1.5 else f", about {minutes:.0f} min left"
        )
    return f"{run.done:,} of {run.total:,}{left}"
