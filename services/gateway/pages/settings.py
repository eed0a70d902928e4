"""The settings: accounts, briefs, people, notifications, API tokens, data. Briefs link to their part of it.

Each section is a form of its own. What it changed can be undone for a while: the page that follows has a form for that.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from secrets import token_urlsafe
from typing import Any

from aiohttp import web
from multidict import MultiDict
from pydantic import ValidationError

from libs.common.errors import Refused
from libs.common.events import KINDS
from libs.common.preferences import ContactCreation
from libs.common.requests import CountContacts, ForecastPreps, GetSettings, ListApiTokens, ListExclusions
from services.gateway.api.settings import SettingsChanges, store_settings
from services.gateway.api.webhook import secret_of
from services.gateway.context import Context
from services.gateway.domain.exports import size_text
from services.gateway.domain.input_texts import input_text
from services.gateway.domain.permissions import PERMISSIONS
from services.gateway.domain.settings_changes import SettingsChange, settings_change, undone
from services.gateway.domain.sync_lines import sync_line
from services.gateway.domain.token_scopes import SCOPE_TEXTS
from services.gateway.domain.webhook_delivery import secret_hint
from services.gateway.domain.webhook_events import WEBHOOK_EVENT_TEXTS
from services.gateway.domain.webhook_outcomes import call_lines
from services.gateway.pages.visit import Visit, page_route, see_other
from services.gateway.preferences import change_preferences
from services.gateway.store.exports import get_newest
from services.gateway.store.webhook_calls import list_calls
from services.gateway.store.webhook_secrets import get_generation

CREATION: tuple[tuple[ContactCreation, str], ...] = (
    ("people", "People who write to me, and people I write to"),
    ("sent_only", "Only people I write to"),
    ("everyone", "Everyone on every mail, robots too"),
    ("none", "Nobody: I add contacts myself"),
)
# The settings of each section's form. A box that is not ticked is not sent, so the section says what it is about.
CHECKS = ("meeting_prep_enabled", "meeting_prep_unknown", "meeting_prep_private")
LISTS = ("own_addresses", "calendar_ids")
SECTIONS: dict[str, tuple[str, ...]] = {
    "sync": ("mail_lookback_days", "calendar_ids"),
    "briefs": (*CHECKS, "time_zone"),
    "people": ("contact_creation", "own_addresses"),
    "notifications": ("webhook_url",),
    "webhook_events": ("webhook_events",),
}
OF_NOTIFICATIONS = ("notifications", "webhook_events")
TOKEN_LIVES = ((30, "a month"), (90, "three months"), (365, "a year"), (1095, "three years"))
# The page offers it for ten seconds (style.css); some more are for a slow network.
UNDO_LIFE = timedelta(seconds=15)


def settings_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/settings", show_settings),
        page_route(context, "POST", "/settings", save_settings),
        page_route(context, "POST", "/settings/undo", undo),
    ]


async def show_settings(visit: Visit) -> web.Response:
    return await settings_page(visit)


async def settings_page(
    visit: Visit, *, problem: Refused | None = None, section: str = "", token: str = "", webhook_secret: str = ""
) -> web.Response:
    """The page. `problem`: what is wrong with what was sent to `section`. `token`, `webhook_secret`: made just now, shown this once."""
    (settings, tokens, accounts, counts), (exclusions, own, saved, lead_minutes) = await asyncio.gather(
        asyncio.gather(
            visit.request(GetSettings(user_id=visit.user_id)),
            visit.request(ListApiTokens(user_id=visit.user_id)),
            visit.accounts(),
            visit.request_if_up(CountContacts(user_id=visit.user_id)),
        ),
        asyncio.gather(
            visit.request_if_up(ListExclusions(user_id=visit.user_id)),
            _own_values(visit),
            _saved(visit),
            _lead_minutes(visit),
        ),
    )
    values = {
        "gmail": settings.preferences.gmail,
        "webhook_url": settings.preferences.notifications.webhook_url or "",
        "webhook_events": settings.preferences.notifications.webhook_events,
        "event_texts": WEBHOOK_EVENT_TEXTS,
        "creation": CREATION,
        "lead": lead_minutes,
        "cards": [
            (account, [sync_line(account, kind, visit.now, visit.zone) for kind in KINDS]) for account in accounts
        ],
        "permissions": PERMISSIONS,
        "counts": counts,
        "exclusions": exclusions.items if exclusions else (),
        **own,
        "tokens": tokens.items,
        "scope_texts": SCOPE_TEXTS,
        "token_lives": TOKEN_LIVES,
        "assistants_url": f"{visit.context.settings.base_url}/mcp",
        "secret": token,
        "webhook_secret": webhook_secret,
        "saved": saved,
        "problem_text": problem.detail if problem else "",
        "problem_section": section,
    }
    return await visit.page("settings.html", values, status=problem.status if problem else 200, path="/settings")


async def _own_values(visit: Visit) -> dict[str, Any]:
    """What the gateway itself knows: the webhook's calls, and the export."""
    db, user_id = visit.context.db, visit.user_id
    calls, export, generation = await asyncio.gather(
        list_calls(db, user_id), get_newest(db, user_id), get_generation(db, user_id)
    )
    return {
        "calls": call_lines(calls),
        "tested": "tested" in visit.http_request.query,
        "generation": generation,
        "hint": secret_hint(secret_of(visit.call, generation)),
        "export": export,
        "export_size": size_text(export.bytes) if export else "",
    }


async def _lead_minutes(visit: Visit) -> int | None:
    """How long before a meeting its brief comes; None while `prep` can't be asked."""
    forecasts = await visit.request_if_up(ForecastPreps(user_id=visit.user_id, start=visit.now, end=visit.now))
    return forecasts.lead_minutes if forecasts else None


async def _saved(visit: Visit) -> tuple[str, str]:
    """The section that was just saved, and what undoes it; the latter empty where it can't be undone (any more)."""
    section = visit.http_request.query.get("saved", "")
    if section not in SECTIONS:
        return "", ""
    undo_id = visit.http_request.query.get("undo", "")
    kept = await visit.context.cache.get(_undo_key(visit, undo_id)) if undo_id else None
    return section, undo_id if kept else ""


def _undo_key(visit: Visit, undo_id: str) -> str:
    return f"undo:{visit.user_id}:{undo_id[:50]}"


async def save_settings(visit: Visit) -> web.Response:
    """Store the section that was sent; on a problem the page once more, with the sentence that says what it is."""
    form = MultiDict((name, str(value)) for name, value in (await visit.http_request.post()).items())
    section = form.get("group", "")
    try:
        return await store_section(visit, section, _changes(section, form))
    except Refused as refused:
        return await settings_page(visit, problem=refused, section=section)


async def store_section(visit: Visit, section: str, changes: Mapping[str, Any]) -> web.Response:
    """Store what has changed, and lead to its section, where it can be undone. Refused: the sentence says what is wrong with it."""
    try:
        changed = await store_settings(visit.call, SettingsChanges.model_validate(changes))
    except ValidationError as error:
        raise Refused(422, "invalid", input_text(error.errors()[0])) from error
    change = settings_change(section, changed.before, changed.after)
    if not change.fields:
        return see_other(f"/settings#{section if section in SECTIONS else ''}")
    undo_id = token_urlsafe(12)
    await visit.context.cache.put(_undo_key(visit, undo_id), change.model_dump_json(), UNDO_LIFE)
    return see_other(f"/settings?saved={section}&undo={undo_id}#{section}")


def _changes(section: str, form: MultiDict[str]) -> Mapping[str, Any]:
    """The settings of one section's form."""
    values: dict[str, Any] = {}
    for name in SECTIONS.get(section, ()):
        text = form.get(name, "").strip()
        if name in CHECKS:
            values[name] = name in form
        elif name in LISTS:
            values[name] = [line.strip() for line in text.splitlines() if line.strip()]
        elif name == "webhook_events":
            values[name] = form.getall(name, [])
        elif name == "webhook_url":
            values[name] = text or None
        else:
            values[name] = text
    return {"notifications" if section in OF_NOTIFICATIONS else "gmail": values} if values else {}


async def undo(visit: Visit) -> web.Response:
    """Put back what a form has changed a moment ago, where it still is as that left it."""
    undo_id = str((await visit.http_request.post()).get("undo", ""))
    kept = await visit.context.cache.pop(_undo_key(visit, undo_id))
    if kept is None:
        late = "It is too late to undo this by a click. What you see is what is set now: change it back here."
        return await settings_page(visit, problem=Refused(409, "too_late", late))
    change = SettingsChange.model_validate_json(kept)
    context = visit.context
    await change_preferences(context.bus, context.cache, visit.user_id, lambda now: undone(now, change))
    return see_other(f"/settings#{change.section}")
