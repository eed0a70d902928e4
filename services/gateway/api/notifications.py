"""Notifications: reading them, marking them as read, and answering what they offer."""

from uuid import UUID

from pydantic import BaseModel, Field

from libs.common.errors import Refused, not_found
from libs.common.pagination import cut_page, decode_page_token
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.api.inputs import Cursor
from services.gateway.domain.notifications import Action, Answer, Notification
from services.gateway.domain.preferences import with_own_address
from services.gateway.preferences import change_preferences
from services.gateway.store import notifications as store

TAG = "Notifications"


class NotificationList(BaseModel):
    items: list[Notification]
    next_cursor: str | None
    unread: int = Field(description="How many are unread altogether.")


class NotificationsQuery(BaseModel):
    unread: bool = Field(False, description="Only those that are unread.")
    cursor: Cursor = None
    limit: int = Field(50, ge=1, le=200)


@endpoint("GET", "/notifications", tag=TAG, scope="read")
async def list_notifications(call: Call, query: NotificationsQuery) -> NotificationList:
    """List notifications, newest first."""
    db = call.context.db
    position = decode_page_token(query.cursor, UUID)
    before = position[0] if position else None
    found = await store.list_notifications(db, call.user_id, unread=query.unread, before=before, limit=query.limit + 1)
    page, next_cursor = cut_page(found, query.limit, lambda notification: (notification.id,))
    unread = await store.count_unread(db, call.user_id)
    return NotificationList(items=list(page), next_cursor=next_cursor, unread=unread)


@endpoint("POST", "/notifications/{notification_id}/read", tag=TAG, scope="write")
async def read_notification(call: Call, notification_id: UUID) -> Notification:
    """Mark a notification as read."""
    notification = await store.mark_notification_read(call.context.db, call.user_id, notification_id)
    if notification is None:
        raise not_found("notification")
    return notification


@endpoint(
    "POST",
    "/notifications/{notification_id}/accept",
    tag=TAG,
    scope="account",
    errors={409: "It offers nothing, was dismissed, or the settings are full."},
)
async def accept_notification(call: Call, notification_id: UUID) -> Notification:
    """Do what a notification offers.

    "This is me" adds the address to `own_addresses` in the settings; mail that it sent to BCC addresses is logged, also what came before.
    """
    action = await _get_action(call, notification_id)
    if action.answer == "dismissed":
        raise Refused(409, "dismissed", f"You said that {action.address} is not you. If it is, add it in the settings.")
    bus, cache = call.context.bus, call.context.cache
    await change_preferences(bus, cache, call.user_id, lambda before: with_own_address(before, action.address))
    return await _record_answer(call, notification_id, "accepted")


@endpoint(
    "POST",
    "/notifications/{notification_id}/dismiss",
    tag=TAG,
    scope="write",
    errors={409: "It offers nothing, or was accepted already."},
)
async def dismiss_notification(call: Call, notification_id: UUID) -> Notification:
    """Refuse what a notification offers. It is not offered again."""
    action = await _get_action(call, notification_id)
    if action.answer == "accepted":
        raise Refused(
            409, "accepted", f"{action.address} is one of your addresses by now. Take it off in the settings."
        )
    return await _record_answer(call, notification_id, "dismissed")


async def _get_action(call: Call, notification_id: UUID) -> Action:
    notification = await store.get_notification(call.context.db, call.user_id, notification_id)
    if notification is None:
        raise not_found("notification")
    if notification.action is None:
        raise Refused(409, "nothing_offered", "This notification offers nothing. Mark it as read.")
    return notification.action


async def _record_answer(call: Call, notification_id: UUID, answer: Answer) -> Notification:
    notification = await store.record_answer(call.context.db, call.user_id, notification_id, answer)
    if notification is None:
        raise not_found("notification")
    return notification


class ReadAll(BaseModel):
    read: int = Field(description="How many were unread.")


@endpoint("POST", "/notifications/read-all", tag=TAG, scope="write")
async def read_all_notifications(call: Call) -> ReadAll:
    """Mark all notifications as read."""
    return ReadAll(read=await store.mark_all_notifications_read(call.context.db, call.user_id))


ENDPOINTS = (
    list_notifications,
    read_all_notifications,
    read_notification,
    accept_notification,
    dismiss_notification,
)
