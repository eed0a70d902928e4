"""Notifications: reading them, and marking them as read."""

from uuid import UUID

from pydantic import BaseModel, Field

from libs.common.errors import not_found
from services.gateway import store
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.store import Notification

TAG = "Notifications"


class NotificationList(BaseModel):
    items: list[Notification]
    next_cursor: UUID | None
    unread: int = Field(description="How many are unread altogether.")


class NotificationsQuery(BaseModel):
    unread: bool = Field(False, description="Only those that are unread.")
    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


@endpoint("GET", "/notifications", tag=TAG)
async def list_notifications(call: Call, query: NotificationsQuery) -> NotificationList:
    """List notifications, newest first."""
    db = call.gateway.db
    items = await store.list_notifications(
        db, call.user_id, unread=query.unread, before=query.cursor, limit=query.limit + 1
    )
    more = len(items) > query.limit
    items = items[: query.limit]
    return NotificationList(
        items=items, next_cursor=items[-1].id if more else None, unread=await store.count_unread(db, call.user_id)
    )


@endpoint("POST", "/notifications/{notification_id}/read", tag=TAG)
async def read_notification(call: Call, notification_id: UUID) -> Notification:
    """Mark a notification as read."""
    notification = await store.mark_read(call.gateway.db, call.user_id, notification_id)
    if notification is None:
        raise not_found("notification")
    return notification


class ReadAll(BaseModel):
    read: int = Field(description="How many were unread.")


@endpoint("POST", "/notifications/read-all", tag=TAG)
async def read_all_notifications(call: Call) -> ReadAll:
    """Mark all notifications as read."""
    return ReadAll(read=await store.mark_all_read(call.gateway.db, call.user_id))


ENDPOINTS = (list_notifications, read_all_notifications, read_notification)
