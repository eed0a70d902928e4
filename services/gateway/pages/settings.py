"""The settings page. Briefs link to its part about them."""

from functools import partial

from aiohttp import web

from libs.common.preferences import ContactCreation
from libs.common.requests import GetSettings
from services.gateway.context import Context
from services.gateway.pages.sign_in import require_caller

CREATION: tuple[tuple[ContactCreation, str], ...] = (
    ("people", "People who write to me, and people I write to"),
    ("sent_only", "Only people I write to"),
    ("everyone", "Everyone on every mail, robots too"),
    ("none", "Nobody: I add contacts myself"),
)


def settings_routes(context: Context) -> list[web.RouteDef]:
    return [web.get("/settings", partial(show_settings, context))]


async def show_settings(context: Context, request: web.Request) -> web.Response:
    caller = await require_caller(context, request)
    preferences = (await context.bus.request(GetSettings(user_id=caller.user.id))).preferences
    values = {
        "user": caller.user,
        "gmail": preferences.gmail,
        "webhook_url": preferences.notifications.webhook_url or "",
        "creation": CREATION,
    }
    return context.pages.page("settings.html", values)
