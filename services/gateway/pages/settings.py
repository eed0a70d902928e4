"""The settings: accounts, briefs, people, notifications, API tokens, data. Briefs link to their part of it."""

import asyncio
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from libs.common.errors import Refused
from libs.common.events import KINDS
from libs.common.ids import AccountId
from libs.common.preferences import ContactCreation
from libs.common.requests import AddExclusion, GetSettings, ListApiTokens, ListExclusions, RemoveExclusion
from services.gateway.api.accounts import DisconnectQuery, SyncBody, disconnect_account, sync_account
from services.gateway.api.exports import begin_making
from services.gateway.api.settings import SettingsChanges, put_settings
from services.gateway.api.tokens import NewToken, create_token, delete_token
from services.gateway.context import Context
from services.gateway.domain.exports import size_text
from services.gateway.domain.sync_lines import sync_line
from services.gateway.pages.visit import Visit, page_route, see_other
from services.gateway.store.exports import get_newest

CREATION: tuple[tuple[ContactCreation, str], ...] = (
    ("people", "People who write to me, and people I write to"),
    ("sent_only", "Only people I write to"),
    ("everyone", "Everyone on every mail, robots too"),
    ("none", "Nobody: I add contacts myself"),
)
MAX_EXCLUDED = 320
CHECKS = ("meeting_prep_enabled", "meeting_prep_unknown", "meeting_prep_private")


def settings_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/settings", show_settings),
        page_route(context, "POST", "/settings", save_settings),
        page_route(context, "POST", "/accounts/{account_id}/sync", sync_now),
        page_route(context, "POST", "/accounts/{account_id}/disconnect", disconnect),
        page_route(context, "POST", "/do-not-record", do_not_record),
        page_route(context, "POST", "/do-not-record/{exclusion_id}/remove", record_again),
        page_route(context, "POST", "/export", start_export),
        page_route(context, "POST", "/tokens", make_token),
        page_route(context, "POST", "/tokens/{token_id}/delete", revoke_token),
    ]


async def show_settings(visit: Visit) -> web.Response:
    return await _page(visit)


async def _page(visit: Visit, *, problem: Refused | None = None, secret: str = "") -> web.Response:
    settings, tokens, exclusions, export, accounts = await asyncio.gather(
        visit.request(GetSettings(user_id=visit.user_id)),
        visit.request(ListApiTokens(user_id=visit.user_id)),
        visit.request_if_up(ListExclusions(user_id=visit.user_id)),
        get_newest(visit.context.db, visit.user_id),
        visit.accounts(),
    )
    values = {
        "gmail": settings.preferences.gmail,
        "webhook_url": settings.preferences.notifications.webhook_url or "",
        "creation": CREATION,
        "cards": [(account, [sync_line(account, kind) for kind in KINDS]) for account in accounts],
        "tokens": tokens.items,
        "export": export,
        "export_size": size_text(export.bytes) if export else "",
        "exclusions": exclusions.items if exclusions else (),
        "secret": secret,
        "saved": "saved" in visit.http_request.query,
        "problem_text": problem.detail if problem else "",
    }
    return await visit.page("settings.html", values, accounts=accounts, status=problem.status if problem else 200)


async def save_settings(visit: Visit) -> web.Response:
    """Store the group of settings that was sent; on a problem the page once more, with the sentence that says what it is."""
    form = await visit.http_request.post()
    try:
        await put_settings.handler(
            visit.call, SettingsChanges.model_validate(_changes({k: str(v) for k, v in form.items()}))
        )
    except ValidationError as error:
        return await _page(
            visit, problem=Refused(422, "invalid", str(error.errors()[0]["msg"]).removeprefix("Value error, "))
        )
    except Refused as refused:
        return await _page(visit, problem=refused)
    group = str(form.get("group", ""))
    return see_other(f"/settings?saved#{group if group in ('briefs', 'people', 'notifications') else ''}")


def _changes(form: dict[str, str]) -> dict[str, Any]:
    """The settings of one group of the form. A box that is not ticked is not sent, so the group names what it is about."""
    match form.get("group"):
        case "briefs":
            return {
                "gmail": {**{name: name in form for name in CHECKS}, "time_zone": form.get("time_zone", "").strip()}
            }
        case "people":
            addresses = [line.strip() for line in form.get("own_addresses", "").splitlines() if line.strip()]
            return {
                "gmail": {
                    "mail_lookback_days": form.get("mail_lookback_days", ""),
                    "contact_creation": form.get("contact_creation", ""),
                    "own_addresses": addresses,
                }
            }
        case "notifications":
            return {"notifications": {"webhook_url": form.get("webhook_url", "").strip() or None}}
        case _:
            return {}


async def sync_now(visit: Visit) -> web.Response:
    """Everything that the account permits, now."""
    account_id = AccountId(visit.path_id("account_id"))
    try:
        await sync_account.handler(visit.call, account_id, SyncBody())
    except Refused as refused:
        if refused.status == 404:
            raise
        return await _page(visit, problem=refused)
    return see_other("/settings#accounts")


async def disconnect(visit: Visit) -> web.Response:
    """Keep what was imported, or purge it."""
    purge = (await visit.http_request.post()).get("purge") == "yes"
    await disconnect_account.handler(visit.call, AccountId(visit.path_id("account_id")), DisconnectQuery(purge=purge))
    return see_other("/settings#accounts")


async def do_not_record(visit: Visit) -> web.Response:
    """An address or a domain; on a problem the page once more, with the sentence that says what it is."""
    value = str((await visit.http_request.post()).get("value", "")).strip()
    try:
        await visit.request(AddExclusion(user_id=visit.user_id, value=value[:MAX_EXCLUDED]))
    except Refused as refused:
        return await _page(visit, problem=refused)
    return see_other("/settings#do-not-record")


async def record_again(visit: Visit) -> web.Response:
    await visit.request(RemoveExclusion(user_id=visit.user_id, exclusion_id=visit.path_id("exclusion_id")))
    return see_other("/settings#do-not-record")


async def start_export(visit: Visit) -> web.Response:
    """In the background; the page shows how far it is."""
    try:
        await begin_making(visit.context, visit.user_id)
    except Refused as refused:
        return await _page(visit, problem=refused)
    return see_other("/settings#data")


async def make_token(visit: Visit) -> web.Response:
    """The page with the new token's secret: it is shown this once."""
    name = str((await visit.http_request.post()).get("name", "")).strip()
    try:
        token = await create_token.handler(visit.call, NewToken(name=name[:100]))
    except ValidationError:
        return await _page(visit, problem=Refused(422, "invalid", "Give the token a name that says what it is for."))
    except Refused as refused:
        return await _page(visit, problem=refused)
    return await _page(visit, secret=token.secret)


async def revoke_token(visit: Visit) -> web.Response:
    await delete_token.handler(visit.call, visit.path_id("token_id"))
    return see_other("/settings#tokens")
