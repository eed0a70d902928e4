"""Notifications that the gateway stored."""

from uuid import UUID

from libs.common.events.event import Event
from libs.common.ids import UserId


class NotificationCreated(Event):
    """A notification was stored: for live push, on whichever replica the user's browser hangs."""

    subject = "notification.created"
    published_by = ("gateway",)
    consumed_by = ("gateway",)

    user_id: UserId
    notification_id: UUID

    def key(self) -> str:
        return str(self.notification_id)
