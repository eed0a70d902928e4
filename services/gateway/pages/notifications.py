"""All notifications, newest first: read ones stay to be found."""

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


def notifications_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/notifications", show_notifications),
        page_route(context, "POST", "/notifications/read-all", read_all),
        page_route(context, "POST", "/notifications/{notification_id}/read", _doing(read_notification)),
        page_route(context, "POST", "/notifications/{notification_id}/accept", _doing(accept_notification)),
        page_route(context, "POST", "/notifications/{notification_id}/dismiss", _doing(dismiss_notification)),
    ]


async def show_notifications(visit: Visit) -> web.Response:
    query = NotificationsQuery(cursor=visit.http_request.query.get("cursor") or None, limit=PAGE_LENGTH)
    page = await list_notifications.handler(visit.call, query)
    return await visit.page("notifications.html", {"notifications": page.items, "more": page.next_cursor})


async def read_all(visit: Visit) -> web.Response:
    await read_all_notifications.handler(visit.call)
    return see_other("/notifications")


def _doing(operation: Endpoint) -> PageHandler:
    """A form that does an operation of the API to one notification, and goes back to where it was sent from."""

    async def handle(visit: Visit) -> web.Response:
        notification_id: UUID = visit.path_id("notification_id")
        await operation.handler(visit.call, notification_id)
        return see_other("/" if (await visit.http_request.post()).get("from") == "home" else "/notifications")

    return handle
