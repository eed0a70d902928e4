"""Events that every replica receives, for the browsers that are connected to it."""

from libs.common.events import ContactChanged, NotificationCreated, PrepSkipped, SyncProgressed
from services.gateway.context import Context
from services.gateway.domain.live_updates import live_event, notification_event
from services.gateway.store.notifications import get_notification


async def push(context: Context, event: SyncProgressed | ContactChanged | PrepSkipped) -> None:
    """Pass an event on as it is."""
    context.hub.send(event.user_id, live_event(event))


async def push_notification(context: Context, event: NotificationCreated) -> None:
    """Load the notification and pass it on, where a browser of its user's is connected."""
    if not context.hub.has_streams(event.user_id):
        context.hub.mark_changed(event.user_id)
    elif notification := await get_notification(context.db, event.user_id, event.notification_id):
        context.hub.send(event.user_id, notification_event(notification))
