"""All notifications, newest first: read ones stay to be found."""

from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from services.gateway.api.endpoint import Endpoint
from services.gateway.api.notifications import (
    NotificationsQuery,
    accept_notification,
    dismiss_notification,
    list_notifications,
    read_all_notifications,
    read_notification,
)
from services.gateway.context import Context
from services.gateway.pages.visit import PageHandler, Visit, page_route, see_other

PAGE_LENGTH = 40
# Where a form was sent from, and what is shown after it.
ORIGINS = {"home": "/", "unread": "/notifications?unread"}


def notifications_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/notifications", show_notifications),
        page_route(context, "POST", "/notifications/read-all", read_all),
        page_route(context, "POST", "/notifications/{notification_id}/read", _doing(read_notification)),
        page_route(context, "POST", "/notifications/{notification_id}/accept", _doing(accept_notification)),
        page_route(context, "POST", "/notifications/{notification_id}/dismiss", _doing(dismiss_notification)),
    ]


async def show_notifications(visit: Visit) -> web.Response:
    """All of them, or with `unread` those that the badge counts; with `cursor` the older ones."""
    parameters = visit.http_request.query
    only_unread = "unread" in parameters
    query = NotificationsQuery(unread=only_unread, cursor=parameters.get("cursor") or None, limit=PAGE_LENGTH)
    page = await list_notifications.handler(visit.call, query)
    more = {**({"unread": ""} if only_unread else {}), "cursor": page.next_cursor}
    values = {
        "notifications": page.items,
        "only_unread": only_unread,
        "more": urlencode(more) if page.next_cursor else "",
    }
    return await visit.page("notifications.html", values)


async def read_all(visit: Visit) -> web.Response:
    await read_all_notifications.handler(visit.call)
    return see_other("/notifications")


def _doing(operation: Endpoint) -> PageHandler:
    """A form that does an operation of the API to one notification, and goes back to where it was sent from."""

    async def handle(visit: Visit) -> web.Response:
        notification_id: UUID = visit.path_id("notification_id")
        await operation.handler(visit.call, notification_id)
        return see_other(ORIGINS.get(str((await visit.http_request.post()).get("from", "")), "/notifications"))

    return handle
