"""An account by itself: its permissions, whether everything is here, the history of its syncs; syncing and disconnecting it."""

import asyncio
from urllib.parse import urlencode

from aiohttp import web

from libs.common.errors import Refused, not_found
from libs.common.ids import AccountId
from libs.common.requests import AuditAccount, GetSettings, ListRuns
from services.gateway.api.accounts import DisconnectQuery, SyncBody, disconnect_account, start_audit, sync_account
from services.gateway.context import Context
from services.gateway.domain.accounts import AccountView
from services.gateway.domain.completeness import completeness
from services.gateway.domain.permissions import PERMISSIONS
from services.gateway.domain.run_lines import run_line
from services.gateway.pages.settings import settings_page
from services.gateway.pages.visit import Visit, page_route, see_other

PAGE_LENGTH = 20
AUDIT_SECONDS = 30.0


def accounts_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/settings/accounts/{account_id}", show_account),
        page_route(context, "GET", "/settings/accounts/{account_id}/disconnect", show_disconnect),
        page_route(context, "POST", "/accounts/{account_id}/sync", sync_now),
        page_route(context, "POST", "/accounts/{account_id}/audit", check_now),
        page_route(context, "POST", "/accounts/{account_id}/disconnect", disconnect),
    ]


async def _own_account(visit: Visit) -> AccountView:
    """The account of the path. Refused: `not_found` (404), another user's too."""
    account_id = AccountId(visit.path_id("account_id"))
    for account in await visit.accounts():
        if account.id == account_id:
            return account
    raise not_found("account")


async def show_account(visit: Visit) -> web.Response:
    """The page; with `cursor` the syncs before those that were shown."""
    account = await _own_account(visit)
    cursor = visit.http_request.query.get("cursor") or None
    runs, audit, settings = await asyncio.gather(
        visit.request(ListRuns(user_id=visit.user_id, account_id=account.id, cursor=cursor, limit=PAGE_LENGTH)),
        visit.request_if_up(AuditAccount(user_id=visit.user_id, account_id=account.id), seconds=AUDIT_SECONDS),
        visit.request(GetSettings(user_id=visit.user_id)),
    )
    values = {
        "account": account,
        "permissions": PERMISSIONS,
        "audit": audit,
        "verdict": completeness(audit, settings.preferences.gmail.mail_lookback_days) if audit else None,
        "lines": [run_line(run, visit.now, visit.zone) for run in runs.items],
        "more": urlencode({"cursor": runs.next_cursor}) if runs.next_cursor else "",
    }
    return await visit.page("account.html", values)


async def show_disconnect(visit: Visit) -> web.Response:
    """What disconnecting does, and the choice; nothing happens before the button."""
    return await visit.page("disconnect.html", {"account": await _own_account(visit)})


async def sync_now(visit: Visit) -> web.Response:
    """Everything that the account permits, now."""
    account_id = AccountId(visit.path_id("account_id"))
    try:
        await sync_account.handler(visit.call, account_id, SyncBody())
    except Refused as refused:
        if refused.status == 404:
            raise
        return await settings_page(visit, problem=refused, section="accounts")
    return see_other("/settings#accounts")


async def check_now(visit: Visit) -> web.Response:
    """Compare the mailbox with what is here, as soon as a run can."""
    account_id = AccountId(visit.path_id("account_id"))
    try:
        await start_audit.handler(visit.call, account_id)
    except Refused as refused:
        if refused.status == 404:
            raise
        return await settings_page(visit, problem=refused, section="accounts")
    return see_other(f"/settings/accounts/{account_id}#completeness")


async def disconnect(visit: Visit) -> web.Response:
    """Keep what was imported, or purge it."""
    purge = (await visit.http_request.post()).get("purge") == "yes"
    await disconnect_account.handler(visit.call, AccountId(visit.path_id("account_id")), DisconnectQuery(purge=purge))
    return see_other("/settings#accounts")
